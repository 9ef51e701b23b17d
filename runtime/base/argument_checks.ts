import { describeType } from "./format.ts";

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

/** For `createTask`, which is too hot for more than a `typeof`. */
export function requireTaskOptions(options: unknown): void {
  if (typeof options === "object" && options !== null) return;
  throw notOptions(options, "createTask()", '{ name: "worker" }');
}

/** The error for what is no options object. */
export function notOptions(options: unknown, what: string, example: string): TypeError {
  return new TypeError(
    `The options of ${what} are an object, as in ${example}: got ${describeType(options)}${
      options instanceof Map ? ", write Object.fromEntries(map)" : ""
    }`,
  );
}
