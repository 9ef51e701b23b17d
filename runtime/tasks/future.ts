import { notOptions, requireCallback } from "../base/functions.ts";
import type { EventLoop } from "../../loop_interface.ts";
import {
  forgiveCancellation,
  forgiving,
  isCancelled,
  makeCancelledError,
} from "../core/cancelled.ts";
import type { Context } from "../core/context.ts";
import { callbackNames, DoneCallback, SoonHandle } from "./handles.ts";
import { CancelledError, InvalidStateError, RuntimeError } from "../errors/exceptions.ts";
import { currentScope } from "../core/frame.ts";
import { type FutureEntry, FutureWait } from "./future_wait.ts";
import { core, type LoopCore, type UnretrievedWatch } from "../core/loop_core.ts";
import {
  CALLBACK_OPTIONS,
  coreFor,
  hasLoopAlone,
  LOOP_OPTIONS,
  NO_OPTIONS,
  publicLoop,
} from "./task_options.ts";
import {
  describeCallbacks,
  describePlace,
  describeValue,
  printed,
  showAs,
} from "../base/format.ts";
import type { Scope } from "../core/scope.ts";
import { placeOf, Site } from "../base/stack.ts";

export type { FutureEntry } from "./future_wait.ts";

type State = "pending" | "cancelled" | "finished";

let settle: (future: Future<unknown>, state: State, value: unknown, error: unknown) => void;

/** The internals of a future, for the other files of this folder. */
export let addEntry: (future: Future<unknown>, entry: FutureEntry) => void;
/** False when it was not there (any more). */
export let removeEntry: (future: Future<unknown>, entry: FutureEntry) => boolean;
/** What will be notified, in order. */
export let entriesOf: (future: Future<unknown>) => readonly FutureEntry[];
/** Counts the exception as seen, and returns it in an object, since any value can be thrown; null without one. */
export let takeFailure: (future: Future<unknown>) => { readonly error: unknown } | null;
/** Whether it failed and no code has seen its exception. */
export let hasUntakenFailure: (future: Future<unknown>) => boolean;
export let markRetrieved: (future: Future<unknown>) => void;
export let coreOf: (future: Future<unknown>) => LoopCore;
export let siteOf: (future: Future<unknown>) => Site | null;
/** A CancelledError of a cancelled future with the message it keeps: the saved one, if it says the same, stays for its reader. */
export let cancelledErrorOf: (future: Future<unknown>) => CancelledError;

/** Like `setResult`, also for tasks; nothing when it is done. */
export function settleResult(future: Future<unknown>, value: unknown): void {
  settle(future, "finished", value, null);
}

/** Like `setException`, also for tasks; nothing when it is done. */
export function settleError(future: Future<unknown>, error: unknown): void {
  settle(future, "finished", undefined, { error });
}

/** Ends as cancelled; `saved` is handed to the first reader. Nothing when it is done. */
export function settleCancelled(
  future: Future<unknown>,
  message: string | undefined,
  saved: CancelledError | null,
): void {
  settle(future, "cancelled", message, saved);
}

/**
 * A result that is not there yet. It can be awaited any number of times; code that awaits it can be cancelled, and cancelling
 * the awaiter cancels the future, unless it is shielded. Not a Promise, but awaitable and usable wherever a promise is.
 *
 * asyncio: `asyncio.Future`
 *
 * @example
 * ```ts
 * import { Future, getRunningLoop, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const future = new Future<number>();
 *   getRunningLoop().callLater(0.01, () => future.setResult(42));
 *   assert.equal(await future, 42);
 * });
 * ```
 */
export class Future<T> implements Promise<T> {
  readonly #loop: LoopCore;
  #state: State = "pending";
  #value: unknown = undefined;
  #entries: FutureEntry | FutureEntry[] | null = null;
  #watch: UnretrievedWatch | null = null;
  #unretrieved = false;
  readonly #site: Site | null;

