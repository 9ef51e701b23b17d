import type { EventLoop } from "../event_loop.ts";
import type { Delay } from "../runtime/base/durations.ts";
import type { TestOptions } from "./test_options.ts";
import { VirtualEventLoop } from "./virtual_event_loop.ts";

/**
 * A loop whose clock jumps to the next timer as soon as nothing else can run. {@linkcode runTest} makes one for a whole test;
 * this is for the low-level API and for `run(main, { loopFactory: () => new TestLoop() })`.
 *
 * - While an operation of the host is under way (a connect, a child, a job in a thread) the clock stands still for up to a
 *   real second, and after that runs as the wall's does. While transports are open it jumps when they have been silent for
 *   some real milliseconds.
 * - A task in an await that is not asyncio's (`await fetch(url)`) gets 200 real milliseconds before the clock moves on.
 * - A run in which nothing can ever happen again rejects with {@linkcode DeadlockError}.
 *
 * @example
 * ```ts
 * import { EventLoop, sleep } from "@asyncio/asyncio";
 * import { TestLoop } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * const loop: EventLoop = new TestLoop({ startTime: 100 });
 * await loop.runUntilComplete(() => sleep(3600));
 * assert.equal(loop.time(), 3700);
 * loop.close();
 * ```
 */
export interface TestLoop extends EventLoop {
  /**
   * Moves the clock by hand and runs what becomes due, in order; the clock does not wait for the outside meanwhile.
   *
   * @throws {RangeError} when the delay is negative, infinite or NaN
   * @throws {TypeError} when it is no delay
   */
  advance(delay: Delay): Promise<void>;
  /** Runs everything that can run without moving the clock. */
  settle(): Promise<void>;
}

/** See the interface of the same name. */
export const TestLoop: { new (options?: TestOptions): TestLoop } = VirtualEventLoop as unknown as {
  new (options?: TestOptions): TestLoop;
};
