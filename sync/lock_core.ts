import { type CancelledError, RuntimeError } from "../runtime/errors/exceptions.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { Site } from "../runtime/base/stack.ts";
import { LoopBinding, TurnWait, WaitList } from "./wait_list.ts";
import { unwatch, watchForCycle } from "./lock_cycle.ts";
import type { Releaser } from "./releaser.ts";

/**
 * The state of a Lock, apart from its public face so that Condition, which gives a lock back and takes it again, can keep
 * the acquisition it interrupts.
 *
 * - A woken waiter takes the lock at its wake-up, not at the release. In between the lock is free, but nobody overtakes:
 *   whoever finds a waiter that is not gone queues behind it (LOCK-13).
 * - Invariant: while the lock is free and somebody waits, the head of the queue is woken, or gone and about to pass the
 *   wake-up on (LOCK-07).
 */
export class LockCore {
  locked = false;
  /** Numbers the present acquisition; 0 while the lock is free. */
  hold = 0;
  ownerScope: Scope | null = null;
  /** Where it was taken, where the loop records that. */
  takenAt: Site | null = null;
  readonly waits: WaitList = new WaitList();
  readonly face: object;
  readonly #binding: LoopBinding = new LoopBinding();
  #lastHold = 0;

  constructor(face: object) {
    this.face = face;
  }

  /** Takes the lock if that needs no waiting. `hold` is an acquisition to continue, 0 a new one. */
  tryTake(scope: Scope, hold: number): boolean {
    if (this.locked || (this.waits.length > 0 && !this.waits.deserted)) return false;
    this.take(scope, hold);
    return true;
  }

  /** Takes a new acquisition if that needs no waiting. */
  tryAcquire(scope: Scope): LockReleaser | null {
    return this.tryTake(scope, 0) ? new LockReleaser(this, this.hold) : null;
  }

  take(scope: Scope, hold: number): void {
    this.locked = true;
    this.hold = hold === 0 ? ++this.#lastHold : hold;
    this.ownerScope = scope;
    if (scope.loop.recordsSites) this.takenAt = new Site(this.take);
  }

  /** Queues for the lock. Throws where the lock belongs to another loop. */
  enqueue(scope: Scope, hold: number): LockWait {
    this.#binding.enter(scope.loop, this.face);
    const wait = new LockWait(this, scope, hold);
    this.waits.add(wait);
    if (scope.loop.getDebug()) watchForCycle(wait);
    return wait;
  }

  release(): void {
    if (!this.locked) throw new RuntimeError("Lock is not acquired.");
    this.locked = false;
    this.hold = 0;
    this.ownerScope = null;
    this.takenAt = null;
    this.wakeFirst();
  }

  /** Gives back one acquisition, if it is the present one. */
  releaseHold(hold: number): boolean {
    if (this.hold !== hold) return false;
    this.release();
    return true;
  }

  /** The head only: one that is woken is already on its way, one that is gone passes the wake-up on itself (LOCK-05). */
  wakeFirst(): void {
    this.waits.first?.wake();
  }

  ownerName(): string | null {
    return this.ownerScope?.task?.getName() ?? null;
  }
}

export class LockWait extends TurnWait<LockReleaser> {
  readonly lock: LockCore;
  readonly #hold: number;

  constructor(lock: LockCore, scope: Scope, hold: number) {
    super(scope);
    this.lock = lock;
    this.#hold = hold;
  }

  override describe(): string {
    const owner = this.lock.ownerName();
    return `${this.lock.face}.acquire()${owner === null ? "" : `, held by '${owner}'`}`;
  }

  override get holder(): object | null {
    return this.lock.ownerScope?.task ?? null;
  }

  protected onWake(): LockReleaser {
    this.#end();
    this.lock.take(this.scope, this.#hold);
    if (this.site !== null) this.lock.takenAt = this.site;
    return new LockReleaser(this.lock, this.lock.hold);
  }

  protected override onCancel(_error: CancelledError): void {
    this.#end();
    if (!this.lock.locked) this.lock.wakeFirst();
  }

  #end(): void {
    this.leave();
    if (this.site !== null) unwatch(this);
  }
}

/** One acquisition of a lock, known by its number. */
export class LockReleaser implements Releaser {
  readonly #lock: LockCore;
  readonly #hold: number;

  constructor(lock: LockCore, hold: number) {
    this.#lock = lock;
    this.#hold = hold;
  }

  release(): void {
    this.#lock.releaseHold(this.#hold);
  }

  /** Leaves a `with` block: the body must not have given the lock away. */
  leave(): void {
    if (!this.#lock.releaseHold(this.#hold)) throw new RuntimeError("Lock is not acquired.");
  }

  [Symbol.dispose](): void {
    this.#lock.releaseHold(this.#hold);
  }
}

/** How condition.ts reaches the core of a Lock, whose field is private. lock.ts provides it. */
export const lockAccess: { coreOf: (lock: object) => LockCore } = {
  coreOf() {
    throw new Error("lock.ts is not loaded");
  },
};
