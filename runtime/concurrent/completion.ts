import { CancelledError, RuntimeError, TimeoutError } from "../errors/exceptions.ts";

type State = "pending" | "finished" | "failed" | "cancelled";

/** What the source of a result can be asked. */
export interface CompletionSource {
  /** True: it will not happen any more. False: it is under way; it has been asked to end early, and still tells how it ended. */
  cancel(): boolean;
  /** Whether it is under way. Missing where that can't be told. */
  running?(): boolean;
  /** Blocks the thread until `done()` or the time is over; null where that would deadlock. */
  readonly block: ((done: () => boolean, milliseconds: number) => void) | null;
}

/** A result that comes from elsewhere: the state behind a ConcurrentFuture. It belongs to no loop and tells at once. */
export class Completion<T> {
  readonly #source: CompletionSource;
  #state: State = "pending";
  #value: unknown = undefined;
  #observers: (() => void)[] = [];

  constructor(source: CompletionSource) {
    this.#source = source;
  }

  get done(): boolean {
    return this.#state !== "pending";
  }

  /** Whether it is under way: it can't be cancelled any more. */
  get running(): boolean {
    return !this.done && this.#source.running?.() === true;
  }

  get cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /** The error it failed with, in an object of its own since any value can be thrown; null without one. */
  get failure(): { readonly error: unknown } | null {
    return this.#state === "failed" ? { error: this.#value } : null;
  }

  /** The value of a finished one. */
  get value(): T {
    return this.#value as T;
  }

  resolve(value: T): void {
    this.#settle("finished", value);
  }

  reject(error: unknown): void {
    this.#settle("failed", error);
  }

  /** False when it is done, or under way already. */
  cancel(): boolean {
    if (this.done) return this.cancelled;
    if (!this.#source.cancel()) return false;
    this.#settle("cancelled", undefined);
    return true;
  }

  /** Ends as cancelled, whether or not it was asked to. */
  markCancelled(): void {
    this.#settle("cancelled", undefined);
  }

  whenDone(observer: () => void): void {
    if (this.done) observer();
    else this.#observers.push(observer);
  }

  /** Blocks until it is done. */
  wait(seconds: number): void {
    if (this.done) return;
    const { block } = this.#source;
    if (block === null) {
      throw new RuntimeError(
        "Cannot wait for the result by blocking: this thread runs the loop that brings it. Write `await future`",
      );
    }
    block(() => this.done, seconds * 1000);
    if (!this.done) throw new TimeoutError(`No result within ${seconds} seconds`);
  }

  /** The value; throws what it failed with, or that it was cancelled. For a done one. */
  result(): T {
    if (this.#state === "failed") throw this.#value;
    if (this.#state === "cancelled") throw new CancelledError();
    return this.#value as T;
  }

  #settle(state: State, value: unknown): void {
    if (this.done) return;
    this.#state = state;
    this.#value = value;
    const observers = this.#observers;
    this.#observers = [];
    for (const observer of observers) observer();
  }
}
