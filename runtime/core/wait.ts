import { ignore } from "../base/functions.ts";
import { cancelledError, isCancelled } from "./cancelled.ts";
import { CancelledError, RuntimeError } from "../errors/exceptions.ts";
import { currentScope } from "./frame.ts";
import { isLeftWaiting } from "./shutdown.ts";
import { Reaction } from "./delivery.ts";
import { rejectShowingCaller, seesAwaiting, type Settling, Site } from "../base/stack.ts";
import type { ReadyEntry, Scheduler, Turn } from "./scheduler.ts";
import { type CancelRequest, openScope, type Scope, type ScopeWait } from "./scope.ts";

/**
 * - `pending`: registered, nobody has woken it.
 * - `woken`: its wake-up is in the ready queue; a cancellation may still take it.
 * - `cancelled`: a cancellation took it; its wake-up is in the ready queue.
 * - `settled`: its promise is settled; it is in no list.
 */
type State = "pending" | "woken" | "cancelled" | "settled";

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
  /** Where it was made, where the loop records that. */
  readonly site: Site | null;
  protected readonly scheduler: Scheduler;
  protected request: CancelRequest | null = null;
  #state: State = "pending";
  #woken = false;
  readonly #resolve: (value: T) => void;
  readonly #reject: (reason: unknown) => void;

  /** `scheduler` is that of the loop which wakes it, where it differs from the waiting scope's. */
  constructor(scope: Scope = currentScope(), scheduler: Scheduler = scope.loop.scheduler) {
    this.promise = new Promise(capture) as Promise<T>;
    this.#resolve = capturedResolve;
    this.#reject = capturedReject;
    this.scope = scope;
    this.scheduler = scheduler;
    const home = openScope(scope);
    const root = home.root;
    root.activity++;
    this.step = root.step;
    this.site = scope.loop.recordsSites ? new Site(this.constructor) : null;
    if (scope.loop.refusesWaitIn(scope)) {
      this.#state = "settled";
      this.#refuse(home);
      return;
    }
    home.addWait(this);
    if (root.pendingCount > 0) this.takePending();
  }

  /** A cancellation that was still to be delivered says more than that the loop is closed, and so needs no report. */
  #refuse(home: Scope): void {
    if (isLeftWaiting(home.root.task ?? this.scope.loop)) return;
    const pending = home.root.pendingCount > 0 ? home.takePending() : null;
    if (pending === null) {
      this.#reject(new RuntimeError("Event loop is closed: nothing can be waited for on it"));
    } else {
      this.promise.then(undefined, ignore);
      this.#reject(cancelledError(this.scope.loop, pending));
    }
  }

  /** The open scope in whose list it is: as scopes end, what is left in them climbs. */
  get home(): Scope {
    return openScope(this.scope);
  }

  /** Neither woken nor cancelled yet. */
  get pending(): boolean {
    return this.#state === "pending";
  }

  /** A cancellation took it: `onCancel` runs, or ran, at its wake-up. */
  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /** Somebody woke it, whether or not a cancellation took it afterwards. */
  get woken(): boolean {
    return this.#woken;
  }

  /** Schedules the wake-up. False when it is no longer pending. */
  wake(): boolean {
    if (this.#state !== "pending") return false;
    this.#state = "woken";
    this.#woken = true;
    this.scheduler.enqueue(this);
    return true;
  }

  cancel(request: CancelRequest): boolean {
    return this.#take(request);
  }

  #take(request: CancelRequest): boolean {
    if (this.#state === "pending") {
      this.#state = "cancelled";
      this.request = request;
      this.scheduler.enqueue(this);
    } else if (this.#state === "woken") this.request ??= request;
    return this.#state !== "settled";
  }

  /** Cancels it for who was given its promise. */
  callOff(request: CancelRequest): "taken" | "over" | "missed" {
    return this.#listed && this.cancel(request) ? "taken" : "over";
  }

  /** It is cancelled with `scope` from now on. */
  moveTo(scope: Scope): void {
    if (!this.#listed) return;
    this.home.removeWait(this);
    this.scope = scope;
    const { home } = this;
    this.step = home.root.step;
    home.addWait(this);
    if (home.root.pendingCount > 0) this.takePending();
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
    if (this.#state !== "cancelled") this.request = null;
  }

  run(): Turn | null {
    const { home, request } = this;
    const root = home.root;
    home.removeWait(this);
    root.step++;
    this.#state = request === null ? "settled" : "cancelled";
    try {
      if (request !== null) {
        Reaction.waitEnds(root, this);
        const error = cancelledError(this.scope.loop, request) as CancelledError;
        this.onCancel(error);
        throw error;
      }
      this.#resolve(this.onWake());
    } catch (error) {
      if (isCancelled(error) && !this.scope.loop.recordsSites) {
        // The awaiter may have dropped the promise (a lost race); a cancellation is then nobody's unhandled rejection.
        this.promise.then(undefined, ignore);
        this.#reject(error);
      } else this.#rejectWith(error);
    }
    return root;
  }

  /** Not for cancellations outside debug mode, which have no stack at all. */
  #rejectWith(error: unknown): void {
    const settling: Settling = { resolve: this.#resolve, reject: this.#reject };
    if (isCancelled(error)) {
      const forgive = (): void => void this.promise.then(undefined, ignore);
      // Later where a second reaction would hide who awaits.
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

  /** Called by the constructor, so before a subclass has its fields. */
  protected takePending(): void {
    const pending = this.home.takePending();
    if (pending !== null) this.#take(pending);
  }
}

/** The plain wait: whoever wakes it brings the value or the error. */
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
