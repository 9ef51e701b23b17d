import { describeType } from "./format.ts";

/** Any function. */
export type Callable = (...args: never[]) => unknown;

/**
 * Work that has not started: asyncio calls it, in the task it belongs to. Python's coroutine object; an async function with
 * no parameters is one.
 */
export type Coroutine<T> = () => T | PromiseLike<T>;

/** A coroutine (run as a new Task), a Future or Task, or any promise (which is already running). */
export type Awaitable<T> = Coroutine<T> | PromiseLike<T>;

/** What awaiting an {@linkcode Awaitable} gives. */
export type ResultOf<A> = A extends () => infer R ? Awaited<R> : Awaited<A>;

/** A reaction to what must not become an unhandled rejection, and that other code sees. */
export function ignore(): void {}

/** Whether a value is to be awaited. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

/** Whether something is an async iterable. */
export function isAsyncSource(source: unknown): source is AsyncIterable<unknown> {
  return typeof source === "object" && source !== null && Symbol.asyncIterator in source;
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
      ? "Cannot call with(): its body must be a function, received a promise, whose work has started already; " +
        "write with(() => work()) instead of with(work())"
      : `Cannot call with(): its body must be a function, received ${describeType(body)}; ` +
        "pass an async function, with(async () => { ... })",
  );
}

/** @throws {TypeError} if it is not a function */
export function requireCoroutine(coro: unknown, caller = "createTask"): void {
  if (typeof coro === "function") return;
  if (isThenable(coro)) {
    throw new TypeError(
      `Cannot call ${caller}(): the work must be a coroutine function, received a promise, whose work has started ` +
        `already; ${showCalls(caller)}`,
    );
  }
  throw new TypeError(
    `Cannot call ${caller}(): the work must be a coroutine function, received ${
      describeType(coro)
    }; pass an async function, ${withWork(caller, "work")}`,
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

/** @throws {TypeError} if it is not a function */
export function requireCallback(
  callback: unknown,
  caller: string,
): asserts callback is Callable {
  if (typeof callback === "function") return;
  const hint = isThenable(callback)
    ? "a promise; pass the function itself"
    : describeType(callback);
  throw new TypeError(`Cannot call ${caller}(): the callback must be a function, received ${hint}`);
}

/** For `createTask`, which is too hot for more than a `typeof`. */
export function requireTaskOptions(options: unknown): void {
  if (typeof options === "object" && options !== null) return;
  throw notOptions(options, "createTask()", '{ name: "worker" }');
}

/** How an error about the arguments of a function ("gather()"), class ("Runner") or group of options ("ssl") begins. */
export function callOf(what: string): string {
  const verb = what.endsWith(")") ? "call" : /^[A-Z]/.test(what) ? "make" : "use";
  return `Cannot ${verb} ${what}`;
}

/** The error for a value in the place of an options object. */
export function notOptions(options: unknown, what: string, example: string): TypeError {
  return new TypeError(
    `${callOf(what)}: its options must be an object, received ${describeType(options)}; write ${
      options instanceof Map ? "Object.fromEntries(map)" : example
    }`,
  );
}

/**
 * The time of `callAt`.
 *
 * @throws {TypeError} if it is not a number
 * @throws {RangeError} if it is NaN
 */
export function requireTime(when: unknown): void {
  if (typeof when !== "number") {
    throw new TypeError(
      `Cannot call callAt(): when must be a number of seconds on the clock of loop.time(), received ${
        describeType(when)
      }`,
    );
  }
  if (Number.isNaN(when)) {
    throw new RangeError("Cannot call callAt(): when must be a number of seconds, received NaN");
  }
}
