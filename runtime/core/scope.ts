import { type Bindings, ContextCell } from "./context_cell.ts";
import { activityOf, type ReactingScope, Reaction } from "./delivery.ts";
import type { Scheduler } from "./scheduler.ts";
import { cancelledError, type CancelRequest, noteReason } from "./cancelled.ts";

export type { CancelRequest } from "./cancelled.ts";

/** What a scope needs to know of a wait. */
export interface ScopeWait {
  nextWait: ScopeWait | null;
  previousWait: ScopeWait | null;
  /** The tree's `step` when the wait was made. */
  step: number;
  /** Takes the request, or remembers it until the wake-up that is already on its way. False: it can't be cancelled. */
  cancel(request: CancelRequest): boolean;
  /** Forgets a request that has not become effective (`uncancel()` reached 0). */
  withdraw(): void;
  /** The promise that its maker gave out. */
  readonly handedOut: Promise<unknown>;
  standsFor(promise: Promise<unknown>): boolean;
  /** For who was given its promise; see `runtime/scopes/known.ts`. */
  callOff(request: CancelRequest): "taken" | "over" | "missed";
  moveTo(scope: Scope): void;
}

/** What a scope needs to know of its task. */
export interface ScopeTask {
  done(): boolean;
  getName(): string;
}

/**
 * What the async context holds for a scope. Deno keeps it in a weak table that only a full collection clears, so that a
 * scope which has ended is let go of here: tasks are a tenth to a fifth cheaper for it.
 */
export interface Frame {
  scope: Scope;
}

/** What a scope needs to know of its loop. */
export interface ScopeLoop {
  readonly scheduler: Scheduler;
  /** Closed: nothing can be waited for any more, but for what the code that still waited needs to clean up. */
  refusesWaitIn(scope: object): boolean;
  getDebug(): boolean;
  /** The scope in which callbacks with these values run; `cell` when they have a context of their own. */
  callbackFrame(bindings: Bindings, cell: ContextCell | null): Scope;
  /** Whether waits and futures remember where they were made: in debug mode, and on a testing loop. */
  readonly recordsSites: boolean;
  /** Closed, and nothing waits in it any more: code that it left running is plain code. */
  readonly over: boolean;
  /** Operations of the host under way (a connect, a child, a job), by what they are; the testing clock waits for them. */
  readonly operations: Set<object>;
  /** The loop as its users have it; `publicLoop()` of runtime/tasks/task_options.ts gives it its type. */
  readonly publicLoop: object;
}

/**
 * A node of the tree along which cancellation travels: a task's root, the body of a timeout, of a group, of `withSignal`.
 *
 * - A wait registers with the scope in which it is made; cancelling a scope cancels the waits in it and below it.
 * - Where there is none to cancel, a pending request stays for the next wait made in the scope or below.
 * - A scope that ends hands what still lives to its parent; what is made in it later climbs to the first open ancestor.
 * - Transparent scopes (`Context.run`, callbacks) are closed from the start: they carry a context, not waits.
 */
export class Scope implements ReactingScope<CancelRequest> {
  readonly loop: ScopeLoop;
  readonly task: ScopeTask | null;
  readonly cell: ContextCell;
  parent: Scope | null;
  /** Top of the tree that is cancelled as one: the task's root, or a plain handler's outermost scope. */
  root: Scope;
  closed = false;
  /** Requests made to this very scope and not yet taken back. */
  requests = 0;
  /** The request that found no wait. */
  pending: CancelRequest | null = null;
  /** Of the root: how many scopes of the tree hold a pending request. */
  pendingCount = 0;
  /** Of the root: moves when a wait is made and when the task ends, so when the turn of what was woken is over. */
  activity = 0;
  /** Of the root: counts the other scopes that ended. */
  exits = 0;
  /** Of the root: counts wake-ups, so that waits older than the last one can be told. */
  step = 0;
  /** A frame that callbacks share: a variable set in it needs a frame of its own first. */
  shared = false;
  /** A request hit only leftovers or signals, and whether the code reacts is not known yet; see {@linkcode Reaction}. */
  deciding = false;
  /** What stands for it in the async context, once it has been entered. */
  frame: Frame | null = null;
  firstWait: ScopeWait | null = null;
  firstChild: Scope | null = null;
  /** What the call that runs in it returned. */
  promise: Promise<unknown> | null = null;
  #nextSibling: Scope | null = null;
  #previousSibling: Scope | null = null;
  #controller: AbortController | null = null;
  /** The tree's `step` when the signal was last asked for. */
  #signalStep = -1;

  constructor(loop: ScopeLoop, parent: Scope | null, task: ScopeTask | null, cell: ContextCell) {
    this.loop = loop;
    this.parent = parent;
    this.task = task;
    this.cell = cell;
    this.root = this;
  }

