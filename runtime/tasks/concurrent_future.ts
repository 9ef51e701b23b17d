import type { EventLoop } from "../../loop_interface.ts";
import { requireCallback } from "../base/functions.ts";
import { captureAsyncContext } from "../base/async_context.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { showAs, staysInThread } from "../base/format.ts";
import { forgiveCancellation, makeCancelledError } from "../core/cancelled.ts";
import { currentScope } from "../core/frame.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import type { Request } from "../core/scope.ts";
import { Wait } from "../core/wait.ts";
import { CancelledError, RuntimeError, TimeoutError } from "../errors/exceptions.ts";
import { addEntry, coreOf, Future, settleCancelled, settleError, settleResult } from "./future.ts";
import { currentLoop } from "./task_options.ts";

/** What can be asked of the work behind a ConcurrentFuture. */
export interface WorkSource {
  /** True: the work will not begin. False: it has begun; it was asked to end early, and its end still settles the future. */
  cancel(): boolean;
  /** Whether it has begun. Missing where that can't be known. */
  running?(): boolean;
  /** Blocks the thread until `done()` or the time is over; null where that would deadlock. */
  readonly block: ((done: () => boolean, milliseconds: number) => void) | null;
}

type State = "pending" | "finished" | "failed" | "cancelled";

/** A pending future for the work of `source`. */
export let openConcurrent: <T>(source: WorkSource) => ConcurrentFuture<T>;
/** Ends it with a value; nothing when it is done. */
export let resolveConcurrent: (future: ConcurrentFuture<unknown>, value: unknown) => void;
/** Ends it with what the work threw; nothing when it is done. */
export let rejectConcurrent: (future: ConcurrentFuture<unknown>, error: unknown) => void;
/** Ends it as cancelled, without asking the source; nothing when it is done. */
export let cancelConcurrent: (future: ConcurrentFuture<unknown>) => void;
/** Calls `observer()` when the future is done: at once if it is, else from within the call that settles it. */
export let whenDone: (future: ConcurrentFuture<unknown>, observer: () => void) => void;
/** What the work threw, in an object, since any value can be thrown; null without an error. */
export let failureOf: (future: ConcurrentFuture<unknown>) => { readonly error: unknown } | null;
/** The result of a finished one. */
let valueOf: <T>(future: ConcurrentFuture<T>) => T;

/**
 * The result of work on another thread, process or loop. It belongs to no loop: it can be awaited in any of them, and a
 * worker thread can block for it. Cancelling a task that awaits it cancels the future.
 *
 * asyncio: `concurrent.futures.Future`
 *
 * @example
 * ```ts
 * import { run, ThreadPoolExecutor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
 *   const future = pool.submit((a: number, b: number) => a * b, 6, 7);
 *   assert.equal(future.done(), false);
 *   assert.equal(await future, 42);
 *   assert.equal(future.result(), 42);
 *   await pool.shutdown();
 * });
 * ```
 */
export class ConcurrentFuture<T> implements PromiseLike<T> {
  readonly #source: WorkSource;
  #state: State = "pending";
  #value: unknown = undefined;
  #observers: (() => void)[] = [];

  private constructor(source: WorkSource) {
    this.#source = source;
  }

