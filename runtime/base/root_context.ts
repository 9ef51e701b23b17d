import { AsyncLocalStorage } from "node:async_hooks";

/** Runs a function in the async context in which this module was loaded, so that no caller's stores are kept alive. */
export const runInRoot: <R>(fn: () => R) => R = AsyncLocalStorage.snapshot();
