/** What the tests of threads share. */
import { after, test } from "node:test";
import {
  allTasks,
  type ExceptionContext,
  getRunningLoop,
  Runner,
  sleep,
  threadModule,
} from "../../mod.ts";
import type * as work from "./thread_work.ts";

/** The functions of `thread_work.ts`, to be run in workers. */
export const workModule: ReturnType<typeof threadModule<typeof work>> = threadModule<typeof work>(
  new URL("./thread_work.ts", import.meta.url),
);

let shared: Runner | null = null;

/**
 * A test that is the main task of a run. The tests share one loop, and with it its workers: to start one costs a tenth of a
 * second of processor time.
 */
export function runs(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    shared ??= new Runner();
    try {
      await shared.run(body);
    } finally {
      // What a test that failed left must not fail the next one.
      const loop = shared.getLoop();
      loop.setExceptionHandler(null);
      loop.setTaskFactory(null);
      for (const task of allTasks(loop)) task.cancel();
    }
  });
}

after(async () => {
  await shared?.close();
  shared = null;
});

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

/** Collects what the running loop's exception handler is told; `onReport` is called at each. */
export function recordReports(onReport?: () => void): ExceptionContext[] {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => {
    reports.push(context);
    onReport?.();
  });
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
