import type { EventLoop } from "../../loop_interface.ts";
import { ConcurrentFuture, loopFuture } from "../tasks/concurrent_future.ts";
import { isCancelled, makeCancelledError } from "../core/cancelled.ts";
import { func, type OptionsOf, optionsOf } from "../base/options.ts";
import type { Awaitable } from "../base/functions.ts";
import { warnOfStarted } from "../core/debug_warnings.ts";
import { describeType } from "../base/format.ts";
import { currentScope, signalHere } from "../core/frame.ts";
import {
  coreOf,
  Future,
  markRetrieved,
  settleCancelled,
  settleError,
  settleResult,
} from "../tasks/future.ts";
import { isFuture } from "../tasks/task_functions.ts";
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
 * @throws {TypeError} if it is none of them
 * @throws {RangeError} if it is a future of another loop than `loop`
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
 * @throws {TypeError} if it is not a promise
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
    if (!(behind instanceof Scope)) behind.handOver();
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
      if (scope.asked?.state === "pending") super.cancel(message);
    });
  }

  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}

// ── interruptible, fetch

/** How {@linkcode interruptible} ends what stands behind the promise. */
export interface InterruptibleOptions {
  /** Called once, at the moment of the cancellation, with the CancelledError. */
  onCancel?: (reason: Error) => unknown;
}

const INTERRUPTIBLE: OptionsOf<InterruptibleOptions> = optionsOf(
  "{ onCancel: () => client.cancel() }",
  {
    onCancel: func(),
  },
  { signal: "wrap the call: withSignal(signal, () => interruptible(promise))" },
);

/**
 * Waits for a promise that is not asyncio's, and leaves at once when the wait is cancelled: a task, a timeout or a group need
 * not wait until a driver or a library comes to an end.
 *
 * - `onCancel` stops what stands behind the promise. It is not waited for; what it throws goes to the exception handler.
 * - What the promise brings later is dropped; its error is never an unhandled rejection.
 * - Of a call that takes an AbortSignal give it `currentSignal()` instead: then it is waited for until it has cleaned up.
 *
 * @param promise or a function that starts the work, which is called at once
 * @returns what the promise resolves to
 * @throws {CancelledError} if the wait is cancelled
 * @throws {TypeError} if there is no promise
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { interruptible, run, timeout, TimeoutError } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   let stopped = false;
 *   const query = () => new Promise<never>(() => {});
 *   const body = () => interruptible(query, { onCancel: () => stopped = true });
 *   await assert.rejects(timeout(0.001).with(body), TimeoutError);
 *   assert.equal(stopped, true);
 * });
 * ```
 */
export function interruptible<T>(
  promise: PromiseLike<T> | (() => PromiseLike<T>),
  options: InterruptibleOptions = {},
): Promise<T> {
  try {
    INTERRUPTIBLE.check(options, "interruptible()");
    const work: unknown = typeof promise === "function" && !isThenable(promise)
      ? promise()
      : promise;
    if (!isThenable(work)) {
      throw new TypeError(
        `Cannot wait for ${
          describeType(work)
        }: interruptible() takes a promise, or a function that returns one`,
      );
    }
    return new LeavableFuture(work as PromiseLike<T>, options.onCancel, currentLoop()).then();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The future of a foreign promise: with its cancellation `onCancel` is called. */
class LeavableFuture<T> extends WrappedFuture<T> {
  readonly #onCancel: ((reason: Error) => unknown) | undefined;

  constructor(
    promise: PromiseLike<T>,
    onCancel: ((reason: Error) => unknown) | undefined,
    loop: EventLoop,
  ) {
    super({ loop });
    this.#onCancel = onCancel;
    promise.then(
      (value) => settleResult(this, value),
      (error) => settleError(this, error),
    );
  }

  override cancel(message?: string): boolean {
    if (!super.cancel(message)) return false;
    if (this.#onCancel !== undefined) this.#stop(this.#onCancel, message);
    return true;
  }

  async #stop(onCancel: (reason: Error) => unknown, message: string | undefined): Promise<void> {
    const core = coreOf(this);
    try {
      await onCancel(makeCancelledError(message, core.getDebug()));
    } catch (error) {
      core.callExceptionHandler({
        message: "Exception in onCancel of interruptible()",
        exception: error,
      });
    }
  }

  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}

/**
 * The global `fetch`, which ends with what encloses the call: a timeout, a group or a cancelled task aborts the request.
 * A signal in `init`, or in the Request, still counts.
 *
 * @throws {CancelledError} if the task, or a scope around the call, is cancelled
 * @throws {DOMException} if the signal in `init` aborts: that signal's reason
 * @throws {TypeError} if the request fails, as the global one
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { fetch, run, timeout } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const response = await timeout(5).with(() => fetch("data:text/plain,hello"));
 *   assert.equal(await response.text(), "hello");
 * });
 * ```
 */
export async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const signals = [signalHere()];
  const given = init?.signal ?? (input instanceof Request ? input.signal : undefined);
  if (given !== undefined && given !== null) signals.push(given);
  const signal = signals.length === 1 ? signals[0]! : AbortSignal.any(signals);
  return await globalThis.fetch(input, { ...init, signal });
}
