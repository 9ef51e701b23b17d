import type { ReadyEntry, Scheduler, Turn } from "./scheduler.ts";

/** What a reaction needs of the top of the tree in which it is awaited. */
export interface ReactingRoot extends Turn {
  /** Counts the scopes that ended. */
  readonly exits: number;
  pendingCount: number;
}

/** What a reaction needs of the scope that was asked to end. */
export interface ReactingScope<R> {
  readonly root: ReactingRoot;
  readonly loop: { readonly scheduler: Scheduler };
  readonly closed: boolean;
  readonly requests: number;
  /** Whether it has a reaction that is not over. */
  deciding: boolean;
  leavePending(request: R): void;
}

/** A signal that was aborted. */
export interface Aborted {
  /** What {@linkcode activityOf} was before. */
  readonly activity: number;
  /** Whether the code has asked for it since its last wake-up. */
  readonly fresh: boolean;
}

/**
 * How long code in a call that obeys the signal has to come back: ten times a millisecond, since Bun's fetch asks another
 * thread. On a machine so busy that this thread wakes late each time, the other one has as much more.
 */
const GRACE_STEPS = 10;
const GRACE_STEP = 0.001;

/** The reactions that are not over, by the top of their tree. */
const undecided: WeakMap<ReactingRoot, Set<Reaction<unknown>>> = new WeakMap();

/**
 * A request hit only waits older than the code's last wake-up, or an abort signal. Perhaps the code sits in one of those
 * (a parallel branch, a fetch), perhaps they are leftovers of a race and it sits in a foreign await.
 *
 * - `claimable`: none of the hit waits has ended yet, so what the code does is no reaction: its next wait takes the request.
 * - `watching`: one of them ended, or the signal was aborted. The microtasks drain; a wait that is made, a scope that is
 *   left and the task's end count as the reaction, which is not to be cancelled a second time.
 * - `grace`: what obeys an abort signal may take some milliseconds to do so, as fetch does on Deno and Bun.
 * - `over`: the code reacted, or nothing came of it and the request was left pending after all.
 */
export class Reaction<R> implements ReadyEntry {
  readonly inOrder = true;
  /** Called when the request was left pending. */
  onLeft: () => void = () => {};
  readonly #scope: ReactingScope<R>;
  readonly #root: ReactingRoot;
  readonly #request: R;
  /** The waits that were hit and have not ended. */
  readonly #hits: Set<object>;
  readonly #aborted: Aborted | null;
  #phase: "claimable" | "watching" | "grace" | "over" = "watching";
  #stamp = 0;

  private constructor(
    scope: ReactingScope<R>,
    request: R,
    hits: Set<object>,
    aborted: Aborted | null,
  ) {
    this.#scope = scope;
    this.#root = scope.root;
    this.#request = request;
    this.#hits = hits;
    this.#aborted = aborted;
  }

  /** `aborted`: null when no signal was. */
  static begin<R>(
    scope: ReactingScope<R>,
    request: R,
    hits: Set<object>,
    aborted: Aborted | null,
  ): void {
    // A second request before the first one is settled is the same cancellation.
    if (scope.deciding) return;
    const reaction = new Reaction(scope, request, hits, aborted);
    let open = undecided.get(scope.root);
    if (open === undefined) undecided.set(scope.root, open = new Set());
    open.add(reaction as Reaction<unknown>);
    scope.deciding = true;
    if (aborted === null) reaction.#setClaimable(true);
    else reaction.#watch(aborted.activity);
  }

  /** The one that is not over. */
  static of<R>(scope: ReactingScope<R>): Reaction<R> | null {
    if (!scope.deciding) return null;
    for (const reaction of undecided.get(scope.root) ?? []) {
      if ((reaction.#scope as unknown) === scope) return reaction as Reaction<R>;
    }
    return null;
  }

  /** A cancelled wait is about to end, with its error or with what the future it waited for made of it. */
  static waitEnds(root: ReactingRoot, wait: object): void {
    for (const reaction of undecided.get(root) ?? []) {
      if (!reaction.#hits.delete(wait)) continue;
      const claimable = reaction.#phase === "claimable";
      reaction.#setClaimable(false);
      if (claimable) reaction.#watch(activityOf(root));
    }
  }

  /** The request, as long as nothing can have reacted to it. */
  get undelivered(): R | null {
    return this.#phase === "claimable" ? this.#request : null;
  }

  /** A new wait takes the request; null when it may have been reacted to. */
  claim(): R | null {
    const request = this.undelivered;
    if (request !== null) this.end();
    return request;
  }

  end(): void {
    this.#setClaimable(false);
    this.#phase = "over";
    this.#scope.deciding = false;
    undecided.get(this.#root)?.delete(this as Reaction<unknown>);
  }

  /** Decides now that nothing came of it. */
  leave(): void {
    this.end();
    if (!this.#scope.closed && this.#scope.requests > 0) this.#scope.leavePending(this.#request);
  }

  run(): Turn | null {
    if (this.#phase !== "watching") return null;
    if (this.#reacted) {
      this.end();
      return null;
    }
    this.#scope.loop.scheduler.afterTurn(() => this.#judge());
    return this.#root;
  }

  #judge(): void {
    if (this.#phase !== "watching") return;
    if (this.#reacted || this.#scope.closed || this.#scope.requests === 0) this.end();
    else if (this.#hits.size > 0) this.#setClaimable(true);
    else if (this.#aborted !== null) {
      this.#phase = "grace";
      this.#waitForSlowSignals();
    } else this.#leaveAfterAll();
  }

  #waitForSlowSignals(): void {
    this.#scope.loop.scheduler.host.hop(() => this.#waitSteps(GRACE_STEPS));
  }

  #waitSteps(left: number): void {
    if (this.#endGrace()) return;
    if (left === 0) this.#leaveAfterAll();
    else {
      const { host } = this.#scope.loop.scheduler;
      host.alarm(GRACE_STEP, () => this.#waitSteps(left - 1));
    }
  }

  /** False as long as nothing has happened. */
  #endGrace(): boolean {
    if (this.#phase !== "grace") return true;
    if (!this.#reacted) return false;
    // Code that asked for the signal in this very step is in a call that obeys it, so that its wait is a cleanup's. From
    // other code nobody knows, so that this wait is spared and the next one takes the request.
    if (this.#aborted!.fresh) this.end();
    else this.#leaveAfterAll();
    return true;
  }

  #leaveAfterAll(): void {
    this.leave();
    this.onLeft();
  }

  get #reacted(): boolean {
    return activityOf(this.#root) !== this.#stamp;
  }

  #watch(activity: number): void {
    this.#phase = "watching";
    this.#stamp = activity;
    this.#scope.loop.scheduler.enqueue(this);
  }

  #setClaimable(claimable: boolean): void {
    if (claimable === (this.#phase === "claimable")) return;
    this.#phase = claimable ? "claimable" : "watching";
    // Counted like a pending request, so that each new wait of the tree looks for it.
    this.#root.pendingCount += claimable ? 1 : -1;
  }
}

/** Moves when the code of a tree makes a wait, leaves a scope or ends. */
export function activityOf(root: ReactingRoot): number {
  return root.activity + root.exits;
}
