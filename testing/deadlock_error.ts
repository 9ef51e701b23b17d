import type { Task } from "../runtime/tasks.ts";

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