  /** A scope that is cancelled with `parent`, or on its own. */
  static childOf(parent: Scope, cell: ContextCell = cellBelow(parent)): Scope {
    const scope = new Scope(parent.loop, parent, parent.task, cell);
    const home = openScope(parent);
    scope.parent = home;
    // Handlers outside tasks have nothing in common: each outermost scope there is a tree of its own.
    scope.root = home.root.parent === null ? scope : home.root;
    home.#adopt(scope);
    return scope;
  }

  /** A scope that only brings another context (or frame) with it. */
  static transparent(parent: Scope, cell: ContextCell, task: ScopeTask | null): Scope {
    const scope = new Scope(parent.loop, parent, task, cell);
    scope.root = parent.root;
    scope.closed = true;
    return scope;
  }

  /** The root scope of a task, below the loop's own. */
  static ofTask(loopScope: Scope, task: ScopeTask, cell: ContextCell): Scope {
    const scope = new Scope(loopScope.loop, loopScope, task, cell);
    loopScope.#adopt(scope);
    return scope;
  }

  addWait(wait: ScopeWait): void {
    const first = this.firstWait;
    wait.nextWait = first;
    wait.previousWait = null;
    if (first !== null) first.previousWait = wait;
    this.firstWait = wait;
  }

  removeWait(wait: ScopeWait): void {
    const { nextWait, previousWait } = wait;
    if (previousWait !== null) previousWait.nextWait = nextWait;
    else if (this.firstWait === wait) this.firstWait = nextWait;
    if (nextWait !== null) nextWait.previousWait = previousWait;
    wait.nextWait = null;
    wait.previousWait = null;
  }

  *children(): IterableIterator<Scope> {
    let child = this.firstChild;
    while (child !== null) {
      const next: Scope | null = child.#nextSibling;
      yield child;
      child = next;
    }
  }

  *waits(): IterableIterator<ScopeWait> {
    let wait = this.firstWait;
    while (wait !== null) {
      const next: ScopeWait | null = wait.nextWait;
      yield wait;
      wait = next;
    }
  }

  /**
   * Asks this scope to end. Returns whether a wait that the code is certainly in took the request at once; otherwise it is
   * left pending, at once or (where only leftovers or an abort signal were hit) once it shows that nothing came of it.
   */
  cancel(request: CancelRequest): boolean {
    this.requests++;
    return this.deliver(request);
  }

  /** The same before any code runs in it, so that nothing can react: the request is what the code would have met first. */
  cancelUnstarted(request: CancelRequest): void {
    this.requests++;
    this.#controller?.abort(noteReason(cancelledError(this.loop, request)));
    this.leavePending(request);
  }

  /** Like {@linkcode Scope.cancel} for a request that is already counted. */
  deliver(request: CancelRequest): boolean {
    const hits: Hits = { fresh: false, stale: null, controllers: null, freshSignal: false };
    const activity = activityOf(this.root);
    this.#cancelWaits(request, hits);
    if (hits.controllers !== null) {
      const reason = noteReason(cancelledError(this.loop, request));
      for (const controller of hits.controllers) controller.abort(reason);
    }
    const { fresh, stale, controllers, freshSignal } = hits;
    if (fresh) return true;
    if (stale === null && controllers === null) this.leavePending(request);
    else {
      const aborted = controllers === null ? null : { activity, fresh: freshSignal };
      Reaction.begin(this, request, stale ?? new Set(), aborted);
    }
    return false;
  }

  leavePending(request: CancelRequest): void {
    if (this.pending === null) this.root.pendingCount++;
    request.leftAt = this.root.step;
    this.pending = request;
  }

  clearPending(): CancelRequest | null {
    const pending = this.pending;
    if (pending !== null) {
      this.pending = null;
      this.root.pendingCount--;
    }
    return pending;
  }

  /** What was asked of this scope and has reached no wait yet. */
  get undelivered(): CancelRequest | null {
    return this.pending ?? Reaction.of(this)?.undelivered ?? null;
  }

  /** The nearest pending request going up, taken. */
  takePending(): CancelRequest | null {
    const own = this.clearPending() ?? Reaction.of(this)?.claim() ?? null;
    if (own !== null || this.parent === null || this === this.root) return own;
    return this.parent.takePending();
  }

  /** Requests standing against the scopes that enclose this one. */
  requestsAbove(): number {
    if (this.parent === null || this === this.root) return 0;
    return this.parent.requests + this.parent.requestsAbove();
  }

  /** The nearest enclosing scope that was asked to end. */
  nearestAskedAbove(): Scope | null {
    if (this.parent === null || this === this.root) return null;
    return this.parent.requests > 0 ? this.parent : this.parent.nearestAskedAbove();
  }

  /** Requests standing against this scope and all below it. */
  requestsBelow(): number {
    let sum = this.requests;
    for (const child of this.children()) sum += child.requestsBelow();
    return sum;
  }

