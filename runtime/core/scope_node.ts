import type { CancelRequest } from "./cancelled.ts";
import type { Request, Seen } from "./delivery.ts";

/** What a scope needs to know of a wait. */
export interface ScopeWait {
  nextWait: ScopeWait | null;
  previousWait: ScopeWait | null;
  /** The tree's `wakeups` when the wait was made. */
  step: number;
  /** What the line that waits has seen. */
  readonly seen: Seen | null;
  /** What it was hit by. */
  readonly request: Request | null;
  /** It stands behind a future that was made of its promise, so no code sits in it. */
  readonly handed: boolean;
  handOver(): void;
  /** Takes the request, or remembers it until the wake-up that is already on its way. False: it can't be cancelled. */
  cancel(request: Request): boolean;
  /** Forgets a request that has not become effective (`uncancel()` reached 0). */
  withdraw(): void;
  /** The promise that its maker gave out. */
  readonly handedOut: Promise<unknown>;
  standsFor(promise: Promise<unknown>): boolean;
  /** For the code that was given its promise; see `runtime/scopes/known.ts`. */
  callOff(request: CancelRequest): "taken" | "over" | "missed";
  moveTo(scope: ScopeNode): void;
}

/** What a scope needs to know of its task. */
export interface ScopeTask {
  done(): boolean;
  getName(): string;
}

const SEVERAL = 1;
const STIRRED = 2;

/** The part of a scope that holds its waits and the scopes below it. New ones stand in front. */
export abstract class ScopeNode {
  parent: this | null;
  firstWait: ScopeWait | null = null;
  firstChild: this | null = null;
  /** Bits of the state: those above, and those of scope.ts. */
  protected flags = 0;
  #nextSibling: this | null = null;
  #previousSibling: this | null = null;

  constructor(parent: ScopeNode | null) {
    this.parent = parent as this | null;
  }

  /** Two waits were in it at once, each with code of its own behind it. */
  get several(): boolean {
    return (this.flags & SEVERAL) !== 0;
  }

  addWait(wait: ScopeWait): void {
    const first = this.firstWait;
    wait.nextWait = first;
    wait.previousWait = null;
    if (first !== null) first.previousWait = wait;
    this.firstWait = wait;
    if ((this.flags & STIRRED) === 0) this.flags |= STIRRED;
  }

  /** Whether a wait was made in it, or a scope below it ended, since this was asked last. */
  stirred(): boolean {
    let stirred = (this.flags & STIRRED) !== 0;
    this.flags &= ~STIRRED;
    for (const child of this.children()) if (child.stirred()) stirred = true;
    return stirred;
  }

  removeWait(wait: ScopeWait): void {
    const { nextWait, previousWait } = wait;
    if (previousWait !== null) previousWait.nextWait = nextWait;
    else if (this.firstWait === wait) this.firstWait = nextWait;
    if (nextWait !== null) nextWait.previousWait = previousWait;
    wait.nextWait = null;
    wait.previousWait = null;
  }

  /** A wait in it is about to go on: whatever else waits here is another line's. */
  noteLines(wait: ScopeWait): void {
    const other = this.firstWait;
    if (wait.handed || (other === null ? this.firstChild === null : other.handed)) return;
    this.flags |= SEVERAL;
  }

  get next(): this | null {
    return this.#nextSibling;
  }

  *children(): IterableIterator<this> {
    let child = this.firstChild;
    while (child !== null) {
      const next: this | null = child.#nextSibling;
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

  /** Lets go of children without telling them; the caller keeps them elsewhere. */
  protected release(child: this): void {
    this.flags |= STIRRED;
    const next = child.#nextSibling;
    const previous = child.#previousSibling;
    if (previous !== null) previous.#nextSibling = next;
    else if (this.firstChild === child) this.firstChild = next;
    if (next !== null) next.#previousSibling = previous;
    child.#nextSibling = null;
    child.#previousSibling = null;
  }

  protected adopt(child: this): void {
    const first = this.firstChild;
    child.#nextSibling = first;
    if (first !== null) {
      first.#previousSibling = child;
      // Two bodies at once in one place.
      this.flags |= SEVERAL;
    }
    this.firstChild = child;
  }

  /** Gives all it holds to another one. */
  protected handOver(home: this): void {
    for (const wait of this.waits()) {
      this.removeWait(wait);
      home.addWait(wait);
    }
    for (const child of this.children()) {
      this.release(child);
      child.parent = home;
      home.adopt(child);
    }
  }
}

/** What few scopes have. */
export class Rare {
  /** Aborts when the scope is asked to end. */
  controller: AbortController | null = null;
  /** The tree's `wakeups` when the code last asked for its signal. */
  step = -1;
  doom: Request | null = null;
}
