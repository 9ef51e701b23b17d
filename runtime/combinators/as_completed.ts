import { currentLoop } from "../tasks/task_options.ts";
import { forgiving } from "../core/cancelled.ts";
import { duration, limit, type OptionsOf, optionsOf, orNull } from "../base/options.ts";
import { type Awaitable, isAsyncSource, type ResultOf } from "../base/functions.ts";
import { describeSeconds, describeType } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { asFuture } from "./ensure_future.ts";
import { TimeoutError } from "../errors/exceptions.ts";
import { addEntry, coreOf, type Future, type FutureEntry, removeEntry } from "../tasks/future.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { type Completed, LimitedCompletion } from "./limited.ts";
import { InternalTimer } from "../core/timers.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";
import { Wait } from "../core/wait.ts";
import { HOUR, warnOfHours } from "../core/debug_warnings.ts";

const OPTIONS: OptionsOf<{ timeout?: Delay | null; limit?: number }> = optionsOf(
  "{ timeout: 5 }",
  { timeout: orNull(duration), limit },
  { loop: "the futures tell it", concurrency: "write limit" },
);

/** Stands in the line of finished futures for one that did not make it in time. */
const TOO_LATE = null;
type Arrival<T> = Future<T> | typeof TOO_LATE;

class ArrivalWait<T> extends Wait<Arrival<T>[]> {
  readonly #line: CompletionLine<T>;
  #handedOut: Promise<unknown> = this.promise;
  /** It has left the line: with an arrival, cancelled, or with its iterator. */
  #ended = false;

  constructor(line: CompletionLine<T>) {
    super();
    this.#line = line;
  }

  override get handedOut(): Promise<unknown> {
    return this.#handedOut;
  }

  override set handedOut(promise: Promise<unknown>) {
    this.#handedOut = promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.#handedOut;
  }

  override describe(): string {
    return "the next future of asCompleted()";
  }

  /** The program has left the iterator: this wait takes nothing, and passes on what it had been woken for. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.pending) {
      this.#line.remove(this);
      this.wake();
    } else this.#line.leave(this);
  }

  // Boxed: a bare future would be unwrapped by the promise. Empty: there is none.
  protected onWake(): Arrival<T>[] {
    if (this.#ended) return [];
    this.#ended = true;
    return [this.#line.take(this)];
  }

  protected override onCancel(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#line.leave(this);
  }
}

/** The futures in order of their completion, and the waits for the next one. */
class CompletionLine<T> {
  readonly #open: Map<Future<T>, CompletionEntry<T>> = new Map();
  readonly #arrived: Arrival<T>[] = [];
  readonly #waiting: ArrivalWait<T>[] = [];
  readonly #timer: InternalTimer | null = null;
  readonly #indexes: ReadonlyMap<Future<T>, number>;
  readonly #timeout: number | null;
  /** How many are still to be given out. */
  left: number;

  constructor(indexes: ReadonlyMap<Future<T>, number>, timeout: number | null, loop: LoopCore) {
    this.#indexes = indexes;
    this.#timeout = timeout;
    this.left = indexes.size;
    for (const future of indexes.keys()) {
      const entry = new CompletionEntry(future, this);
      this.#open.set(future, entry);
      addEntry(future as Future<unknown>, entry);
    }
    if (timeout !== null && this.#open.size > 0) {
      this.#timer = InternalTimer.after(loop, timeout, () => this.#giveUp());
    }
  }

  indexOf(future: Future<T>): number {
    return this.#indexes.get(future)!;
  }

