import { type Delay, toSeconds } from "../base/durations.ts";
import { currentScope } from "../core/frame.ts";
import type { LoopCore } from "../core/loop_core.ts";
import type { Scope } from "../core/scope.ts";
import type { Turn } from "../core/scheduler.ts";
import type { TimerEntry } from "../base/containers.ts";
import { Wait } from "../core/wait.ts";
import { HOUR, warnOfHours } from "../core/debug_warnings.ts";

/** A bare pass through the loop. */
class YieldWait<T> extends Wait<T> {
  readonly #result: T;

  constructor(scope: Scope, result: T) {
    super(scope, scope.loop.scheduler, false);
    this.#result = result;
    // It was woken before anything could cancel it: of several messages the last one holds.
    if (this.wake()) this.takeOpen();
  }

  override describe(): string {
    return "sleep(0)";
  }

  protected onWake(): T {
    return this.#result;
  }
}

/** A wait that is its own entry in the timer heap. */
class SleepWait<T> extends Wait<T> implements TimerEntry {
  readonly whenDue: number;
  order = 0;
  readonly #result: T;
  /** It left the heap, and stands in the ready queue as the timer that it was. */
  #rings = false;

  constructor(scope: Scope, seconds: number, result: T) {
    super(scope);
    this.#result = result;
    const now = (scope.loop as LoopCore).time();
    this.whenDue = now + seconds;
    if (!this.pending) return;
    this.scheduler.addTimer(this, now);
  }

  get live(): boolean {
    return this.pending;
  }

  due(): void {
    this.#rings = true;
    this.scheduler.enqueue(this);
  }

  /**
   * Twice: as a timer it runs with those that are due in the same iteration, and as a wait in the next one, so that a
   * deadline due with it still interrupts it.
   */
  override run(): Turn | null {
    if (!this.#rings) return super.run();
    this.#rings = false;
    this.wake();
    return null;
  }

  override cancel(request: Parameters<Wait<T>["cancel"]>[0]): boolean {
    const inHeap = this.pending && !this.#rings;
    const taken = super.cancel(request);
    if (inHeap) this.scheduler.noteDeadTimer();
    return taken;
  }

  override describe(): string {
    return `sleep until loop time ${this.whenDue.toFixed(3)}`;
  }

  protected onWake(): T {
    return this.#result;
  }
}

/**
 * Waits for `delay` (seconds, or an object like `{ milliseconds: 250 }`) and resolves to `result`. Zero or less waits for
 * one pass of the loop, in which everything that is ready gets its turn.
 *
 * asyncio: `asyncio.sleep()`
 *
 * @throws {RangeError} if the delay is NaN
 * @throws {TypeError} if it is not a delay
 * @throws {CancelledError} if the waiting task is cancelled
 *
 * @example
 * ```ts
 * import { run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   await sleep({ milliseconds: 5 });
 *   assert.equal(await sleep(0, "done"), "done");
 * });
 * ```
 */
export function sleep(delay: Delay): Promise<void>;
/** Like the form without a result, and resolves to `result`. */
export function sleep<T>(delay: Delay, result: T): Promise<T>;
export function sleep(delay: Delay, result?: unknown): Promise<unknown> {
  let seconds: number;
  try {
    seconds = toSeconds(delay);
  } catch (error) {
    return Promise.reject(error);
  }
  const scope = currentScope();
  if (seconds > HOUR) warnOfHours("sleep", delay, scope.loop);
  const wait = seconds <= 0 ? new YieldWait(scope, result) : new SleepWait(scope, seconds, result);
  return wait.promise;
}
