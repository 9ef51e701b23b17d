/** What the tests of threads share. */
import { type ExceptionContext, getRunningLoop, sleep, threadModule } from "../../mod.ts";
import type * as work from "./_work.ts";

/** The functions of `_work.ts`, to be run in workers. */
export const workModule: ReturnType<typeof threadModule<typeof work>> = threadModule<typeof work>(
  new URL("./_work.ts", import.meta.url),
);

/** Two flags that both sides see. */
export function sharedFlags(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Real time, since another thread brings it about; a wide margin. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`Not within 20 s: ${condition}`);
    await sleep(0.001);
  }
}

/** Waits for another thread to set a flag, and returns it. */
export async function untilSet(flags: Int32Array, index: number): Promise<number> {
  await until(() => Atomics.load(flags, index) !== 0);
  return Atomics.load(flags, index);
}

/** Collects what the running loop's exception handler is told. */
export function recordReports(): ExceptionContext[] {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context));
  return reports;
}

/** What a promise rejects with. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("It did not reject");
}
