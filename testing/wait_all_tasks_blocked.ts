import type { LoopCore } from "../runtime/core/loop_core.ts";
import { currentScope } from "../runtime/core/frame.ts";
import { Waiter } from "../runtime/core/wait.ts";
import { VirtualEventLoop } from "./virtual_event_loop.ts";

/** Macrotasks that pass without any work before a loop in real time counts as blocked. */
const HOPS = 3;

/**
 * Waits until every other task waits for something that only time, the outside or this task can bring: the moment to look
 * whether they have got where the test wants them, without a sleep. On a TestLoop the clock stands meanwhile.
 *
 * @throws {CancelledError} if the wait is cancelled
 *
 * @example
 * ```ts
 * import { createTask, Lock } from "@asyncio/asyncio";
 * import { runTest, waitAllTasksBlocked } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * await runTest(async () => {
 *   const lock = new Lock();
 *   const held = await lock.acquire();
 *   const task = createTask(() => lock.acquire());
 *   await waitAllTasksBlocked();
 *   assert.equal(lock.statistics().waiting, 1);
 *   held.release();
 *   (await task).release();
 * });
 * ```
 */
export function waitAllTasksBlocked(): Promise<void> {
  const { loop } = currentScope();
  if (loop instanceof VirtualEventLoop) return loop.settle();
  const { scheduler } = loop as LoopCore;
  const wait = new Waiter<void>("all other tasks to block");
  let quiet = 0;
  const look = (): void => {
    if (!wait.pending) return;
    quiet = scheduler.idle ? quiet + 1 : 0;
    if (quiet >= HOPS) wait.wakeWith(undefined);
    else scheduler.host.hop(look);
  };
  scheduler.host.hop(look);
  return wait.promise;
}
