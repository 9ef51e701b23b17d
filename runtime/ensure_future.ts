import type { EventLoop } from "../event_loop.ts";
import { eventLoop, type OptionsOf, optionsOf } from "./_options.ts";
import { completionOf, ConcurrentFuture } from "./_concurrent_future.ts";
import type { Awaitable } from "./coroutines.ts";
import { warnOfStarted } from "./_debug_warnings.ts";
import { describeType } from "./_describe.ts";
import { currentScope } from "./_frame.ts";
import { Future, settleError, settleResult } from "./_future.ts";
import { isFuture } from "./futures.ts";
import { loopFuture } from "./_loop_future.ts";
import { isThenable } from "./tasks.ts";

const OPTIONS: OptionsOf<{ loop?: EventLoop }> = optionsOf("{ loop }", { loop: eventLoop });

/**
 * A Future or Task as it is; a coroutine as a new Task; any other promise wrapped in a Future, so that the wait for it can
 * be cancelled (the promise itself goes on).
 *
 * asyncio: `asyncio.ensure_future()`
 *
 * @throws {TypeError} when it is none of them
 * @throws {RangeError} when it is a future of another loop than `loop`
 *
 * @example
 * ```ts
 * import { ensureFuture, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const response = ensureFuture(Promise.resolve("late"));
 *   assert.equal(await response, "late");
 * });
 * ```
 */
export function ensureFuture<T>(aw: Awaitable<T>, options?: { loop?: EventLoop }): Future<T> {
  if (options !== undefined) OPTIONS.check(options, "ensureFuture()");
  return asFuture(aw, options?.loop);
}

/** The same for other files, with the loop alone. */
export function asFuture<T>(aw: Awaitable<T>, given?: EventLoop): Future<T> {
  if (isFuture(aw)) {
    if (given !== undefined && aw.getLoop() !== given) {
      throw new RangeError(
        "The future belongs to a different loop than the one specified as the loop argument",
      );
    }
    return aw as Future<T>;
  }
  const loop = given ?? currentScope().loop as unknown as EventLoop;
  if (typeof aw === "function") return loop.createTask(aw);
  if (isThenable(aw)) {
    warnOfStarted(aw, currentScope());
    return wrapPromise(aw, loop);
  }
  throw new TypeError(
    `A Future, a promise or a coroutine function is required: got ${describeType(aw)}`,
  );
}

/**
 * A Future of `loop` that ends as `promise` does. What the promise brings after a cancellation is dropped; a
 * ConcurrentFuture is cancelled with it.
 */
export function wrapPromise<T>(promise: PromiseLike<T>, loop: EventLoop): Future<T> {
  if (promise instanceof ConcurrentFuture) return loopFuture(completionOf<T>(promise), loop);
  const future = new WrappedFuture<T>({ loop });
  promise.then(
    (value) => settleResult(future, value),
    (error) => settleError(future, error),
  );
  return future;
}

/**
 * A Future of the loop for what is under way elsewhere: the result of an executor, or any promise. Cancelling it cancels a
 * ConcurrentFuture that a worker has not begun; a Future or Task is returned as it is.
 *
 * asyncio: `asyncio.wrap_future()`
 *
 * @throws {TypeError} when it is no promise
 *
 * @example
 * ```ts
 * import { run, ThreadPoolExecutor, wrapFuture } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
 *   const future = wrapFuture(pool.submit((a: number, b: number) => a + b, 1, 2));
 *   assert.equal(await future, 3);
 *   await pool.shutdown();
 * });
 * ```
 */
export function wrapFuture<T>(
  promise: PromiseLike<T> | ConcurrentFuture<T>,
  options: { loop?: EventLoop } = {},
): Future<T> {
  OPTIONS.check(options, "wrapFuture()");
  if (isFuture(promise)) return promise as Future<T>;
  if (!isThenable(promise)) {
    throw new TypeError(`A promise or ConcurrentFuture is required: got ${describeType(promise)}`);
  }
  return wrapPromise(promise, options.loop ?? currentScope().loop as unknown as EventLoop);
}

/** The future of a promise that asyncio knows nothing of: what ends it comes from outside. */
export class WrappedFuture<T> extends Future<T> {
  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}
