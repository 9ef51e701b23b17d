import { BrokenBarrierError } from "../runtime/errors/exceptions.ts";
import { describeType, display, showAs, staysInThread } from "../runtime/base/format.ts";
import { currentScope } from "../runtime/core/frame.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import { Condition } from "./condition.ts";
import { LoopBinding, type Statistics } from "./wait_list.ts";

/**
 * - `filling`: tasks arrive and wait. The last one of a party leads to `draining`, `reset()` with tasks inside to `resetting`.
 * - `draining`: the tasks of a complete party leave. The last to leave leads back to `filling`.
 * - `resetting`: the tasks that waited leave with an error. The last to leave leads back to `filling`.
 * - `broken`: by `abort()`; only `reset()` leads out.
 */
type State = "filling" | "draining" | "resetting" | "broken";

/**
 * Lets tasks go on only when a given number of them has arrived (`asyncio.Barrier`).
 *
 * - The last to arrive goes on first, without waiting; then the others in the order of their arrival.
 * - It can be used again and again: a task that comes back while others still leave waits for the next round.
 * - A waiter that is cancelled no longer counts; the others keep waiting.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Barrier, gather, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const start = new Barrier(3);
 *   const runner = () => start.wait();
 *   assert.deepEqual(await gather([runner, runner, runner]), [0, 1, 2]);
 * });
 * ```
 */
export class Barrier {
  readonly #parties: number;
  readonly #condition: Condition = new PartyCondition(this);
  readonly #binding: LoopBinding = new LoopBinding();
  #state: State = "filling";
  /** How many tasks are inside, waiting or leaving. */
  #count = 0;
  /** What the tasks inside will return. */
  readonly #indexes: Set<number> = new Set();

  /**
   * An empty barrier.
   *
   * @param parties how many must arrive: a whole number from 1 on
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is less than 1, or not whole
   */
  constructor(parties: number) {
    if (typeof parties !== "number") {
      throw new TypeError(
        `Cannot make a barrier: parties must be a number, received ${describeType(parties)}`,
      );
    }
    if (!(parties >= 1) || !Number.isInteger(parties)) {
      throw new RangeError(
        `Cannot make a barrier: parties must be > 0 and a whole number, received ${parties}`,
      );
    }
    this.#parties = parties;
  }

  /** How many must arrive. */
  get parties(): number {
    return this.#parties;
  }

  /** How many wait for the others to arrive; 0 while a completed party leaves. */
  get nWaiting(): number {
    return this.#state === "filling" ? this.#count : 0;
  }

  /** Whether `abort()` was called, and `reset()` not since. */
  get broken(): boolean {
    return this.#state === "broken";
  }

  /** `waiting`, `parties`, and `state`: "filling", "draining", "resetting" or "broken". */
  statistics(): Statistics {
    return { waiting: this.nWaiting, parties: this.#parties, state: this.#state };
  }

  /**
   * Arrives, and waits until all parties have.
   *
   * @returns 0 for the first to arrive, up to `parties - 1`; of one that was cancelled, the next to arrive has the number
   * @throws {BrokenBarrierError} if the barrier is, or meanwhile gets, aborted or reset
   * @throws {CancelledError} if the wait is cancelled
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  wait(): Promise<number> {
    try {
      if (this.#mustWait()) this.#binding.enter(currentScope().loop, this);
    } catch (error) {
      return Promise.reject(error);
    }
    return inOwnScope(() => this.#condition.with(() => this.#pass()));
  }

  /**
   * Waits for all parties, then runs `body` with the index of arrival; Python's `async with barrier`. Nothing happens when
   * `body` ends.
   *
   * @returns what `body` returns
   */
  with<R>(body: (index: number) => R | PromiseLike<R>): Promise<R> {
    return inOwnScope(async () => await body(await this.wait()));
  }

  /** Back to empty and unbroken. Waiting tasks get a BrokenBarrierError. */
  reset(): Promise<void> {
    return this.#condition.with(() => {
      this.#state = this.#count > 0 ? "resetting" : "filling";
      this.#condition.notifyAll();
    });
  }

  /** Breaks the barrier: waiting tasks, and all that come before the next `reset()`, get a BrokenBarrierError. */
  abort(): Promise<void> {
    return this.#condition.with(() => {
      this.#state = "broken";
      this.#condition.notifyAll();
    });
  }

  /** `<Barrier #1 [filling, waiters:1/3]>`, `<Barrier #1 [broken]>` */
  toString(): string {
    const waiters = this.broken ? "" : `, waiters:${this.nWaiting}/${this.#parties}`;
    return display(this, `${this.#state}${waiters}`, 0);
  }

  #mustWait(): boolean {
    if (this.#condition.locked()) return true;
    if (this.#state === "filling") return this.#count + 1 < this.#parties;
    return this.#state !== "broken";
  }

  /** One visit; the condition's lock is held. */
  async #pass(): Promise<number> {
    const condition = this.#condition;
    await condition.waitFor(() => this.#state !== "draining" && this.#state !== "resetting");
    if (this.#state === "broken") {
      throw new BrokenBarrierError("Barrier aborted: reset() makes it usable again");
    }
    const index = this.#takeIndex();
    try {
      if (++this.#count === this.#parties) {
        this.#state = "draining";
        condition.notifyAll();
      } else {
        await condition.waitFor(() => this.#state !== "filling");
        if (this.#stateNow() !== "draining") {
          throw new BrokenBarrierError("Abort or reset of barrier while this one was waiting");
        }
      }
      return index;
    } finally {
      this.#indexes.delete(index);
      this.#exit();
    }
  }

  /** One that no task inside has: a cancelled one has left a gap. */
  #takeIndex(): number {
    let index = this.#indexes.has(this.#count) ? 0 : this.#count;
    while (this.#indexes.has(index)) index++;
    this.#indexes.add(index);
    return index;
  }

  /** The state read again, since the compiler believes that an await changes nothing. */
  #stateNow(): State {
    return this.#state;
  }

  #exit(): void {
    if (--this.#count > 0) return;
    if (this.#state === "draining" || this.#state === "resetting") this.#state = "filling";
    // Wakes the tasks that came too early for the next round.
    this.#condition.notifyAll();
  }

  static {
    showAs(this.prototype);
  }
}

/** Reports show that a task waits for the barrier, not for the condition inside. */
class PartyCondition extends Condition {
  readonly #barrier: Barrier;

  constructor(barrier: Barrier) {
    super();
    this.#barrier = barrier;
  }

  override toString(): string {
    return String(this.#barrier);
  }
}

staysInThread("pass a function that uses it: toThread(work, () => barrier.wait())", Barrier);
