import { notABody } from "../runtime/base/functions.ts";
import { type CancelledError, RuntimeError, WouldBlock } from "../runtime/errors/exceptions.ts";
import { describeType, identityOf, showAs, staysInThread } from "../runtime/base/format.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { LoopBinding, type Releaser, type Statistics, TurnWait, WaitList } from "./wait_list.ts";

let giveBack: (limiter: CapacityLimiter, borrower: object, token: object) => boolean;
let leaveLine: (limiter: CapacityLimiter, wait: BorrowWait) => void;
let totalOf: (limiter: CapacityLimiter) => number;

/**
 * Admits a limited number of borrowers at a time, may be resized while it is used, and knows its borrowers: for pools of
 * connections, threads or licences.
 *
 * - A borrower is an object; by default the current task. One that asks again while it holds or awaits a token gets a
 *   RuntimeError in place of a deadlock.
 * - Fair: first come, first served.
 * - Raising `total` admits waiters; lowering it below `borrowed` takes nothing back: newcomers wait until enough is returned.
 * - A waiter that is cancelled, even after it was woken, hands its token to the next.
 *
 * anyio: `anyio.CapacityLimiter`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CapacityLimiter, gather, run, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const limiter = new CapacityLimiter(2);
 *   let most = 0;
 *   const visit = () =>
 *     limiter.with(async () => {
 *       most = Math.max(most, limiter.borrowed);
 *       await sleep(0);
 *     });
 *   await gather([visit, visit, visit, visit]);
 *   assert.equal(most, 2);
 *   assert.equal(limiter.available, 2);
 * });
 * ```
 */
export class CapacityLimiter {
  #total: number;
  /** The borrowers of a token, each with what stands for this very acquisition. A woken waiter is among them. */
  readonly #borrowers: Map<object, object> = new Map();
  readonly #waiting: Set<object> = new Set();
  readonly #waits: WaitList = new WaitList();
  readonly #binding: LoopBinding = new LoopBinding();

  /**
   * A limiter without borrowers.
   *
   * @param total how many tokens there are: a whole number from 0 on, or Infinity
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is below 0, NaN or not whole
   */
  constructor(total: number) {
    this.#total = checkedTotal(total);
  }

  /**
   * How many tokens there are. Assigning resizes the limiter; 0 admits no newcomers.
   *
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is below 0, NaN or not whole
   */
  get total(): number {
    return this.#total;
  }

  set total(value: number) {
    this.#total = checkedTotal(value);
    this.#serve();
  }

  /** How many tokens are borrowed. */
  get borrowed(): number {
    return this.#borrowers.size;
  }

  /** How many are left; negative after `total` was set below `borrowed`. */
  get available(): number {
    return this.#total - this.#borrowers.size;
  }

