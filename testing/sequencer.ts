import { RuntimeError } from "../runtime/errors/exceptions.ts";
import { Waiter } from "../runtime/core/wait.ts";

/**
 * Brings pieces of several tasks into a fixed order: the body at position 0 runs first, that at position 1 when it has
 * ended, and so on.
 *
 * - Each position is taken once.
 * - When one that waits for its turn is cancelled, the order can't be kept any more: all others fail.
 *
 * @example
 * ```ts
 * import { gather } from "@asyncio/asyncio";
 * import { runTest, Sequencer } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * await runTest(async () => {
 *   const order: number[] = [];
 *   const sequence = new Sequencer();
 *   const at = (position: number) => () => sequence.at(position, () => order.push(position));
 *   await gather([at(2), at(0), at(1)]);
 *   assert.deepEqual(order, [0, 1, 2]);
 * });
 * ```
 */
export class Sequencer {
  readonly #taken: Set<number> = new Set();
  readonly #waiting: Map<number, Waiter<void>> = new Map();
  #next = 0;
  #broken = false;

  /** Position 0 is next. */
  constructor() {}

  /**
   * Waits until all earlier positions are over, then runs the body. Position 0 does not wait.
   *
   * @returns what the body returns
   * @throws {RangeError} if the position is not an integer from 0 up
   * @throws {RuntimeError} if the position is taken already, or another one was cancelled while it waited
   */
  async at<R>(position: number, body: () => R | PromiseLike<R>): Promise<R> {
    if (!Number.isInteger(position) || position < 0) {
      throw new RangeError(
        `Cannot take a position: it must be a whole number from 0 on, received ${position}`,
      );
    }
    if (this.#taken.has(position)) {
      throw new RuntimeError(
        `Cannot take a position: each is taken once, received ${position} again`,
      );
    }
    this.#taken.add(position);
    await this.#turn(position);
    try {
      return await body();
    } finally {
      this.#next++;
      this.#waiting.get(this.#next)?.wakeWith(undefined);
    }
  }

  async #turn(position: number): Promise<void> {
    if (position > this.#next && !this.#broken) {
      const wait = new Waiter<void>(`position ${position} of a sequence at ${this.#next}`);
      this.#waiting.set(position, wait);
      try {
        await wait.promise;
      } catch (error) {
        this.#breakUp();
        throw error;
      } finally {
        this.#waiting.delete(position);
      }
    }
    if (this.#broken) {
      throw new RuntimeError("the sequence is broken: another position was cancelled");
    }
  }

  #breakUp(): void {
    this.#broken = true;
    for (const wait of this.#waiting.values()) wait.wakeWith(undefined);
  }
}
