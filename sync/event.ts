import { currentScope } from "../runtime/core/frame.ts";
import { display, showAs, staysInThread } from "../runtime/base/format.ts";
import { LoopBinding, SignalWait, type Statistics, WaitList } from "./wait_list.ts";

/**
 * A flag that tasks can wait for (`asyncio.Event`).
 *
 * - `set()` wakes all waiters, in their order; `clear()` does not take that back.
 * - Waiting for a flag that is set passes no turn of the loop.
 * - Not to be confused with the DOM's `Event`, which it hides where it is imported.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createTask, Event, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const ready = new Event();
 *   const waiter = createTask(() => ready.wait());
 *   ready.set();
 *   assert.equal(await waiter, true);
 * });
 * ```
 */
export class Event {
  #value = false;
  readonly #waits: WaitList = new WaitList();
  readonly #binding: LoopBinding = new LoopBinding();

  /** Whether the flag is set. */
  isSet(): boolean {
    return this.#value;
  }

  /** Sets the flag and wakes all waiters. */
  set(): void {
    if (this.#value) return;
    this.#value = true;
    this.#waits.wake(Infinity);
  }

  /** Resets the flag: a `wait()` from now on waits for the next `set()`. */
  clear(): void {
    this.#value = false;
  }

  /**
   * Waits until the flag is set. It may be cleared again by the time the waiter runs.
   *
   * @throws {CancelledError} if the wait is cancelled
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  wait(): Promise<true> {
    if (this.#value) return Promise.resolve(true as const);
    const scope = currentScope();
    try {
      this.#binding.enter(scope.loop, this);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#waits.add(new SignalWait(scope, true as const, () => `${this}.wait()`));
  }

  /** `waiting` and `set`. */
  statistics(): Statistics {
    return { waiting: this.#waits.length, set: this.#value };
  }

  /** `<Event #1 [unset]>`, `<Event #1 [unset, waiters:2]>` */
  toString(): string {
    return display(this, this.#value ? "set" : "unset", this.#waits.length);
  }

  static {
    showAs(this.prototype);
  }
}

staysInThread("pass a function that uses it: toThread(work, () => event.wait())", Event);
