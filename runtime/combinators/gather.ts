import { describeType } from "../base/format.ts";
import { currentLoop } from "../tasks/task_options.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { flag, type OptionsOf, optionsOf } from "../base/options.ts";
import { makeCancelledError } from "../core/cancelled.ts";
import type { Awaitable, ResultOf } from "../base/coroutines.ts";
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
import { isFuture } from "../tasks/futures.ts";

const OPTIONS: OptionsOf<{ returnExceptions?: boolean }> = optionsOf("{ returnExceptions: true }", {
  returnExceptions: flag,
}, { loop: "the futures tell it" });

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
 *
 * asyncio: `asyncio.gather()`
 *
 * @throws {TypeError} when a member is not a function, future or promise, or the options are not an object
 * @throws {RangeError} when the futures belong to different loops
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
  options?: { returnExceptions?: false },
): Future<{ -readonly [K in keyof A]: ResultOf<A[K]> }>;
/** The form in which failures may stand in the list. */
export function gather<const A extends readonly Awaitable<unknown>[]>(
  aws: A,
  options: { returnExceptions: boolean },
): Future<{ -readonly [K in keyof A]: ResultOf<A[K]> | Error }>;
/** The form for any iterable; the results are an array. */
export function gather<T>(
  aws: Iterable<Awaitable<T>>,
  options?: { returnExceptions?: boolean },
): Future<T[]>;
export function gather(
  aws: Iterable<Awaitable<unknown>>,
  options?: { returnExceptions?: boolean },
): Future<unknown> {
  if (typeof aws !== "object" || aws === null || !(Symbol.iterator in aws)) {
    throw new TypeError(
      `Cannot call gather(): the awaitables must be iterable, received ${
        describeType(aws)
      }; write gather([a, b]), not gather(a, b)`,
    );
  }
  if (options !== undefined) OPTIONS.check(options, "gather()");
  const given = [...aws];
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
