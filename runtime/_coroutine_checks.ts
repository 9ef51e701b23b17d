import { describeType } from "./_describe.ts";

/** Whether a value is to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Whether an error is what an aborted operation rejects with. */
export function isAbortError(error: unknown): boolean {
  return typeof error === "object" && error !== null &&
    (error as { name?: unknown }).name === "AbortError";
}

/** @throws {TypeError} when it is no function */
export function requireCoroutine(coro: unknown, caller = "createTask"): void {
  if (typeof coro === "function") return;
  if (isThenable(coro)) {
    throw new TypeError(
      "a coroutine function was expected, got a promise, whose work has started already: " +
        `write ${caller}(() => work()) instead of ${caller}(work())`,
    );
  }
  throw new TypeError(
    `a coroutine was expected, got ${describeType(coro)}: pass an async function, ${caller}(work)`,
  );
}
