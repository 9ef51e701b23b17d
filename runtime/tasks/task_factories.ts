import type { EventLoop } from "../../event_loop.ts";
import type { Coroutine } from "../base/coroutines.ts";
import { describeType } from "../base/format.ts";
import type { Future } from "./future.ts";
import { Task, type TaskOptions } from "./task.ts";

/** Makes the tasks of a loop. asyncio: the argument of `loop.set_task_factory()` */
export type TaskFactory = <T>(
  loop: EventLoop,
  coro: Coroutine<T>,
  options?: TaskOptions,
) => Future<T>;

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
      `createEagerTaskFactory() takes the class of the tasks, createEagerTaskFactory(Task): got ${
        describeType(ctor)
      }`,
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
