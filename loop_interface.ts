import type { Awaitable, Coroutine } from "./runtime/coroutines.ts";
import type { Delay } from "./runtime/durations.ts";
import type { Executor } from "./runtime/executors.ts";
import type { Future } from "./runtime/futures.ts";
import type { Handle, TimerHandle } from "./runtime/handles.ts";
import type { TaskFactory } from "./runtime/task_factories.ts";
import type { Task, TaskOptions } from "./runtime/tasks.ts";

/** What the exception handler is told. */
export interface ExceptionContext {
  /** What happened. */
  message: string;
  /** The error, if there is one. */
  exception?: unknown;
  future?: Future<unknown>;
  task?: Task<unknown>;
  handle?: Handle;
  asyncgen?: AsyncGenerator;
  [key: string]: unknown;
}
/** What `loop.setExceptionHandler` takes. */
export type ExceptionHandler = (loop: EventLoop, context: ExceptionContext) => void;

export interface EventLoop {
  runUntilComplete<T>(aw: Awaitable<T>): Promise<T>;
  runForever(): Promise<void>;
  stop(): void;
  close(): void;
  isRunning(): boolean;
  isClosed(): boolean;
  shutdownAsyncgens(): Promise<void>;
  trackAsyncgen<G extends AsyncGenerator<unknown, unknown, unknown>>(gen: G): G;
  shutdownDefaultExecutor(timeout?: Delay | null): Promise<void>;
  setDebug(enabled: boolean): void;
  getDebug(): boolean;
  slowCallbackDuration: number;
  callSoon<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle;
  callSoonThreadsafe<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle;
  callLater<A extends unknown[]>(
    delay: Delay,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle;
  callAt<A extends unknown[]>(
    when: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle;
  time(): number;
  runInExecutor<A extends unknown[], R>(
    executor: Executor | null,
    fn: (...args: A) => R,
    ...args: A
  ): Future<Awaited<R>>;
  setDefaultExecutor(executor: Executor): void;
  createFuture<T>(): Future<T>;
  createTask<T>(coro: Coroutine<T>, options?: Omit<TaskOptions, "loop">): Task<T>;
  setTaskFactory(factory: TaskFactory | null): void;
  getTaskFactory(): TaskFactory | null;
  callExceptionHandler(context: ExceptionContext): void;
  setExceptionHandler(handler: ExceptionHandler | null): void;
  getExceptionHandler(): ExceptionHandler | null;
  defaultExceptionHandler(context: ExceptionContext): void;
}
