/**
 * Calls into a loop from elsewhere: from a worker of an executor, or from code of another loop.
 *
 * @module
 */
import type { EventLoop } from "../../loop_interface.ts";
import { describeType } from "../base/format.ts";
import type { Callable } from "../base/functions.ts";
import { CancelledError } from "../errors/exceptions.ts";
import {
  cancelConcurrent,
  type ConcurrentFuture,
  openConcurrent,
  rejectConcurrent,
  resolveConcurrent,
} from "../tasks/concurrent_future.ts";
import { addEntry, type Future } from "../tasks/future.ts";
import { InternalCallback } from "../tasks/handles.ts";
import { findErrorClass, wire } from "../wire/wire.ts";
import { type ThreadSlot, threadSlot } from "../wire/worker_slot.ts";
import { requireFree } from "./job.ts";

/**
 * A function that was among the arguments of work for a worker, as the worker sees it: calling it runs it on the loop it came
 * from, in the order of the calls, and before the result of that work is delivered. Once the work has ended it rejects.
 *
 * @example
 * ```ts
 * import { type RemoteFunction, run, toThread } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const copyAll = async (files: string[], report: RemoteFunction<[string], void>) => {
 *   for (const file of files) await report(file);
 *   return files.length;
 * };
 * await run(async () => {
 *   const seen: string[] = [];
 *   const count = await toThread(copyAll, ["a", "b"], (file: string) => {
 *     seen.push(file);
 *     return Promise.resolve();
 *   });
 *   assert.deepEqual([count, seen], [2, ["a", "b"]]);
 * });
 * ```
 */
export type RemoteFunction<A extends unknown[], R> = (...args: A) => Promise<Awaited<R>>;

/** The loop on another thread. */
export interface RemoteLoop {
  /** Calls a function that came from there, as `loop.callSoonThreadsafe` does; its result is dropped. */
  callSoonThreadsafe<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): void;
}

/** The loop that gave this worker its work. */
class ParentLoop implements RemoteLoop {
  readonly #slot: ThreadSlot;

  constructor(slot: ThreadSlot) {
    this.#slot = slot;
  }

  callSoonThreadsafe<A extends unknown[]>(fn: (...args: A) => unknown, ...args: A): void {
    this.#requireRemote(fn, "callSoonThreadsafe(fn, ...args)");
    this.#slot.call(fn, args, null);
  }

  run<T>(fn: Callable, args: readonly unknown[]): ConcurrentFuture<T> {
    this.#requireRemote(fn, "runCoroutineThreadsafe(fn, loop, ...args)");
    const future = openConcurrent<T>({
      cancel: () => {
        call.cancel();
        return true;
      },
      block: this.#slot.block,
    });
    const call = this.#slot.call(fn, args, {
      resolve: (value) => resolveConcurrent(future, value),
      reject: (encoded) => {
        const error = wire.decodeThrown(encoded, findErrorClass);
        if (error instanceof CancelledError) cancelConcurrent(future);
        else rejectConcurrent(future, error);
      },
    });
    return future;
  }

  #requireRemote(fn: Callable, call: string): void {
    if (typeof fn === "function" && this.#slot.isRemote(fn)) return;
    const got = typeof fn === "function"
      ? `the function ${fn.name || "(anonymous)"}`
      : describeType(fn);
    throw new TypeError(
      `Cannot call on the loop's thread: in a worker ${call} takes a function that came with the work, received ${got}. ` +
        `Write toThread(work, fn), so that fn comes with it`,
    );
  }
}

const parentLoop: ParentLoop | null = threadSlot === undefined ? null : new ParentLoop(threadSlot);
threadSlot?.libraries.push({
  findErrorClass,
  cancelledError: () => new CancelledError(),
  requireFree: (value) => requireFree(value, "what a worker gives", 3),
});

/**
 * Runs `fn(...args)` as a task of another loop: from a worker on the loop that gave it its work, or on another loop of this
 * thread. Never blocks.
 *
 * asyncio: `asyncio.run_coroutine_threadsafe()`
 *
 * @param fn in a worker: a function that came with the work
 * @param loop what `getParentLoop()` gives, or a loop of this thread
 * @returns the result to be; in a worker thread its `result()` may block. Cancelling it cancels the task
 * @throws {TypeError} if `fn` is not a function, or in a worker did not come with the work
 * @throws {RuntimeError} if the loop is closed
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, runCoroutineThreadsafe, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const future = runCoroutineThreadsafe((n: number) => sleep(0.001, n), getRunningLoop(), 5);
 *   assert.equal(await future, 5);
 * });
 * ```
 */
export function runCoroutineThreadsafe<A extends unknown[], R>(
  fn: (...args: A) => R | PromiseLike<R>,
  loop: EventLoop | RemoteLoop,
  ...args: A
): ConcurrentFuture<Awaited<R>> {
  if (loop instanceof ParentLoop) return loop.run<Awaited<R>>(fn, args);
  if (typeof fn !== "function") {
    throw new TypeError(
      `Cannot run on the loop: a coroutine function is required, received ${describeType(fn)}. ` +
        "Write runCoroutineThreadsafe(work, loop, ...args)",
    );
  }
  if (typeof (loop as unknown) !== "object" || loop === null) {
    throw new TypeError(
      `Cannot run on the loop: an event loop is required, received ${describeType(loop)}. ` +
        "Write runCoroutineThreadsafe(work, loop, ...args)",
    );
  }
  const coro = (): unknown => fn(...args);
  return runOn(loop as EventLoop, coro) as ConcurrentFuture<Awaited<R>>;
}

/**
 * Inside a worker of an executor: the loop that gave it its work. Elsewhere null.
 *
 * @example
 * ```ts
 * import { getParentLoop } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.equal(getParentLoop(), null);
 * ```
 */
export function getParentLoop(): RemoteLoop | null {
  return parentLoop;
}

/**
 * Aborts when the caller that waits for this worker's work is cancelled. A computation that never yields can ask it too, between
 * two steps: `signal.throwIfAborted()`, which in a worker thread looks across. Null outside a worker, and between jobs.
 *
 * @example
 * ```ts
 * import { currentThreadSignal } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.equal(currentThreadSignal(), null);
 * ```
 */
export function currentThreadSignal(): AbortSignal | null {
  return threadSlot === undefined ? null : threadSlot.signal();
}

function runOn(loop: EventLoop, coro: () => unknown): ConcurrentFuture<unknown> {
  let task: Future<unknown> | null = null;
  const future = openConcurrent({
    cancel: () => {
      if (!loop.isClosed()) loop.callSoonThreadsafe(() => task?.cancel());
      return true;
    },
    block: null,
  });
  loop.callSoonThreadsafe(() => {
    if (future.done()) return;
    try {
      task = loop.createTask(coro);
    } catch (error) {
      rejectConcurrent(future, error);
      throw error;
    }
    follow(task, future);
  });
  return future;
}

function follow(task: Future<unknown>, future: ConcurrentFuture<unknown>): void {
  const ended = (): void => {
    if (task.cancelled()) {
      cancelConcurrent(future);
      return;
    }
    try {
      resolveConcurrent(future, task.result());
    } catch (error) {
      rejectConcurrent(future, error);
    }
  };
  addEntry(task, new InternalCallback(task, ended));
}
