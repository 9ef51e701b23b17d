import { AsyncLocalStorage } from "node:async_hooks";

/** Calls `fn(argument)` in a captured async context. */
export type EnterContext = <A, R>(fn: (argument: A) => R, argument: A) => R;

/** The async context of here and now: every AsyncLocalStorage of the program, the library's own frame among them. */
export function captureAsyncContext(): EnterContext {
  return AsyncLocalStorage.snapshot() as EnterContext;
}

/** Runs a function in the async context in which this module was loaded, so that no caller's stores are kept alive. */
export const runInRoot: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();