  arrived(future: Future<T>): void {
    if (!this.#open.delete(future)) return;
    this.#arrive(future);
    if (this.#open.size === 0) this.#timer?.cancel();
  }

  /** What stands in for the result of a future that did not make it in time. */
  tooLate(): TimeoutError {
    const futures = [...this.#indexes.keys()];
    const done = futures.filter((future) => future.done()).length;
    const limit = describeSeconds(this.#timeout ?? 0);
    return new TimeoutError(
      `asCompleted() timed out after ${limit}: ${done} of ${futures.length} are done`,
    );
  }

  /** The next finished future, boxed; null where it has to be waited for. */
  takeArrived(): Arrival<T>[] | null {
    if (this.#arrived.length <= this.#promised || this.#waiting.length > 0) return null;
    return [this.#arrived.shift() as Arrival<T>];
  }

  /** Waits for the next finished future. */
  enter(): ArrivalWait<T> {
    const wait = new ArrivalWait(this);
    this.#waiting.push(wait);
    return wait;
  }

  /** Resolves to the result of the next future that is finished. */
  valueOfNext(): Promise<T> {
    const arrived = this.takeArrived();
    if (arrived !== null) return forgiving(valueOf(Promise.resolve(arrived), this));
    const wait = this.enter();
    const promise = forgiving(valueOf(wait.promise, this));
    wait.handedOut = promise;
    return promise;
  }

  take(wait: ArrivalWait<T>): Arrival<T> {
    this.remove(wait);
    this.#promised--;
    return this.#arrived.shift() as Arrival<T>;
  }

  /** A cancelled waiter passes on the arrival that it had been woken for. */
  leave(wait: ArrivalWait<T>): void {
    this.remove(wait);
    if (!wait.woken) return;
    this.#promised--;
    this.#wakeNext();
  }

  /** Arrivals that a woken waiter is on its way to take. */
  #promised = 0;

  #arrive(arrival: Arrival<T>): void {
    this.#arrived.push(arrival);
    this.#wakeNext();
  }

  #wakeNext(): void {
    if (this.#arrived.length <= this.#promised) return;
    for (const wait of this.#waiting) {
      if (!wait.wake()) continue;
      this.#promised++;
      return;
    }
  }

  /** Each wait is removed once. */
  remove(wait: ArrivalWait<T>): void {
    this.#waiting.splice(this.#waiting.indexOf(wait), 1);
  }

  #giveUp(): void {
    for (const [future, entry] of this.#open) {
      removeEntry(future as Future<unknown>, entry);
      this.#arrive(TOO_LATE);
    }
    this.#open.clear();
  }

  get awaiter(): object | null {
    return this.#waiting[0]?.scope.task ?? null;
  }
}

class CompletionEntry<T> implements FutureEntry, ReadyEntry {
  readonly #future: Future<T>;
  readonly #line: CompletionLine<T>;

  constructor(future: Future<T>, line: CompletionLine<T>) {
    this.#future = future;
    this.#line = line;
  }

  get awaiter(): object | null {
    return this.#line.awaiter;
  }

  notify(): void {
    coreOf(this.#future as Future<unknown>).scheduler.enqueue(this);
  }

  run(): Turn | null {
    this.#line.arrived(this.#future);
    return null;
  }
}

/** Both forms of iteration, over one line. */
class AsCompleted<T> implements Iterable<Promise<T>>, AsyncIterable<Completed<T>> {
  readonly #line: CompletionLine<T>;

  constructor(line: CompletionLine<T>) {
    this.#line = line;
  }

  *[Symbol.iterator](): IterableIterator<Promise<T>> {
    while (this.#line.left > 0) {
      this.#line.left--;
      yield this.#line.valueOfNext();
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Completed<T>> {
    return new CompletedIterator(this.#line);
  }
}

/** Written out because an async generator that is left in the middle of a `next()` goes on until that has its arrival. */
class CompletedIterator<T> implements AsyncIterableIterator<Completed<T>, undefined, unknown> {
  readonly #line: CompletionLine<T>;
  readonly #waits: Set<ArrivalWait<T>> = new Set();
  #ended = false;

  constructor(line: CompletionLine<T>) {
    this.#line = line;
  }

  next(): Promise<IteratorResult<Completed<T>, undefined>> {
    const line = this.#line;
    if (this.#ended || line.left <= 0) return Promise.resolve({ value: undefined, done: true });
    line.left--;
    const arrived = line.takeArrived();
    if (arrived !== null) return forgiving(Promise.resolve(arrived).then((box) => this.#give(box)));
    const wait = line.enter();
    this.#waits.add(wait);
    const promise = forgiving(this.#settle(wait));
    wait.handedOut = promise;
    return promise;
  }

  /** The loop was left. A `next()` under way is done, and what it waited for comes when the line is taken up again. */
  return(): Promise<IteratorResult<Completed<T>, undefined>> {
    this.#ended = true;
    for (const wait of this.#waits) wait.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #settle(wait: ArrivalWait<T>): Promise<IteratorResult<Completed<T>, undefined>> {
    try {
      return this.#give(await wait.promise);
    } catch (error) {
      if (wait.cancelled) this.#line.left++;
      throw error;
    } finally {
      this.#waits.delete(wait);
    }
  }

  #give([future]: Arrival<T>[]): IteratorResult<Completed<T>, undefined> {
    const line = this.#line;
    if (future === undefined) {
      line.left++;
      return { value: undefined, done: true };
    }
    if (future !== TOO_LATE) {
      const index = line.indexOf(future);
      return { value: { future, index, result: () => future.result() }, done: false };
    }
    this.#ended = true;
    throw line.tooLate();
  }
}

async function valueOf<T>(next: Promise<Arrival<T>[]>, line: CompletionLine<T>): Promise<T> {
  const [future = TOO_LATE] = await next;
  if (future === TOO_LATE) throw line.tooLate();
  return future.result();
}

/**
 * The results of several awaitables as they come.
 *
 * - Iterated plainly: promises; the k-th one that is awaited resolves to the k-th result.
 * - With `for await`: items that hold the future which is done, its index and its result.
 * - After `timeout`, the promises of what is not done reject, and the `for await` loop throws. Nothing is cancelled.
 * - All iterators share the progress: a loop that was left can be taken up again.
 * - With `limit`, and with an async iterable, the source is read as the work goes on: at most `limit` run at once, begun in
 *   order, and no more than `limit` results are ahead of the loop. Leaving the loop then cancels what runs, and a `for await`
 *   waits for that. What comes of an async iterable is iterated with `for await`.
 *
 * asyncio: `asyncio.as_completed()`
 *
 * @throws {TypeError} if given something that can't be iterated, or that holds something that can't be awaited
 * @throws {RangeError} if `limit` is below 1
 *
 * @example
 * ```ts
 * import { asCompleted, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const results: string[] = [];
 *   for (const next of asCompleted([() => sleep(0.02, "slow"), () => sleep(0, "quick")])) {
 *     results.push(await next);
 *   }
 *   assert.deepEqual(results, ["quick", "slow"]);
 * });
 * ```
 */
export function asCompleted<T>(
  aws: Iterable<Awaitable<T>>,
  options?: { timeout?: Delay | null; limit?: number },
): Iterable<Promise<T>> & AsyncIterable<Completed<T>>;
/** The form for awaitables of several types. */
export function asCompleted<A extends Awaitable<unknown>>(
  aws: Iterable<A>,
  options?: { timeout?: Delay | null; limit?: number },
): Iterable<Promise<ResultOf<A>>> & AsyncIterable<Completed<ResultOf<A>>>;
/** The form for async iterables, which are read as the work goes on. */
export function asCompleted<T>(
  aws: AsyncIterable<Awaitable<T>>,
  options?: { timeout?: Delay | null; limit?: number },
): AsyncIterable<Completed<T>>;
export function asCompleted<T>(
  aws: Iterable<Awaitable<T>> | AsyncIterable<Awaitable<T>>,
  options: { timeout?: Delay | null; limit?: number } = {},
): Iterable<Promise<T>> & AsyncIterable<Completed<T>> {
  const lazily = isAsyncSource(aws);
  if (
    isFuture(aws) || typeof aws !== "object" || aws === null ||
    (!lazily && !(Symbol.iterator in aws))
  ) {
    throw new TypeError(
      `Cannot call asCompleted(): the awaitables must be iterable, received ${
        describeType(aws)
      }; write asCompleted([task])`,
    );
  }
  OPTIONS.check(options, "asCompleted()");
  const timeout = options.timeout === undefined || options.timeout === null
    ? null
    : toSeconds(options.timeout);
  if (lazily || options.limit !== undefined) {
    const current = currentLoop();
    if (timeout !== null && timeout > HOUR) warnOfHours("asCompleted", options.timeout, current);
    return new LimitedCompletion(aws, options.limit ?? Infinity, timeout, current);
  }
  const given = [...aws as Iterable<Awaitable<T>>];
  const loop = given.find((aw): aw is Future<T> => isFuture(aw))?.getLoop() ??
    currentLoop();
  if (timeout !== null && timeout > HOUR) warnOfHours("asCompleted", options.timeout, loop);
  const indexes = new Map<Future<T>, number>();
  given.forEach((aw, index) => {
    const future = asFuture(aw, loop);
    if (!indexes.has(future)) indexes.set(future, index);
  });
  return new AsCompleted(new CompletionLine(indexes, timeout, loop[core]));
}
