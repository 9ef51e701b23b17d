/**
 * The portable core: tasks, cancellation, timeouts, groups, running, context variables.
 *
 * @module
 */
export * from "./exceptions.ts";
export { type Delay, type DurationLike } from "./durations.ts";
export type { BytesLike } from "./bytes.ts";
export { Context, ContextVar, copyContext, type Token } from "./context.ts";
export type { Awaitable, Coroutine, ResultOf } from "./coroutines.ts";
export { Future, isFuture } from "./futures.ts";
export { Task, type TaskOptions } from "./tasks.ts";
export { allTasks } from "./all_tasks.ts";
export { currentSignal, currentTask } from "./current_task.ts";
export { createTask } from "./create_task.ts";
export { createEagerTaskFactory, eagerTaskFactory, type TaskFactory } from "./task_factories.ts";
export { ensureFuture, wrapFuture } from "./ensure_future.ts";
export { sleep } from "./sleep.ts";
export { gather } from "./gather.ts";
export { ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, type ReturnWhen, wait } from "./wait.ts";
export { asCompleted, type Completed } from "./as_completed.ts";
export { waitFor } from "./wait_for.ts";
export { shield } from "./shield.ts";
export { withSignal } from "./with_signal.ts";
export { Timeout, timeout, timeoutAt } from "./timeouts.ts";
export { TaskGroup } from "./task_groups.ts";
export {
  type CallGraphOptions,
  captureCallGraph,
  formatCallGraph,
  type FutureCallGraph,
  printCallGraph,
} from "./graph.ts";
export { run, Runner, type RunOptions } from "./runners.ts";
export {
  ConcurrentFuture,
  currentThreadSignal,
  getParentLoop,
  type RemoteFunction,
  type RemoteLoop,
  runCoroutineThreadsafe,
  threadModule,
  toThread,
  transfer,
} from "./threads.ts";
export {
  type Executor,
  type MapOptions,
  ProcessPoolExecutor,
  type ShutdownOptions,
  ThreadPoolExecutor,
  type ThreadPoolExecutorOptions,
} from "./executors.ts";
export { Handle, TimerHandle } from "./_handle.ts";
export {
  AbstractEventLoopPolicy,
  DefaultEventLoopPolicy,
  getEventLoop,
  getEventLoopPolicy,
  getRunningLoop,
  newEventLoop,
  setEventLoop,
  setEventLoopPolicy,
} from "./policies.ts";
