import { notABody } from "../runtime/base/functions.ts";
import { type CancelledError, WouldBlock } from "../runtime/errors/exceptions.ts";
import { describeType, display, showAs, staysInThread } from "../runtime/base/format.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { LoopBinding, type Releaser, type Statistics, TurnWait, WaitList } from "./wait_list.ts";

let valueOf: (semaphore: Semaphore) => number;
let isFull: (semaphore: Semaphore) => boolean;
let leaveQueue: (semaphore: Semaphore, givesBack: boolean) => void;

/**
 * Admits a limited number of tasks at a time (`asyncio.Semaphore`).
 *
 * - Fair: first come, first served. A task that releases and takes again at once goes behind the waiters.
 * - A unit that wakes a waiter is reserved for it at that moment: no other task can take it before the waiter runs.
 * - A waiter that is cancelled with a unit reserved for it gives the unit to the next.
 * - `release()` may be called more often than `acquire()`, which raises the limit; {@linkcode BoundedSemaphore} forbids it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gather, run, Semaphore, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const connections = new Semaphore(2);
 *   let open = 0;
 *   let most = 0;
 *   const visit = () =>
 *     connections.with(async () => {
 *       most = Math.max(most, ++open);
 *       await sleep(0);
 *       open--;
 *     });
 *   await gather([visit, visit, visit, visit, visit]);
 *   assert.equal(most, 2);
 * });
 * ```
 */
export class Semaphore {
  #value: number;
  readonly #waits: WaitList = new WaitList();
  readonly #binding: LoopBinding = new LoopBinding();

  /**
   * A semaphore with all its units.
   *
   * @param value how many may enter now: a whole number from 0 on, or Infinity
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is negative, NaN or not whole
   */
  constructor(value: number = 1) {
    if (typeof value !== "number") {
      throw new TypeError(
        `Cannot make a semaphore: its value must be a number, received ${describeType(value)}`,
      );
    }
    if (!(value >= 0) || (!Number.isInteger(value) && value !== Infinity)) {
      throw new RangeError(
        `Cannot make a semaphore: its initial value must be >= 0 and a whole number, received ${value}`,
      );
    }
    this.#value = value;
  }

