/**
 * Calls from a loop into an executor: `toThread`, `runInExecutor` and the loop's default executor.
 *
 * @module
 */
import type { EventLoop, Executor } from "../../loop_interface.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { describeType } from "../base/format.ts";
import type { Callable } from "../base/functions.ts";
import { warn } from "../base/warnings.ts";
import { currentScope } from "../core/frame.ts";
import { core, type LoopCore, LoopState } from "../core/loop_core.ts";
import { countAsOperation, Waiter } from "../core/wait.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import { inOwnScope } from "../scopes/known.ts";
import {
  awaitConcurrent,
  ConcurrentFuture,
  loopFuture,
  openConcurrent,
  rejectConcurrent,
  resolveConcurrent,
} from "../tasks/concurrent_future.ts";
import type { Future } from "../tasks/future.ts";
import { contextValues } from "./job.ts";
import { submitToPool, ThreadPoolExecutor } from "./thread_pool.ts";

/**
 * Runs `fn(...args)` in a worker thread of the loop's default executor, so that the loop goes on meanwhile.
 *
 * - `fn` is a function of a `threadModule`, or a self-contained one: it is sent as source and sees its arguments and the
 *   globals only. It may be async.
 * - Arguments and results are copied, or moved with `transfer`. Functions among the arguments arrive as RemoteFunctions.
 * - The caller's context variables are visible to module functions, by their names, if their values can be copied. Each job
 *   runs in a context of its own: what it sets, no other job sees.
 * - Cancelled, the caller goes on at once: work that has not started never does, other work has `currentThreadSignal()`.
 *
 * asyncio: `asyncio.to_thread()`
 *
 * @returns what `fn` returns; rejects with what it throws, an error with its name, message, stack, cause and fields
 * @throws {TypeError} if `fn` is not a function or has no source, or an argument or the result can't be copied
 * @throws {BrokenExecutor} if the worker ended before the work did
 *
 * @example
 * ```ts
 * import { run, toThread } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const primes = await toThread((limit: number) => {
 *     const found: number[] = [];
 *     for (let n = 2; n < limit; n++) if (found.every((p) => n % p !== 0)) found.push(n);
 *     return found;
 *   }, 20);
 *   assert.deepEqual(primes, [2, 3, 5, 7, 11, 13, 17, 19]);
 * });
 * ```
 */
export function toThread<A extends unknown[], R>(
  fn: (...args: A) => R,
  ...args: A
): Promise<Awaited<R>> {
  let future: ConcurrentFuture<unknown>;
  try {
    future = submitFor(currentScope().loop as LoopCore, null, fn, args);
  } catch (error) {
    return Promise.reject(error);
  }
  return awaitConcurrent(future as ConcurrentFuture<Awaited<R>>);
}

/** The default executor of a loop. It is made when it is first needed, and never after a shutdown. */
class DefaultExecutor {
  #executor: Executor | null = null;
  #shutDown = false;

  get(): Executor {
    if (this.#shutDown) {
      throw new RuntimeError("Executor shutdown has been called");
    }
    this.#executor ??= new ThreadPoolExecutor({ threadNamePrefix: "asyncio" });
    return this.#executor;
  }

  set(executor: Executor): void {
    this.#executor = executor;
  }

  /** Null when there is none, or when it was shut down already. */
  takeForShutdown(): Executor | null {
    this.#shutDown = true;
    const executor = this.#executor;
    this.#executor = null;
    return executor;
  }
}

const defaults: LoopState<DefaultExecutor> = new LoopState(() => new DefaultExecutor());

/**
 * The loop's `runInExecutor`: runs `fn(...args)` in the executor, null for the loop's default one.
 *
 * @throws {TypeError} if `fn` is not a function, or has no source to send
 * @throws {RuntimeError} if the loop is closed or the executor has been shut down
 */
export function runInExecutor<A extends unknown[], R>(
  loop: EventLoop,
  executor: Executor | null,
  fn: (...args: A) => R,
  ...args: A
): Future<Awaited<R>> {
  requireOpen(loop);
  if (typeof fn !== "function") {
    throw new TypeError(
      `Cannot run in an executor: fn must be a function, received ${describeType(fn)}. ` +
        "Write runInExecutor(null, work, ...args), where null is the default executor",
    );
  }
  const future = submitFor(loop[core], executor, fn, args);
  return loopFuture(future as ConcurrentFuture<Awaited<R>>, loop);
}

