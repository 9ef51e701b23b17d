import { AsyncLocalStorage } from "node:async_hooks";
import type { Frame, Scope } from "./_scope.ts";

/**
 * The only ambient state: the scope in which code runs. It leads to the task, the loop and the context. Entering costs some
 * hundred nanoseconds on V8, so it is entered once per task or scope, never per callback whose scope is already current.
 */
const storage: AsyncLocalStorage<Frame> = new AsyncLocalStorage();

let findPlainScope: () => Scope = () => {
  throw new Error("No event loop policy is registered");
};

/** The policy tells which loop serves code outside tasks and callbacks. */
export function providePlainScope(find: () => Scope): void {
  findPlainScope = find;
}

/** The scope of the running task or callback; undefined in plain code. */
export function storedScope(): Scope | undefined {
  return storage.getStore()?.scope;
}

/** The scope in which code runs; in plain code that of the loop which serves it. */
export function currentScope(): Scope {
  return storage.getStore()?.scope ?? findPlainScope();
}

/** Runs `fn(argument)` inside `scope`, its awaits included. */
export function runInScope<A, R>(scope: Scope, fn: (argument: A) => R, argument: A): R {
  return storage.run(scope.frame ??= { scope }, fn, argument);
}

/** Makes `scope` current for the rest of this microtask and what it awaits. */
export function enterScope(scope: Scope): void {
  storage.enterWith(scope.frame ??= { scope });
}
