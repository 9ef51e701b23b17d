import { OSError } from "../../runtime/errors/os_error.ts";
import type { Operation } from "./host.ts";
import type { CancelledError } from "../../runtime/errors/exceptions.ts";
import { Wait, Waiter } from "../../runtime/core/wait.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";

/**
 * How the maker of an operation ends it. Calls after the end are harmless: a value that comes too
 * late is closed.
 */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * Makes an {@linkcode Operation}.
 *
 * @param what names it in the error of a cancelled one
 * @param begin starts it and returns what `cancel()` shall do besides settling the promise; what it
 * throws rejects
 */
export function startOperation<T extends { close(): void }>(
  what: string,
  begin: (settle: Settle<T>) => () => void,
): Operation<T> {
  let pending = true;
  let stop: (() => void) | null = null;
  let settle: Settle<T> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    settle = {
      resolve: (value) => {
        if (!pending) return value.close();
        pending = false;
        resolve(value);
      },
      reject: (error) => {
        pending = false;
        reject(error);
      },
    };
  });
  const { resolve, reject } = settle!;
  // The caller observes the promise if it needs the outcome; an operation that was dropped must not
  // end the program by its rejection.
  promise.catch(() => {});
  try {
    stop = begin({ resolve, reject });
  } catch (error) {
    reject(error);
  }
  return {
    promise,
    cancel: () => {
      if (!pending) return;
      reject(
        new OSError(`Cannot ${what}: the operation was cancelled (ECANCELED)`, {
          code: "ECANCELED",
        }),
      );
      stop?.();
    },
  };
}

/** A result that is closed if it comes too late. */
export interface Closable {
  close(): void;
}

/**
 * Waits for an operation of the host, and cancels it when the wait is cancelled. A result that comes
 * all the same is closed.
 */
export function waitForOperation<T extends Closable>(
  loop: LoopCore,
  operation: Operation<T>,
  what: string,
): Promise<T> {
  return waitForHost(loop, operation.promise, what, {
    giveUp: () => operation.cancel(),
    tooLate: (value) => value.close(),
  });
}

/** What to do with work whose wait was cancelled. */
export interface Abandoned<T> {
  /** Cancels the work, where that is possible. */
  giveUp?(): void;
  /** Disposes of what came out. */
  tooLate?(value: T): void;
}

/**
 * Waits for a promise of the host as asyncio waits: cancellable at once, and resumed by the loop.
 */
export function waitForHost<T>(
  loop: LoopCore,
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

  constructor(loop: LoopCore, promise: PromiseLike<T>, what: string, abandoned: Abandoned<T>) {
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

  /** The wait was cancelled, perhaps after the work had ended well. */
  #leave(): void {
    this.#over = true;
    this.#abandoned.giveUp?.();
    const outcome = this.#outcome;
    if (outcome !== null && "value" in outcome) this.#abandoned.tooLate?.(outcome.value);
  }
}

/** Waits that end together. */
export class WaitList {
  readonly #waits: Set<Waiter<void>> = new Set();

  /** Waits for the next `wakeAll` or `failAll`. `what` is for reports of deadlocks. */
  wait(what: string): Promise<void> {
    return new ListedWait(what, this.#waits).promise;
  }

  wakeAll(): void {
    for (const wait of this.#waits) wait.wakeWith(undefined);
  }

  failAll(error: unknown): void {
    for (const wait of this.#waits) wait.failWith(error);
  }
}

class ListedWait extends Waiter<void> {
  readonly #list: Set<Waiter<void>>;

  constructor(what: string, list: Set<Waiter<void>>) {
    super(what);
    this.#list = list;
    // On a closed loop a wait is over from the start.
    if (this.pending || this.cancelled) list.add(this);
  }

  protected override onWake(): void {
    this.#list.delete(this);
    super.onWake();
  }

  protected override onCancel(): void {
    this.#list.delete(this);
  }
}

/**
 * Calls that run one at a time, in the order in which they came. A call that is cancelled while it waits leaves the line; a
 * turn that it had been given already goes to the next one.
 */
export class Turns {
  /** The call that has its turn; null: none. */
  holder: string | null = null;
  readonly #line: Set<Turn> = new Set();

  /** Calls `use` when its turn has come: at once if no other call has it. `what` is for reports of deadlocks. */
  async run<T>(what: string, use: () => Promise<T>): Promise<T> {
    if (this.holder === null) this.holder = what;
    else await new Turn(what, this.#line, this.#pass).promise;
    try {
      return await use();
    } finally {
      this.#pass();
    }
  }

  readonly #pass = (): void => {
    this.holder = null;
    for (const next of this.#line) {
      this.#line.delete(next);
      // A call that was cancelled meanwhile can't take the turn.
      if (!next.wakeWith(undefined)) continue;
      this.holder = next.what;
      return;
    }
  };
}

class Turn extends Waiter<void> {
  readonly what: string;
  readonly #line: Set<Turn>;
  readonly #pass: () => void;

  constructor(what: string, line: Set<Turn>, pass: () => void) {
    super(`the turn of ${what}`);
    this.what = what;
    this.#line = line;
    this.#pass = pass;
    // On a closed loop a wait is over from the start.
    if (this.pending || this.cancelled) line.add(this);
  }

  protected override onCancel(): void {
    this.#line.delete(this);
    if (this.woken) this.#pass();
  }
}
