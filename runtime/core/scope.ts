import { type Bindings, ContextCell } from "./context_cell.ts";
import { type AskedScope, Hits, passing, Request, type Seen, sees, TaskTree } from "./delivery.ts";
import type { Scheduler } from "./scheduler.ts";
import { Rare, ScopeNode, type ScopeTask } from "./scope_node.ts";
import { cancelledError, noteReason } from "./cancelled.ts";

export type { CancelRequest } from "./cancelled.ts";
export type { ScopeTask, ScopeWait } from "./scope_node.ts";
export { Request, TaskTree } from "./delivery.ts";

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

// The first two bits are those of scope_node.ts.
const CLOSED = 4;
const SHARED = 8;
const DOOMED = 16;
const SHIELD = 32;

/**
 * A node of the tree along which cancellation travels: a task's root, the body of a timeout, of a group, of `withSignal`.
 *
 * - A wait registers with the scope in which it is made; cancelling a scope cancels the waits in it and below it.
 * - Where there is none to cancel, the request is pending for the next wait made in the scope or below. I2: a new wait takes
 *   the nearest open request going up.
 * - One request is one CancelledError. Only where the scope has several lines, or its line stays away for a second, it is
 *   offered once more, to code that is not known to have seen it.
 * - A scope that ends hands what still lives to its parent; what is made in it later climbs to the first open ancestor.
 *   I4: one that has ended holds no wait and no open request.
 * - I8: after it ended cancelled it is `doomed`: no wait of a line that is not known to have seen the request completes.
 * - Transparent scopes (`Context.run`, callbacks) are closed from the start: they carry a context, not waits.
 */
export class Scope extends ScopeNode implements AskedScope {
  readonly loop: ScopeLoop;
  readonly task: ScopeTask | null;
  readonly cell: ContextCell;
  /** Shared by all that is cancelled as one: a task's scopes, or those of a plain handler. */
  tree: TaskTree;
  /** Requests made to this very scope and not yet taken back. */
  requests = 0;
  /** The latest request made to it. */
  asked: Request | null = null;
  /** What stands for it in the async context, once it has been entered. */
  frame: Frame | null = null;
  /** What the call that runs in it returned. */
  promise: Promise<unknown> | null = null;
  #rare: Rare | null = null;

  constructor(
    loop: ScopeLoop,
    parent: Scope | null,
    task: ScopeTask | null,
    cell: ContextCell,
    tree: TaskTree = new TaskTree(),
  ) {
    super(parent);
    this.loop = loop;
    this.task = task;
    this.cell = cell;
    this.tree = tree;
  }

  /** A scope that is cancelled with `parent`, or on its own. */
  static childOf(parent: Scope, cell: ContextCell = parent.cell): Scope {
    // What is set inside a frame that callbacks share must not reach the others.
    if (parent.shared && cell === parent.cell) cell = new ContextCell(cell.bindings);
    const home = openScope(parent);
    // Handlers outside tasks have nothing in common: each outermost scope there is a tree of its own.
    const tree = home.parent === null ? new TaskTree() : home.tree;
    const scope = new Scope(parent.loop, home, parent.task, cell, tree);
    home.adopt(scope);
    if (!parent.live) scope.#markDoomed(doomOf(parent, parent.loop.scheduler.line));
    return scope;
  }

  /** A scope that only brings another context (or frame) with it. */
  static transparent(
    parent: Scope,
    cell: ContextCell,
    task: ScopeTask | null,
    shared = false,
  ): Scope {
    const scope = new Scope(parent.loop, parent, task, cell, parent.tree);
    scope.flags = shared ? CLOSED | SHARED : CLOSED;
    return scope;
  }

  /** The root scope of a task, below the loop's own. */
  static ofTask(loopScope: Scope, task: ScopeTask, cell: ContextCell): Scope {
    const scope = new Scope(loopScope.loop, loopScope, task, cell);
    loopScope.adopt(scope);
    return scope;
  }

  /** Neither closed nor doomed. */
  get live(): boolean {
    return (this.flags & (CLOSED | DOOMED)) === 0;
  }
  get closed(): boolean {
    return (this.flags & CLOSED) !== 0;
  }
  /** A frame that callbacks share: a variable set in it needs a frame of its own first. */
  get shared(): boolean {
    return (this.flags & SHARED) !== 0;
  }
  /** It, or what it was opened in, ended cancelled or was abandoned. */
  get doomed(): boolean {
    return (this.flags & DOOMED) !== 0;
  }
  /** The request that each line in it has to see. */
  get doom(): Request | null {
    return this.doomed ? this.#rare!.doom : null;
  }

