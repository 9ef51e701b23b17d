/**
 * The portable core: tasks, cancellation, timeouts, groups, running, context variables.
 *
 * @module
 */
export * from "./errors/exceptions.ts";
export { type Delay, type DurationLike } from "./base/durations.ts";
export type { BytesLike } from "./base/bytes.ts";
export { Context, ContextVar, copyContext, type Token } from "./core/context.ts";
export type { Awaitable, Coroutine, ResultOf } from "./base/functions.ts";
export { Future } from "./tasks/future.ts";
export { isFuture } from "./tasks/task_functions.ts";
export { Task, type TaskOptions } from "./tasks/task.ts";
export { allTasks } from "./tasks/task_functions.ts";
export { currentSignal, currentTask } from "./tasks/task_functions.ts";
export { createTask } from "./tasks/task_functions.ts";
export { createEagerTaskFactory, eagerTaskFactory } from "./tasks/task_functions.ts";
export {
  ensureFuture,
  fetch,
  interruptible,
  type InterruptibleOptions,
  wrapFuture,
} from "./combinators/ensure_future.ts";
export { sleep } from "./combinators/sleep.ts";
export { gather, type LimitOption } from "./combinators/gather.ts";
export {
  ALL_COMPLETED,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  type ReturnWhen,
  wait,
} from "./combinators/wait.ts";
export { asCompleted } from "./combinators/as_completed.ts";
export type { Completed } from "./combinators/limited.ts";
export { waitFor } from "./combinators/wait_for.ts";
export { shared, shield } from "./combinators/shield.ts";
export { retry, type RetryOptions } from "./combinators/retry.ts";
export { withSignal } from "./scopes/with_signal.ts";
export { Timeout, timeout, timeoutAt } from "./scopes/timeouts.ts";
export type { GraceOption } from "./scopes/deadline.ts";
export { TaskGroup } from "./scopes/task_groups.ts";
export type { TaskStatus } from "./scopes/group_members.ts";
export {
  type CallGraphOptions,
  captureCallGraph,
  formatCallGraph,
  type FutureCallGraph,
  printCallGraph,
} from "./debug/graph.ts";
export { run, Runner, type RunOptions, type StopOptions } from "./loop/runners.ts";
export { shutdownSignal } from "./loop/interrupts.ts";
export { signalsReceived } from "./loop/signals.ts";
export { ConcurrentFuture } from "./tasks/concurrent_future.ts";
export {
  currentThreadSignal,
  getParentLoop,
  type RemoteFunction,
  type RemoteLoop,
  runCoroutineThreadsafe,
} from "./threads/to_loop.ts";
export { toThread } from "./threads/to_thread.ts";
export { threadModule } from "./threads/job.ts";
export { transfer } from "./wire/wire.ts";
export {
  type MapOptions,
  ProcessPoolExecutor,
  ThreadPoolExecutor,
  type ThreadPoolExecutorOptions,
} from "./threads/thread_pool.ts";
export { Handle, TimerHandle } from "./tasks/handles.ts";
export {
  AbstractEventLoopPolicy,
  DefaultEventLoopPolicy,
  getEventLoop,
  getEventLoopPolicy,
  getRunningLoop,
  newEventLoop,
  setEventLoop,
  setEventLoopPolicy,
} from "./loop/policies.ts";
export type { Executor, ShutdownOptions } from "../loop_interface.ts";