  /** `waiting`, `total`, `borrowed`, and `borrowers`: the objects that hold a token. */
  statistics(): Statistics {
    const borrowers = [...this.#borrowers.keys()];
    return {
      waiting: this.#waits.length,
      total: this.#total,
      borrowed: borrowers.length,
      borrowers,
    };
  }

  /**
   * Takes a token, waiting until there is one.
   *
   * @param borrower what the token is for; by default the current task, and outside tasks this very acquisition
   * @returns the acquisition: give it back with `using`, with its `release()`, or with {@linkcode CapacityLimiter.release}
   * @throws {RuntimeError} if the borrower holds or awaits a token, or others wait on another loop
   * @throws {CancelledError} if the wait is cancelled; no token is then taken
   */
  acquire(borrower?: object): Promise<Releaser> {
    try {
      const scope = currentScope();
      const who = this.#newcomer(borrower, scope);
      if (this.#free) return Promise.resolve(this.#lend(who));
      return this.#enqueue(who, scope).promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes a token, now.
   *
   * @param borrower as for {@linkcode CapacityLimiter.acquire}
   * @throws {WouldBlock} if there is none, or others are to be served first
   * @throws {RuntimeError} if the borrower holds or awaits a token
   */
  acquireNowait(borrower?: object): Releaser {
    const who = this.#newcomer(borrower, currentScope());
    if (!this.#free) {
      throw new WouldBlock(
        `Cannot acquire now: all ${this.#total} tokens of ${this} are taken, await acquire() to wait for one`,
      );
    }
    return this.#lend(who);
  }

  /**
   * Gives a token back and wakes the first waiter.
   *
   * @param borrower as given to `acquire`
   * @throws {RuntimeError} if the borrower holds none
   */
  release(borrower?: object): void {
    const who = checkedBorrower(borrower) ?? currentScope().task;
    const token = who === null ? undefined : this.#borrowers.get(who);
    if (token === undefined || !giveBack(this, who!, token)) {
      throw new RuntimeError(
        `Cannot release ${this}: this borrower holds no token of it; release the acquisition itself, or name the borrower`,
      );
    }
  }

  /**
   * Runs `body` while the current task holds a token; Python's `async with limiter`.
   *
   * @returns what `body` returns
   * @throws {RuntimeError} if the task holds or awaits a token already
   */
  with<R>(body: () => R | PromiseLike<R>): Promise<R> {
    if (typeof body !== "function") return Promise.reject(notABody(body));
    try {
      const scope = currentScope();
      const who = this.#newcomer(undefined, scope);
      if (this.#free) return bodyWith(this.#lend(who), body);
      const turn = this.#enqueue(who, scope);
      return turn.beginning = bodyAfter(turn.promise, body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `<CapacityLimiter #1 [1 of 2 borrowed, waiters:3]>` */
  toString(): string {
    const waiting = this.#waits.length > 0 ? `, waiters:${this.#waits.length}` : "";
    return `<CapacityLimiter #${
      identityOf(this)
    } [${this.borrowed} of ${this.#total} borrowed${waiting}]>`;
  }

  get #free(): boolean {
    return this.#borrowers.size < this.#total &&
      (this.#waits.length === 0 || this.#waits.allWaitersCancelled);
  }

  /** @throws {RuntimeError} if it has a token, or is to get one */
  #newcomer(given: object | undefined, scope: Scope): object {
    const { task } = scope;
    const borrower = checkedBorrower(given) ?? (task === null || task.done() ? {} : task);
    if (this.#borrowers.has(borrower) || this.#waiting.has(borrower)) {
      throw new RuntimeError(
        `Cannot acquire ${this}: this borrower ${
          this.#waiting.has(borrower) ? "waits for" : "holds"
        } one of its tokens already; a second one wants a borrower of its own, acquire({})`,
      );
    }
    return borrower;
  }

  #lend(borrower: object): BorrowReleaser {
    const token = new BorrowReleaser(this, borrower);
    this.#borrowers.set(borrower, token);
    return token;
  }

  #enqueue(borrower: object, scope: Scope): BorrowWait {
    this.#binding.enter(scope.loop, this);
    const wait = new BorrowWait(this, borrower, scope);
    this.#waits.add(wait);
    if (wait.list !== null) this.#waiting.add(borrower);
    return wait;
  }

  /** The token is the waiter's from its wake-up on, so that no other borrower can take it before the waiter runs. */
  #serve(): void {
    const waits = this.#waits;
    while (waits.first !== null && this.#borrowers.size < this.#total) {
      const wait = waits.first as BorrowWait;
      waits.remove(wait);
      this.#waiting.delete(wait.borrower);
      if (wait.wake()) wait.token = this.#lend(wait.borrower);
    }
  }

  static {
    giveBack = (limiter, borrower, token) => {
      if (limiter.#borrowers.get(borrower) !== token) return false;
      limiter.#borrowers.delete(borrower);
      limiter.#serve();
      return true;
    };
    leaveLine = (limiter, wait) => {
      if (wait.list !== null) {
        wait.leave();
        limiter.#waiting.delete(wait.borrower);
        // It may have stood in front of others while there was room (total was raised meanwhile).
        limiter.#serve();
      } else if (wait.token !== null) giveBack(limiter, wait.borrower, wait.token);
    };
    totalOf = (limiter) => limiter.#total;
    showAs(this.prototype);
  }
}

async function bodyWith<R>(held: Releaser, body: () => R | PromiseLike<R>): Promise<R> {
  try {
    return await body();
  } finally {
    held.release();
  }
}

async function bodyAfter<R>(
  turn: Promise<Releaser>,
  body: () => R | PromiseLike<R>,
): Promise<R> {
  return await bodyWith(await turn, body);
}

class BorrowWait extends TurnWait<Releaser> {
  readonly borrower: object;
  /** What it was given at its wake-up. */
  token: BorrowReleaser | null = null;
  readonly #limiter: CapacityLimiter;

  constructor(limiter: CapacityLimiter, borrower: object, scope: Scope) {
    super(scope);
    this.#limiter = limiter;
    this.borrower = borrower;
  }

  override describe(): string {
    return `${this.#limiter}.acquire(), all ${totalOf(this.#limiter)} taken`;
  }

  protected onWake(): Releaser {
    return this.token!;
  }

  protected override onCancel(_error: CancelledError): void {
    leaveLine(this.#limiter, this);
  }
}

/** One token of one borrower: given back once, and only while it is still held. */
class BorrowReleaser implements Releaser {
  readonly #limiter: CapacityLimiter;
  readonly #borrower: object;

  constructor(limiter: CapacityLimiter, borrower: object) {
    this.#limiter = limiter;
    this.#borrower = borrower;
  }

  release(): void {
    giveBack(this.#limiter, this.#borrower, this);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function checkedTotal(total: unknown): number {
  if (typeof total !== "number") {
    throw new TypeError(
      `Cannot limit to ${describeType(total)}: total is a number, as in new CapacityLimiter(10)`,
    );
  }
  if (!(total >= 0) || (!Number.isInteger(total) && total !== Infinity)) {
    throw new RangeError(
      `Cannot limit to ${total}: total is a whole number from 0 on, or Infinity, received ${total}`,
    );
  }
  return total;
}

function checkedBorrower(borrower: unknown): object | null {
  if (borrower === undefined) return null;
  if ((typeof borrower === "object" && borrower !== null) || typeof borrower === "function") {
    return borrower;
  }
  throw new TypeError(
    `Cannot lend to ${
      describeType(borrower)
    }: a borrower is an object, such as the connection that is opened`,
  );
}

staysInThread(
  "pass a function that uses it: toThread(work, (step) => limiter.with(() => save(step)))",
  CapacityLimiter,
);
