import { notABody } from "../runtime/base/functions.ts";
import { type CancelledError, RuntimeError } from "../runtime/errors/exceptions.ts";
import { type Delay, toSeconds } from "../runtime/base/durations.ts";
import {
  describeSeconds,
  describeType,
  display,
  showAs,
  staysInThread,
} from "../runtime/base/format.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { InternalTimer } from "../runtime/core/timers.ts";
import { type Statistics, TurnWait, WaitList } from "./wait_list.ts";

let leaveLine: (limiter: RateLimiter, wait: RateWait) => void;

/** aiolimiter's default of `time_period`. */
const MINUTE = 60;
const done: Promise<void> = Promise.resolve();

/** Tokens that were taken at one time, and come back together. */
interface Taken {
  readonly time: number;
  amount: number;
}

/**
 * Lets through at most `limit` in any `interval`: each token comes back `interval` after it was taken, so there is no
 * moment around which twice as many pass.
 *
 * - What has not been used may be used at once: the first `limit` pass without waiting.
 * - Fair: first come, first served, also where a later one asks for less.
 * - A waiter that is cancelled takes nothing.
 * - It goes by the clock of the loop, so in tests by virtual time. It may be used in one run after the other.
 *
 * aiolimiter: `aiolimiter.AsyncLimiter`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gather, getRunningLoop, RateLimiter } from "@asyncio/asyncio";
 * import { runTest } from "@asyncio/asyncio/testing";
 *
 * await runTest(async () => {
 *   const loop = getRunningLoop();
 *   const start = loop.time();
 *   const limiter = new RateLimiter(2, 1);
 *   const call = () => limiter.with(() => loop.time() - start);
 *   assert.deepEqual(await gather([call, call, call, call, call]), [0, 0, 1, 1, 2]);
 * });
 * ```
 */
export class RateLimiter {
  readonly #limit: number;
  readonly #interval: number;
  /** What is not back yet, the oldest first, from `#head` on. */
  #taken: Taken[] = [];
  #head = 0;
  #used = 0;
  #waits: WaitList = new WaitList();
  #loop: LoopCore | null = null;
  #timer: InternalTimer | null = null;

  /**
   * A limiter with all its tokens.
   *
   * @param limit how many pass in an interval: a number above 0
   * @param interval by default a minute, as in aiolimiter
   * @throws {TypeError} if they are not a number and a duration
   * @throws {RangeError} if one of them is not above 0
   */
  constructor(limit: number, interval: Delay = MINUTE) {
    if (typeof limit !== "number") {
      throw new TypeError(
        `Cannot limit to ${describeType(limit)}: limit is a number, as in new RateLimiter(10, 1)`,
      );
    }
    if (!(limit > 0)) {
      throw new RangeError(`Cannot limit to ${limit}: limit is above 0, received ${limit}`);
    }
    const seconds = toSeconds(interval);
    if (!(seconds > 0)) {
      throw new RangeError(
        `Cannot limit in ${describeSeconds(seconds)}: interval is above 0, received ${seconds}`,
      );
    }
    this.#limit = limit;
    this.#interval = seconds;
  }

  /** `waiting`, `limit`, `interval` in seconds, and `used`: how many tokens are not back yet. */
  statistics(): Statistics {
    this.#expire(this.#enter(currentScope().loop as LoopCore));
    return {
      waiting: this.#waits.length,
      limit: this.#limit,
      interval: this.#interval,
      used: this.#used,
    };
  }

