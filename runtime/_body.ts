import { runInScope } from "./_frame.ts";
import type { LoopCore } from "./_loop_core.ts";
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

/** The bodies that deadlines have left behind and that have not ended yet, for the report at the end of a run. */
class LeftBehind {
  readonly #bodies: WeakMap<LoopCore, Map<object, string>> = new WeakMap();

  add(loop: LoopCore, key: object, name: string): void {
    let bodies = this.#bodies.get(loop);
    if (bodies === undefined) this.#bodies.set(loop, bodies = new Map());
    bodies.set(key, name || "anonymous");
  }

  delete(loop: LoopCore, key: object): void {
    this.#bodies.get(loop)?.delete(key);
  }

  /** Names of those that have not ended. */
  names(loop: LoopCore): string[] {
    return [...this.#bodies.get(loop)?.values() ?? []];
  }
}

export const leftBehind: LeftBehind = new LeftBehind();
