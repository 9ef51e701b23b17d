import type { Coroutine } from "../runtime/base/functions.ts";
import { RuntimeError } from "../runtime/errors/exceptions.ts";
import { runningLoop } from "../runtime/loop/policies.ts";
import { Runner } from "../runtime/loop/runners.ts";
import { requireCoroutine } from "../runtime/tasks/task.ts";
import { DeadlockError } from "./errors.ts";
import { findLeaks, leakError } from "./leaks.ts";
import { type TestOptions, VirtualEventLoop } from "./virtual_event_loop.ts";

/**
 * `run()` on a {@linkcode TestLoop}: `sleep(3600)` takes microseconds. What main leaves open fails the test, unless it ends by
 * itself without the clock moving: tasks, transports, servers, children, executors, and errors that no code took.
 *
 * @param main the test
 * @returns what `main` returns
 * @throws what `main` throws
 * @throws {DeadlockError} if nothing can ever run again and main is not done
 * @throws {TimeoutError} if main is not done after `timeout` of virtual time
 * @throws {LeakError} if main returned and left something open or undone
 * @throws {RuntimeError} inside a running loop
 *
 * @example
 * ```ts
 * import { createTask, Queue, sleep } from "@asyncio/asyncio";
 * import { runTest } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * await runTest(async () => {
 *   const queue = new Queue<string>();
 *   createTask(async () => {
 *     await sleep(3600);
 *     await queue.put("an hour later");
 *   });
 *   assert.equal(await queue.get(), "an hour later");
 * });
 * ```
 */
export function runTest<T>(main: Coroutine<T>, options: TestOptions = {}): Promise<T> {
  return runTestOn(main, () => new VirtualEventLoop(options));
}

/** The same on a loop that the caller has prepared. */
export async function runTestOn<T>(
  main: Coroutine<T>,
  makeLoop: () => VirtualEventLoop,
): Promise<T> {
  requireCoroutine(main, "runTest");
  if (runningLoop() !== null) {
    throw new RuntimeError("runTest() cannot be called from a running event loop");
  }
  const loop = makeLoop();
  const runner = new Runner({ loopFactory: () => loop.publicLoop });
  loop.reports = [];
  let value: T;
  try {
    value = await runner.run(main);
  } catch (error) {
    await closeAfterFailure(loop, runner, error);
    throw error;
  }
  const leaks = await findLeaks(loop);
  loop.beginClosing();
  try {
    await runner.close();
  } catch (error) {
    // What keeps the loop from being cleared is a leak itself: the task that does not end is among them.
    if (leaks.resources.length === 0) throw error;
  }
  const error = leakError(leaks, loop.reports);
  if (error !== null) throw error;
  return value;
}

/** The test's own failure is what counts; what was reported before and after it is printed. */
async function closeAfterFailure(
  loop: VirtualEventLoop,
  runner: Runner,
  failure: unknown,
): Promise<void> {
  const reports = loop.reports ?? [];
  loop.reports = null;
  for (const report of reports) loop.defaultExceptionHandler(report);
  loop.beginClosing();
  try {
    await runner.close();
  } catch (error) {
    // Tasks that take no cancellation: those of a deadlock are named already.
    if (error instanceof DeadlockError && failure instanceof DeadlockError) return;
    console.error("The loop of a failed test could not be cleared:", error);
  }
}
