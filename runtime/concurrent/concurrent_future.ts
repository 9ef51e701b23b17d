import { currentLoop } from "../tasks/task_options.ts";
import type { Completion } from "./completion.ts";
import { requireCallback } from "../base/argument_checks.ts";
import { captureAsyncContext } from "../base/async_context.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { CancelledError } from "../errors/exceptions.ts";
import { loopFuture } from "./loop_future.ts";
import { showAs, staysInThread } from "../base/format.ts";

/** The public view of a completion. */
export let concurrentFuture: <T>(completion: Completion<T>) => ConcurrentFuture<T>;
/** The completion of a ConcurrentFuture. */
export let completionOf: <T>(future: ConcurrentFuture<T>) => Completion<T>;

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
  readonly #completion: Completion<T>;

  private constructor(completion: Completion<T>) {
    this.#completion = completion;
  }

  /**
   * The value. In a worker thread, a call into the loop (`runCoroutineThreadsafe`) blocks here until it is there.
   *
   * @param timeout how long to block; null or nothing: for ever
   * @throws {TimeoutError} when it is not there in time
   * @throws {CancelledError} when it was cancelled
   * @throws {RuntimeError} while it is pending, where blocking would deadlock: on the thread that runs the loop
   * @throws what the work threw
   */
  result(timeout: Delay | null = null): T {
    this.#wait(timeout);
    return this.#completion.result();
  }

  /**
   * What the work threw; null when it has a value. Blocks and throws as {@linkcode ConcurrentFuture.result} does.
   *
   * @param timeout how long to block; null or nothing: for ever
   * @throws {TimeoutError} when it is not there in time
   * @throws {CancelledError} when it was cancelled
   * @throws {RuntimeError} while it is pending, where blocking would deadlock
   */
  exception(timeout: Delay | null = null): unknown | null {
    this.#wait(timeout);
    if (this.#completion.cancelled) throw new CancelledError();
    return this.#completion.failure?.error ?? null;
  }

  /**
   * Cancels it. False when it is done or when a worker is at it already: that one's `currentThreadSignal()` aborts, and
   * the future still gets what the work makes of it.
   */
  cancel(): boolean {
    return this.#completion.cancel();
  }

  /** Whether there is a value, an error or a cancellation. */
  done(): boolean {
    return this.#completion.done;
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#completion.cancelled;
  }

  /** Whether a worker is at it. False before and after that, and for calls into a loop, where it is not known. */
  running(): boolean {
    return this.#completion.running;
  }

  /**
   * Calls `callback(this)` as soon as there is a value, an error or a cancellation: at once if it is there already. It is not
   * called through a loop, but in the async context of this call. What it throws goes to the exception handler of the loop
   * that runs here now; the callbacks after it are called all the same.
   *
   * @throws {TypeError} when it is not a function
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
    this.#completion.whenDone(this.done() ? call : () => enter(call, undefined));
  }

  /** Waits for it on the loop that runs here: this is what `await` calls. */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const loop = currentLoop();
    return loopFuture(this.#completion, loop).then(onfulfilled, onrejected);
  }

  #wait(timeout: Delay | null): void {
    this.#completion.wait(timeout === null ? Infinity : toSeconds(timeout));
  }

  /** `<ConcurrentFuture pending>`, `<ConcurrentFuture cancelled>`, `<ConcurrentFuture finished>` */
  toString(): string {
    const { done, cancelled } = this.#completion;
    return `<ConcurrentFuture ${cancelled ? "cancelled" : done ? "finished" : "pending"}>`;
  }

  static {
    showAs(this.prototype);
    concurrentFuture = (completion) => new ConcurrentFuture(completion);
    completionOf = (future) => future.#completion;
  }
}

staysInThread(
  "await it here and pass its value, or pass a function that does: toThread(work, () => task)",
  ConcurrentFuture,
);
