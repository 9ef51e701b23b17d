import { isCancelled } from "../core/cancelled.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { ConcurrentFuture, loopFuture } from "../tasks/concurrent_future.ts";
import type { Awaitable } from "../base/coroutines.ts";
import { warnOfStarted } from "../core/debug_warnings.ts";
import { describeType } from "../base/format.ts";
import { currentScope } from "../core/frame.ts";
import {
  coreOf,
  Future,
  markRetrieved,
  settleCancelled,
  settleError,
  settleResult,
} from "../tasks/future.ts";
import { isFuture } from "../tasks/futures.ts";
import { type Behind, behindOf, callOff } from "../scopes/known.ts";
import { Scope } from "../core/scope.ts";
import { isThenable } from "../tasks/task.ts";
import { currentLoop, LOOP_OPTIONS } from "../tasks/task_options.ts";

/**
 * A Future or Task as it is; a coroutine as a new Task; any other promise wrapped in a Future, so that the wait for it can
 * be cancelled. What an asyncio call returned (`queue.get()`) is cancelled with it; any other promise itself goes on.
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
  if (options !== undefined) LOOP_OPTIONS.check(options, "ensureFuture()");
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
  const loop = given ?? currentLoop();
  if (typeof aw === "function") return loop.createTask(aw);
  if (isThenable(aw)) return wrapPromise(aw, loop, warnOfStarted);
  throw new TypeError(
    `Cannot wait for it: a Future, a promise or a coroutine function is needed, received ${
      describeType(aw)
    }`,
  );
}

/**
 * A Future of `loop` that ends as `promise` does. With it an asyncio wait behind the promise is cancelled, and so is a
 * ConcurrentFuture; what another promise brings after a cancellation is dropped.
 */
export function wrapPromise<T>(
  promise: PromiseLike<T>,
  loop: EventLoop,
  onForeign?: (promise: PromiseLike<T>, scope: Scope) => void,
): Future<T> {
  if (promise instanceof ConcurrentFuture) return loopFuture<T>(promise, loop);
  const behind = currentScope().loop as unknown === loop ? behindOf(promise) : null;
  if (behind !== null) return new WaitFuture<T>(promise, behind, loop);
  onForeign?.(promise, currentScope());
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
 * @throws {TypeError} when it is not a promise
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
  LOOP_OPTIONS.check(options, "wrapFuture()");
  if (isFuture(promise)) return promise as Future<T>;
  if (!isThenable(promise)) {
    throw new TypeError(
      `Cannot call wrapFuture(): a promise or ConcurrentFuture is needed, received ${
        describeType(promise)
      }`,
    );
  }
  return wrapPromise(promise, options.loop ?? currentLoop());
}

/** The future of a promise that asyncio knows nothing of: what ends it comes from outside. */
export class WrappedFuture<T> extends Future<T> {
  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}

/** The future of what an asyncio call returned: cancelling it cancels the call, whose end then is its own. */
export class WaitFuture<T> extends Future<T> {
  readonly #promise: PromiseLike<T>;
  #behind: Behind;

  constructor(promise: PromiseLike<T>, behind: Behind, loop: EventLoop) {
    super({ loop });
    this.#promise = promise;
    this.#behind = behind;
    promise.then(
      (value) => settleResult(this, value),
      (error) => {
        if (isCancelled(error)) {
          settleCancelled(this, error.message || undefined, error);
        } else settleError(this, error);
      },
    );
  }

  /** False also where the call has ended and its promise is about to tell how: nothing of that is lost. */
  override cancel(message?: string): boolean {
    markRetrieved(this);
    if (this.done()) return false;
    const request = { message };
    let called = callOff(this.#behind, request);
    if (called !== "taken") {
      // A getter that another one overtook waits again.
      const behind = behindOf(this.#promise);
      if (behind !== null) called = callOff(this.#behind = behind, request);
    }
    if (called === "missed") return super.cancel(message);
    if (this.#behind instanceof Scope) this.#checkLater(this.#behind, message);
    return called === "taken";
  }

  /** What runs in a scope may sit in a foreign await: it is abandoned, as by a deadline, and its next wait throws. */
  #checkLater(scope: Scope, message: string | undefined): void {
    coreOf(this).scheduler.host.hop(() => {
      if (scope.pending !== null) super.cancel(message);
    });
  }

  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}
