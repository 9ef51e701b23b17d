import type { EventLoop } from "../../event_loop.ts";
import { requireTaskOptions } from "../base/argument_checks.ts";
import type { Coroutine } from "../base/coroutines.ts";
import { currentScope, storedScope } from "../core/frame.ts";
import { checkTaskOptions, type TaskOptions } from "./task_options.ts";
import { scopeOf, type Task } from "./task.ts";
import { openScope } from "../core/scope.ts";
import { describeType } from "../base/format.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { starting, trouble } from "./task_start.ts";

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

/**
 * The task that runs this code; null outside tasks.
 *
 * asyncio: `asyncio.current_task()`
 *
 * @example
 * ```ts
 * import { createTask, currentTask, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.equal(currentTask(), null);
 * await run(async () => {
 *   const task = createTask(() => currentTask()?.getName(), { name: "worker" });
 *   assert.equal(await task, "worker");
 * });
 * ```
 */
export function currentTask(loop?: EventLoop): Task<unknown> | null {
  const scope = storedScope();
  if (scope === undefined || scope.task === null || scope.task.done()) return null;
  if (loop !== undefined && (loop as unknown) !== scope.loop) return null;
  return scope.task as Task<unknown>;
}

/**
 * Aborts when what encloses this call is cancelled: the innermost timeout, waitFor, group body, `withSignal` or task. It is
 * how a wait outside asyncio is stopped too: `timeout(2).with(() => fetch(url, { signal: currentSignal() }))`. Never aborts
 * where nothing encloses.
 *
 * @example
 * ```ts
 * import { setTimeout as delay } from "node:timers/promises";
 * import { currentSignal, run, timeout, TimeoutError } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const body = () => delay(3_600_000, null, { signal: currentSignal() });
 *   await assert.rejects(timeout(0.01).with(body), TimeoutError);
 * });
 * ```
 */
export function currentSignal(): AbortSignal {
  return openScope(currentScope()).signal;
}

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
