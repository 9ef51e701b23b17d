import type { EventLoop } from "../event_loop.ts";
import { describeType } from "./_describe.ts";
import { currentScope } from "./_frame.ts";
import type { LoopCore } from "./_loop_core.ts";
import { starting, trouble } from "./_task_start.ts";
import { scopeOf, type Task } from "./tasks.ts";

/**
 * The unfinished tasks of the loop, by default the running one.
 *
 * asyncio: `asyncio.all_tasks()`
 *
 * @example
 * ```ts
 * import { allTasks, createTask, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(0));
 *   assert.equal(allTasks().size, 2);
 *   await task;
 *   assert.equal(allTasks().size, 1);
 * });
 * ```
 */
export function allTasks(loop?: EventLoop): Set<Task<unknown>> {
  const core = (loop ?? currentScope().loop) as unknown as LoopCore;
  if (core.rootScope === undefined) {
    throw new TypeError(`allTasks() takes an event loop, or nothing: got ${describeType(loop)}`);
  }
  if (trouble.starts !== null) starting.mend();
  const tasks: Task<unknown>[] = [];
  for (const scope of core.rootScope.children()) {
    if (scope.task !== null && scope.root === scope && !scope.task.done()) {
      if (scopeOf(scope.task as Task<unknown>) === scope) tasks.push(scope.task as Task<unknown>);
    }
  }
  return new Set(tasks.reverse());
}
