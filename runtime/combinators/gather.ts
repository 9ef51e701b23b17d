import { describeType } from "../base/format.ts";
import { type Awaitable, isAsyncSource, type ResultOf } from "../base/functions.ts";
import { currentLoop } from "../tasks/task_options.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { flag, limit, type OptionsOf, optionsOf } from "../base/options.ts";
import { isCancelled, makeCancelledError } from "../core/cancelled.ts";
import { passing } from "../core/delivery.ts";
import { asFuture } from "./ensure_future.ts";
import {
  addEntry,
  cancelledErrorOf,
  coreOf,
  Future,
  type FutureEntry,
  markRetrieved,
  settleError,
  settleResult,
  takeFailure,
} from "../tasks/future.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { type ReaderOwner, type Source, SourceReader } from "./source_reader.ts";
import { InternalCallback } from "../tasks/handles.ts";

/** The option of whatever runs several at once: {@linkcode gather}, `asCompleted`, `TaskGroup`. */
export interface LimitOption {
  /** At most so many run at once, started in order; from 1. By default all do. */
  limit?: number;
}

const OPTIONS: OptionsOf<{ returnExceptions?: boolean } & LimitOption> = optionsOf(
  "{ returnExceptions: true }",
  { returnExceptions: flag, limit },
  { loop: "the futures tell it", concurrency: "write limit" },
);

/** The future of a gather: cancelling it cancels the children, and their ends end it. */
export class GatheringFuture extends Future<unknown[]> {
  readonly #children: readonly Future<unknown>[];
  /** Without duplicates; each is awaited once. */
  readonly #distinct: ReadonlySet<Future<unknown>>;
  readonly #returnExceptions: boolean;
  #finished = 0;
  #cancelRequested = false;

  constructor(children: Future<unknown>[], returnExceptions: boolean, loop: EventLoop) {
    super({ loop });
    this.#children = children;
    this.#distinct = new Set(children);
    this.#returnExceptions = returnExceptions;
    for (const child of this.#distinct) {
      // What is done already counts before this call returns.
      if (child.done()) this.childDone(child);
      else addEntry(child, new ChildEntry(this, child));
    }
  }

  /** What it waits for, done or not; for reports of deadlocks. */
  get members(): ReadonlySet<Future<unknown>> {
    return this.#distinct;
  }

