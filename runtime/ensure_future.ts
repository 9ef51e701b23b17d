import type { EventLoop } from "../event_loop.ts";
import type { Awaitable } from "./coroutines.ts";
import { describeType } from "./_describe.ts";
import { currentScope } from "./_frame.ts";
import { Future, settleError, settleResult } from "./_future.ts";
import { isFuture } from "./futures.ts";
import { isThenable } from "./tasks.ts";

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
export function ensureFuture<T>(aw: Awaitable<T>, options: { loop?: EventLoop } = {}): Future<T> {
  if (isFuture(aw)) {
    if (options.loop !== undefined && aw.getLoop() !== options.loop) {
      throw new RangeError(
        "The future belongs to a different loop than the one specified as the loop argument",
      );
    }
    return aw as Future<T>;
  }
  const loop = options.loop ?? currentScope().loop as unknown as EventLoop;
  if (typeof aw === "function") return loop.createTask(aw);
  if (isThenable(aw)) return wrapPromise(aw, loop);
  throw new TypeError(
    `A Future, a promise or a coroutine function is required: got ${describeType(aw)}`,
  );
}

/** A Future of `loop` that ends as `promise` does. What the promise brings after a cancellation is dropped. */
export function wrapPromise<T>(promise: PromiseLike<T>, loop: EventLoop): Future<T> {
  const future = new Future<T>({ loop });
  promise.then(
    (value) => settleResult(future, value),
    (error) => settleError(future, error),
  );
  return future;
}
