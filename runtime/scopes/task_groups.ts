import { publicLoop } from "../tasks/task_options.ts";
import { runBody } from "./deadline.ts";
import {
  asCancellation,
  cancelledError,
  forgiveCancellation,
  isCancelled,
  isFatal,
} from "../core/cancelled.ts";
import { type Coroutine, notABody } from "../base/functions.ts";
import { CancelledError, ExceptionGroup, RuntimeError } from "../errors/exceptions.ts";
import { openChildScope } from "../core/frame.ts";
import { addEntry, takeFailure } from "../tasks/future.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { Request, Scope } from "../core/scope.ts";
import {
  ExitWait,
  Membership,
  outermostAsked,
  type Slots,
  slotsOf,
  Start,
  type TaskStatus,
} from "./group_members.ts";
import { rejectShowingCaller } from "../base/stack.ts";
import { InternalCallback } from "../tasks/handles.ts";
import { requireCoroutine, type Task, type TaskOptions } from "../tasks/task.ts";
import { showAs, staysInThread } from "../base/format.ts";

/**
 * One state at a time, and no way back:
 *
 * - `new`; `called off`: `cancel()` came before the entry, so the group ends as soon as it begins.
 * - `body`: the body runs. `stopping`: the group has asked the body and its tasks to end.
 * - `exiting`: the body has ended, the group waits for its tasks. `interrupted`: it has cancelled them, since the body failed
 *   or the wait was cancelled. `failing`: the group itself asked for the end, and its request counts until it is left.
 * - `closed`.
 */
type Phase =
  | "new"
  | "called off"
  | "body"
  | "stopping"
  | "exiting"
  | "interrupted"
  | "failing"
  | "closed";

/**
 * Tasks that end together.
 *
 * - `with` returns only when all tasks have ended.
 * - The first failure cancels the body and the other tasks; all failures leave as one ExceptionGroup, in order of
 *   completion, the body's own last.
 * - A task that is cancelled by itself is not a failure.
 * - A FatalError leaves bare. Cancelling the surrounding task cancels the tasks of the group.
 *
 * asyncio: `asyncio.TaskGroup`
 *
 * @example
 * ```ts
 * import { run, sleep, TaskGroup } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const [a, b] = await new TaskGroup().with(async (group) => [
 *     group.createTask(() => sleep(0, 1)),
 *     group.createTask(() => sleep(0, 2)),
 *   ]);
 *   assert.equal(a!.result() + b!.result(), 3);
 * });
 * ```
 */
export class TaskGroup {
  #phase: Phase = "new";
  #scope: Scope | null = null;
  readonly #tasks: Set<Task<unknown>> = new Set();
  readonly #errors: unknown[] = [];
  #fatal: { error: unknown } | null = null;
  /** What leaves unless a failure is worth more: the CancelledError that ended the body or interrupted the exit. */
  #propagated: CancelledError | null = null;
  /** What interrupted the exit of a group that was ending already. */
  #eaten: CancelledError | null = null;
  #exitWait: ExitWait | null = null;
  /** One entry serves all tasks. */
  #membership: Membership | null = null;
  /** The error in which its tasks' errors leave. */
  #made: unknown = null;
  #resolve: (value: unknown) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  readonly #slots: Slots | null;
  /** Tasks that have not called `started()` yet. */
  readonly #starts: Map<Task<unknown>, Start<unknown>> = new Map();

  /**
   * A group to be entered once, with {@linkcode TaskGroup.with}.
   *
   * @param options `limit`: how many of its tasks run at once; the others begin, in their order, when there is room
   * @throws {RangeError} if `limit` is below 1
   * @throws {TypeError} if there is no such option
   */
  constructor(options?: { limit?: number }) {
    this.#slots = slotsOf(options);
  }