/** Submits to the executor, or the loop's default one, on behalf of the loop. */
function submitFor(
  loop: LoopCore,
  executor: Executor | null,
  fn: Callable,
  args: readonly unknown[],
): ConcurrentFuture<unknown> {
  const target = executor ?? defaults.of(loop).get();
  const isPool = target instanceof ThreadPoolExecutor &&
    target.submit === ThreadPoolExecutor.prototype.submit;
  if (isPool) {
    return submitToPool(target, {
      fn,
      args,
      values: contextValues(),
      loop: loop.publicLoop as EventLoop,
    });
  }
  if (typeof target.submit !== "function") {
    throw new TypeError(
      `Cannot submit to the executor: it must have submit() and shutdown(), received ${
        describeType(target)
      }. Write null for the default executor`,
    );
  }
  const result = target.submit(fn, ...(args as never[]));
  return result instanceof ConcurrentFuture ? result : concurrentOf(result);
}

/** @throws {TypeError} if it lacks the methods of an executor */
export function setDefaultExecutor(loop: EventLoop, executor: Executor): void {
  const isExecutor = typeof executor?.submit === "function" &&
    typeof executor.shutdown === "function";
  if (!isExecutor) {
    throw new TypeError(
      `Cannot set the default executor: it must have submit() and shutdown(), received ${
        describeType(executor)
      }. Write loop.setDefaultExecutor(new ThreadPoolExecutor())`,
    );
  }
  defaults.of(loop[core]).set(executor);
}

/**
 * Shuts the loop's default executor down and waits for its work, at most `timeout`; then it warns and no longer waits for
 * the work (LOOP-43).
 */
export function shutdownDefaultExecutor(
  loop: EventLoop,
  timeout: Delay | null = null,
): Promise<void> {
  return inOwnScope(() => shutDownDefault(loop, timeout));
}

async function shutDownDefault(loop: EventLoop, timeout: Delay | null): Promise<void> {
  const seconds = timeout === null ? Infinity : toSeconds(timeout);
  const executor = defaults.of(loop[core]).takeForShutdown();
  if (executor === null) return;
  const ended = new Waiter<boolean>("the shutdown of the default executor");
  countAsOperation(ended);
  executor.shutdown({ wait: true }).then(
    () => ended.wakeWith(true),
    (error) => ended.failWith(error),
  );
  const timer = seconds === Infinity ? null : loop.callLater(seconds, () => ended.wakeWith(false));
  try {
    if (await ended.promise) return;
  } finally {
    timer?.cancel();
  }
  warn(
    "RuntimeWarning",
    `The executor did not finish joining its threads within ${seconds} seconds`,
  );
  shutDownLater(executor, loop);
}

/** What the loop's `close()` does: the workers end after the work they have. */
export function closeDefaultExecutor(loop: EventLoop): void {
  const executor = defaults.peek(loop[core])?.takeForShutdown() ?? null;
  if (executor !== null) shutDownLater(executor, loop);
}

/** Shuts it down without waiting. */
function shutDownLater(executor: Executor, loop: EventLoop): void {
  executor.shutdown({ wait: false }).then(undefined, (error) => {
    loop.callExceptionHandler({
      message: "The shutdown of the default executor failed",
      exception: error,
    });
  });
}

function requireOpen(loop: EventLoop): void {
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
}

/** The future of what a user's executor returned. */
function concurrentOf(result: PromiseLike<unknown>): ConcurrentFuture<unknown> {
  const future = openConcurrent({
    cancel: () => {
      const cancel: unknown = Reflect.get(result, "cancel");
      return typeof cancel === "function" && cancel.call(result) === true;
    },
    running: () => {
      const running: unknown = Reflect.get(result, "running");
      return typeof running === "function" && running.call(result) === true;
    },
    block: null,
  });
  result.then(
    (value) => resolveConcurrent(future, value),
    (error) => rejectConcurrent(future, error),
  );
  return future;
}
