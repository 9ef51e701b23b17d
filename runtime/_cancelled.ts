import { CancelledError } from "./exceptions.ts";

/** False under hardened intrinsics (`node --frozen-intrinsics`, SES), where the assignment would throw. */
const limitIsWritable: boolean =
  Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

/**
 * The CancelledError of a cancelled wait. Outside debug mode it has no stack: it is made in the loop, where the frames
 * say nothing about the code that asked, and collecting them is what makes cancellations dear.
 */
export function makeCancelledError(message: string | undefined, debug: boolean): CancelledError {
  if (debug || !limitIsWritable) return new CancelledError(message);
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new CancelledError(message);
  Error.stackTraceLimit = limit;
  return error;
}