  /**
   * Runs the body, then waits for all tasks, and resolves to what the body returned; the type of an array is a tuple.
   *
   * @throws {ExceptionGroup} with every failure of the tasks and of the body
   * @throws {RuntimeError} if it has been entered before
   */
  // Whatever it is; that a tuple is named makes the compiler infer one.
  // deno-lint-ignore ban-types
  with<R extends [] | {} | null | undefined | void>(
    body: (group: this) => R | PromiseLike<R>,
  ): Promise<R> {
    const calledOff = this.#phase === "called off";
    if (this.#phase !== "new" && !calledOff) {
      return Promise.reject(
        new RuntimeError(`${this} has already been entered: make one for each with()`),
      );
    }
    if (typeof body !== "function") {
      return Promise.reject(notABody(body));
    }
    const scope = openChildScope();
    this.#scope = scope;
    this.#membership = new Membership(scope, this.#taskDone);
    this.#phase = "body";
    if (calledOff) this.cancel();
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = (error) => {
        forgiveCancellation(promise, error);
        rejectShowingCaller({ resolve, reject }, error, error === this.#made);
      };
    });
    runBody(scope, {
      body: () => body(this),
      onReturn: (value) => this.#exit(value, null),
      onThrow: (error) => this.#exit(undefined, { error }),
    });
    scope.promise = promise;
    return promise as Promise<R>;
  }

  /**
   * Runs a coroutine as a task of the group.
   *
   * @throws {RuntimeError} if the group has not been entered, is finished or is shutting down; the coroutine then never
   * starts
   */
  createTask<T>(coro: Coroutine<T>, options?: Omit<TaskOptions, "loop">): Task<T> {
    requireCoroutine(coro, "group.createTask");
    if (this.#phase === "new" || this.#phase === "called off") {
      throw new RuntimeError(`${this} has not been entered: call createTask() inside its with()`);
    }
    if (this.#phase === "closed" || (this.#phase === "exiting" && this.#tasks.size === 0)) {
      throw new RuntimeError(`${this} is finished: all its tasks have ended`);
    }
    if (this.#aborting) {
      throw new RuntimeError(`${this} is shutting down: a task has failed, or it was cancelled`);
    }
    const slot = this.#slots === null ? null : this.#slots.limited(coro);
    const task = publicLoop(this.#scope!.loop).createTask(slot?.work ?? coro, options);
    // An eager task that ended well at once has nothing to tell.
    if (task.done() && (task.cancelled() || takeFailure(task as Task<unknown>) === null)) {
      slot?.ended();
      return task;
    }
    this.#tasks.add(task as Task<unknown>);
    addEntry(task as Task<unknown>, this.#membership!);
    if (slot !== null) addEntry(task as Task<unknown>, new InternalCallback(task, slot.ended));
    // An eager task may have cancelled the group in its first step, when it was no member yet.
    if (this.#aborting) task.cancel();
    return task;
  }

  /**
   * Runs a coroutine as a task of the group and waits until it calls `status.started(value)`: a server that listens, a worker
   * that is connected.
   *
   * - Fails with the task's own error if it ends before; that error is then not the group's.
   * - If the caller is cancelled meanwhile, so is the task, and its end is awaited.
   *
   * anyio: `TaskGroup.start()`, trio: `Nursery.start()`
   *
   * @returns the value
   * @throws {RuntimeError} if the task ends without calling it, or the group takes no tasks
   *
   * @example
   * ```ts
   * import { run, sleep, TaskGroup } from "@asyncio/asyncio";
   * import assert from "node:assert/strict";
   *
   * await run(() =>
   *   new TaskGroup().with(async (group) => {
   *     const port = await group.start<number>(async (status) => {
   *       await sleep(0); // until it listens
   *       status.started(8000);
   *       await sleep(3600);
   *     });
   *     assert.equal(port, 8000);
   *     group.cancel();
   *   })
   * );
   * ```
   */
  start<T = void>(
    coro: (status: TaskStatus<T>) => unknown,
    options?: Omit<TaskOptions, "loop">,
  ): Promise<T> {
    try {
      requireCoroutine(coro, "group.start");
      const start = new Start<T>();
      const work = () => coro(start.status);
      Object.defineProperty(work, "name", { value: coro.name });
      const task = this.createTask(work, options) as Task<unknown>;
      if (task.done() && !this.#tasks.has(task)) start.taskEnded(task);
      else this.#starts.set(task, start as Start<unknown>);
      return start.value(task);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Cancels the body, if it still runs, and every task, and leaves without an error; a failure during the unwinding still
   * leaves as an ExceptionGroup. Before the group is entered it cancels it upon the entry; when it is over it does nothing.
   *
   * asyncio: `TaskGroup.cancel()` (3.15)
   */
  cancel(): void {
    if (this.#phase === "new") this.#phase = "called off";
    else this.#stop();
  }

  /** `<TaskGroup tasks=1 entered>` */
  toString(): string {
    const parts = ["TaskGroup"];
    if (this.#tasks.size > 0) parts.push(`tasks=${this.#tasks.size}`);
    if (this.#errors.length > 0) parts.push(`errors=${this.#errors.length}`);
    if (this.#aborting) parts.push("cancelling");
    else if (this.#phase !== "new" && this.#phase !== "called off") parts.push("entered");
    return `<${parts.join(" ")}>`;
  }

  static {
    showAs(this.prototype);
  }

  #taskDone = (task: Task<unknown>): void => {
    this.#tasks.delete(task);
    if (this.#tasks.size === 0) this.#exitWait?.wake();
    const start = this.#starts.get(task);
    if (start !== undefined) {
      this.#starts.delete(task);
      if (!start.over) {
        start.taskEnded(task);
        return;
      }
    }
    if (task.cancelled()) return;
    const failure = takeFailure(task);
    if (failure === null) return;
    const { error } = failure;
    this.#errors.push(error);
    if (isFatal(error) && this.#fatal === null) this.#fatal = { error };
    const parent = this.#scope!.task;
    if (parent?.done() === true) {
      this.#loop.callExceptionHandler({
        message: `Task ${task} has errored out but its parent task ${parent} is already completed`,
        exception: error,
        task,
      });
      return;
    }
    if (!this.#aborting) this.#stop();
  };

  /** Its tasks have been asked to end. */
  get #aborting(): boolean {
    const phase = this.#phase;
    return phase === "stopping" || phase === "interrupted" || phase === "failing";
  }

  /** Asks all of it to end: the body, not what encloses it, so that parallel groups in one task never hit each other. */
  #stop(): void {
    const before = this.#phase;
    if (before !== "body" && before !== "exiting" && before !== "interrupted") return;
    this.#phase = before === "body" ? "stopping" : "failing";
    if (before !== "interrupted") this.#cancelTasks();
    const scope = this.#scope!;
    const request = new Request({ message: undefined }, scope);
    if (before === "body") scope.cancel(request);
    else scope.count(request);
  }

  #cancelTasks(): void {
    for (const task of [...this.#tasks]) {
      if (!task.done()) task.cancel();
    }
  }

  #exit(value: unknown, failure: { error: unknown } | null): void {
    this.#phase = this.#phase === "stopping" ? "failing" : "exiting";
    // What the group asked of a body that ended without a further wait needs no delivery any more.
    this.#scope!.forget();
    if (failure !== null) {
      failure = this.#translate(failure.error);
      const { error } = failure;
      if (isFatal(error) && this.#fatal === null) this.#fatal = { error };
      if (isCancelled(error)) this.#propagated = error;
      this.#interrupt();
    }
    this.#awaitTasks(() => this.#leave(value, failure));
  }

  #interrupt(): void {
    if (this.#phase !== "exiting") return;
    this.#phase = "interrupted";
    this.#cancelTasks();
  }

  /** A call that obeyed the signal of a body which was asked to end says in its own words that it was cancelled. */
  #translate(error: unknown): { error: unknown } {
    const scope = this.#scope!;
    if (scope.requests + scope.requestsAbove() === 0) return { error };
    return { error: asCancellation(error, this.#loop.getDebug()) ?? error };
  }

  #awaitTasks(then: () => void): void {
    if (this.#tasks.size === 0) {
      then();
      return;
    }
    const wait = this.#exitWait = new ExitWait(
      this.#scope!,
      `the tasks of ${this}`,
      (interrupted) => {
        this.#exitWait = null;
        if (interrupted !== null && this.#aborting) this.#eaten = interrupted;
        else if (interrupted !== null) {
          this.#propagated = interrupted;
          this.#interrupt();
        }
        this.#awaitTasks(then);
      },
    );
    // Refused: the loop is closed, and the tasks can't end any more.
    if (!wait.pending && !wait.woken && !wait.cancelled) wait.promise.then(undefined, this.#reject);
  }

  #leave(value: unknown, failure: { error: unknown } | null): void {
    const scope = this.#scope!;
    const stopped = this.#phase === "failing";
    this.#phase = "closed";
    const above = scope.requestsAbove();
    const asked = scope.nearestAskedAbove();
    const cancelled = this.#propagated !== null || failure !== null && isCancelled(failure.error);
    scope.close(cancelled ? scope.ending : null);
    if (this.#fatal !== null) {
      this.#reject(this.#fatal.error);
      return;
    }
    if (stopped && above === 0) this.#propagated = null;
    if (this.#propagated !== null && this.#errors.length === 0) {
      // What leaves here delivers a request from outside as well, where the body met the group's own first.
      const outer = stopped ? asked?.undelivered ?? null : null;
      outer?.take();
      this.#reject(outer === null ? this.#propagated : cancelledError(this.#loop, outer));
      return;
    }
    if (failure !== null && !isCancelled(failure.error)) {
      this.#errors.push(failure.error);
    }
    if (this.#errors.length === 0) {
      if (this.#eaten !== null && above > 0) this.#reject(this.#eaten);
      else this.#resolve(value);
      return;
    }
    // A cancellation from outside that lost against the failures interrupts the next wait instead.
    const outermost = outermostAsked(asked);
    if (outermost !== null && outermost.undelivered === null) {
      outermost.put(new Request(outermost.asked!, outermost, "again"));
    }
    this.#made = new ExceptionGroup("unhandled errors in a TaskGroup", this.#errors);
    this.#reject(this.#made);
  }

  get #loop(): LoopCore {
    return this.#scope!.loop as LoopCore;
  }
}

staysInThread(
  "pass a function that starts what is to be started: toThread(work, (step) => group.createTask(() => save(step)))",
  TaskGroup,
);
