import { CancelledError, RuntimeError } from "../runtime/errors/exceptions.ts";
import { withOwnScope } from "../runtime/scopes/known.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { describeType, display, showAs, staysInThread } from "../runtime/base/format.ts";
import { coreOf, Lock } from "./lock.ts";
import type { LockCore } from "./lock_core.ts";
import { LoopBinding, type Releaser, SignalWait, type Statistics, WaitList } from "./wait_list.ts";

/**
 * Lets tasks that share a lock wait until another one has changed what the lock protects (`asyncio.Condition`).
 *
 * - `wait()`, `notify()` and `notifyAll()` want the lock to be held; `wait()` gives it back while it waits and holds it
 *   again when it returns, also when it was cancelled.
 * - A notified task runs once it gets the lock: notify, then release.
 * - A notified task that is cancelled passes the notification on, so none is lost. Hence `wait()` may return though nothing
 *   has changed: test again, or use `waitFor`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Condition, createTask, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const condition = new Condition();
 *   const stock: string[] = [];
 *   const buyer = createTask(() =>
 *     condition.with(async () => {
 *       await condition.waitFor(() => stock.length > 0);
 *       return stock.pop();
 *     })
 *   );
 *   await condition.with(() => {
 *     stock.push("apple");
 *     condition.notify();
 *   });
 *   assert.equal(await buyer, "apple");
 * });
 * ```
 */
export class Condition {
  readonly #lock: Lock;
  readonly #core: LockCore;
  readonly #waits: WaitList = new WaitList();
  readonly #binding: LoopBinding = new LoopBinding();

  /**
   * A condition without waiters.
   *
   * @param lock the lock to use; several conditions may share one. Without it the condition has its own.
   * @throws {TypeError} if it is not a Lock
   */
  constructor(lock: Lock = new Lock()) {
    if (!(lock instanceof Lock)) {
      throw new TypeError(
        `Cannot make a Condition: its lock must be a Lock, received ${describeType(lock)}`,
      );
    }
    this.#lock = lock;
    this.#core = coreOf(lock);
  }

  /** `waiting` for a notification, `locked`, and `owner`: the name of the task that holds the lock. */
  statistics(): Statistics {
    const { locked } = this.#core;
    return { waiting: this.#waits.length, locked, owner: this.#core.ownerName() };
  }

  /** Whether a task holds the lock. */
  locked(): boolean {
    return this.#lock.locked();
  }

  /** Takes the lock; see {@linkcode Lock.acquire}. */
  acquire(): Promise<Releaser> {
    return this.#lock.acquire();
  }

  /**
   * Takes the lock, now; see {@linkcode Lock.acquireNowait}.
   *
   * @throws {WouldBlock} if it is held, or others are to be served first
   */
  acquireNowait(): Releaser {
    return this.#lock.acquireNowait();
  }

  /** Frees the lock; see {@linkcode Lock.release}. */
  release(): void {
    this.#lock.release();
  }

  /** Runs `body` while holding the lock; see {@linkcode Lock.with}. */
  with<R>(body: () => R | PromiseLike<R>): Promise<R> {
    return this.#lock.with(body);
  }

  /**
   * Gives the lock back, waits for a notification, and takes the lock again. Always passes through the loop.
   *
   * @throws {RuntimeError} if the lock is not held
   * @throws {CancelledError} if it was cancelled meanwhile; the lock is held again by then
   */
  wait(): Promise<true> {
    return withOwnScope((scope) => this.#wait(scope));
  }

  async #wait(scope: Scope): Promise<true> {
    const core = this.#core;
    if (!core.locked) {
      throw new RuntimeError(`cannot wait on un-acquired lock: call it inside ${FORM}`);
    }
    this.#binding.enter(scope.loop, this);
    const wait = new SignalWait(scope, true as const, () => `${this}.wait()`);
    const acquisitionId = core.acquisitionId;
    core.release();
    let failure: Failure | null = null;
    try {
      await this.#waits.add(wait);
    } catch (error) {
      failure = { error };
    }
    if (!core.tryTake(scope, acquisitionId)) {
      failure = await this.#retake(scope, acquisitionId) ?? failure;
    }
    if (failure === null) return true;
    // It may have been notified before it failed; then another waiter is notified in its place (COND-09).
    this.#waits.wake(1);
    throw failure.error;
  }

  /**
   * Waits until `predicate()` is true, testing it after every notification.
   *
   * @param predicate called while the lock is held, except that its first call may find the lock free
   * @returns the true (or truthy) value of `predicate`
   * @throws {RuntimeError} if it must wait and the lock is not held
   * @throws {TypeError} if `predicate` returns a promise, which would always count as true
   */
  waitFor<T>(predicate: () => T): Promise<T> {
    return withOwnScope((scope) => this.#waitFor(predicate, scope));
  }

  async #waitFor<T>(predicate: () => T, scope: Scope): Promise<T> {
    if (typeof predicate !== "function") {
      throw new TypeError(
        `Cannot wait for a condition: the predicate must be a function, received ${
          describeType(predicate)
        }; write waitFor(() => items.length > 0)`,
      );
    }
    let result = test(predicate);
    while (!result) {
      await this.#wait(scope);
      result = test(predicate);
    }
    return result;
  }

  /**
   * Wakes up to `n` waiters, first come first. They run once they get the lock.
   *
   * @throws {RuntimeError} if the lock is not held
   * @throws {TypeError} if `n` is not a number
   * @throws {RangeError} if `n` is NaN
   */
  notify(n: number = 1): void {
    if (typeof n !== "number") {
      throw new TypeError(
        `Cannot notify waiters: how many must be a number, received ${describeType(n)}`,
      );
    }
    if (Number.isNaN(n)) {
      throw new RangeError("Cannot notify waiters: how many must be a number, received NaN");
    }
    if (!this.#core.locked) {
      throw new RuntimeError(`cannot notify on un-acquired lock: call it inside ${FORM}`);
    }
    this.#waits.wake(n);
  }

  /**
   * Wakes all waiters.
   *
   * @throws {RuntimeError} if the lock is not held
   */
  notifyAll(): void {
    this.notify(Infinity);
  }

  /** `<Condition #1 [unlocked]>`, `<Condition #1 [locked, waiters:2]>` */
  toString(): string {
    return display(this, this.#core.locked ? "locked" : "unlocked", this.#waits.length);
  }

  /**
   * Takes the lock again as the same acquisition. Cancellations on the way are put off until it is held (COND-08), since the
   * body that follows relies on it.
   *
   * @returns the last of them, or what made taking the lock impossible
   */
  async #retake(scope: Scope, acquisitionId: number): Promise<Failure | null> {
    let last: Failure | null = null;
    do {
      try {
        await this.#core.enqueue(scope, acquisitionId).promise;
        return last;
      } catch (error) {
        last = { error };
        // Any other error comes from a closed loop, on which nothing can be waited for any more.
        if (!(error instanceof CancelledError)) return last;
      }
    } while (!this.#core.tryTake(scope, acquisitionId));
    return last;
  }

  static {
    showAs(this.prototype);
  }
}

const FORM = "condition.with(async () => { ... })";

/** An error in a box, since anything can be thrown, null too. */
interface Failure {
  readonly error: unknown;
}

function test<T>(predicate: () => T): T {
  const result = predicate();
  if (result instanceof Promise) {
    throw new TypeError(
      "Cannot wait for a condition: the predicate must not be async, received a promise, which always counts as true; " +
        "return the condition itself",
    );
  }
  return result;
}

staysInThread(
  "pass a function that uses it: toThread(work, (step) => lock.with(() => save(step)))",
  Condition,
);
