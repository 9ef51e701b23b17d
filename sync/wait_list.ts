import { type CancelledError, RuntimeError } from "../runtime/errors/exceptions.ts";
import type { CancelRequest, Scope } from "../runtime/core/scope.ts";
import { Wait } from "../runtime/core/wait.ts";

/** What a queue needs of the waits that are in it. */
export interface Queued {
  list: WaitList | null;
  previous: Queued | null;
  next: Queued | null;
  readonly cancelledBeforeWake: boolean;
  wake(): boolean;
}

/**
 * A wait that stands in a primitive's queue. It is linked into the queue itself, so that leaving from the middle, as a
 * cancelled waiter does, costs the same as leaving from the front.
 */
export abstract class QueuedWait<T> extends Wait<T> implements Queued {
  /** The queue it stands in; null once it has left, or was never let in because its loop is closed. */
  list: WaitList | null = null;
  previous: Queued | null = null;
  next: Queued | null = null;

  /**
   * Whether a cancellation took it before it was woken. A wait that was woken first still owes the primitive its turn,
   * whether or not it was cancelled afterwards.
   */
  get cancelledBeforeWake(): boolean {
    return this.cancelled && !this.woken;
  }

  /** Leaves the queue. Does nothing the second time. */
  leave(): void {
    this.list?.remove(this);
  }

  protected override onCancel(_error: CancelledError): void {
    this.leave();
  }
}

/** A wait for an acquisition, after which `with` runs a body of the program. */
export abstract class TurnWait<T> extends QueuedWait<T> {
  /** The promise of the `with` that it begins. */
  beginning: Promise<unknown> | null = null;

  override get handedOut(): Promise<unknown> {
    return this.beginning ?? this.promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.handedOut;
  }

  /** What the body that follows waits for is not known here. */
  override callOff(request: CancelRequest): "taken" | "over" | "missed" {
    const answer = super.callOff(request);
    return answer === "over" && this.beginning !== null ? "missed" : answer;
  }
}

/** Waits in order of arrival. */
export class WaitList {
  first: Queued | null = null;
  length = 0;
  #last: Queued | null = null;
  /** All waits before it have been woken or cancelled, so that a burst of wake-ups passes over each of them once. */
  #unwoken: Queued | null = null;

  /** Queues a fresh wait and gives its promise. One that its closed loop has rejected already is not let in. */
  add<T>(wait: QueuedWait<T>): Promise<T> {
    if (wait.pending || wait.cancelled) this.#append(wait);
    return wait.promise;
  }

  remove(wait: Queued): void {
    const { previous, next } = wait;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (this.#unwoken === wait) this.#unwoken = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    wait.list = null;
    wait.previous = null;
    wait.next = null;
    this.length--;
  }

  /** Whether all waits in it were cancelled before being woken: then a newcomer overtakes no other. */
  get allWaitersCancelled(): boolean {
    for (let wait = this.first; wait !== null; wait = wait.next) {
      if (!wait.cancelledBeforeWake) return false;
    }
    return true;
  }

  /** Wakes the first `count` that are still pending, in order; they stay in the queue until they run. */
  wake(count: number): number {
    let woken = 0;
    let wait = this.#unwoken;
    for (; wait !== null && woken < count; wait = wait.next) {
      if (wait.wake()) woken++;
    }
    this.#unwoken = wait;
    return woken;
  }

  /** Takes waits out from the front until one is pending, and wakes that one. */
  wakeOneAndRemove(): boolean {
    for (let wait = this.first; wait !== null; wait = this.first) {
      this.remove(wait);
      if (wait.wake()) return true;
    }
    return false;
  }

  #append(wait: Queued): void {
    const last = this.#last;
    wait.list = this;
    wait.previous = last;
    if (last === null) this.first = wait;
    else last.next = wait;
    this.#last = wait;
    this.#unwoken ??= wait;
    this.length++;
  }
}

/** A wait for a signal that needs no hand-over: it gives `value` once it is woken. */
export class SignalWait<T> extends QueuedWait<T> {
  readonly #value: T;
  readonly #describe: () => string;

  constructor(scope: Scope, value: T, describe: () => string) {
    super(scope);
    this.#value = value;
    this.#describe = describe;
  }

  override describe(): string {
    return this.#describe();
  }

  protected onWake(): T {
    this.leave();
    return this.#value;
  }
}

/**
 * The loop a primitive belongs to: the first on which a task had to wait for it (LOCK-12). A call that need not wait does not
 * bind, so a primitive may be made, and used uncontended, anywhere.
 */
export class LoopBinding {
  #loop: object | null = null;

  /** Called when a task is about to wait on `loop`. */
  enter(loop: object, owner: object): void {
    if (this.#loop === loop) return;
    if (this.#loop !== null) {
      throw new RuntimeError(
        `${owner} is bound to a different event loop: make one for each loop that waits on it`,
      );
    }
    this.#loop = loop;
  }
}

/**
 * What `acquire()` gives: the one acquisition, to be given back.
 *
 * - Releasing twice does nothing; nor does releasing after the lock was released otherwise, even if another task holds it.
 * - It stays valid across `Condition.wait()`, which gives the lock back and takes it again.
 * - `using held = await lock.acquire()` releases at the end of the block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Lock, type Releaser } from "@asyncio/asyncio";
 *
 * const lock = new Lock();
 * const held: Releaser = await lock.acquire();
 * held.release();
 * held.release();
 * {
 *   using _ = await lock.acquire();
 *   assert.equal(lock.locked(), true);
 * }
 * assert.equal(lock.locked(), false);
 * ```
 */
export interface Releaser extends Disposable {
  /** Gives the acquisition back, once. */
  release(): void;
}

/**
 * What `statistics()` of a lock, event, condition, semaphore, barrier or queue returns: a snapshot for debugging and for
 * metrics, not for decisions, since it is out of date at the next wait.
 *
 * Besides `waiting` each kind gives what it has: `locked` and `owner` (the name of the task that holds it, or null), `set`,
 * `value`, `parties` and `state`, `size` and `unfinished`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Queue, type Statistics } from "@asyncio/asyncio";
 *
 * const queue = new Queue<string>();
 * queue.putNowait("a");
 * const statistics: Statistics = queue.statistics();
 * assert.equal(statistics.waiting, 0);
 * assert.equal(statistics["size"], 1);
 * ```
 */
export interface Statistics {
  /** How many tasks wait for it now. */
  readonly waiting: number;
  /** The details of this kind of primitive. */
  readonly [detail: string]: unknown;
}
