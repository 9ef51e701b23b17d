import type { CancelledError } from "../runtime/exceptions.ts";
import { Wait } from "../runtime/_wait.ts";
import type { Operation } from "./host.ts";
import type { NetLoop } from "./_net_loop.ts";

/** Something that may come too late. */
export interface Closable {
  close(): void;
}

/**
 * Waits for an operation of the host, and calls it off when the wait is cancelled. What comes out
 * all the same has no owner by then and is closed.
 */
export function waitForOperation<T extends Closable>(
  loop: NetLoop,
  operation: Operation<T>,
  what: string,
): Promise<T> {
  return waitForHost(loop, operation.promise, what, {
    giveUp: () => operation.cancel(),
    tooLate: (value) => value.close(),
  });
}

/** What to do when nobody waits any more. */
export interface Abandoned<T> {
  /** Calls the work off, where that is possible. */
  giveUp?(): void;
  /** Disposes of what came out. */
  tooLate?(value: T): void;
}

/**
 * Waits for a promise of the host as asyncio waits: cancellable at once, and resumed by the loop.
 */
export function waitForHost<T>(
  loop: NetLoop,
  promise: PromiseLike<T>,
  what: string,
  abandoned: Abandoned<T> = {},
): Promise<T> {
  return new HostWait(loop, promise, what, abandoned).promise;
}

class HostWait<T> extends Wait<T> {
  readonly #what: string;
  readonly #abandoned: Abandoned<T>;
  #outcome: { value: T } | { error: unknown } | null = null;
  #over = false;

  constructor(loop: NetLoop, promise: PromiseLike<T>, what: string, abandoned: Abandoned<T>) {
    super();
    this.#what = what;
    this.#abandoned = abandoned;
    // The testing clock must not move on while the outside world still works for us.
    loop.operations.add(this);
    promise.then((value) => {
      loop.operations.delete(this);
      if (this.#over) abandoned.tooLate?.(value);
      else this.#end({ value });
    }, (error) => {
      loop.operations.delete(this);
      if (!this.#over) this.#end({ error });
    });
    if (!this.pending && !this.cancelled) this.#leave();
  }

  override describe(): string {
    return this.#what;
  }

  protected onWake(): T {
    const outcome = this.#outcome!;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  protected override onCancel(_error: CancelledError): void {
    this.#leave();
  }

  #end(outcome: { value: T } | { error: unknown }): void {
    this.#outcome = outcome;
    this.wake();
  }

  /** A cancellation took the wait, perhaps after the work had ended well. */
  #leave(): void {
    this.#over = true;
    this.#abandoned.giveUp?.();
    const outcome = this.#outcome;
    if (outcome !== null && "value" in outcome) this.#abandoned.tooLate?.(outcome.value);
  }
}
