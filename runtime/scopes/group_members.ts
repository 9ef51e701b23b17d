import type { Coroutine } from "../base/functions.ts";
import { type CancelledError, RuntimeError } from "../errors/exceptions.ts";
import { limit, type OptionsOf, optionsOf } from "../base/options.ts";
import type { Scope } from "../core/scope.ts";
import { cancelledErrorOf, type Future, type FutureEntry, takeFailure } from "../tasks/future.ts";
import type { Task } from "../tasks/task.ts";
import { Wait, Waiter } from "../core/wait.ts";

/** What `group.start` hands to the work, which calls it when it is ready. */
export interface TaskStatus<T> {
  /**
   * Says that the work is ready; `start()` then resolves to the value.
   *
   * @throws {RuntimeError} if it was called before
   */
  started(...value: T extends void ? [] : [value: T]): void;
}

/** The wait of `group.start` for its task. A failure before `started()` is that of `start()`, not the group's. */
export class Start<T> {
  readonly #waiter: Waiter<T> = new Waiter<T>("a task to call status.started()");
  #called = false;

  readonly status: TaskStatus<T> = {
    started: (...value: unknown[]): void => {
      if (this.#called) {
        throw new RuntimeError(
          "Cannot call status.started() twice: start() has its value already",
        );
      }
      this.#called = true;
      this.#waiter.wakeWith(value[0] as T);
    },
  } as TaskStatus<T>;

  /** Whether the task belongs to the group alone from now on. */
  get over(): boolean {
    return this.#called;
  }

  /** The task has ended. */
  taskEnded(task: Future<unknown>): void {
    const failure = task.cancelled() ? { error: cancelledErrorOf(task) } : takeFailure(task);
    this.#waiter.failWith(
      failure === null
        ? new RuntimeError(`${task} ended without calling status.started()`)
        : failure.error,
    );
  }

  /** The value. If the caller is cancelled, so is the task, and its end is awaited. */
  async value(task: Task<unknown>): Promise<T> {
    try {
      return await this.#waiter.promise;
    } catch (error) {
      if (!this.#waiter.cancelled || this.#called) throw error;
      task.cancel();
      await task.then(() => {}, (end) => {
        if (!task.cancelled()) throw end;
      });
      throw error;
    }
  }
}

const OPTIONS: OptionsOf<{ limit?: number }> = optionsOf("{ limit: 10 }", { limit }, {
  concurrency: "write limit",
});

/** The room that the options of a group leave; null without a limit. */
export function slotsOf(options: { limit?: number } | undefined): Slots | null {
  if (options === undefined) return null;
  OPTIONS.check(options, "TaskGroup");
  return options.limit === undefined || options.limit === Infinity
    ? null
    : new Slots(options.limit);
}

/** The room of a group with a limit: tasks begin in the order in which they were made. */
export class Slots {
  #free: number;
  readonly #line: Set<SlotWait> = new Set();

  constructor(limit: number) {
    this.#free = limit;
  }

  /**
   * A coroutine that begins when there is room. Its room is given back by `ended`, to be called when the group knows how it
   * ended: after a failure no other task is to begin.
   */
  limited<T>(coro: Coroutine<T>): { readonly work: Coroutine<T>; readonly ended: () => void } {
    let holds = false;
    const work = async (): Promise<T> => {
      if (this.#free > 0) this.#free--;
      else await this.#wait();
      holds = true;
      return await coro();
    };
    Object.defineProperty(work, "name", { value: coro.name });
    return { work: work as Coroutine<T>, ended: () => holds && this.release() };
  }

  release(): void {
    for (const wait of this.#line) {
      this.#line.delete(wait);
      if (wait.wake()) return;
    }
    this.#free++;
  }

  leave(wait: SlotWait): void {
    this.#line.delete(wait);
    if (wait.woken) this.release();
  }

  #wait(): Promise<void> {
    const wait = new SlotWait(this);
    if (wait.pending) this.#line.add(wait);
    return wait.promise;
  }
}

class SlotWait extends Wait<void> {
  readonly #slots: Slots;

  constructor(slots: Slots) {
    super();
    this.#slots = slots;
  }

  override describe(): string {
    return "room in a TaskGroup";
  }

  protected onWake(): void {}

  protected override onCancel(): void {
    this.#slots.leave(this);
  }
}

/** What the tasks of a group tell when they are done. */
export class Membership implements FutureEntry {
  readonly #scope: Scope;
  readonly #done: (task: Task<unknown>) => void;

  constructor(scope: Scope, done: (task: Task<unknown>) => void) {
    this.#scope = scope;
    this.#done = done;
  }

  get awaiter(): object | null {
    return this.#scope.task;
  }

  notify(task: Task<unknown>): void {
    this.#scope.loop.scheduler.enqueue({
      run: () => {
        this.#done(task);
        return null;
      },
    });
  }
}

/** The group's wait for its tasks: a cancellation interrupts it, and the group goes on waiting after it has passed it on. */
export class ExitWait extends Wait<void> {
  readonly #what: string;
  readonly #next: (interrupted: CancelledError | null) => void;

  constructor(scope: Scope, what: string, next: (interrupted: CancelledError | null) => void) {
    super(scope);
    this.#what = what;
    this.#next = next;
  }

  override describe(): string {
    return this.#what;
  }

  protected onWake(): void {
    this.#next(null);
  }

  protected override onCancel(error: CancelledError): void {
    this.#next(error);
  }
}

/** The last of those that were asked to end, from `asked` outwards: its request outlives the scopes that end before it. */
export function outermostAsked(asked: Scope | null): Scope | null {
  const next = asked?.nearestAskedAbove() ?? null;
  return next === null ? asked : outermostAsked(next);
}
