import { forgiveCancellation } from "../core/cancelled.ts";
import { currentScope, openChildScope, runInScope } from "../core/frame.ts";
import { rejecting } from "../core/lazy_module.ts";
import { type CancelRequest, openScope, Request, Scope, type ScopeWait } from "../core/scope.ts";
import { rejectShowingCaller } from "../base/stack.ts";

/**
 * What came of a request to end what stands behind a promise.
 *
 * - `taken`: it ends, and the promise tells when it has cleaned up.
 * - `over`: it had ended; the promise is about to tell how.
 * - `missed`: it sits in an await that asyncio can't interrupt.
 */
export type CalledOff = "taken" | "over" | "missed";

/**
 * What stands behind a promise of the library's: a wait, or the scope of a call that makes several. It is looked for among
 * the waits of the loop when the promise is handed to something that can be cancelled (`waitFor`, `gather`). Marking each
 * promise instead, with a field or in a WeakMap, makes a queue a tenth slower.
 */
export type Behind = ScopeWait | Scope;

/** How many waits of one tree are looked at before they are put into a map. */
const FEW = 64;
/** How many waits of other tasks are looked at, the latest first: a promise that asyncio knows nothing of must not be dear. */
const OTHERS = 1000;

/** The waits of a large tree, for the many promises that one call may be given. Kept until the next microtask. */
let index: { root: Scope; activity: number; known: Map<Promise<unknown>, Behind> } | null = null;

/** What stands behind a promise, if that is an asyncio wait of the current loop which is not over. */
export function behindOf(promise: unknown): Behind | null {
  if (!(promise instanceof Promise)) return null;
  const home = openScope(currentScope());
  const { root } = home;
  const search = new Search(promise);
  if (root.parent !== null) {
    if (index?.root === root && index.activity === root.tree.activity) {
      const known = index.known.get(promise);
      if (known !== undefined) return known;
    } else {
      // What is handed over was mostly made just before, in the same place.
      const found = search.waits(home, FEW) ?? search.tree(root, FEW);
      if (found !== null) return found;
      if (search.left < 0) return indexed(root).get(promise) ?? null;
    }
  }
  return search.tree(root.parent ?? root, OTHERS);
}

class Search {
  readonly #promise: Promise<unknown>;
  /** How many may still be looked at. */
  left = 0;

  constructor(promise: Promise<unknown>) {
    this.#promise = promise;
  }

  waits(scope: Scope, most: number): Behind | null {
    this.left = most;
    return this.#waits(scope);
  }

  tree(scope: Scope, most: number): Behind | null {
    this.left = most;
    return this.#tree(scope);
  }

  #waits(scope: Scope): Behind | null {
    for (let wait = scope.firstWait; wait !== null; wait = wait.nextWait) {
      if (wait.standsFor(this.#promise)) return wait;
      if (--this.left < 0) return null;
    }
    return null;
  }

  #tree(scope: Scope): Behind | null {
    if (scope.promise === this.#promise) return scope;
    const found = this.#waits(scope);
    if (found !== null) return found;
    for (const child of scope.children()) {
      if (--this.left < 0) return null;
      const below = this.#tree(child);
      if (below !== null) return below;
    }
    return null;
  }
}

function indexed(root: Scope): Map<Promise<unknown>, Behind> {
  const known = new Map<Promise<unknown>, Behind>();
  collect(root, known);
  index = { root, activity: root.tree.activity, known };
  queueMicrotask(() => index = null);
  return known;
}

function collect(scope: Scope, known: Map<Promise<unknown>, Behind>): void {
  if (scope.promise !== null) known.set(scope.promise, scope);
  for (const wait of scope.waits()) known.set(wait.handedOut, wait);
  for (const child of scope.children()) collect(child, known);
}

/** Cancels what stands behind a promise. */
export function callOff(behind: Behind, request: CancelRequest): CalledOff {
  if (!(behind instanceof Scope)) return behind.callOff(request);
  if (behind.closed) return "over";
  behind.cancel(new Request(request, behind));
  return "taken";
}

/** Moves what stands behind a promise into the current scope. False: nothing that asyncio knows. */
export function takeOver(promise: unknown): boolean {
  const behind = behindOf(promise);
  behind?.moveTo(currentScope());
  return behind !== null;
}

/** Keeps what stands behind a promise from being cancelled with the current task; null: nothing that asyncio knows. */
export function shelter(promise: PromiseLike<unknown>): Behind | null {
  const behind = behindOf(promise);
  if (behind === null) return null;
  const scope = Scope.childOf(currentScope());
  let top = scope;
  while (top.parent !== null) top = top.parent;
  scope.moveTo(top);
  behind.moveTo(scope);
  const close = (): void => scope.close();
  promise.then(close, close);
  return behind;
}

/**
 * Runs an async function of the library's in a scope of its own, so that its promise can be cancelled, whatever it waits
 * for by then. What it throws at once rejects the promise.
 */
export function inOwnScope<T>(work: () => Promise<T>): Promise<T> {
  return withOwnScope((scope) => runInScope(scope, rejecting<T>, work));
}

/** The same where each wait is made with the scope by hand: entering the scope is what costs. */
export function withOwnScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = openChildScope();
  const promise = new Promise<T>((resolve, reject) => {
    work(scope).then((value) => {
      scope.close();
      resolve(value);
    }, (error) => {
      scope.close();
      forgiveCancellation(promise, error);
      rejectShowingCaller({ resolve, reject }, error, false);
    });
  });
  scope.promise = promise;
  return promise;
}
