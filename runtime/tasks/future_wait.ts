import { isCancelled } from "../core/cancelled.ts";
import type { LoopCore } from "../core/loop_core.ts";
import type { Request, Scope } from "../core/scope.ts";
import { passing } from "../core/delivery.ts";
import { Wait } from "../core/wait.ts";

/** What the wait needs of the future that is awaited. */
export interface AwaitedFuture<T> {
  result(): T;
  cancelled(): boolean;
  cancel(message?: string): boolean;
}

/** Waits whose requests are passed on one after the other, and the one whose turn it is. */
let chain: FutureWait<unknown>[] | null = null;
let current: FutureWait<unknown> | null = null;
/** How many such chains are under way, each begun in the middle of a step of the one around it. */
let depth = 0;
/** Deeper ones are put off to the end of the step. */
const DEEPEST = 200;

/** The wait of code that awaits a future. */
export class FutureWait<T> extends Wait<T> implements FutureEntry {
  readonly #future: AwaitedFuture<T>;
  /** While requests are passed on: from which wait it got its own; itself, where it was the first. */
  #from: FutureWait<unknown> | null = null;

  constructor(future: AwaitedFuture<T>, scope: Scope, loop: LoopCore) {
    super(scope, loop.scheduler, false);
    this.#future = future;
  }

  /** A cancellation that is open already finds the future, and this wait among those that its end wakes. */
  begin(): void {
    if (this.pending) this.takeOpen();
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

  /**
   * What is awaited is cancelled, and its end wakes this wait; if it refuses, the request waits for that end. Along a chain of
   * tasks that await each other the requests are passed on in a loop, so that no chain is too long for the stack.
   */
  override cancel(request: Request): boolean {
    // Tasks that wait for each other in a ring: the request came round, so this wait takes it.
    if (!this.pending || this.#cameRound) return super.cancel(request);
    this.request = request;
    const wait = this as FutureWait<unknown>;
    this.#from = current ?? wait;
    if (chain !== null && (passing.last || depth === DEEPEST)) chain.push(wait);
    else passAlong(wait);
    return true;
  }

  get #cameRound(): boolean {
    if (this.#from === null) return false;
    for (let wait = current; wait !== null; wait = wait.#from === wait ? null : wait.#from) {
      if (wait === this as unknown) return true;
    }
    return false;
  }

  /** Passes on what it was given, if nothing else has ended it meanwhile. */
  pass(): void {
    const request = this.request!;
    if (this.pending && !this.#future.cancel(request.message)) this.mark(request);
  }

  /** What was cancelled says so in its own words. */
  protected override mark(request: Request): void {
    if (this.woken && this.#future.cancelled()) this.request ??= request;
    else super.mark(request);
  }

  passed(): void {
    this.#from = null;
  }

  override describe(): string {
    return String(this.#future);
  }

  protected onWake(): T {
    try {
      return this.#future.result();
    } catch (error) {
      const cause = this.request?.cause;
      if (cause !== undefined && isCancelled(error)) error.cause ??= cause;
      throw error;
    }
  }

  // A cancellation that wins over an exception does not count as having seen it: it is reported if no other code takes it.
}

function passAlong(first: FutureWait<unknown>): void {
  const [chainAround, currentAround] = [chain, current];
  const waits = chain = [first];
  depth++;
  try {
    for (let at = 0; at < waits.length; at++) {
      current = waits[at]!;
      passing.last = true;
      current.pass();
    }
  } finally {
    passing.last = false;
    depth--;
    chain = chainAround;
    current = currentAround;
    for (const wait of waits) wait.passed();
  }
}

/** What a future tells when it is done, each through the ready queue. */
export interface FutureEntry {
  /** Puts what is to be run into the ready queue. One entry may serve many futures. */
  notify(future: object): void;
  /** The future (a task, a gather, a shield) that goes on when this one is done; for the call graph. */
  readonly awaiter: object | null;
}
