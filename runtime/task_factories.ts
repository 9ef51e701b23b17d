import type { EventLoop } from "../event_loop.ts";
import type { Coroutine } from "./coroutines.ts";
import type { Future } from "./_future.ts";
import { Task, type TaskOptions } from "./tasks.ts";

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
 */
export function createEagerTaskFactory(ctor: typeof Task): TaskFactory {
  return <T>(loop: EventLoop, coro: Coroutine<T>, options: TaskOptions = {}): Future<T> =>
    new ctor(coro, { eagerStart: true, ...options, loop });
}

/** The eager task factory for plain tasks. asyncio: `asyncio.eager_task_factory` */
export const eagerTaskFactory: TaskFactory = createEagerTaskFactory(Task);
