import type { Task } from "../runtime/tasks.ts";

/**
 * A test has passed but left something behind: tasks that are not done, transports, servers, children or executors that are
 * not closed, or errors that nobody took. The message names each, with where it was made.
 */
export class LeakError extends Error {
  /** Tasks that were not done. */
  readonly tasks: readonly Task<unknown>[];
  /** What reached the default exception handler: exceptions nobody took, errors of callbacks. */
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