  override cancel(message?: string): boolean {
    markRetrieved(this);
    if (this.done()) return false;
    let accepted = false;
    if (this.#distinct.size > 1) passing.last = false;
    for (const child of this.#distinct) {
      if (child.cancel(message)) accepted = true;
    }
    if (accepted) this.#cancelRequested = true;
    return accepted;
  }

  childDone(child: Future<unknown>): void {
    this.#finished++;
    if (this.done()) {
      if (!child.cancelled()) markRetrieved(child);
      return;
    }
    if (!this.#returnExceptions) {
      const failure = failureOf(child);
      if (failure !== null) {
        settleError(this, failure.error);
        return;
      }
    }
    if (this.#finished === this.#distinct.size) this.#finish();
  }

  #finish(): void {
    if (this.#cancelRequested) {
      // The last of the list, whichever ended last, as in CPython.
      const last = this.#children.at(-1)!;
      settleError(
        this,
        last.cancelled()
          ? failureOf(last)!.error
          : makeCancelledError(undefined, coreOf(this).getDebug()),
      );
      return;
    }
    settleResult(this, this.#children.map(outcomeOf));
  }

  static {
    Object.defineProperty(this, "name", { value: "GatheringFuture" });
  }
}

class ChildEntry implements FutureEntry, ReadyEntry {
  readonly awaiter: GatheringFuture;
  readonly #child: Future<unknown>;

  constructor(outer: GatheringFuture, child: Future<unknown>) {
    this.awaiter = outer;
    this.#child = child;
  }

  notify(): void {
    coreOf(this.#child).scheduler.enqueue(this);
  }

  run(): Turn | null {
    this.awaiter.childDone(this.#child);
    return null;
  }
}

/**
 * `gather(source, { limit })`: reads the source as there is room.
 *
 * As without a limit the first failure is thrown at once and the others go on, those that have not begun among them. Its
 * reader is a task, so the end of a run ends it with all others.
 */
class LimitedGather<T> extends Future<unknown[]> implements ReaderOwner<Awaitable<T>> {
  readonly #running: Set<Future<unknown>> = new Set();
  readonly #results: unknown[] = [];
  readonly #limit: number;
  readonly #returnExceptions: boolean;
  readonly #reader: SourceReader<Awaitable<T>>;
  /** How many are not done; a future may be given twice. */
  #left = 0;
  #reading = true;
  #cancelRequested: { readonly message: string | undefined } | null = null;

  constructor(
    source: Source<Awaitable<T>>,
    limit: number,
    returnExceptions: boolean,
    loop: EventLoop,
  ) {
    super({ loop });
    this.#limit = limit;
    this.#returnExceptions = returnExceptions;
    this.#reader = new SourceReader(source, this, loop, "gather()");
  }

  /** What it waits for; for reports of deadlocks. */
  get members(): ReadonlySet<Future<unknown>> {
    return this.#running;
  }

  get hasRoom(): boolean {
    return this.#left < this.#limit;
  }

  begin(aw: Awaitable<T>, index: number): void {
    const future: Future<unknown> = asFuture(aw, this.getLoop());
    this.#left++;
    this.#running.add(future);
    addEntry(future, new InternalCallback(future, () => this.#memberDone(future, index), this));
  }

  readingEnded(failure: { readonly error: unknown } | null): void {
    this.#reading = false;
    if (failure !== null) {
      if (!isCancelled(failure.error)) {
        if (this.done()) this.#reportLate(failure.error);
        else settleError(this as Future<unknown>, failure.error);
      } else if (!this.done()) this.cancel(failure.error.message || undefined);
    }
    this.#finishIfOver();
  }

  override cancel(message?: string): boolean {
    markRetrieved(this as Future<unknown>);
    if (this.done()) return false;
    this.#cancelRequested ??= { message };
    this.#reader.stop(message);
    for (const future of this.#running) future.cancel(message);
    return true;
  }

  #memberDone(future: Future<unknown>, index: number): void {
    this.#left--;
    this.#running.delete(future);
    if (this.done()) {
      if (!future.cancelled()) markRetrieved(future);
    } else {
      const error = future.cancelled() ? { error: cancelledErrorOf(future) } : takeFailure(future);
      if (error === null) this.#results[index] = future.result();
      else if (this.#returnExceptions) this.#results[index] = error.error;
      else if (this.#cancelRequested === null || !isCancelled(error.error)) {
        settleError(this as Future<unknown>, error.error);
      }
    }
    this.#reader.more();
    this.#finishIfOver();
  }

  #finishIfOver(): void {
    if (this.#reading || this.#left > 0 || this.done()) return;
    if (this.#cancelRequested === null) {
      settleResult(this as Future<unknown>, this.#results);
      return;
    }
    const { message } = this.#cancelRequested;
    const debug = coreOf(this as Future<unknown>).getDebug();
    settleError(this as Future<unknown>, makeCancelledError(message, debug));
  }

  #reportLate(error: unknown): void {
    coreOf(this as Future<unknown>).callExceptionHandler({
      message: "Exception in the source of a gather() that had failed already",
      exception: error,
    });
  }

  static {
    Object.defineProperty(this, "name", { value: "GatheringFuture" });
  }
}

/** What stands for a child in the list. */
function outcomeOf(child: Future<unknown>): unknown {
  if (child.cancelled()) return cancelledErrorOf(child);
  const failure = takeFailure(child);
  return failure === null ? child.result() : failure.error;
}

/** The error of a failed or cancelled future; counts as seen. */
function failureOf(future: Future<unknown>): { error: unknown } | null {
  try {
    future.result();
    return null;
  } catch (error) {
    return { error };
  }
}

/**
 * Runs all at once and resolves to their results, in the order of the arguments. Functions become tasks.
 *
 * - The first failure is thrown at once; the others go on. With `returnExceptions` failures stand in the list instead.
 * - Cancelling the gather cancels all that are not done.
 * - A future given twice is awaited once; a function is called once per occurrence.
 * - With `limit` at most so many run at once, started in order, and the source is read as there is room: a generator or an
 *   async iterable of a million jobs needs no memory but for the results.
 *
 * asyncio: `asyncio.gather()`
 *
 * @throws {TypeError} if a member is not a function, future or promise, or the options are not an object
 * @throws {RangeError} if the futures belong to different loops, or `limit` is below 1
 *
 * @example
 * ```ts
 * import { gather, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const [text, number] = await gather([() => sleep(0, "a"), () => sleep(0, 1)]);
 *   assert.equal(text + number, "a1");
 * });
 * ```
 */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  aws: A,
  options?: { returnExceptions?: false } & LimitOption,
): Future<{ -readonly [K in keyof A]: ResultOf<A[K]> }>;
/** The form in which failures may stand in the list. */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  aws: A,
  options: { returnExceptions: boolean } & LimitOption,
): Future<{ -readonly [K in keyof A]: ResultOf<A[K]> | Error }>;
/** The form for any iterable, also an async one; the results are an array. */
export function gather<T>(
  aws: Iterable<Awaitable<T>> | AsyncIterable<Awaitable<T>>,
  options?: { returnExceptions?: boolean } & LimitOption,
): Future<T[]>;
export function gather(
  aws: Iterable<Awaitable<unknown>> | AsyncIterable<Awaitable<unknown>>,
  options?: { returnExceptions?: boolean } & LimitOption,
): Future<unknown> {
  const lazily = isAsyncSource(aws);
  if (!lazily && (typeof aws !== "object" || aws === null || !(Symbol.iterator in aws))) {
    throw new TypeError(
      `Cannot call gather(): the awaitables must be iterable, received ${
        describeType(aws)
      }; write gather([a, b]), not gather(a, b)`,
    );
  }
  if (options !== undefined) OPTIONS.check(options, "gather()");
  if (lazily || options?.limit !== undefined) {
    const current = currentLoop();
    const most = options?.limit ?? Infinity;
    return new LimitedGather(aws, most, options?.returnExceptions === true, current);
  }
  const given = [...aws as Iterable<Awaitable<unknown>>];
  let loop = given.find(isFuture)?.getLoop();
  const running = (): EventLoop => loop ??= currentLoop();
  if (given.length === 0) {
    const future = new Future<unknown[]>({ loop: running() });
    settleResult(future as Future<unknown>, []);
    return future;
  }
  const children = given.map((aw) => {
    if (!isFuture(aw)) return asFuture(aw, running());
    if (aw.getLoop() !== running()) {
      throw new RangeError("Cannot call gather(): the futures must belong to the same loop");
    }
    return aw;
  });
  return new GatheringFuture(children, options?.returnExceptions === true, running());
}
