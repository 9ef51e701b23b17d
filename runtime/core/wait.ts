import { ignore } from "../base/functions.ts";
import { cancelledError, type CancelRequest, isCancelled } from "./cancelled.ts";
import { CancelledError, RuntimeError } from "../errors/exceptions.ts";
import { currentScope } from "./frame.ts";
import { isLeftWaiting } from "./shutdown.ts";
import { Request, seeing, type Seen } from "./delivery.ts";
import { rejectShowingCaller, seesAwaiting, type Settling, Site } from "../base/stack.ts";
import type { ReadyEntry, Scheduler, Turn } from "./scheduler.ts";
import { doomOf, openScope, type Scope, type ScopeWait } from "./scope.ts";

/**
 * Bits of a wait's state; none: it has not been woken.
 *
 * - `WOKEN`: its wake-up is, or was, in the ready queue; a cancellation may still take it.
 * - `CANCELLED`: a cancellation took it before its wake-up ran, which rejects it.
 * - `MARKED`: the same where it had been woken first; `uncancel()` may take that back.
 * - `HANDED`: it stands behind a future that was made of its promise.
 * - `SETTLED`: its promise is settled; it is in no list.
 */
const WOKEN = 1;
const CANCELLED = 2;
const MARKED = 4;
const HANDED = 8;
const SETTLED = 16;

