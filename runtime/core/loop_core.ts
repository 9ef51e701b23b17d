import type { Bindings, ContextCell } from "./context_cell.ts";
import { FatalError } from "../errors/exceptions.ts";
import type { Scope, ScopeLoop } from "./scope.ts";
import type { Site } from "../base/stack.ts";

/** Where a loop keeps what the library needs of it beyond what its users see: `loop[core]`. */
export const core: unique symbol = Symbol("core");

/** What the library needs of a loop's class, which stands above it. */
export interface LoopCore extends ScopeLoop {
  /** Scope of plain code served by this loop; parent of its tasks' root scopes. */
  readonly rootScope: Scope;
  /** The scope in which a callback with these bindings runs; `cell` when it was given a context of its own. */
  callbackFrame(bindings: Bindings, cell: ContextCell | null): Scope;
  /** Options with the loop alone, for what is made without any: known to be right. */
  readonly ownOptions: { readonly loop: object };
  isClosed(): boolean;
  over: boolean;
  /** Made by a run: it never serves plain code. */
  ownedByRun: boolean;
  /** Resolves when a closed loop has ended what still waited in it. */
  readonly ended: Promise<void>;
  callExceptionHandler(context: { message: string; [key: string]: unknown }): void;
  /** A future failed, and perhaps no code will see that. `site`: the stack of its creation, in debug mode. */
  watchUnretrieved(future: object, error: unknown, site: Site | null): UnretrievedWatch;
  time(): number;
  /** Seconds from which on debug mode reports a callback or the step of a task. */
  readonly slowCallbackDuration: number;
  /** What is open and closes with the loop. */
  readonly resources: Set<LoopResource>;
  /** What {@linkcode LoopState}s keep on it. */
  readonly states: Map<object, unknown>;
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

/** What a room above keeps for each loop. It lies on the loop's core and goes with it. */
export class LoopState<T> {
  readonly #make: (loop: LoopCore) => T;

  /** `make` makes a loop's state when it is first asked for. */
  constructor(make: (loop: LoopCore) => T) {
    this.#make = make;
  }

  of(loop: LoopCore): T {
    const { states } = loop;
    let state = states.get(this) as T | undefined;
    if (state === undefined) {
      state = this.#make(loop);
      states.set(this, state);
    }
    return state;
  }

  /** The state, if one was made. */
  peek(loop: LoopCore): T | undefined {
    return loop.states.get(this) as T | undefined;
  }

  set(loop: LoopCore, state: T): void {
    loop.states.set(this, state);
  }
}

/**
 * Runs a step of the library's own on the loop's next iteration, outside any task's context. Unlike `callSoon` it copies no
 * context: what it calls of users' code runs in a `CapturedContext`.
 */
export function callSoonInternal(loop: LoopCore, step: () => void): void {
  loop.scheduler.enqueue({
    run() {
      step();
      return null;
    },
    inOrder: true,
  });
}

/** An error that no connection may absorb stops the loop, as it would from a callback. True when it was one. */
export function stopsLoop(loop: LoopCore, error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  loop.scheduler.fail(error);
  return true;
}
