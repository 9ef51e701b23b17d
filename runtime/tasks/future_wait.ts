import { isCancelled } from "../core/cancelled.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { Reaction } from "../core/delivery.ts";
import type { CancelRequest, Scope } from "../core/scope.ts";
import { Wait } from "../core/wait.ts";

/** What the wait needs of the future that is awaited. */
export interface AwaitedFuture<T> {
  result(): T;
  cancel(message?: string): boolean;
}

/** Through how many tasks that await each other a request is passed on in one go. */
const DEEPEST = 200;
let depth = 0;

/** The wait of code that awaits a future. */
export class FutureWait<T> extends Wait<T> implements FutureEntry {
  readonly #future: AwaitedFuture<T>;
  #asked: CancelRequest | null = null;
  /** While the request is on its way to what is awaited. */
  #passing = false;

  constructor(future: AwaitedFuture<T>, scope: Scope, loop: LoopCore) {
    super(scope, loop.scheduler);
    this.#future = future;
  }

  /** A cancellation that is pending already finds the future, and this wait among those that its end wakes. */
  begin(): void {
    const { home } = this;
    const pending = home.root.pendingCount > 0 ? home.takePending() : null;
    if (pending !== null) this.cancel(pending);
  }

  get awaiter(): object | null {
    return this.scope.task;
  }

  override get awaited(): object {
    return this.#future;
  }

  notify(): void {
    this.wake();
  }

  /** What is awaited is cancelled, and its end wakes this wait; if it refuses, the request waits for that end. */
  override cancel(request: CancelRequest): boolean {
    if (!this.pending) return super.cancel(request);
    // Tasks that wait for each other in a ring: the request came round, so this wait takes it.
    if (this.#passing) return super.cancel(request);
    this.#asked = request;
    this.#passing = true;
    if (depth < DEEPEST) this.#pass(request);
    else {
      // A chain of tasks that is longer than the stack is deep goes on from the loop.
      this.scheduler.enqueue({
        inOrder: true,
        run: () => {
          if (this.pending) this.#pass(request);
          return null;
        },
      });
    }
    return true;
  }

  #pass(request: CancelRequest): void {
    depth++;
    try {
      if (!this.#future.cancel(request.message)) this.request ??= request;
    } finally {
      depth--;
      this.#passing = false;
    }
  }

  override describe(): string {
    return String(this.#future);
  }

  /** The base class asks before the future is known; see {@linkcode FutureWait.begin}. */
  protected override takePending(): void {}

  protected onWake(): T {
    if (this.#asked !== null) Reaction.waitEnds(this.home.root, this);
    try {
      return this.#future.result();
    } catch (error) {
      const cause = this.#asked?.cause;
      if (cause !== undefined && isCancelled(error)) error.cause ??= cause;
      throw error;
    }
  }

  // A cancellation that wins over an exception does not count as having seen it: it is reported if no other code takes it.
}

/** What a future tells when it is done, each through the ready queue. */
export interface FutureEntry {
  /** Puts what is to be run into the ready queue. One entry may serve many futures. */
  notify(future: object): void;
  /** The future (a task, a gather, a shield) that goes on when this one is done; for the call graph. */
  readonly awaiter: object | null;
}
