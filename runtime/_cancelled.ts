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
