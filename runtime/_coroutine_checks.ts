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

/** What `with(body)` rejects with when it is given no function. */
export function notABody(body: unknown): TypeError {
  return new TypeError(
    isThenable(body)
      ? "with() takes the body as a function: got a promise, whose work has started already. " +
        "Write with(() => work()) instead of with(work())"
      : `with() takes the body as a function: got ${describeType(body)}. ` +
        "Pass an async function, with(async () => { ... })",
  );
}

/** @throws {TypeError} when the option `signal` is none, as where the controller itself is given */
export function requireSignal(signal: unknown): void {
  const { aborted, addEventListener } = Object(signal) as Partial<AbortSignal>;
  if (typeof aborted === "boolean" && typeof addEventListener === "function") return;
  const hint = signal instanceof AbortController ? ", pass { signal: controller.signal }" : "";
  throw new TypeError(`signal must be an AbortSignal: got ${describeType(signal)}${hint}`);
}

/** @throws {TypeError} when it is no function */
export function requireCoroutine(coro: unknown, caller = "createTask"): void {
  if (typeof coro === "function") return;
  if (isThenable(coro)) {
    throw new TypeError(
      "a coroutine function was expected, got a promise, whose work has started already: " +
        showCalls(caller),
    );
  }
  throw new TypeError(
    `a coroutine was expected, got ${describeType(coro)}: pass an async function, ${
      withWork(caller, "work")
    }`,
  );
}

function showCalls(caller: string): string {
  return `write ${withWork(caller, "() => work()")} instead of ${withWork(caller, "work()")}`;
}

/** `createTask(work)`, `withSignal(signal, work)`: what a call looks like with the coroutine in its place. */
function withWork(caller: string, work: string): string {
  const before = caller === "withSignal" ? "signal, " : "";
  const after = caller === "waitFor" ? ", timeout" : "";
  return `${caller}(${before}${work}${after})`;
}