  /**
   * The value. In a worker thread, a call into the loop (`runCoroutineThreadsafe`) blocks here until it is there.
   *
   * @param timeout how long to block; null or nothing: for ever
   * @throws {TimeoutError} if it is not there in time
   * @throws {CancelledError} if it was cancelled
   * @throws {RuntimeError} if it is pending and blocking would deadlock: on the thread that runs the loop
   * @throws what the work threw
   */
  result(timeout: Delay | null = null): T {
    this.#block(timeout);
    if (this.#state === "failed") throw this.#value;
    if (this.#state === "cancelled") throw new CancelledError();
    return this.#value as T;
  }

  /**
   * What the work threw; null when it has a value. Blocks and throws as {@linkcode ConcurrentFuture.result} does.
   *
   * @param timeout how long to block; null or nothing: for ever
   * @throws {TimeoutError} if it is not there in time
   * @throws {CancelledError} if it was cancelled
   * @throws {RuntimeError} if it is pending and blocking would deadlock
   */
  exception(timeout: Delay | null = null): unknown | null {
    this.#block(timeout);
    if (this.#state === "cancelled") throw new CancelledError();
    return this.#state === "failed" ? this.#value : null;
  }

  /**
   * Cancels it. False when it is done, or when a worker has begun the work: the worker's `currentThreadSignal()` aborts, and
   * the end of the work still settles the future.
   */
  cancel(): boolean {
    if (this.#state !== "pending") return this.#state === "cancelled";
    if (!this.#source.cancel()) return false;
    this.#settle("cancelled", undefined);
    return true;
  }

  /** Whether there is a value, an error or a cancellation. */
  done(): boolean {
    return this.#state !== "pending";
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /** Whether a worker is at it. False before and after that, and for calls into a loop, of which it can't be known. */
  running(): boolean {
    return this.#state === "pending" && this.#source.running?.() === true;
  }

  /**
   * Calls `callback(this)` as soon as there is a value, an error or a cancellation: at once if it is there already. It is not
   * called through a loop, but in the async context of this call. What it throws goes to the exception handler of the loop
   * that runs here now; the callbacks after it are called all the same.
   *
   * @throws {TypeError} if it is not a function
   */
  addDoneCallback(callback: (future: this) => unknown): void {
    requireCallback(callback, "addDoneCallback");
    const loop = currentLoop();
    const call = (): void => {
      try {
        callback(this);
      } catch (exception) {
        loop.callExceptionHandler({
          message: "A done callback of a ConcurrentFuture failed",
          exception,
        });
      }
    };
    const enter = captureAsyncContext();
    whenDone(this, this.done() ? call : () => enter(call, undefined));
  }

  /** Waits for it on the loop that runs here: this is what `await` calls. */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const waited = awaitConcurrent<T>(this);
    if (typeof onrejected === "function") return waited.then(onfulfilled, onrejected);
    // One reaction, as a second one would hide the awaiting code from stack traces.
    const promise: Promise<A | B> = waited.then(onfulfilled, (error) => {
      forgiveCancellation(promise, error);
      throw error;
    });
    return promise;
  }

  /** `<ConcurrentFuture pending>`, `<ConcurrentFuture cancelled>`, `<ConcurrentFuture finished>` */
  toString(): string {
    return `<ConcurrentFuture ${this.#state === "failed" ? "finished" : this.#state}>`;
  }

  /** Blocks the thread until it is done. */
  #block(timeout: Delay | null): void {
    const seconds = timeout === null ? Infinity : toSeconds(timeout);
    if (this.#state !== "pending") return;
    const { block } = this.#source;
    if (block === null) {
      throw new RuntimeError(
        "Cannot wait for the result by blocking: this thread runs the loop that brings the result. Write `await future`",
      );
    }
    block(() => this.done(), seconds * 1000);
    if (!this.done()) {
      throw new TimeoutError(`Cannot wait longer: no result within ${seconds} seconds`);
    }
  }

  #settle(state: State, value: unknown): void {
    if (this.#state !== "pending") return;
    this.#state = state;
    this.#value = value;
    const observers = this.#observers;
    this.#observers = [];
    for (const observer of observers) observer();
  }

  static {
    showAs(this.prototype);
    openConcurrent = (source) => new ConcurrentFuture(source);
    resolveConcurrent = (future, value) => future.#settle("finished", value);
    rejectConcurrent = (future, error) => future.#settle("failed", error);
    cancelConcurrent = (future) => future.#settle("cancelled", undefined);
    whenDone = (future, observer) => {
      if (future.#state === "pending") future.#observers.push(observer);
      else observer();
    };
    failureOf = (future) => future.#state === "failed" ? { error: future.#value } : null;
    valueOf = <T>(future: ConcurrentFuture<T>) => future.#value as T;
  }
}

/**
 * The result for the code that runs now. Cancelling the wait cancels the future. Work that has begun still ends some time:
 * its value is dropped, an error is reported unless it only says that the work was cut short.
 */
export function awaitConcurrent<T>(future: ConcurrentFuture<T>): Promise<T> {
  if (!future.done()) return new ConcurrentWait(future).promise;
  const failure = failureOf(future);
  if (failure !== null) return Promise.reject(failure.error);
  if (!future.cancelled()) return Promise.resolve(valueOf(future));
  return Promise.reject(makeCancelledError(undefined, currentScope().loop.getDebug()));
}

class ConcurrentWait<T> extends Wait<T> {
  readonly #future: ConcurrentFuture<T>;

  constructor(future: ConcurrentFuture<T>) {
    super();
    this.#future = future;
    // A closed loop has refused it.
    if (!this.pending && !this.cancelled) return;
    this.#core.operations.add(this);
    whenDone(future, () => this.#ended());
    if (this.cancelled) future.cancel();
  }

  get #core(): LoopCore {
    return this.scope.loop as LoopCore;
  }

  override cancel(request: Request): boolean {
    const { pending } = this;
    const taken = super.cancel(request);
    if (pending) this.#future.cancel();
    return taken;
  }

  override describe(): string {
    return String(this.#future);
  }

  override run(): ReturnType<Wait<T>["run"]> {
    this.#core.operations.delete(this);
    return super.run();
  }

  protected onWake(): T {
    const failure = failureOf(this.#future);
    if (failure !== null) throw failure.error;
    if (!this.#future.cancelled()) return valueOf(this.#future);
    throw makeCancelledError(undefined, this.#core.getDebug());
  }

  /** The cancellation came between the end of the work and the wake-up. */
  protected override onCancel(): void {
    if (this.woken) reportLate(this.#core, this.#future);
  }

  #ended(): void {
    // A loop that was closed in the meantime is left alone (LOOP-41).
    if (this.#core.isClosed()) return;
    if (!this.wake()) reportLate(this.#core, this.#future);
  }
}

/** A Future of `loop` that ends as `source` does, and is cancelled with it; see {@linkcode awaitConcurrent}. */
export function loopFuture<T>(source: ConcurrentFuture<T>, loop: EventLoop): Future<T> {
  const future = new Future<T>({ loop });
  if (source.done()) {
    settleAs(future, source);
    return future;
  }
  const { operations } = loop[core];
  operations.add(future);
  addEntry(future, {
    awaiter: null,
    notify: () => {
      operations.delete(future);
      if (future.cancelled()) source.cancel();
    },
  });
  whenDone(source, () => {
    if (coreOf(future).isClosed()) return;
    if (future.done()) reportLate(coreOf(future), source, { future });
    else settleAs(future, source);
  });
  return future;
}

function settleAs<T>(future: Future<T>, source: ConcurrentFuture<T>): void {
  const failure = failureOf(source);
  if (source.cancelled()) settleCancelled(future, undefined, null);
  else if (failure !== null) settleError(future, failure.error);
  else settleResult(future, valueOf(source));
}

function reportLate(loop: LoopCore, source: ConcurrentFuture<unknown>, facts: object = {}): void {
  const failure = failureOf(source);
  if (failure === null || isCutShort(failure.error)) return;
  loop.callExceptionHandler({
    message: "A job failed in its thread after the wait for it had been cancelled",
    exception: failure.error,
    ...facts,
  });
}

function isCutShort(error: unknown): boolean {
  return error instanceof CancelledError || error instanceof Error && error.name === "AbortError";
}

staysInThread(
  "await it here and pass its value, or pass a function that does: toThread(work, () => task)",
  ConcurrentFuture,
);
