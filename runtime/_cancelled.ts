import { isAbortError } from "./_argument_checks.ts";
import { CancelledError } from "./exceptions.ts";

/** False under hardened intrinsics (`node --frozen-intrinsics`, SES), where the assignment would throw. */
const limitIsWritable: boolean =
  Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

/**
 * The CancelledError of a cancelled wait. Outside debug mode it has no stack frames (on Bun no `stack` at all): it is
 * made in the loop, where the frames say nothing about the code that asked, and collecting them is what makes
 * cancellations dear.
 */
export function makeCancelledError(message: string | undefined, debug: boolean): CancelledError {
  if (debug || !limitIsWritable) return new CancelledError(message);
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  // Not `new`: Deno collects frames for its own reports whatever the limit says, at half the price without a derived
  // constructor on the stack. Nothing is missing from the object, as CancelledError has no fields of its own.
  const error: CancelledError = Reflect.construct(Error, [message], CancelledError);
  Error.stackTraceLimit = limit;
  return error;
}

/** The error that a request becomes where it is delivered. */
export function cancelledError(
  loop: { getDebug(): boolean },
  request: { readonly message: string | undefined; readonly cause?: unknown },
): CancelledError {
  const error = makeCancelledError(request.message, loop.getDebug());
  if (request.cause !== undefined) error.cause = request.cause;
  return error;
}

/**
 * The CancelledError that unwound some code which had been asked to end, or that stands for the AbortError of an operation
 * that obeyed its signal; null for any other error.
 */
export function asCancellation(error: unknown, debug: boolean): CancelledError | null {
  if (error instanceof CancelledError) return error;
  if (!isAbortError(error)) return null;
  const cancelled = makeCancelledError(undefined, debug);
  cancelled.cause = error;
  return cancelled;
}

function ignore(): void {}

/**
 * To be called with what `promise` is about to reject with: a promise that was dropped and that only a cancellation rejects
 * is nobody's unhandled rejection. Other errors stay the business of whoever has the promise.
 */
export function forgiveCancellation(promise: Promise<unknown>, error: unknown): void {
  if (error instanceof CancelledError) promise.then(undefined, ignore);
}

/** The same promise, to be handed out by a function that is async inside. */
export function forgiving<T>(inner: Promise<T>): Promise<T> {
  const promise = new Promise<T>((resolve, reject) => {
    inner.then(resolve, (error) => {
      forgiveCancellation(promise, error);
      reject(error);
    });
  });
  return promise;
}
