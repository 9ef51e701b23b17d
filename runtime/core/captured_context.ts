import { captureAsyncContext, type EnterContext } from "../base/async_context.ts";
import { type Bindings, ContextCell } from "./context_cell.ts";
import { runInScope, storedCell, storedScope } from "./frame.ts";
import type { LoopCore } from "./loop_core.ts";
import { Scope } from "./scope.ts";

/**
 * The context captured when a connection or a server was made, in which everything runs that comes of it later: a copy of the
 * context variables, and other libraries' AsyncLocalStorages as they were. One frame serves all callbacks of a connection, so
 * what `connectionMade` sets, `dataReceived` sees.
 */
export class CapturedContext {
  readonly #loop: LoopCore;
  readonly #frame: Scope;
  readonly #around: EnterContext;
  #enter: EnterContext | null = null;

  private constructor(loop: LoopCore, bindings: Bindings, around: EnterContext) {
    this.#loop = loop;
    this.#frame = Scope.transparent(loop.rootScope, new ContextCell(bindings), null);
    this.#around = around;
  }

  /** Captures the caller's context. */
  static capture(loop: LoopCore): CapturedContext {
    return new CapturedContext(loop, storedCell().bindings, captureAsyncContext());
  }

  /** A copy for one of many connections, whose changes the others don't see. */
  fork(): CapturedContext {
    return new CapturedContext(this.#loop, this.#frame.cell.bindings, this.#around);
  }

  /** Calls `fn(argument)` in the captured context. Costs nothing where that is current already. */
  call<A, R>(fn: (argument: A) => R, argument: A): R {
    if (storedScope() === this.#frame) return fn(argument);
    // One snapshot that holds both: entering two, one in the other, would cost twice as much each time.
    this.#enter ??= this.#around(enterAndCapture, this.#frame);
    return this.#enter(fn, argument);
  }

  /** The same without keeping a snapshot: for what is called once. */
  callOnce<A, R>(fn: (argument: A) => R, argument: A): R {
    if (storedScope() === this.#frame) return fn(argument);
    return this.#around((frame) => runInScope(frame, fn, argument), this.#frame);
  }
}

function enterAndCapture(frame: Scope): EnterContext {
  return runInScope(frame, captureAsyncContext, undefined);
}
