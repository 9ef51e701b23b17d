import { describeType } from "../runtime/base/format.ts";
import { type Delay, toSeconds } from "../runtime/base/durations.ts";
import {
  count,
  duration,
  flag,
  limit,
  type OptionsOf,
  optionsOf,
  orNull,
} from "../runtime/base/options.ts";
import { LazyModule } from "../runtime/core/lazy_module.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import type { Source } from "../runtime/combinators/source_reader.ts";

/** How {@linkcode map} works. */
export interface MapIterationOptions {
  /** How many are at work at most. @default {Infinity} */
  limit?: number;
  /** Results come in the order of the source; else as they come. @default {true} */
  ordered?: boolean;
  /** How many results are finished ahead of the reader at most. @default {limit} */
  buffer?: number;
}

/** How {@linkcode batch} makes its arrays. */
export interface BatchOptions {
  /** The most items of one array: 1 or more. */
  size: number;
  /** How long after its first item an array is given out, although it is not full; null: not before it is. @default {null} */
  within?: Delay | null;
}

const MAP: OptionsOf<MapIterationOptions> = optionsOf("{ limit: 10 }", {
  limit,
  ordered: flag,
  buffer: count,
}, { concurrency: "write limit", taskLimit: "write limit", backpressure: "write buffer" });
const FLAT_MAP: OptionsOf<{ limit?: number }> = optionsOf("{ limit: 10 }", { limit }, {
  concurrency: "write limit",
  taskLimit: "write limit",
});
const BATCH: OptionsOf<BatchOptions> = optionsOf("{ size: 100, within: 1 }", {
  size: limit,
  within: orNull(duration),
});
const TICKS: OptionsOf<{ immediately?: boolean }> = optionsOf("{ immediately: true }", {
  immediately: flag,
});

const mapping = new LazyModule("map()", () => import("./mapping.ts"));
const merging = new LazyModule("merge()", () => import("./merging.ts"));
const batching = new LazyModule("batch()", () => import("./batching.ts"));
const ticking = new LazyModule("ticks()", () => import("./ticking.ts"));

/**
 * Calls `fn` for each item, at most `limit` calls at work, and gives their results.
 *
 * - The source, async or not, is read as there is room: at most `buffer` results are finished ahead of the reader, so a
 *   million items take no memory of their own.
 * - Each call is a task. What it throws ends the source and the other calls, with their cleanup; then it is thrown to the
 *   reader. In order, the results before it come first.
 * - Leaving the loop (`break`, an error, a cancellation) cancels what is at work and waits until it has ended. What fails
 *   then goes to the exception handler.
 * - Nothing happens before the first `next()`.
 *
 * aiostream: `stream.map`
 *
 * @param source what is iterated
 * @param fn is given the item and its place in the source
 * @throws {TypeError} if the source can't be iterated, `fn` is not a function, or an option does not exist
 * @throws {RangeError} if `limit` is below 1, or `buffer` below 0
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { map, run, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const squares: number[] = [];
 *   const work = async (n: number) => {
 *     await sleep(0);
 *     return n * n;
 *   };
 *   for await (const square of map([1, 2, 3, 4], work, { limit: 2 })) squares.push(square);
 *   assert.deepEqual(squares, [1, 4, 9, 16]);
 * });
 * ```
 */
export function map<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => R | PromiseLike<R>,
  options: MapIterationOptions = {},
): AsyncIterableIterator<R> {
  requireSource(source, "map()", "map(items, work)");
  requireFunction(fn, "map()", "map(items, work)");
  MAP.check(options, "map()");
  const { limit: most = Infinity, ordered = true, buffer = most } = options;
  return new LaterIterator(
    mapping,
    ({ Mapping }) => new Mapping(source, fn, most, ordered, buffer),
  );
}

/**
 * Calls `fn` for each item, and gives the items of what it returns as they come, of at most `limit` of them at a time. One is
 * asked for its next item when the one before has been taken.
 *
 * Errors, leaving the loop and cancellation are as with {@linkcode map}.
 *
 * aiostream: `stream.flatmap`
 *
 * @param source what is iterated
 * @param fn is given the item and its place in the source, and returns something to iterate
 * @throws {TypeError} if the source can't be iterated, `fn` is not a function, or an option does not exist
 * @throws {RangeError} if `limit` is below 1
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { flatMap, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const pages = [["a", "b"], ["c"]];
 *   const items: string[] = [];
 *   for await (const item of flatMap(pages, (page) => page, { limit: 1 })) items.push(item);
 *   assert.deepEqual(items, ["a", "b", "c"]);
 * });
 * ```
 */
export function flatMap<T, R>(
  source: Iterable<T> | AsyncIterable<T>,
  fn: (item: T, index: number) => Iterable<R> | AsyncIterable<R>,
  options: { limit?: number } = {},
): AsyncIterableIterator<R> {
  requireSource(source, "flatMap()", "flatMap(pages, itemsOf)");
  requireFunction(fn, "flatMap()", "flatMap(pages, itemsOf)");
  FLAT_MAP.check(options, "flatMap()");
  const most = options.limit ?? Infinity;
  return new LaterIterator(merging, ({ FlatMapping }) => new FlatMapping(source, fn, most));
}

