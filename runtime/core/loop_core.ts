import type { Bindings, ContextCell } from "./context_cell.ts";
import type { Scope, ScopeLoop } from "./scope.ts";
import type { Site } from "../base/stack.ts";

/** What futures, tasks and handles need of the loop's class, which stands above them. */
export interface LoopCore extends ScopeLoop {
  /** Scope of plain code served by this loop; parent of its tasks' root scopes. */
  readonly rootScope: Scope;
  /** The scope in which a callback with these bindings runs; `cell` when it was given a context of its own. */
  callbackFrame(bindings: Bindings, cell: ContextCell | null): Scope;
  /** Options with the loop alone, for what is made without any: known to be right. */
  readonly ownOptions: { readonly loop: object };
  isClosed(): boolean;
  over: boolean;
  callExceptionHandler(context: { message: string; [key: string]: unknown }): void;
  /** A future failed, and perhaps no code will see that. `site`: the stack of its creation, in debug mode. */
  watchUnretrieved(future: object, error: unknown, site: Site | null): UnretrievedWatch;
  time(): number;
  /** Seconds from which on debug mode reports a callback or the step of a task. */
  readonly slowCallbackDuration: number;
  /** Operations of the host under way. */
  readonly operations: ReadonlySet<object>;
  /** What is open and closes with the loop. */
  readonly resources: ReadonlySet<object>;
}

/** Kept by a failed future until its exception is taken. */
export interface UnretrievedWatch {
  retrieved(): void;
}

/** What a loop closes when it is closed itself: transports, servers, pools. */
export interface LoopResource {
  /** Called by the loop's `close()`. */
  closeWithLoop(): void;
}
