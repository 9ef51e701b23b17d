import type { WorkerEvents, WorkerLink } from "./_thread_host.ts";

/** Under this name a subclass tells how its workers start. A symbol, so that it is no part of the public options. */
export const START_WORKER: unique symbol = Symbol("start a worker");

/** What the constructors of executors tell each other. */
export interface InternalExecutorOptions {
  readonly [START_WORKER]?: (name: string, events: WorkerEvents) => WorkerLink;
}
