import { notABody } from "../runtime/base/functions.ts";
import { WouldBlock } from "../runtime/errors/exceptions.ts";
import { currentScope } from "../runtime/core/frame.ts";
import { display, showAs, staysInThread } from "../runtime/base/format.ts";
import { LockCore, type LockReleaser } from "./lock_core.ts";
import type { Releaser, Statistics } from "./wait_list.ts";

/** The core of a lock, for conditions. */
export let coreOf: (lock: Lock) => LockCore;

/**
 * Keeps others out while a task is between two awaits that belong together (`asyncio.Lock`).
 *
 * - Fair: first come, first served. No task overtakes a waiter that is woken but has not run yet.
 * - Taking a free lock passes no turn of the loop; a lock that is released goes to the first waiter in the next one.
 * - A waiter that is cancelled, even after it was woken, hands its turn to the next.
 * - An `acquire()` that lost a `Promise.race` still takes the lock, and no code then releases it: use `timeout` or `waitFor`,
 *   which cancel it.
 * - Not reentrant: a task that waits for a lock it holds waits until other code releases it.
 * - It belongs to the first loop on which a task had to wait for it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gather, Lock, run, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const lock = new Lock();
 *   let balance = 0;
 *   const deposit = () =>
 *     lock.with(async () => {
 *       const before = balance;
 *       await sleep(0);
 *       balance = before + 10;
 *     });
 *   await gather([deposit, deposit, deposit]);
 *   assert.equal(balance, 30);
 *   assert.equal(lock.locked(), false);
 * });
 * ```
 */
export class Lock {
  readonly #core: LockCore = new LockCore(this);

  /** Whether a task holds it. False also while a released lock is on its way to a waiter. */
  locked(): boolean {
    return this.#core.locked;
  }

  /** `waiting`, `locked`, and `owner`: the name of the task that holds it, null without one. */
  statistics(): Statistics {
    const { waits, locked } = this.#core;
    return { waiting: waits.length, locked, owner: this.#core.ownerName() };
  }

  /**
   * Waits until the lock is free and takes it.
   *
   * @returns the acquisition: give it back with its `release()`, with `using`, or with {@linkcode Lock.release}
   * @throws {CancelledError} if the wait is cancelled; the lock is then not taken
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  acquire(): Promise<Releaser> {
    const core = this.#core;
    const scope = currentScope();
    const held = core.tryAcquire(scope);
    if (held !== null) return Promise.resolve(held);
    try {
      return core.enqueue(scope, 0).promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes the lock, now.
   *
   * @returns the acquisition, as `acquire()` gives it
   * @throws {WouldBlock} if it is held, or others are to be served first
   */
  acquireNowait(): Releaser {
    const held = this.#core.tryAcquire(currentScope());
    if (held !== null) return held;
    throw new WouldBlock(
      `Cannot acquire now: ${this} is taken, await acquire() to wait for it`,
    );
  }

  /**
   * Frees the lock and wakes the first waiter. Any task may do so, not only the one that took it.
   *
   * @throws {RuntimeError} if it is not held
   */
  release(): void {
    this.#core.release();
  }

  /**
   * Runs `body` while holding the lock; Python's `async with lock`. A free lock is taken at once, and `body` starts inside
   * this call.
   *
   * @returns what `body` returns
   * @throws {RuntimeError} if `body` itself released the lock
   */
  with<R>(body: () => R | PromiseLike<R>): Promise<R> {
    if (typeof body !== "function") return Promise.reject(notABody(body));
    const scope = currentScope();
    const held = this.#core.tryAcquire(scope);
    if (held !== null) return bodyWith(held, body);
    try {
      const turn = this.#core.enqueue(scope, 0);
      return turn.beginning = bodyAfter(turn.promise, body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `<Lock #1 [unlocked]>`, `<Lock #1 [locked, waiters:2]>` */
  toString(): string {
    const { locked, waits } = this.#core;
    return display(this, locked ? "locked" : "unlocked", waits.length);
  }

  static {
    coreOf = (lock) => lock.#core;
    showAs(this.prototype);
  }
}

async function bodyWith<R>(held: LockReleaser, body: () => R | PromiseLike<R>): Promise<R> {
  try {
    return await body();
  } finally {
    held.leave();
  }
}

async function bodyAfter<R>(
  turn: Promise<LockReleaser>,
  body: () => R | PromiseLike<R>,
): Promise<R> {
  const held = await turn;
  try {
    return await body();
  } finally {
    held.leave();
  }
}

staysInThread(
  "pass a function that uses it: toThread(work, (step) => lock.with(() => save(step)))",
  Lock,
);