let capturedResolve: (value: unknown) => void;
let capturedReject: (reason: unknown) => void;
function capture(resolve: (value: unknown) => void, reject: (reason: unknown) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/**
 * What an asyncio call hands to its awaiter: one object, one fresh promise, one entry of the ready queue. It settles at its
 * own wake-up, in the iteration after `wake()`, because until then a cancellation must be able to win (TASK-52).
 */
export abstract class Wait<T> implements ScopeWait, ReadyEntry {
  readonly promise: Promise<T>;
  /** Where it was made, or moved; leads to the task that waits. */
  scope: Scope;
  nextWait: ScopeWait | null = null;
  previousWait: ScopeWait | null = null;
  step: number;
  readonly seen: Seen | null;
  /** Where it was made, where the loop records that. */
  readonly site: Site | null;
  request: Request | null = null;
  protected readonly scheduler: Scheduler;
  #state = 0;
  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;

  /**
   * `scheduler` is that of the loop which wakes it, where it differs from the waiting scope's. `open`: it takes what is asked
   * of its scope already; else its maker calls {@linkcode Wait.takeOpen}, when it has its fields.
   */
  constructor(
    scope: Scope = currentScope(),
    scheduler: Scheduler = scope.loop.scheduler,
    open = true,
  ) {
    this.promise = new Promise(capture) as Promise<T>;
    this.#resolve = capturedResolve;
    this.#reject = capturedReject;
    this.scope = scope;
    this.scheduler = scheduler;
    this.seen = scheduler.line;
    const home = openScope(scope);
    const { tree } = home;
    tree.activity++;
    this.step = tree.wakeups;
    this.site = scope.loop.recordsSites ? new Site(this.constructor) : null;
    if (scope.loop.refusesWaitIn(scope)) {
      this.#state = SETTLED;
      this.#refuse(home);
      return;
    }
    home.addWait(this);
    const request = open ? this.#findOpen(home) : null;
    if (request !== null) this.#take(request);
  }

  /** A cancellation that was still to be delivered says more than that the loop is closed, and so needs no report. */
  #refuse(home: Scope): void {
    if (isLeftWaiting(home.task ?? this.scope.loop)) return;
    const request = this.#findOpen(home);
    if (request === null) {
      this.#reject(new RuntimeError("Event loop is closed: nothing can be waited for on it"));
    } else {
      this.scope.pardon(request);
      this.promise.then(undefined, ignore);
      this.#reject(cancelledError(this.scope.loop, request));
    }
  }

  /** The open scope in whose list it is: as scopes end, what is left in them climbs. */
  get home(): Scope {
    return openScope(this.scope);
  }

  get handed(): boolean {
    return (this.#state & HANDED) !== 0;
  }

  handOver(): void {
    this.#state |= HANDED;
  }

  /** Neither woken nor cancelled yet. */
  get pending(): boolean {
    return (this.#state & (WOKEN | CANCELLED | SETTLED)) === 0;
  }

  /** A cancellation took it: `onCancel` runs, or ran, at its wake-up. */
  get cancelled(): boolean {
    return (this.#state & CANCELLED) !== 0;
  }

  /** It was woken, whether or not a cancellation took it afterwards. */
  get woken(): boolean {
    return (this.#state & WOKEN) !== 0;
  }

  /** Schedules the wake-up. False when it is no longer pending. */
  wake(): boolean {
    if (!this.pending) return false;
    this.#state |= WOKEN;
    this.scheduler.enqueue(this);
    return true;
  }

  cancel(request: Request): boolean {
    return this.#take(request);
  }

  /** As in CPython the first of several messages holds where it was pending, the last one where it had been woken. */
  #take(request: Request): boolean {
    if (this.pending) {
      this.#state |= CANCELLED;
      this.request = request;
      this.scheduler.enqueue(this);
    } else if ((this.#state & (CANCELLED | SETTLED)) === 0) this.mark(request);
    return this.#state < SETTLED;
  }

  /** Its wake-up, which comes by itself, is to deliver the request. */
  protected mark(request: Request): void {
    this.#state |= MARKED;
    this.request = request;
  }

  /** Cancels it for the code that was given its promise. */
  callOff(request: CancelRequest): "taken" | "over" | "missed" {
    return this.#listed && this.cancel(new Request(request)) ? "taken" : "over";
  }

  /** It is cancelled with `scope` from now on. */
  moveTo(scope: Scope): void {
    if (!this.#listed) return;
    this.home.removeWait(this);
    this.scope = scope;
    const { home } = this;
    this.step = home.tree.wakeups;
    home.addWait(this);
    this.takeOpen();
  }

  /** Whether it is still to run. */
  get #listed(): boolean {
    return this.previousWait !== null || this.home.firstWait === this;
  }

  get handedOut(): Promise<unknown> {
    return this.promise;
  }

  standsFor(promise: Promise<unknown>): boolean {
    return promise === this.promise;
  }

  withdraw(): void {
    if ((this.#state & MARKED) === 0) return;
    this.#state &= ~MARKED;
    this.request = null;
  }

  run(): Turn | null {
    const { home, request, scheduler } = this;
    const { tree } = home;
    home.removeWait(this);
    if (home.firstWait !== null || home.firstChild !== null) home.noteLines(this);
    tree.wakeups++;
    const rejects = (this.#state & (CANCELLED | MARKED)) !== 0;
    if (request === null) scheduler.line = this.seen;
    else {
      scheduler.line = seeing(this.seen, request);
      request.reaches(tree);
    }
    this.#state |= rejects ? CANCELLED | SETTLED : SETTLED;
    try {
      if (rejects) {
        const error = cancelledError(this.scope.loop, request!);
        this.onCancel(error);
        throw error;
      }
      this.#resolve(this.onWake());
    } catch (error) {
      if (isCancelled(error) && !this.scope.loop.recordsSites) {
        // The awaiter may have dropped the promise (a lost race); a cancellation must then not become an unhandled rejection.
        this.promise.then(undefined, ignore);
        this.#reject(error);
      } else this.#rejectWith(error);
    }
    return tree;
  }

  /** Not for cancellations outside debug mode, which have no stack at all. */
  #rejectWith(error: unknown): void {
    const settling: Settling = { resolve: this.#resolve, reject: this.#reject };
    if (isCancelled(error)) {
      const forgive = (): void => void this.promise.then(undefined, ignore);
      // Later where a second reaction would hide the awaiting code.
      if (seesAwaiting) queueMicrotask(() => queueMicrotask(forgive));
      else forgive();
      rejectShowingCaller(settling, error, true, this.site);
    } else rejectShowingCaller(settling, error, false, this.site);
  }

  /** What is waited for, for reports of deadlocks. */
  describe(): string {
    return this.constructor.name;
  }

  /** The future that is waited for, if it is one. */
  get awaited(): object | null {
    return null;
  }

  /** The task that holds what is waited for, if it is something that is held; for the call graph. */
  get holder(): object | null {
    return null;
  }

  /** Runs at the wake-up: finishes the hand-over and returns the value; what it throws rejects the promise. */
  protected abstract onWake(): T;

  /** Runs at the wake-up of a cancelled wait: leaves queues, passes on a wake-up it had been given. */
  protected onCancel(_error: CancelledError): void {}

  /** Takes what is asked of its scope already. */
  protected takeOpen(): void {
    const { scope } = this;
    if (scope.live && scope.tree.open === 0) return;
    const request = this.#findOpen(this.home);
    if (request !== null) this.cancel(request);
  }

  #findOpen(home: Scope): Request | null {
    if (home.tree.open > 0) {
      const request = home.takeRequest(this.seen);
      if (request !== null) return request;
    }
    return this.scope.live ? null : doomOf(this.scope, this.seen);
  }
}

/** The plain wait: its wake-up brings the value or the error. */
export class Waiter<T> extends Wait<T> {
  readonly #what: string;
  #value: T | undefined;
  #error: unknown;
  #failed = false;

  constructor(what = "an event") {
    super();
    this.#what = what;
  }

  /** False when it is no longer pending. */
  wakeWith(value: T): boolean {
    if (!this.wake()) return false;
    this.#value = value;
    return true;
  }

  /** False when it is no longer pending. */
  failWith(error: unknown): boolean {
    if (!this.wake()) return false;
    this.#failed = true;
    this.#error = error;
    return true;
  }

  override describe(): string {
    return this.#what;
  }

  protected onWake(): T {
    if (this.#failed) throw this.#error;
    return this.#value as T;
  }
}

/** The waits in a scope and below it, the latest first. */
export function waitsOf(scope: Scope): Wait<unknown>[] {
  const waits: Wait<unknown>[] = [];
  collect(scope, waits);
  // Stable, so that what was made in one step stays in the order of the lists, which is latest first.
  return waits.sort((a, b) => b.step - a.step);
}

function collect(scope: Scope, waits: Wait<unknown>[]): void {
  for (const wait of scope.waits()) waits.push(wait as Wait<unknown>);
  for (const child of scope.children()) collect(child, waits);
}

/** What a task waits for in the first place; null where it is in no asyncio wait. */
export function currentWait(scope: Scope): Wait<unknown> | null {
  return waitsOf(scope)[0] ?? null;
}

/** Counts a wait for the outside world as under way until it has ended: the testing clock stands still meanwhile. */
export function countAsOperation<T>(wait: Wait<T>): void {
  const { operations } = wait.scope.loop;
  operations.add(wait);
  // Not by a reaction of its promise, which would hide the awaiting code from stack traces.
  if (!wait.pending && !wait.woken && !wait.cancelled) operations.delete(wait);
  const run = wait.run;
  wait.run = () => {
    operations.delete(wait);
    return run.call(wait);
  };
}