/**
 * The items of all sources as they come. A source is asked for its next item when the one before has been taken.
 *
 * - One that fails ends the others, with their cleanup, and its error is thrown after the items that came before it.
 * - Leaving the loop ends all sources and waits for that.
 *
 * aiostream: `stream.merge`
 *
 * @throws {TypeError} if one of them can't be iterated
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { merge, Queue, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const keys = new Queue<string>();
 *   const clicks = new Queue<string>();
 *   for (const [queue, item] of [[keys, "a"], [clicks, "left"]] as const) {
 *     queue.putNowait(item);
 *     queue.shutdown();
 *   }
 *   const events: string[] = [];
 *   for await (const event of merge(keys, clicks)) events.push(event);
 *   assert.deepEqual(events, ["a", "left"]);
 * });
 * ```
 */
export function merge<T>(
  ...sources: (Iterable<T> | AsyncIterable<T>)[]
): AsyncIterableIterator<T> {
  for (const source of sources) requireSource(source, "merge()", "merge(keys, clicks)");
  return new LaterIterator(merging, ({ Merging }) => new Merging(sources));
}

/**
 * Arrays of up to `size` items: full ones, or what came `within` of the first one.
 *
 * - While the reader is busy, one array is got ready ahead of it.
 * - The rest comes at the end of the source; where that fails, its error comes after the rest.
 *
 * aiostream: `stream.chunks`
 *
 * @throws {TypeError} if the source can't be iterated, or the options lack `size` or have another one that does not exist
 * @throws {RangeError} if `size` is below 1
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { batch, Queue, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const rows = new Queue<number>();
 *   for (const row of [1, 2, 3, 4, 5]) rows.putNowait(row);
 *   rows.shutdown();
 *   const writes: number[][] = [];
 *   for await (const some of batch(rows, { size: 2, within: 1 })) writes.push(some);
 *   assert.deepEqual(writes, [[1, 2], [3, 4], [5]]);
 * });
 * ```
 */
export function batch<T>(
  source: Iterable<T> | AsyncIterable<T>,
  options: BatchOptions,
): AsyncIterableIterator<T[]> {
  requireSource(source, "batch()", "batch(rows, { size: 100 })");
  BATCH.check(options, "batch()");
  const { size, within = null } = options;
  if (size === undefined) {
    throw new TypeError("Cannot batch without a size: write batch(rows, { size: 100 })");
  }
  const seconds = within === null ? null : toSeconds(within);
  return new LaterIterator(batching, ({ Batching }) => new Batching(source, size, seconds));
}

/**
 * Counts 0, 1, 2… at fixed times that do not drift: the first one an `interval` after the start, or at once.
 *
 * What fell due while the reader was busy is skipped, and counted in the number: after a body of 2.5 intervals the number is
 * higher by three.
 *
 * @param options `immediately`: the first one comes at the start
 * @throws {TypeError} if the interval is not a duration, or there is no such option
 * @throws {RangeError} if the interval is not above 0
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { sleep, ticks } from "@asyncio/asyncio";
 * import { runTest } from "@asyncio/asyncio/testing";
 *
 * await runTest(async () => {
 *   const seen: number[] = [];
 *   for await (const number of ticks(1)) {
 *     seen.push(number);
 *     if (number === 1) await sleep(2.5);
 *     if (number > 3) break;
 *   }
 *   assert.deepEqual(seen, [0, 1, 4]);
 * });
 * ```
 */
export function ticks(
  interval: Delay,
  options: { immediately?: boolean } = {},
): AsyncIterableIterator<number> {
  const seconds = toSeconds(interval);
  if (!(seconds > 0)) {
    throw new RangeError(`Cannot tick: the interval is above 0, received ${seconds}`);
  }
  TICKS.check(options, "ticks()");
  const first = options.immediately === true ? 0 : seconds;
  let start: number | null = null;
  // The clock starts with the loop over it, and not when what is behind it has been loaded.
  const now = () => start ??= (currentScope().loop as LoopCore).time() + first;
  return new LaterIterator(ticking, ({ Ticking }) => new Ticking(now(), seconds), now);
}

/** Loads what is behind it with the first `next()`. */
class LaterIterator<M, R> implements AsyncIterableIterator<R, undefined, unknown> {
  readonly #module: LazyModule<M>;
  readonly #make: (module: M) => AsyncIterator<R, undefined>;
  readonly #begin: () => unknown;
  #inner: AsyncIterator<R, undefined> | null = null;
  #left = false;

  constructor(
    module: LazyModule<M>,
    make: (module: M) => AsyncIterator<R, undefined>,
    begin: () => unknown = () => {},
  ) {
    this.#module = module;
    this.#make = make;
    this.#begin = begin;
  }

  next(): Promise<IteratorResult<R, undefined>> {
    if (this.#inner !== null) return this.#inner.next();
    if (this.#left) return Promise.resolve({ value: undefined, done: true });
    try {
      this.#begin();
      return this.#module.call((module) => {
        if (this.#left) return Promise.resolve({ value: undefined, done: true });
        this.#inner ??= this.#make(module);
        return this.#inner.next();
      });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return(): Promise<IteratorResult<R, undefined>> {
    this.#left = true;
    if (this.#inner !== null) return this.#inner.return!();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** @throws {TypeError} if it can't be iterated; `call` shows what to write */
function requireSource(
  source: unknown,
  what: string,
  call: string,
): asserts source is Source<unknown> {
  if ((typeof source === "object" || typeof source === "function") && source !== null) {
    if (Symbol.iterator in source || Symbol.asyncIterator in source) return;
  }
  throw new TypeError(
    `Cannot iterate over ${
      describeType(source)
    }: ${what} takes an iterable or an async iterable, write ${call}`,
  );
}

function requireFunction(fn: unknown, what: string, call: string): void {
  if (typeof fn === "function") return;
  throw new TypeError(`Cannot call ${describeType(fn)}: ${what} takes a function, write ${call}`);
}
