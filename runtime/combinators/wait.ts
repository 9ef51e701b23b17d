import { anything, duration, type OptionsOf, optionsOf, orNull } from "../base/options.ts";
import { describeType } from "../base/format.ts";
import { isCancelled } from "../core/cancelled.ts";
import type { CancelledError } from "../errors/exceptions.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import {
  addEntry,
  coreOf,
  type Future,
  type FutureEntry,
  removeEntry,
  takeFailure,
} from "../tasks/future.ts";
import { currentScope } from "../core/frame.ts";
import { isFuture } from "../tasks/task_functions.ts";
import type { LoopCore } from "../core/loop_core.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";
import { InternalTimer } from "../core/timers.ts";
import { Wait } from "../core/wait.ts";
import { HOUR, warnOfHours } from "../core/debug_warnings.ts";

/** Return when any is done. */
export const FIRST_COMPLETED = "FIRST_COMPLETED" as const;
/** Return when any has failed, or all are done. */
export const FIRST_EXCEPTION = "FIRST_EXCEPTION" as const;
/** Return when all are done. */
export const ALL_COMPLETED = "ALL_COMPLETED" as const;
/** When {@linkcode wait} returns. */
export type ReturnWhen =
  | typeof FIRST_COMPLETED
  | typeof FIRST_EXCEPTION
  | typeof ALL_COMPLETED;

const OPTIONS: OptionsOf<{ timeout?: Delay | null; returnWhen?: ReturnWhen }> = optionsOf(
  "{ timeout: 5 }",
  { timeout: orNull(duration), returnWhen: anything() },
  { loop: "the futures tell it" },
);
const CHOICES: readonly unknown[] = [FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED];

type Sets<F> = [done: Set<F>, pending: Set<F>];

/** The wait for some of several futures. Cancelling it leaves them alone. */
class SeveralWait<F extends Future<unknown>> extends Wait<Sets<F>> {
  readonly #futures: ReadonlySet<F>;
  readonly #when: ReturnWhen;
  readonly #entries: SeveralEntry[] = [];
  #left: number;
  #timer: InternalTimer | null = null;

  constructor(futures: ReadonlySet<F>, timeout: number | null, when: ReturnWhen) {
    super(currentScope());
    this.#futures = futures;
    this.#when = when;
    this.#left = futures.size;
    if (!this.pending) return;
    // What is done already is notified through the loop as well: so each wait() passes through it, and none can starve it.
    for (const future of futures) {
      const entry = new SeveralEntry(future, this as unknown as Counter);
      this.#entries.push(entry);
      addEntry(future, entry);
    }
    if (timeout !== null) {
      this.#timer = InternalTimer.after(this.scope.loop as LoopCore, timeout, () => this.wake());
    }
  }

  memberDone(future: Future<unknown>): void {
    this.#left--;
    if (this.#left <= 0 || this.#when === FIRST_COMPLETED) this.wake();
    else if (this.#when === FIRST_EXCEPTION && failed(future)) this.wake();
  }

  override describe(): string {
    return `${this.#left} of ${this.#futures.size} futures`;
  }

  protected onWake(): Sets<F> {
    this.#leave();
    const done = new Set<F>();
    const pending = new Set<F>();
    for (const future of this.#futures) (future.done() ? done : pending).add(future);
    return [done, pending];
  }

  protected override onCancel(): void {
    this.#leave();
  }

  #leave(): void {
    this.#timer?.cancel();
    for (const entry of this.#entries) removeEntry(entry.future, entry);
  }
}

interface Counter {
  readonly scope: { readonly task: object | null };
  memberDone(future: Future<unknown>): void;
}

class SeveralEntry implements FutureEntry, ReadyEntry {
  readonly future: Future<unknown>;
  readonly #wait: Counter;

  constructor(future: Future<unknown>, wait: Counter) {
    this.future = future;
    this.#wait = wait;
  }

  get awaiter(): object | null {
    return this.#wait.scope.task;
  }

  notify(): void {
    coreOf(this.future).scheduler.enqueue(this);
  }

  run(): Turn | null {
    this.#wait.memberDone(this.future);
    return null;
  }
}

function failed(future: Future<unknown>): boolean {
  return !future.cancelled() && takeFailure(future) !== null;
}

/**
 * Waits until some or all of the futures are done, and returns `[done, pending]`. It cancels none, and throws none of their
 * errors, at a timeout neither.
 *
 * asyncio: `asyncio.wait()`
 *
 * @throws {TypeError} if given a coroutine or promise: make it a task first; when the options are not an object
 * @throws {RangeError} if given nothing, or an unknown `returnWhen`
 *
 * @example
 * ```ts
 * import { createTask, FIRST_COMPLETED, run, sleep, wait } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const quick = createTask(() => sleep(0, "quick"));
 *   const slow = createTask(() => sleep(3600, "slow"));
 *   const [done, pending] = await wait([quick, slow], { returnWhen: FIRST_COMPLETED });
 *   assert.deepEqual([done.has(quick), pending.has(slow)], [true, true]);
 * });
 * ```
 */
export function wait<F extends Future<unknown>>(
  fs: Iterable<F>,
  options?: { timeout?: Delay | null; returnWhen?: ReturnWhen },
): Promise<[done: Set<F>, pending: Set<F>]> {
  try {
    const futures = futuresOf(fs);
    if (options !== undefined) OPTIONS.check(options, "wait()");
    const { timeout = null, returnWhen = ALL_COMPLETED } = options ?? {};
    requireMembers(futures, returnWhen);
    const seconds = timeout === null ? null : toSeconds(timeout);
    if (seconds !== null && seconds > HOUR) warnOfHours("wait", timeout, currentScope().loop);
    return new SeveralWait(futures, seconds, returnWhen).promise;
  } catch (error) {
    return Promise.reject(error);
  }
}

function requireMembers(futures: ReadonlySet<unknown>, returnWhen: ReturnWhen): void {
  if (futures.size === 0) throw new RangeError("Set of Tasks/Futures is empty.");
  if (!CHOICES.includes(returnWhen)) {
    throw new RangeError(
      `Cannot call wait(): returnWhen must be one of ${CHOICES.join(", ")}, received ${
        String(returnWhen)
      }`,
    );
  }
  for (const future of futures) {
    if (isFuture(future)) continue;
    throw new TypeError(
      `Cannot call wait(): its members must be futures or tasks, received ${
        describeType(future)
      }; make it a task with createTask()`,
    );
  }
}

function futuresOf<F>(fs: Iterable<F>): Set<F> {
  if (isFuture(fs) || typeof fs !== "object" || fs === null || !(Symbol.iterator in fs)) {
    throw new TypeError(
      `Cannot call wait(): the futures must be iterable, received ${
        describeType(fs)
      }; write wait([task])`,
    );
  }
  return new Set(fs);
}

/**
 * Waits until all are done and their callbacks have run. A cancellation meanwhile is passed on to them, and returned in the
 * end.
 */
export async function untilDone(
  futures: Iterable<Future<unknown>>,
): Promise<CancelledError | null> {
  let interrupted: CancelledError | null = null;
  let left = [...futures];
  for (; left.length > 0; left = left.filter((future) => !future.done())) {
    try {
      await wait(left);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      interrupted ??= error;
      for (const future of left) future.cancel(error.message || undefined);
    }
  }
  return interrupted;
}
