interface StackCapture {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, above?: unknown): void;
}

const DEPTH = 10;

/** The stack of the caller, without the frames above and including `above`; for debug mode. */
export function captureStack(above?: unknown): string {
  const errors = Error as unknown as StackCapture;
  const limit = errors.stackTraceLimit;
  errors.stackTraceLimit = DEPTH;
  const holder: { stack?: string } = {};
  if (errors.captureStackTrace !== undefined) errors.captureStackTrace(holder, above);
  else holder.stack = new Error().stack ?? "";
  const stack = holder.stack ?? "";
  if (limit === undefined) delete errors.stackTraceLimit;
  else errors.stackTraceLimit = limit;
  return stack.split("\n").filter((line) => line.trimStart().startsWith("at ")).join("\n");
}
