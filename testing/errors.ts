import type { Task } from "../runtime/tasks/task.ts";

/**
 * Nothing can ever run again, and yet main is not done. The message names every task, what it waits for (a lock with its
 * owner, a queue, an event, another task), since when and where, and the cycle when there is one.
 */
export class DeadlockError extends Error {
  /** The tasks that are not done. */
  readonly tasks: readonly Task<unknown>[];

  static {
    Object.defineProperty(this.prototype, "name", { value: "DeadlockError", configurable: true });
  }

  /** Made by the testing loop. */
  constructor(message: string, tasks: readonly Task<unknown>[]) {
    super(message);
    this.tasks = tasks;
  }
}

/**
 * A test has passed but has left tasks that are not done, transports, servers, children or executors that are not closed, or
 * errors that no code took. The message names each, with where it was made.
 */
export class LeakError extends Error {
  /** Tasks that were not done. */
  readonly tasks: readonly Task<unknown>[];
  /** What reached the default exception handler: exceptions that no code took, errors of callbacks. */
  readonly errors: readonly unknown[];

  static {
    Object.defineProperty(this.prototype, "name", { value: "LeakError", configurable: true });
  }

  /** Made by {@linkcode runTest}. */
  constructor(message: string, tasks: readonly Task<unknown>[], errors: readonly unknown[]) {
    // With a single error, runners that print causes show its stack.
    super(message, errors.length > 0 ? { cause: errors[0] } : undefined);
    this.tasks = tasks;
    this.errors = errors;
  }
}
