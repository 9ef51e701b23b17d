import type { EventLoop } from "../event_loop.ts";
import { requireTaskOptions } from "./_argument_checks.ts";
import type { Coroutine } from "./coroutines.ts";
import { currentScope } from "./_frame.ts";
import { checkTaskOptions, type TaskOptions } from "./_task_options.ts";
import type { Task } from "./tasks.ts";

/**
 * Runs a coroutine as a Task of the running loop (in plain code: of the ambient loop). It starts in the loop's next
 * iteration.
 *
 * asyncio: `asyncio.create_task()`
 *
 * @throws {TypeError} when `coro` is no function: a promise has already started, so write `createTask(() => work())`; when
 * the options are no object: a name goes in one, `createTask(work, { name: "worker" })`
 *
 * @example
 * ```ts
 * import { createTask, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(0, "result"), { name: "worker" });
 *   assert.equal(await task, "result");
 * });
 * ```
 */
export function createTask<T>(coro: Coroutine<T>, options?: TaskOptions): Task<T> {
  if (options === undefined) return (currentScope().loop as unknown as EventLoop).createTask(coro);
  requireTaskOptions(options);
  if (options.loop !== undefined) checkTaskOptions(options, "createTask()");
  const { loop = currentScope().loop as unknown as EventLoop } = options;
  return loop.createTask(coro, options);
}
