/** Runs calls elsewhere. What `loop.runInExecutor` and `loop.setDefaultExecutor` take; write your own if you like. */
export interface Executor {
  /** Starts `fn(...args)` or queues it. If what it returns has a `cancel` method, cancelling the caller calls that. */
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): PromiseLike<Awaited<R>>;
  /** Takes no more calls; resolves at once, or, with `wait` (the default), when all that was submitted has ended. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** How an executor is shut down. */
export interface ShutdownOptions {
  /** Whether to wait until the workers have ended. @default {true} */
  wait?: boolean;
  /** Whether to cancel what has not started. @default {false} */
  cancelFutures?: boolean;
}