  /** Forgets, here and below, all that has not become effective: `uncancel()` reached 0. */
  withdraw(): void {
    this.forget();
    if (this.#controller?.signal.aborted) this.#controller = null;
    for (const wait of this.waits()) wait.withdraw();
    for (const child of this.children()) child.withdraw();
  }

  /** Ends the scope: what still lives in it goes to the parent. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.forget();
    if (this.root === this && this.task !== null) this.activity++;
    else {
      this.root.exits++;
      this.requests = 0;
    }
    this.parent!.#release(this);
    if (this.firstWait !== null || this.firstChild !== null) this.#handOver();
    if (this.frame !== null) this.#leaveFrame(this.frame);
  }

  /** Code that outlives the scope goes on where its waits climb to, with the values it has seen so far. */
  #leaveFrame(frame: Frame): void {
    const { cell, parent } = this;
    if (cell === parent!.cell) frame.scope = parent!;
    else if (cell.pristine) frame.scope = this.loop.callbackFrame(cell.bindings, null);
  }

  /** Forgets what was asked of it and has not been delivered. */
  forget(): void {
    this.clearPending();
    if (this.deciding) Reaction.of(this)?.end();
  }

  #handOver(): void {
    const home = openScope(this);
    for (const wait of this.waits()) {
      this.removeWait(wait);
      home.addWait(wait);
    }
    for (const child of this.children()) {
      this.#release(child);
      child.parent = home;
      home.#adopt(child);
    }
  }

  /**
   * Goes below another scope with all it holds, and is cancelled with that from now on. Below the loop's own it is cut off
   * from what enclosed it, as a body is that was left behind.
   */
  moveTo(parent: Scope): void {
    const home = openScope(parent);
    const root = home.root.parent === null ? this : home.root;
    const count = this.#settleReactions();
    this.root.pendingCount -= count;
    this.root.exits++;
    this.parent!.#release(this);
    this.parent = home;
    home.#adopt(this);
    if (root !== this.root) this.#setRoot(root);
    root.pendingCount += count;
  }

  /** Aborts when this scope, or one that encloses it, is asked to end. */
  get signal(): AbortSignal {
    this.#signalStep = this.root.step;
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.requests + this.requestsAbove() > 0) {
        this.#controller.abort(noteReason(cancelledError(this.loop, { message: undefined })));
      }
    }
    return this.#controller.signal;
  }

  /** Lets go of children without telling them; the caller keeps them elsewhere. */
  #release(child: Scope): void {
    const next = child.#nextSibling;
    const previous = child.#previousSibling;
    if (previous !== null) previous.#nextSibling = next;
    else if (this.firstChild === child) this.firstChild = next;
    if (next !== null) next.#previousSibling = previous;
    child.#nextSibling = null;
    child.#previousSibling = null;
  }

  #adopt(child: Scope): void {
    const first = this.firstChild;
    child.#nextSibling = first;
    if (first !== null) first.#previousSibling = child;
    this.firstChild = child;
  }

  #cancelWaits(request: CancelRequest, hits: Hits): void {
    const step = this.root.step;
    for (let wait = this.firstWait; wait !== null; wait = wait.nextWait) {
      if (!wait.cancel(request)) continue;
      if (wait.step === step) hits.fresh = true;
      else (hits.stale ??= new Set()).add(wait);
    }
    if (this.#controller !== null && !this.#controller.signal.aborted) {
      (hits.controllers ??= []).push(this.#controller);
      if (this.#signalStep === step) hits.freshSignal = true;
    }
    for (let child = this.firstChild; child !== null; child = child.#nextSibling) {
      child.#cancelWaits(request, hits);
    }
  }

  /** Leaves pending what is not decided yet, and counts what is pending. */
  #settleReactions(): number {
    Reaction.of(this)?.leave();
    let count = this.pending === null ? 0 : 1;
    for (const child of this.children()) count += child.#settleReactions();
    return count;
  }

  #setRoot(root: Scope): void {
    if (root === this) this.pendingCount = 0;
    this.root = root;
    for (const wait of this.waits()) wait.step = root.step;
    for (const child of this.children()) child.#setRoot(root);
  }
}

interface Hits {
  fresh: boolean;
  stale: Set<ScopeWait> | null;
  controllers: AbortController[] | null;
  /** The code has asked for one of their signals since its last wake-up. */
  freshSignal: boolean;
}

/** What is set inside a frame that callbacks share must not reach the others. */
function cellBelow(parent: Scope): ContextCell {
  return parent.shared ? new ContextCell(parent.cell.bindings) : parent.cell;
}

/** The scope itself, or its first ancestor that has not ended. */
export function openScope(scope: Scope): Scope {
  let open = scope;
  while (open.closed) open = open.parent!;
  return open;
}
