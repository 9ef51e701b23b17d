import { Request, type Scope } from "./scope.ts";
import { core, type LoopCore, LoopState } from "./loop_core.ts";

/**
 * `open → draining → refusing → ended`. Closing a loop cancels what still waits in it (the hot branches of tasks that are
 * done), so that its cleanup runs, in which a turn of the loop may still be waited for, though no timer. What waits after
 * that is cancelled once more, and from then on each wait is refused. When no wait has been refused for a while the loop is
 * over: what it left running (a timer's callback, the code behind a `fetch`) is plain code from then on.
 */
type Phase = "open" | "draining" | "refusing" | "ended";

/** Far more than a cleanup meets: each of its waits is refused once. */
const REFUSALS = 1000;
/** How many microtasks a refused wait's code has to come with the next one. */
const REACTION = 64;
/** How many waits of a task were refused. */
const refusedOfTask: WeakMap<object, number> = new WeakMap();
/** How many waits of what finished tasks left running on a loop were refused. */
const leftovers: LoopState<{ refused: number }> = new LoopState(() => ({ refused: 0 }));

/**
 * Whether a task on a closed loop, or what finished tasks left running there (`owner` is the loop then), has had a refusal too
 * many. Code that catches all and waits again would get one after the other, and no macrotask would come any more; it is left
 * waiting, as CPython leaves the tasks of a closed loop.
 */
export function isLeftWaiting(owner: object): boolean {
  if (isLoop(owner)) return ++leftovers.of(owner).refused > REFUSALS;
  const count = (refusedOfTask.get(owner) ?? 0) + 1;
  refusedOfTask.set(owner, count);
  return count > REFUSALS;
}

function isLoop(owner: object): owner is LoopCore {
  return core in owner;
}

/** The end of a loop. */
export class LoopEnd {
  readonly promise: Promise<void>;
  readonly #loop: LoopCore;
  readonly #onEnd: () => void;
  #resolve!: () => void;
  #phase: Phase = "open";

  constructor(loop: LoopCore, onEnd: () => void) {
    this.#loop = loop;
    this.#onEnd = onEnd;
    this.promise = new Promise((resolve) => this.#resolve = resolve);
  }

  /** While it drains, only code that has been running in it may wait. */
  refusesWaitIn(scope: object): boolean {
    return this.#phase !== "draining" || scope === this.#loop.rootScope;
  }

  begin(): void {
    this.#phase = "draining";
    this.#cancelWaits();
  }

  /** The scheduler has nothing ready any more. */
  drained(): void {
    if (this.#phase === "draining" && hasWaits(this.#loop.rootScope)) {
      this.#phase = "refusing";
      this.#cancelWaits();
    } else if (!this.#isOver) {
      this.#phase = "ended";
      this.#overWhenQuiet(REACTION, 0);
      this.#onEnd();
      this.#resolve();
    }
  }

  #overWhenQuiet(left: number, count: number): void {
    const now = leftovers.peek(this.#loop)?.refused ?? 0;
    if (left === 0) this.#loop.over = true;
    else {
      this.#loop.scheduler.host.microtask(() =>
        this.#overWhenQuiet(now === count ? left - 1 : REACTION, now)
      );
    }
  }

  get #isOver(): boolean {
    return this.#phase === "open" || this.#phase === "ended";
  }

  #cancelWaits(): void {
    const { rootScope, scheduler } = this.#loop;
    rootScope.deliver(new Request({ message: "Event loop is closed" }, rootScope));
    rootScope.forget();
    scheduler.startLast();
  }
}

/** Whether anything waits in the scope or below it. */
function hasWaits(scope: Scope): boolean {
  if (scope.firstWait !== null) return true;
  for (const child of scope.children()) if (hasWaits(child)) return true;
  return false;
}