  /**
   * Waits until `amount` may pass.
   *
   * @param amount for calls that count for more, or for less, than one
   * @throws {RangeError} if it is more than `limit`, which never fits, or below 0
   * @throws {CancelledError} if the wait is cancelled; no token is then taken
   * @throws {RuntimeError} if others wait on another loop
   */
  acquire(amount: number = 1): Promise<void> {
    try {
      return this.#take(amount)?.promise ?? done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Waits until one may pass, then runs `body`; Python's `async with limiter`.
   *
   * @returns what `body` returns
   * @throws {CancelledError} if the wait is cancelled; `body` never starts then
   * @throws {RuntimeError} if others wait on another loop
   */
  with<R>(body: () => R | PromiseLike<R>): Promise<R> {
    if (typeof body !== "function") return Promise.reject(notABody(body));
    try {
      const turn = this.#take(1);
      if (turn === null) return atOnce(body);
      return turn.beginning = bodyAfter(turn.promise, body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether `acquire(amount)` would pass without waiting now. */
  hasCapacity(amount: number = 1): boolean {
    checkAmount(amount);
    this.#expire(this.#enter(currentScope().loop as LoopCore));
    return this.#passes(amount);
  }

  /** `<RateLimiter #1 [3 of 10 used in 1 second, waiters:2]>` */
  toString(): string {
    const state = `${this.#used} of ${this.#limit} used in ${describeSeconds(this.#interval)}`;
    return display(this, state, this.#waits.length);
  }

  /** The wait for it; null where it has passed. */
  #take(amount: number): RateWait | null {
    checkAmount(amount);
    if (amount > this.#limit) {
      throw new RangeError(
        `Cannot acquire ${amount} of ${this}: it never lets through more than ${this.#limit} at once`,
      );
    }
    const scope = currentScope();
    const now = this.#enter(scope.loop as LoopCore);
    this.#expire(now);
    if (this.#passes(amount)) {
      this.#note(now, amount);
      return null;
    }
    const wait = new RateWait(this, amount, scope);
    this.#waits.add(wait);
    if (this.#timer === null) this.#serve(now);
    return wait;
  }

  #passes(amount: number): boolean {
    if (this.#waits.length > 0 && !this.#waits.allWaitersCancelled) return false;
    return this.#fits(amount);
  }

  #fits(amount: number): boolean {
    return this.#used + amount <= this.#limit;
  }

  /** Makes `loop` the one whose clock counts, and gives its time. */
  #enter(loop: LoopCore): number {
    const now = loop.time();
    if (this.#loop === loop) return now;
    if (this.#loop !== null && this.#waits.length > 0) {
      if (!this.#loop.isClosed() && !this.#waits.allWaitersCancelled) {
        throw new RuntimeError(
          `${this} is bound to a different event loop: make one for each loop that waits on it`,
        );
      }
      this.#waits = new WaitList();
    }
    this.#loop = loop;
    this.#timer?.cancel();
    this.#timer = null;
    // Times of another clock, such as a testing loop's, mean nothing on this one.
    if (this.#taken.some(({ time }) => time > now)) {
      this.#taken = [];
      this.#head = 0;
      this.#used = 0;
    }
    return now;
  }

  #note(now: number, amount: number): Taken {
    this.#used += amount;
    const last = this.#taken.at(-1);
    if (last !== undefined && last.time === now && this.#taken.length > this.#head) {
      last.amount += amount;
      return last;
    }
    const taken = { time: now, amount };
    this.#taken.push(taken);
    return taken;
  }

  /** Takes back the tokens whose interval is over. */
  #expire(now: number): void {
    const taken = this.#taken;
    while (this.#head < taken.length && taken[this.#head]!.time + this.#interval <= now) {
      this.#used -= taken[this.#head]!.amount;
      this.#head++;
    }
    if (this.#head === taken.length) {
      this.#taken = [];
      this.#head = 0;
      // What fractions have added up to is nothing.
      this.#used = 0;
    } else if (this.#head > 64 && this.#head > taken.length / 2) {
      this.#taken = taken.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Wakes all in front that fit, and sets the timer for the next one. */
  #serve(now: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#expire(now);
    const waits = this.#waits;
    for (let wait = waits.first as RateWait | null; wait !== null; wait = waits.first as RateWait) {
      if (!wait.pending) {
        waits.remove(wait);
        continue;
      }
      if (!this.#fits(wait.amount)) {
        const due = this.#dueFor(wait.amount);
        if (due < Infinity) this.#timer = InternalTimer.at(this.#loop!, due, () => this.#due(due));
        return;
      }
      waits.remove(wait);
      wait.wake();
      wait.taken = this.#note(now, wait.amount);
    }
  }

  /** The timer may come a little early, as the clock is not finer than it is: that counts as in time. */
  #due(due: number): void {
    this.#serve(Math.max(due, this.#loop!.time()));
  }

  /** When so many tokens will be there. */
  #dueFor(amount: number): number {
    let used = this.#used;
    for (let index = this.#head; index < this.#taken.length; index++) {
      const taken = this.#taken[index]!;
      used -= taken.amount;
      if (used + amount <= this.#limit || index === this.#taken.length - 1) {
        return taken.time + this.#interval;
      }
    }
    return this.#loop!.time();
  }

  static {
    leaveLine = (limiter, wait) => {
      const { taken } = wait;
      if (taken !== null) {
        taken.amount -= wait.amount;
        limiter.#used -= wait.amount;
      } else if (wait.list !== null) wait.leave();
      else return;
      limiter.#serve(limiter.#loop!.time());
    };
    showAs(this.prototype);
  }
}

async function atOnce<R>(body: () => R | PromiseLike<R>): Promise<R> {
  return await body();
}

async function bodyAfter<R>(turn: Promise<void>, body: () => R | PromiseLike<R>): Promise<R> {
  await turn;
  return await body();
}

class RateWait extends TurnWait<void> {
  readonly amount: number;
  /** What it took at its wake-up; given back if a cancellation meets it before it runs. */
  taken: Taken | null = null;
  readonly #limiter: RateLimiter;

  constructor(limiter: RateLimiter, amount: number, scope: Scope) {
    super(scope);
    this.#limiter = limiter;
    this.amount = amount;
  }

  override describe(): string {
    return `${this.#limiter}.acquire()`;
  }

  protected onWake(): void {
    this.taken = null;
  }

  protected override onCancel(_error: CancelledError): void {
    leaveLine(this.#limiter, this);
  }
}

function checkAmount(amount: unknown): void {
  if (typeof amount !== "number") {
    throw new TypeError(
      `Cannot acquire ${describeType(amount)}: amount is a number, as in acquire(2)`,
    );
  }
  if (!(amount >= 0)) {
    throw new RangeError(`Cannot acquire ${amount}: amount is 0 or above, received ${amount}`);
  }
}

staysInThread(
  "pass a function that uses it: toThread(work, (step) => limiter.with(() => save(step)))",
  RateLimiter,
);
