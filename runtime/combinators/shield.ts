import { currentLoop } from "../tasks/task_options.ts";
import type { Awaitable } from "../base/coroutines.ts";
import { asFuture, WaitFuture } from "./ensure_future.ts";
import {
  addEntry,
  coreOf,
  Future,
  hasUntakenFailure,
  removeEntry,
  settleError,
  settleResult,
  takeFailure,
} from "../tasks/future.ts";
import { isFuture } from "../tasks/futures.ts";
import { InternalCallback } from "../tasks/internal_callback.ts";
import { shelter } from "../scopes/known.ts";
import { isThenable } from "../tasks/task.ts";

/** Inner futures whose later failure is reported already, however many shields over them were cancelled. */
const reported: WeakSet<Future<unknown>> = new WeakSet();

/**
 * Protects what it waits for from cancellation: cancelling the waiter, or the future returned here, leaves `aw` running.
 * Keep a reference to the task if you need its result later; an error that no code will see goes to the exception handler.
 *
 * asyncio: `asyncio.shield()`
 *
 * @example
 * ```ts
 * import { createTask, run, shield, sleep, TimeoutError, waitFor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const saving = createTask(() => sleep(0.02, "saved"));
 *   await assert.rejects(waitFor(shield(saving), 0.001), TimeoutError);
 *   assert.equal(await saving, "saved");
 * });
 * ```
 */
export function shield<T>(aw: Awaitable<T>): Future<T> {
  const inner = protectedFuture(aw);
  if (inner.done()) return inner;
  const outer = new ShieldingFuture<T>({ loop: inner.getLoop() });
  const shown = inner as Future<unknown>;
  const onInner = new InternalCallback(inner, () => copyState(inner, outer), outer);
  addEntry(shown, onInner);
  addEntry(
    outer as Future<unknown>,
    new InternalCallback(outer, () => {
      if (inner.done()) return;
      removeEntry(shown, onInner);
      if (outer.cancelled()) reportFailureOf(shown);
    }),
  );
  return outer;
}

/** What shields another future; the call graph tells it from others. */
export class ShieldingFuture<T> extends Future<T> {
  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}

/** The future of what is protected. An asyncio wait behind a promise belongs to the current task no more. */
function protectedFuture<T>(aw: Awaitable<T>): Future<T> {
  const given: unknown = aw;
  if (isFuture(given) || !isThenable(given)) return asFuture(aw);
  const behind = shelter(given);
  if (behind === null) return asFuture(aw);
  return new WaitFuture(aw as PromiseLike<T>, behind, currentLoop());
}

function copyState<T>(inner: Future<T>, outer: Future<T>): void {
  if (outer.done()) {
    // Cancelled in the very tick in which the inner future ended.
    reportFailureOf(inner as Future<unknown>);
    return;
  }
  if (inner.cancelled()) {
    outer.cancel();
    return;
  }
  const failure = takeFailure(inner as Future<unknown>);
  if (failure === null) settleResult(outer as Future<unknown>, inner.result());
  else settleError(outer as Future<unknown>, failure.error);
}

/**
 * No code waits for the shielded work here any more, so its failure is reported as soon as it happens (3.14), unless other code
 * else takes it: a second shield, a task that awaits it. They are all told in the same iteration, the check is in the next.
 */
function reportFailureOf(inner: Future<unknown>): void {
  if (reported.has(inner)) return;
  reported.add(inner);
  const check = new InternalCallback(inner, () => {
    const failure = hasUntakenFailure(inner) ? takeFailure(inner) : null;
    if (failure === null) return;
    const { error } = failure;
    const name = error instanceof Error ? error.name : "Error";
    coreOf(inner).callExceptionHandler({
      message: `${name} exception in shielded future`,
      exception: error,
      future: inner,
    });
  });
  addEntry(inner, new InternalCallback(inner, () => check.notify()));
}