  /**
   * `loop` is by default the running loop, else the one `getEventLoop()` gives.
   *
   * @throws {TypeError} if there is no such option, or it is not a loop
   */
  constructor(options: { loop?: EventLoop } = NO_OPTIONS) {
    if (typeof options !== "object" || options === null || core in options) {
      throw notOptions(options, "Future", "new Future({ loop })");
    }
    // Each function called here is one more step for each task and future.
    this.#loop = options.loop?.[core] ?? coreFor(options.loop);
    // The options of a subclass are its own.
    if (new.target === Future && options !== NO_OPTIONS && !hasLoopAlone(options, this.#loop)) {
      LOOP_OPTIONS.check(options, "Future");
    }
    this.#site = this.#loop.recordsSites ? new Site(new.target) : null;
  }

  /** Whether there is a result, an exception or a cancellation. */
  done(): boolean {
    return this.#state !== "pending";
  }

  /** Whether it was cancelled. */
  cancelled(): boolean {
    return this.#state === "cancelled";
  }

  /**
   * The result.
   *
   * @throws {CancelledError} if it was cancelled
   * @throws {InvalidStateError} if it is not done
   * @throws the exception it failed with
   */
  result(): T {
    if (this.#state === "pending") throw new InvalidStateError("Result is not ready.");
    const error = this.#outcome();
    if (error !== null) throw error.error;
    return this.#value as T;
  }

  /**
   * The exception it failed with; null when it has a result.
   *
   * @throws {CancelledError} if it was cancelled
   * @throws {InvalidStateError} if it is not done
   */
  exception(): unknown | null {
    if (this.#state === "pending") throw new InvalidStateError("Exception is not set.");
    const error = this.#outcome();
    if (this.#state === "cancelled") throw error!.error;
    return error === null ? null : error.error;
  }

  /**
   * Ends it with a result.
   *
   * @throws {InvalidStateError} if it is done
   */
  setResult(value: T): void {
    this.#requirePending("a result");
    settleResult(this, value);
  }

  /**
   * Ends it with an exception: an error, or a class of errors, of which one is made.
   *
   * @throws {InvalidStateError} if it is done
   */
  setException(error: unknown): void {
    this.#requirePending("an exception");
    if (typeof error === "function" && error.prototype instanceof Error) {
      error = new (error as new () => Error)();
    } else if (error === Error) error = new Error();
    settleError(this, error);
  }

  /** Ends it as cancelled; awaiting it then throws `CancelledError(message)`. False when it is done. */
  cancel(message?: string): boolean {
    this.#unretrieved = false;
    this.#forgetWatch();
    if (this.#state !== "pending") return false;
    settleCancelled(this, message, null);
    return true;
  }

  /**
   * Calls `callback(future)` through the loop once it is done (soon, if it is done already), never from within this call, in
   * `context` or a copy of the current one.
   *
   * @throws {TypeError} if it is not a function, or there is no such option
   */
  addDoneCallback(callback: (future: this) => void, options?: { context?: Context }): void {
    if (typeof callback !== "function") requireCallback(callback, "addDoneCallback");
    if (options !== undefined) CALLBACK_OPTIONS.check(options, "addDoneCallback()");
    const loop = this.getLoop();
    const handle = new SoonHandle(callback, [this], loop, options?.context);
    addEntry(this, new DoneCallback(callback, handle, this.#loop));
  }

  /** Removes all entries of `callback` and returns how many there were. */
  removeDoneCallback(callback: (future: this) => void): number {
    const entries = entriesOf(this);
    const kept = entries.filter((entry) =>
      !(entry instanceof DoneCallback && entry.callback === callback)
    );
    this.#entries = kept.length === 0 ? null : kept;
    return entries.length - kept.length;
  }

  /** The loop it belongs to. */
  getLoop(): EventLoop {
    return publicLoop(this.#loop);
  }

  /** Waits for it: this is what `await` calls. */
  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (this.#state !== "pending") return this.#settledPromise().then(onfulfilled, onrejected);
    const scope = currentScope();
    const obstacle = this.#obstacle(scope);
    if (obstacle !== null) return Promise.reject(obstacle).then(onfulfilled, onrejected);
    const wait = new FutureWait<T>(this, scope, this.#loop);
    this.#add(wait);
    wait.begin();
    if (typeof onrejected === "function") return wait.promise.then(onfulfilled, onrejected);
    // One reaction, as a second one would hide the awaiting code from stack traces.
    const promise: Promise<A | B> = wait.promise.then(onfulfilled, (error) => {
      forgiveCancellation(promise, error);
      throw error;
    });
    return promise;
  }

  /** As with a promise. */
  catch<B = never>(
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<T | B> {
    return this.then(undefined, onrejected);
  }

  /** As with a promise. */
  finally(onfinally?: (() => void) | null): Promise<T> {
    return forgiving(this.then().finally(onfinally));
  }

  /** The name of the class. */
  get [Symbol.toStringTag](): string {
    return this.constructor.name;
  }

  /** `<Future pending>`, `<Future cancelled>`, `<Future finished result=4>` and the like. */
  toString(): string {
    const name = this.constructor.name;
    return printed(this, `<${name} ...>`, () => {
      const created = this.#loop.getDebug() ? describePlace(placeOf(this.#site)) : "";
      return `<${name} ${this.describeState(this.#state)}${this.#describeOutcome()}${created}>`;
    });
  }

  /** The state and what belongs to it, for `toString()`. */
  protected describeState(state: string): string {
    return state;
  }

  #describeOutcome(): string {
    if (this.#state === "cancelled") return "";
    if (this.#state === "pending") return describeCallbacks(callbackNames(entriesOf(this)));
    return this.#failure === null
      ? ` result=${describeValue(this.#value)}`
      : ` exception=${describeValue(this.#failure.error)}`;
  }

  #failure: { error: unknown } | null = null;
  #saved: CancelledError | null = null;

  #requirePending(what: string): void {
    if (this.#state !== "pending") {
      throw new InvalidStateError(`Cannot set ${what}: the future is ${this.#state} already`);
    }
  }

  /** What reading it throws, if anything; counts as having seen it. */
  #outcome(): { error: unknown } | null {
    if (this.#state === "cancelled") {
      const saved = this.#saved;
      this.#saved = null;
      return {
        error: saved ??
          makeCancelledError(this.#value as string | undefined, this.#loop.getDebug()),
      };
    }
    this.#unretrieved = false;
    this.#forgetWatch();
    return this.#failure;
  }

  #forgetWatch(): void {
    if (this.#watch === null) return;
    this.#watch.retrieved();
    this.#watch = null;
  }

  #settledPromise(): Promise<T> {
    const error = this.#outcome();
    return error === null ? Promise.resolve(this.#value as T) : Promise.reject(error.error);
  }

  #obstacle(scope: Scope): RuntimeError | null {
    if (scope.task === null) return null;
    if ((scope.task as unknown) === this) {
      return new RuntimeError(`Task cannot await on itself: ${this}`);
    }
    if (scope.loop === this.#loop || scope.task.done()) return null;
    return new RuntimeError(
      `Task ${scope.task} got Future ${this} attached to a different loop`,
    );
  }

  #add(entry: FutureEntry): void {
    const entries = this.#entries;
    if (entries === null) this.#entries = entry;
    else if (Array.isArray(entries)) entries.push(entry);
    else this.#entries = [entries, entry];
  }

  #notifyAll(): void {
    const entries = this.#entries;
    this.#entries = null;
    if (entries === null) return;
    if (Array.isArray(entries)) { for (const entry of entries) entry.notify(this); }
    else entries.notify(this);
  }

  /** An exception that was not taken once the callbacks have run is watched, and reported when it never is. */
  #watchLater(): void {
    this.#loop.scheduler.enqueue({
      run: () => {
        const failure = this.#failure;
        if (this.#unretrieved && failure !== null) {
          this.#watch = this.#loop.watchUnretrieved(this, failure.error, this.#site);
        }
        return null;
      },
    });
  }

  static {
    showAs(this.prototype);
    settle = (future, state, value, error) => {
      if (future.#state !== "pending") return;
      future.#state = state;
      future.#value = value;
      if (state === "cancelled") future.#saved = error as CancelledError | null;
      else if (error !== null) future.#failure = error as { error: unknown };
      future.#notifyAll();
      // A gather that ends with its children's cancellation has no error that must be seen.
      if (future.#failure !== null && !isCancelled(future.#failure.error)) {
        future.#unretrieved = true;
        future.#watchLater();
      }
    };
    addEntry = (future, entry) => {
      if (future.#state === "pending") future.#add(entry);
      else entry.notify(future);
    };
    removeEntry = (future, entry) => {
      const entries = entriesOf(future);
      const kept = entries.filter((other) => other !== entry);
      future.#entries = kept.length === 0 ? null : kept;
      return kept.length < entries.length;
    };
    entriesOf = (future) => {
      const entries = future.#entries;
      return entries === null ? [] : Array.isArray(entries) ? entries : [entries];
    };
    takeFailure = (future) => {
      markRetrieved(future);
      return future.#failure;
    };
    hasUntakenFailure = (future) => future.#unretrieved;
    markRetrieved = (future) => {
      future.#unretrieved = false;
      future.#forgetWatch();
    };
    coreOf = (future) => future.#loop;
    siteOf = (future) => future.#site;
    cancelledErrorOf = (future) => {
      const message = future.#value as string | undefined;
      const saved = future.#saved;
      if (saved !== null && saved.message === (message ?? "")) return saved;
      return makeCancelledError(message, future.#loop.getDebug());
    };
  }
}
