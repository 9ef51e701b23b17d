import { describeType } from "./_describe.ts";
import { type Delay, toSeconds } from "./durations.ts";
import {
  addEntry,
  coreOf,
  Future,
  type FutureEntry,
  removeEntry,
  takeException,
} from "./_future.ts";
import { currentScope } from "./_frame.ts";
import { isFuture } from "./futures.ts";
import type { LoopCore } from "./_loop_core.ts";
import type { ReadyEntry, Turn } from "./_scheduler.ts";
import { InternalTimer } from "./_internal_timer.ts";
import { Wait } from "./_wait.ts";

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

const CHOICES: readonly unknown[] = [FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED];

/** The wait for some of several futures. Cancelling it leaves them alone. */
class SeveralWait extends Wait<void> {
  #left: number;
  readonly #when: ReturnWhen;
  readonly #entries: SeveralEntry[] = [];
  #timer: InternalTimer | null = null;

  constructor(futures: ReadonlySet<Future<unknown>>, timeout: number | null, when: ReturnWhen) {
    super(currentScope());
    this.#when = when;
    this.#left = 0;
    for (const future of futures) {
      if (future.done()) continue;
      this.#left++;
      const entry = new SeveralEntry(future, this);
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
    return `${this.#left} of ${this.#entries.length} futures`;
  }

  protected onWake(): void {
    this.#leave();
  }

  protected override onCancel(): void {
    this.#leave();
  }

  #leave(): void {
    this.#timer?.cancel();
    for (const entry of this.#entries) removeEntry(entry.future, entry);
  }
}

class SeveralEntry implements FutureEntry, ReadyEntry {
  readonly future: Future<unknown>;
  readonly #wait: SeveralWait;

  constructor(future: Future<unknown>, wait: SeveralWait) {
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
  return !future.cancelled() && future.exception() !== null;
}

/**
 * Waits until some or all of the futures are done, and returns `[done, pending]`. It cancels none, and throws none of their
 * errors, at a timeout neither.
 *
 * asyncio: `asyncio.wait()`
 *
 * @throws {TypeError} when given a coroutine or promise: make it a task first
 * @throws {RangeError} when given nothing, or an unknown `returnWhen`
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
export async function wait<F extends Future<unknown>>(
  fs: Iterable<F>,
  options: { timeout?: Delay | null; returnWhen?: ReturnWhen } = {},
): Promise<[done: Set<F>, pending: Set<F>]> {
  const futures = futuresOf(fs);
  const { timeout = null, returnWhen = ALL_COMPLETED } = options;
  if (futures.size === 0) throw new RangeError("Set of Tasks/Futures is empty.");
  if (!CHOICES.includes(returnWhen)) {
    throw new RangeError(`Invalid returnWhen value: ${String(returnWhen)}`);
  }
  for (const future of futures) {
    if (isFuture(future)) continue;
    throw new TypeError(
      `wait() takes futures and tasks only, got ${
        describeType(future)
      }: make it a task with createTask()`,
    );
  }
  const seconds = timeout === null ? null : toSeconds(timeout);
  if (!isSatisfied(futures, returnWhen)) {
    await new SeveralWait(futures as ReadonlySet<Future<unknown>>, seconds, returnWhen).promise;
  }
  const done = new Set<F>();
  const pending = new Set<F>();
  for (const future of futures) (future.done() ? done : pending).add(future);
  return [done, pending];
}

function futuresOf<F>(fs: Iterable<F>): Set<F> {
  if (isFuture(fs) || typeof fs !== "object" || fs === null || !(Symbol.iterator in fs)) {
    throw new TypeError(
      `wait() takes an iterable of futures, got ${describeType(fs)}: write wait([task])`,
    );
  }
  return new Set(fs);
}

/** What is so already needs no wait. */
function isSatisfied(futures: ReadonlySet<Future<unknown>>, when: ReturnWhen): boolean {
  let done = 0;
  for (const future of futures) {
    if (!future.done()) continue;
    done++;
    if (when === FIRST_COMPLETED || (when === FIRST_EXCEPTION && failedQuietly(future))) {
      return true;
    }
  }
  return done === futures.size;
}

function failedQuietly(future: Future<unknown>): boolean {
  return !future.cancelled() && takeException(future) !== null;
}