  /** Requests of what encloses it stay outside, for the first wait after it. */
  get shield(): boolean {
    return (this.flags & SHIELD) !== 0;
  }
  set shield(shield: boolean) {
    this.flags = shield ? this.flags | SHIELD : this.flags & ~SHIELD;
  }

  get standing(): number {
    return this.closed ? 0 : this.requests;
  }
  /** Top of what is cancelled as one: the task's first scope, or a plain handler's outermost one. */
  get root(): Scope {
    return this.#isOutermost ? this : this.parent!.root;
  }

  get #isOutermost(): boolean {
    return this.parent === null || this.parent.tree !== this.tree;
  }

  // ── requests

  /**
   * Asks this scope to end. Returns whether a wait that the code is certainly in took the request; otherwise its state tells
   * what came of it, or comes yet.
   */
  cancel(request: Request): boolean {
    this.requests++;
    return this.deliver(request);
  }

  /** The same where nothing has to be interrupted. */
  count(request: Request): void {
    this.requests++;
    this.#replace(request);
    request.take();
  }

  /** The same before any code runs in it, so that nothing can react: the request is what the code would have met first. */
  cancelUnstarted(request: Request): void {
    this.requests++;
    this.#rare?.controller?.abort(noteReason(cancelledError(this.loop, request)));
    this.put(request);
  }

  /** Like {@linkcode Scope.cancel} for a request that is already counted. */
  deliver(request: Request): boolean {
    const { asked } = this;
    // A second request before it is known what came of the first is the same cancellation.
    const undecided = asked !== null && asked.state === "offered" ? asked : null;
    if (undecided === null) this.#replace(request);
    const hits = new Hits();
    this.#cancelWaits(request, hits);
    if (hits.signals !== null) {
      const reason = noteReason(cancelledError(this.loop, request));
      for (const controller of hits.signals) controller.abort(reason);
    }
    if (undecided === null) return request.met(hits);
    request.take();
    if (hits.certain || hits.freshSignal) undecided.take();
    return hits.certain;
  }

  /** Makes a request its latest one, pending for the next wait. */
  put(request: Request): void {
    this.#replace(request);
    request.leave();
  }

  #replace(request: Request): void {
    this.asked?.withdraw();
    this.asked = request;
  }

  /** The nearest open request going up that `line` has not seen. */
  takeRequest(line: Seen | null): Request | null {
    const { asked } = this;
    if (asked !== null && asked.open && !sees(line, asked) && asked.claim()) return asked;
    return this.#isOutermost || this.shield ? null : this.parent!.takeRequest(line);
  }

  /** What was asked of this scope, and neither a wait nor the line that runs now has met yet. */
  get undelivered(): Request | null {
    const { asked } = this;
    if (!asked?.open || asked.kind === "echo" || asked.sparing) return null;
    return sees(this.loop.scheduler.line, asked) ? null : asked;
  }

  /** Requests standing against the scopes that enclose this one. */
  requestsAbove(): number {
    return this.#isOutermost ? 0 : this.parent!.requests + this.parent!.requestsAbove();
  }

  /** The same without what no wait has met yet, since a body that is entered now meets it (gh-134471). */
  metAbove(): number {
    if (this.tree.open === 0) return this.requestsAbove();
    if (this.#isOutermost) return 0;
    const { requests, undelivered } = this.parent!;
    return this.parent!.metAbove() + (undelivered === null ? requests : requests - 1);
  }

  /** The nearest request of an encloser, where more stand against them than `entry` says were met at the entry. */
  outerRequestSince(entry: number): Request | null {
    return this.requestsAbove() > entry ? this.nearestAskedAbove()!.asked : null;
  }

  /** The nearest encloser that was asked to end. */
  nearestAskedAbove(): Scope | null {
    if (this.#isOutermost) return null;
    return this.parent!.requests > 0 ? this.parent : this.parent!.nearestAskedAbove();
  }

  /** The request that ends it where a cancellation does: its own, or the nearest of an encloser. */
  get ending(): Request | null {
    return (this.requests > 0 ? this : this.nearestAskedAbove())?.asked ?? null;
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
    if (this.#rare?.controller?.signal.aborted) this.#rare.controller = null;
    for (const wait of this.waits()) wait.withdraw();
    for (const child of this.children()) child.withdraw();
  }

  /** Forgets what was asked of it and has not been delivered. */
  forget(): void {
    this.asked?.withdraw();
  }

  // ── its end

  /**
   * Ends the scope: what still lives in it goes to the parent. `doom`: the request that ended it, so that code of which it is
   * not known that it has seen it does no more.
   */
  close(doom: Request | null = null): void {
    if (this.closed) return;
    this.forget();
    if (doom !== null) this.condemn(doom);
    this.flags |= CLOSED;
    if (this.#isOutermost && this.task !== null) this.tree.activity++;
    else {
      this.tree.exits++;
      this.requests = 0;
    }
    this.parent!.release(this);
    if (this.firstWait !== null || this.firstChild !== null) this.handOver(openScope(this) as this);
    if (this.frame !== null) this.#leaveFrame(this.frame);
  }

  /** No line that has not seen the request completes a wait in it any more, nor in what was opened in it. */
  condemn(request: Request): void {
    this.#markDoomed(request);
    for (const wait of this.waits()) {
      if (!sees(wait.seen, request) && wait.request?.first !== request.first) wait.cancel(request);
    }
    for (const child of this.children()) child.condemn(request);
  }

  /** On a closed loop, where no turn follows, the request is delivered once. */
  pardon(request: Request): void {
    if (this.doom === request) this.flags &= ~DOOMED;
    this.parent?.pardon(request);
  }

  #markDoomed(request: Request | null): void {
    if (request === null) return;
    this.flags |= DOOMED;
    (this.#rare ??= new Rare()).doom = request;
  }

  /** Code that outlives the scope goes on where its waits climb to, with the values it has seen so far. */
  #leaveFrame(frame: Frame): void {
    const { cell, parent } = this;
    // Its own code is to find what it has to see.
    if (this.doomed) return;
    if (cell === parent!.cell) frame.scope = parent!;
    else if (cell.pristine) frame.scope = this.loop.callbackFrame(cell.bindings, null);
  }

  /**
   * Goes below another scope with all it holds, and is cancelled with that from now on. Below the loop's own it is cut off
   * from what enclosed it, as an abandoned body is.
   */
  moveTo(parent: Scope): void {
    const home = openScope(parent);
    const tree = home.parent === null ? new TaskTree() : home.tree;
    this.tree.exits++;
    this.parent!.release(this);
    this.parent = home as this;
    home.adopt(this);
    if (tree !== this.tree) this.#setTree(tree);
  }

  /** Aborts when this scope, or one that encloses it, is asked to end. `asking`: it is the scope's own code that asks. */
  signal(asking: boolean): AbortSignal {
    const rare = this.#rare ??= new Rare();
    if (rare.controller === null) {
      rare.controller = new AbortController();
      rare.step = -1;
      const request = this.ending ?? doomOf(this, this.loop.scheduler.line);
      if (request !== null) rare.controller.abort(noteReason(cancelledError(this.loop, request)));
    }
    if (asking) rare.step = this.tree.wakeups;
    return rare.controller.signal;
  }

  #cancelWaits(request: Request, hits: Hits): void {
    const step = this.tree.wakeups;
    if (this.several) hits.lines = true;
    for (let wait = this.firstWait; wait !== null; wait = wait.nextWait) {
      if (wait.nextWait !== null || this.firstChild !== null) passing.last = false;
      if (!wait.cancel(request)) continue;
      if (!wait.handed) hits.all++;
      if (wait.step === step) hits.fresh++;
    }
    const controller = this.#rare?.controller ?? null;
    if (controller !== null) {
      hits.signalled = true;
      if (this.#rare!.step === step) hits.freshSignal = true;
      if (!controller.signal.aborted) (hits.signals ??= []).push(controller);
    }
    for (let child = this.firstChild; child !== null; child = child.next) {
      if (child.next !== null) passing.last = false;
      if (!child.shield) child.#cancelWaits(request, hits);
    }
  }

  /** What is not decided yet is pending in the new tree. */
  #setTree(tree: TaskTree): void {
    const { asked } = this;
    if (asked?.state === "offered") asked.leave();
    if (asked?.open) this.tree.open--;
    this.tree = tree;
    if (asked?.open) tree.open++;
    for (const wait of this.waits()) wait.step = tree.wakeups;
    for (const child of this.children()) child.#setTree(tree);
  }
}

/** The scope itself, or its first ancestor that has not ended. */
export function openScope(scope: Scope): Scope {
  let open = scope;
  while (open.closed) open = open.parent!;
  return open;
}

/** The request that `line` has to see before it may wait here: a scope on the way up ended cancelled. */
export function doomOf(scope: Scope, line: Seen | null): Request | null {
  for (let place = scope;; place = place.parent!) {
    const { doom } = place;
    if (doom !== null && !sees(line, doom)) return doom;
    if (!place.closed) return null;
  }
}
