import type { EventLoop, TaskFactory } from "../../loop_interface.ts";
import { type Coroutine, requireTaskOptions } from "../base/functions.ts";
import { currentScope, signalHere, storedScope } from "../core/frame.ts";
import { checkTaskOptions, currentLoop, type TaskOptions } from "./task_options.ts";
import { Future } from "./future.ts";
import { scopeOf, Task } from "./task.ts";
import { describeType, staysInThread } from "../base/format.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import { starting, trouble } from "./task_start.ts";

/**
 * Runs a coroutine as a Task of the running loop (in plain code: of the ambient loop). It starts in the loop's next
 * iteration.
 *
 * asyncio: `asyncio.create_task()`
 *
 * @throws {TypeError} if `coro` is not a function: a promise has already started, so write `createTask(() => work())`; when
 * the options are not an object: a name goes in one, `createTask(work, { name: "worker" })`
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
  if (options === undefined) return (currentScope().loop.publicLoop as EventLoop).createTask(coro);
  requireTaskOptions(options);
  if (options.loop !== undefined) checkTaskOptions(options, "createTask()");
  const { loop = currentLoop() } = options;
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
  if (loop !== undefined && loop?.[core] !== scope.loop) return null;
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
  return signalHere();
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
  const inner: LoopCore | undefined = (loop ?? currentLoop())[core];
  if (inner === undefined) {
    throw new TypeError(
      `Cannot call allTasks(): its argument must be an event loop or absent, received ${
        describeType(loop)
      }`,
    );
  }
  if (trouble.starts !== null) starting.mend();
  const tasks: Task<unknown>[] = [];
  for (const scope of inner.rootScope.children()) {
    if (scope.task !== null && scope.root === scope && !scope.task.done()) {
      if (scopeOf(scope.task as Task<unknown>) === scope) tasks.push(scope.task as Task<unknown>);
    }
  }
  return new Set(tasks.reverse());
}

/**
 * A task factory whose tasks, made from `ctor`, run their first step inside `createTask`.
 *
 * asyncio: `asyncio.create_eager_task_factory()`
 *
 * @example
 * ```ts
 * import { createEagerTaskFactory, createTask, getRunningLoop, run, Task } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * class Job<T> extends Task<T> {}
 *
 * await run(async () => {
 *   getRunningLoop().setTaskFactory(createEagerTaskFactory(Job));
 *   const job = createTask(() => "done at once");
 *   assert.ok(job instanceof Job);
 *   assert.ok(job.done());
 *   assert.equal(await job, "done at once");
 * });
 * ```
 */
export function createEagerTaskFactory(ctor: typeof Task): TaskFactory {
  if (typeof ctor !== "function") {
    throw new TypeError(
      `Cannot call createEagerTaskFactory(): the class of the tasks is needed, received ${
        describeType(ctor)
      }; write createEagerTaskFactory(Task)`,
    );
  }
  return <T>(loop: EventLoop, coro: Coroutine<T>, options: TaskOptions = {}): Future<T> =>
    new ctor(coro, { eagerStart: true, ...options, loop });
}

/**
 * The eager task factory for plain tasks.
 *
 * asyncio: `asyncio.eager_task_factory`
 *
 * @example
 * ```ts
 * import { createTask, eagerTaskFactory, getRunningLoop, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   getRunningLoop().setTaskFactory(eagerTaskFactory);
 *   const log: string[] = [];
 *   const task = createTask(async () => {
 *     log.push("runs inside createTask()");
 *     await sleep(0);
 *     log.push("goes on in the loop");
 *   });
 *   assert.deepEqual(log, ["runs inside createTask()"]);
 *   await task;
 * });
 * ```
 */
export const eagerTaskFactory: TaskFactory = createEagerTaskFactory(Task);

/**
 * Whether `value` is a Future or Task.
 *
 * asyncio: `asyncio.isfuture()`
 *
 * @example
 * ```ts
 * import { Future, isFuture } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.ok(isFuture(new Future()));
 * assert.ok(!isFuture(Promise.resolve()));
 * ```
 */
export function isFuture(value: unknown): value is Future<unknown> {
  return value instanceof Future;
}

staysInThread(
  "await it here and pass its value, or pass a function that does: toThread(work, () => task)",
  Future,
);
