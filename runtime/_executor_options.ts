import { describeType } from "./_describe.ts";
import type { WorkerEvents, WorkerLink } from "./_thread_host.ts";

/** Under this name a subclass tells how its workers start. A symbol, so that it is no part of the public options. */
export const START_WORKER: unique symbol = Symbol("start a worker");

/** What the constructors of executors tell each other. */
export interface InternalExecutorOptions {
  readonly [START_WORKER]?: (name: string, events: WorkerEvents) => WorkerLink;
}

/** @throws {TypeError} for `new ThreadPoolExecutor(4)` */
export function requireOptions(options: unknown, name: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(
    `The options of ${name} are an object, as in { maxWorkers: 4 }: got ${describeType(options)}`,
  );
}
