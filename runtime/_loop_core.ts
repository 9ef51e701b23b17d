import type { Bindings, ContextCell } from "./_context_cell.ts";
import type { Scope, ScopeLoop } from "./_scope.ts";

/** What futures, tasks and handles need of the loop's class, which stands above them. */
export interface LoopCore extends ScopeLoop {
  /** Scope of plain code served by this loop; parent of its tasks' root scopes. */
  readonly rootScope: Scope;
  /** The scope in which a callback with these bindings runs; `cell` when it was given a context of its own. */
  callbackFrame(bindings: Bindings, cell: ContextCell | null): Scope;
  callExceptionHandler(context: { message: string; [key: string]: unknown }): void;
  /** Something about a future failed and nobody may come to see it. */
  watchUnretrieved(future: object, error: unknown, describe: () => string): UnretrievedWatch;
  time(): number;
  /** Debug mode: reports an entry that ran for too long. */
  checkDuration(what: { toString(): string }, started: number): void;
}

/** Kept by a failed future until somebody takes its exception. */
export interface UnretrievedWatch {
  retrieved(): void;
}
