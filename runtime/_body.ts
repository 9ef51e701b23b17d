import { runInScope } from "./_frame.ts";
import type { Scope } from "./_scope.ts";
import { isThenable } from "./tasks.ts";

/** What a `with` form runs in a scope of its own. */
export interface BodyRun<R> {
  readonly body: () => R | PromiseLike<R>;
  onReturn(value: R): void;
  onThrow(error: unknown): void;
}

/** Runs the body inside `scope`; how it ends is told once, at once where it never waits. */
export function runBody<R>(scope: Scope, run: BodyRun<R>): void {
  runInScope(scope, start as (run: BodyRun<R>) => void, run);
}

function start(run: BodyRun<unknown>): void {
  let result: unknown;
  try {
    result = run.body();
  } catch (error) {
    run.onThrow(error);
    return;
  }
  // Asked for inside the scope, so that the wait for a future which the body returned belongs to it.
  if (isThenable(result)) {
    result.then((value) => run.onReturn(value), (error) => run.onThrow(error));
  } else run.onReturn(result);
}