  /** `waiting`, and the units left: `value`. */
  statistics(): Statistics {
    return { waiting: this.#waits.length, value: this.#value };
  }

  /** Whether `acquire()` would have to wait: no unit is left, or others are to be served first. */
  locked(): boolean {
    return this.#value === 0 || (this.#waits.length > 0 && !this.#waits.allWaitersCancelled);
  }

  /**
   * Takes a unit, waiting until there is one.
   *
   * @returns the acquisition: give it back once, with its `release()`, with `using`, or with {@linkcode Semaphore.release}
   * @throws {CancelledError} if the wait is cancelled; no unit is then taken
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  acquire(): Promise<Releaser> {
    if (this.#tryTake()) return Promise.resolve(new SemaphoreReleaser(this));
    try {
      return this.#enqueue().promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes a unit, now.
   *
   * @returns the acquisition, as `acquire()` gives it
   * @throws {WouldBlock} if there is none, or others are to be served first
   */
  acquireNowait(): Releaser {
    if (this.#tryTake()) return new SemaphoreReleaser(this);
    throw new WouldBlock(
      `Cannot acquire now: ${this} has no unit left, await acquire() to wait for one`,
    );
  }

  /** Gives a unit back, or adds one, and wakes the first waiter. */
  release(): void {
    this.#value++;
    this.#wakeNext();
  }

  /**
   * Runs `body` while holding a unit; Python's `async with semaphore`. If one is free, `body` starts inside this call.
   *
   * @returns what `body` returns
   */
  with<R>(body: () => R | PromiseLike<R>): Promise<R> {
    if (typeof body !== "function") return Promise.reject(notABody(body));
    if (this.#tryTake()) return bodyWith(this, body);
    try {
      const turn = this.#enqueue();
      return turn.beginning = bodyAfter(turn.promise, this, body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `<Semaphore #1 [unlocked, value:1]>`, `<Semaphore #1 [locked, waiters:2]>` */
  toString(): string {
    const state = this.locked() ? "locked" : `unlocked, value:${this.#value}`;
    return display(this, state, this.#waits.length);
  }

  /** Queues for a unit. Throws where the semaphore belongs to another loop. */
  #enqueue(): SemaphoreWait {
    const scope = currentScope();
    this.#binding.enter(scope.loop, this);
    const wait = new SemaphoreWait(this, scope);
    this.#waits.add(wait);
    return wait;
  }

  #tryTake(): boolean {
    if (this.locked()) return false;
    this.#value--;
    return true;
  }

  /** Reserves a unit for the first waiter that has none yet. */
  #wakeNext(): boolean {
    if (this.#waits.wake(1) === 0) return false;
    this.#value--;
    return true;
  }

  static {
    valueOf = (semaphore) => semaphore.#value;
    leaveQueue = (semaphore, givesBack) => {
      if (givesBack) semaphore.#value++;
      // Units released while this one stood in front were not given to those behind it (SEM-10): they are given now.
      while (semaphore.#value > 0 && semaphore.#wakeNext());
    };
    showAs(this.prototype);
  }
}

/**
 * A semaphore that notices when it is released too often (`asyncio.BoundedSemaphore`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BoundedSemaphore, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const semaphore = new BoundedSemaphore(1);
 *   await semaphore.acquire();
 *   semaphore.release();
 *   assert.throws(() => semaphore.release(), RangeError);
 * });
 * ```
 */
export class BoundedSemaphore extends Semaphore {
  readonly #bound: number;

  /**
   * A semaphore with all its units.
   *
   * @param value how many may enter at most: a whole number from 0 on, or Infinity
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is negative, NaN or not whole
   */
  constructor(value: number = 1) {
    super(value);
    this.#bound = value;
  }

  /**
   * Gives a unit back and wakes the first waiter. A unit on its way to a waiter does not count as given back (SEM-12).
   *
   * @throws {RangeError} if all units are back already
   */
  override release(): void {
    if (valueOf(this) >= this.#bound) {
      throw new RangeError("BoundedSemaphore released too many times");
    }
    super.release();
  }

  static {
    isFull = (semaphore) =>
      semaphore instanceof BoundedSemaphore && valueOf(semaphore) >= semaphore.#bound;
  }
}

async function bodyWith<R>(semaphore: Semaphore, body: () => R | PromiseLike<R>): Promise<R> {
  try {
    return await body();
  } finally {
    semaphore.release();
  }
}

async function bodyAfter<R>(
  turn: Promise<Releaser>,
  semaphore: Semaphore,
  body: () => R | PromiseLike<R>,
): Promise<R> {
  await turn;
  try {
    return await body();
  } finally {
    semaphore.release();
  }
}

class SemaphoreWait extends TurnWait<Releaser> {
  readonly #semaphore: Semaphore;

  constructor(semaphore: Semaphore, scope: Scope) {
    super(scope);
    this.#semaphore = semaphore;
  }

  override describe(): string {
    return `${this.#semaphore}.acquire()`;
  }

  protected onWake(): Releaser {
    this.leave();
    leaveQueue(this.#semaphore, false);
    return new SemaphoreReleaser(this.#semaphore);
  }

  protected override onCancel(_error: CancelledError): void {
    this.leave();
    leaveQueue(this.#semaphore, this.woken);
  }
}

/** One unit. Units are alike, so unlike that of a lock it cannot tell whether other code gave this unit back. */
class SemaphoreReleaser implements Releaser {
  #semaphore: Semaphore | null;

  constructor(semaphore: Semaphore) {
    this.#semaphore = semaphore;
  }

  release(): void {
    const semaphore = this.#semaphore;
    if (semaphore === null) return;
    this.#semaphore = null;
    // All units of a bounded semaphore are back: this one was given back otherwise.
    if (!isFull(semaphore)) semaphore.release();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

staysInThread(
  "pass a function that uses it: toThread(work, (step) => lock.with(() => save(step)))",
  Semaphore,
);
