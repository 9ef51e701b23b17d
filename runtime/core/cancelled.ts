import { ignore, isAbortError } from "../base/functions.ts";
import { CancelledError, FatalError } from "../errors/exceptions.ts";
import { rejectShowingCaller } from "../base/stack.ts";

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

/** What a cancellation says, in the words of its caller. */
export interface CancelRequest {
  readonly message: string | undefined;
  /** An abort signal's reason; becomes the error's `cause`. */
  readonly cause?: unknown;
}

/** The error that a request becomes where it is delivered. `cause`: where the request has none of its own. */
export function cancelledError(
  loop: { getDebug(): boolean },
  request: CancelRequest,
  cause?: unknown,
): CancelledError {
  const error = makeCancelledError(request.message, loop.getDebug());
  const known = request.cause ?? cause;
  if (known !== undefined) error.cause = known;
  return error;
}

/** Whether something thrown is a CancelledError. Anything can be thrown: a proxy that was revoked throws at each question. */
export function isCancelled(error: unknown): error is CancelledError {
  try {
    return error instanceof CancelledError;
  } catch {
    return false;
  }
}

/** Whether something thrown is a FatalError. */
export function isFatal(error: unknown): error is FatalError {
  try {
    return error instanceof FatalError;
  } catch {
    return false;
  }
}

/** What signals were aborted with: the CancelledErrors of scopes, and the reasons of signals that cancelled something. */
const reasons: WeakSet<object> = new WeakSet();

/** Remembers the reason of a signal, so that an error that wraps it is known for what it is. */
export function noteReason<R>(reason: R): R {
  if (typeof reason === "object" && reason !== null) reasons.add(reason);
  return reason;
}

/**
 * The CancelledError that unwound some code which had been asked to end, or one that stands for the error that the
 * cancellation became in code that asyncio knows nothing of; null for any other error. Such an error is
 *
 * - what a call that obeyed its signal rejects with: an AbortError, the signal's reason, or what libraries make of it (a
 *   `cause` that is the reason or an AbortError, `isCanceled`, the code "ERR_CANCELED");
 * - an AggregateError of which a member is a CancelledError or such an error: `Promise.any` over waits. An ExceptionGroup
 *   only if all are, since it is made of failures.
 *
 * An error that code threw in place of a CancelledError which a wait had thrown is its own, also with that as its `cause`
 * (TASK-41).
 */
export function asCancellation(error: unknown, debug: boolean): CancelledError | null {
  if (isCancelled(error)) return error;
  if (!carriesCancellation(error, DEEPEST)) return null;
  const cancelled = makeCancelledError(undefined, debug);
  cancelled.cause = error;
  return cancelled;
}

/** How many levels of causes and members are looked into. */
const DEEPEST = 8;

function carriesCancellation(error: unknown, levels: number): boolean {
  if (typeof error !== "object" || error === null || levels === 0) return false;
  try {
    return obeysSignal(error, levels) || bundlesCancellation(error, levels);
  } catch {
    // A getter of a foreign error, or a revoked proxy: it says nothing of a cancellation.
    return false;
  }
}

function obeysSignal(error: object, levels: number): boolean {
  if (reasons.has(error) || isAbortError(error)) return true;
  const { isCanceled, code, cause } = error as Record<string, unknown>;
  if (isCanceled === true || code === "ERR_CANCELED") return true;
  return typeof cause === "object" && cause !== null && cause !== error &&
    (reasons.has(cause) || (!isCancelled(cause) && carriesCancellation(cause, levels - 1)));
}

function bundlesCancellation(error: object, levels: number): boolean {
  if (!(error instanceof AggregateError) || !Array.isArray(error.errors)) return false;
  const carries = (member: unknown) =>
    isCancelled(member) || carriesCancellation(member, levels - 1);
  return error.name === "ExceptionGroup" ? error.errors.every(carries) : error.errors.some(carries);
}

/**
 * To be called with what `promise` is about to reject with: a promise that was dropped and that only a cancellation rejects
 * must not become an unhandled rejection. Other errors stay the business of the code that has the promise.
 */
export function forgiveCancellation(promise: Promise<unknown>, error: unknown): void {
  if (isCancelled(error)) promise.then(undefined, ignore);
}

/** The same promise, to be handed out by a function that is async inside. */
export function forgiving<T>(inner: Promise<T>): Promise<T> {
  const promise = new Promise<T>((resolve, reject) => {
    inner.then(resolve, (error) => {
      forgiveCancellation(promise, error);
      rejectShowingCaller({ resolve, reject }, error, false);
    });
  });
  return promise;
}
