import { AsyncLocalStorage } from "node:async_hooks";
import { type Bindings, ContextCell } from "../../runtime/core/context_cell.ts";
import { currentBindings } from "../../runtime/core/context.ts";
import { runInScope, storedScope } from "../../runtime/core/frame.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";
import { Scope } from "../../runtime/core/scope.ts";

type Enter = <A, R>(fn: (argument: A) => R, argument: A) => R;

/**
 * The context captured when a connection or a server was made, in which everything runs that comes
 * of it later: a copy of the context variables, and other libraries' AsyncLocalStorages as they
 * were. One frame serves all callbacks of a connection, so what `connectionMade` sets,
 * `dataReceived` sees.
 */
export class Carry {
  readonly #loop: LoopCore;
  readonly #frame: Scope;
  readonly #around: Enter;
  #enter: Enter | null = null;

  private constructor(loop: LoopCore, bindings: Bindings, around: Enter) {
    this.#loop = loop;
    this.#frame = Scope.transparent(loop.rootScope, new ContextCell(bindings), null);
    this.#around = around;
  }

  /** Captures the caller's context. */
  static capture(loop: LoopCore): Carry {
    return new Carry(loop, currentBindings(), AsyncLocalStorage.snapshot() as Enter);
  }

  /** A copy for one of many connections, whose changes the others don't see. */
  fork(): Carry {
    return new Carry(this.#loop, this.#frame.cell.bindings, this.#around);
  }

  /** Calls `fn(argument)` in the captured context. Costs nothing where that is current already. */
  call<A, R>(fn: (argument: A) => R, argument: A): R {
    if (storedScope() === this.#frame) return fn(argument);
    // One snapshot that holds both: entering two, one in the other, would cost twice as much each
    // time.
    this.#enter ??= this.#around(enterAndSnapshot, this.#frame);
    return this.#enter(fn, argument);
  }

  /** The same without keeping a snapshot: for what is called once. */
  callOnce<A, R>(fn: (argument: A) => R, argument: A): R {
    if (storedScope() === this.#frame) return fn(argument);
    return this.#around((frame) => runInScope(frame, fn, argument), this.#frame);
  }
}

function enterAndSnapshot(frame: Scope): Enter {
  return runInScope(frame, () => AsyncLocalStorage.snapshot() as Enter, undefined);
}
