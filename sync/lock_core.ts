import { type CancelledError, RuntimeError } from "../runtime/errors/exceptions.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { Site } from "../runtime/base/stack.ts";
import { LoopBinding, type Releaser, TurnWait, WaitList } from "./wait_list.ts";
import { unwatch, watchForCycle } from "./lock_cycle.ts";

/**
 * The state of a Lock, apart from its public object, so that Condition, which gives a lock back and takes it again, can keep
 * the acquisition it interrupts.
 *
 * - A woken waiter takes the lock at its wake-up, not at the release. In between the lock is free, but no newcomer overtakes
 *   (LOCK-13): one that finds a waiter which was not cancelled before its wake-up queues behind it.
 * - Invariant: while the lock is free and a task waits for it, the head of the queue is woken, or cancelled and about to pass
 *   the wake-up on (LOCK-07: a cancelled waiter hands its turn to the next).
 */
export class LockCore {
  locked = false;
  /** The number of the present acquisition; 0 while the lock is free. */
  acquisitionId = 0;
  ownerScope: Scope | null = null;
  /** Where it was taken, where the loop records that. */
  takenAt: Site | null = null;
  readonly waits: WaitList = new WaitList();
  readonly publicObject: object;
  readonly #binding: LoopBinding = new LoopBinding();
  #lastAcquisition = 0;

  constructor(publicObject: object) {
    this.publicObject = publicObject;
  }

  /** Takes the lock if that needs no waiting. `acquisitionId` is that of an acquisition to continue, 0 for a new one. */
  tryTake(scope: Scope, acquisitionId: number): boolean {
    if (this.locked || (this.waits.length > 0 && !this.waits.allWaitersCancelled)) return false;
    this.take(scope, acquisitionId);
    return true;
  }

  /** Takes a new acquisition if that needs no waiting. */
  tryAcquire(scope: Scope): LockReleaser | null {
    return this.tryTake(scope, 0) ? new LockReleaser(this, this.acquisitionId) : null;
  }

  take(scope: Scope, acquisitionId: number): void {
    this.locked = true;
    this.acquisitionId = acquisitionId === 0 ? ++this.#lastAcquisition : acquisitionId;
    this.ownerScope = scope;
    if (scope.loop.recordsSites) this.takenAt = new Site(this.take);
  }

  /** Queues for the lock. Throws where the lock belongs to another loop. */
  enqueue(scope: Scope, acquisitionId: number): LockWait {
    this.#binding.enter(scope.loop, this.publicObject);
    const wait = new LockWait(this, scope, acquisitionId);
    this.waits.add(wait);
    if (scope.loop.getDebug()) watchForCycle(wait);
    return wait;
  }

  release(): void {
    if (!this.locked) throw new RuntimeError("Lock is not acquired.");
    this.locked = false;
    this.acquisitionId = 0;
    this.ownerScope = null;
    this.takenAt = null;
    this.wakeFirst();
  }

  /** Gives back one acquisition, if it is the present one. */
  releaseAcquisition(acquisitionId: number): boolean {
    if (this.acquisitionId !== acquisitionId) return false;
    this.release();
    return true;
  }

  /** The head only: a woken one is already on its way, a cancelled one passes the wake-up on itself (LOCK-05). */
  wakeFirst(): void {
    this.waits.first?.wake();
  }

  ownerName(): string | null {
    return this.ownerScope?.task?.getName() ?? null;
  }
}

class LockWait extends TurnWait<LockReleaser> {
  readonly lock: LockCore;
  readonly #acquisitionId: number;

  constructor(lock: LockCore, scope: Scope, acquisitionId: number) {
    super(scope);
    this.lock = lock;
    this.#acquisitionId = acquisitionId;
  }

  override describe(): string {
    const owner = this.lock.ownerName();
    return `${this.lock.publicObject}.acquire()${owner === null ? "" : `, held by '${owner}'`}`;
  }

  override get holder(): object | null {
    return this.lock.ownerScope?.task ?? null;
  }

  protected onWake(): LockReleaser {
    this.#end();
    this.lock.take(this.scope, this.#acquisitionId);
    if (this.site !== null) this.lock.takenAt = this.site;
    return new LockReleaser(this.lock, this.lock.acquisitionId);
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
  readonly #acquisitionId: number;

  constructor(lock: LockCore, acquisitionId: number) {
    this.#lock = lock;
    this.#acquisitionId = acquisitionId;
  }

  release(): void {
    this.#lock.releaseAcquisition(this.#acquisitionId);
  }

  /** Leaves a `with` block: the body must not have given the lock away. */
  leave(): void {
    if (!this.#lock.releaseAcquisition(this.#acquisitionId)) {
      throw new RuntimeError("Lock is not acquired.");
    }
  }

  [Symbol.dispose](): void {
    this.#lock.releaseAcquisition(this.#acquisitionId);
  }
}
