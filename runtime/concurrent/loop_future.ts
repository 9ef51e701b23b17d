import type { EventLoop } from "../../loop_interface.ts";
import type { Completion } from "./completion.ts";
import { core } from "../core/loop_core.ts";
import { CancelledError } from "../errors/exceptions.ts";
import {
  addEntry,
  coreOf,
  Future,
  settleCancelled,
  settleError,
  settleResult,
} from "../tasks/future.ts";

/**
 * A Future of `loop` that ends as the completion does.
 *
 * - Cancelling it cancels the completion. One that is under way then still ends some time: its value is dropped, an error
 *   is reported unless it only says that the work was cut short.
 * - A loop that has been closed meanwhile is left alone (LOOP-41).
 */
export function loopFuture<T>(completion: Completion<T>, loop: EventLoop): Future<T> {
  const future = new Future<T>({ loop });
  if (completion.done) {
    settleAs(future, completion);
    return future;
  }
  const { operations } = loop[core];
  operations.add(future);
  addEntry(future, {
    awaiter: null,
    notify: () => {
      operations.delete(future);
      if (future.cancelled()) completion.cancel();
    },
  });
  completion.whenDone(() => {
    if (coreOf(future).isClosed()) return;
    if (future.done()) reportLate(completion, future);
    else settleAs(future, completion);
  });
  return future;
}

function settleAs<T>(future: Future<T>, completion: Completion<T>): void {
  const { failure } = completion;
  if (completion.cancelled) settleCancelled(future, undefined, null);
  else if (failure !== null) settleError(future, failure.error);
  else settleResult(future, completion.value);
}

function reportLate<T>(completion: Completion<T>, future: Future<T>): void {
  const { failure } = completion;
  if (failure === null || isCutShort(failure.error)) return;
  coreOf(future).callExceptionHandler({
    message: "A job that nobody waits for any more failed in its thread",
    exception: failure.error,
    future,
  });
}

function isCutShort(error: unknown): boolean {
  return error instanceof CancelledError || error instanceof Error && error.name === "AbortError";
}
