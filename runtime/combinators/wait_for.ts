import { publicLoop } from "../tasks/task_options.ts";
import { isCancelled } from "../core/cancelled.ts";
import { ConcurrentFuture } from "../tasks/concurrent_future.ts";
import type { Awaitable } from "../base/functions.ts";
import { HOUR, warnOfHours, warnOfStarted } from "../core/debug_warnings.ts";
import { describeSeconds } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { asFuture, wrapPromise } from "./ensure_future.ts";
import { CancelledError, TimeoutError } from "../errors/exceptions.ts";
import { Deadline, graceOf, type GraceOption } from "../scopes/deadline.ts";
import { currentScope } from "../core/frame.ts";
import {
  addEntry,
  coreOf,
  Future,
  type FutureEntry,
  removeEntry,
  settleError,
  settleResult,
} from "../tasks/future.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { InternalTimer } from "../core/timers.ts";
import { takeOver } from "../scopes/known.ts";
import { isTask, isThenable, requireCoroutine } from "../tasks/task.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { Wait } from "../core/wait.ts";

/**
 * Waits for `aw`, but no longer than `timeout` (null: without limit): then cancels it, waits until it has unwound, and
 * rejects. A coroutine runs inside the caller's task; with a timeout of zero or less it never starts. `grace` as with
 * {@linkcode timeout}.
 *
 * asyncio: `asyncio.wait_for()`
 *
 * @throws {TimeoutError} if the time is over
 *
 * @example
 * ```ts
 * import { run, sleep, TimeoutError, waitFor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   assert.equal(await waitFor(() => sleep(0, "in time"), 1), "in time");
 *   await assert.rejects(waitFor(() => sleep(3600), { milliseconds: 5 }), TimeoutError);
 * });
 * ```
 */
export function waitFor<T>(
  aw: Awaitable<T>,
  timeout: Delay | null,
  options?: GraceOption,
): Promise<T> {
  try {
    if (!isThenable(aw)) requireCoroutine(aw, "waitFor");
    const grace = graceOf(options, "waitFor()");
    if (timeout === null) return asPromise(begin(aw));
    if (timeout === undefined) throw timeoutMissing(aw);
    const seconds = toSeconds(timeout);
    if (seconds > HOUR) warnOfHours("waitFor", timeout, currentScope().loop);
    if (seconds <= 0) {
      // As where it is awaited: what is done takes no turn of the loop, so that no cancellation comes in between.
      if (isFuture(aw) && aw.done()) return asPromise(aw as PromiseLike<T>);
      return new EndWait(asFuture(aw), aw).promise;
    }
    return new WaitForBody(seconds, aw, grace).begin();
  } catch (error) {
    return Promise.reject(error);
  }
}

class WaitForBody<T> extends Deadline<T> {
  readonly #seconds: number;
  readonly #aw: Awaitable<T>;
  #timer: InternalTimer | null = null;

  constructor(seconds: number, aw: Awaitable<T>, grace: number | null) {
    super(aw, grace);
    this.#seconds = seconds;
    this.#aw = aw;
  }

  begin(): Promise<T> {
    const loop = this.scope.loop as LoopCore;
    this.#timer = InternalTimer.after(loop, this.#seconds, () => this.fire());
    this.start();
    return this.promise;
  }

  body(): T | PromiseLike<T> {
    return begin(this.#aw);
  }

  protected convert(cause: CancelledError): TimeoutError {
    return toTimeoutError(cause, this.#aw, this.#seconds);
  }

  protected over(): void {
    this.#timer?.cancel();
  }
}

function toTimeoutError(cause: CancelledError, aw: unknown, seconds: number): TimeoutError {
  const text = `waitFor(${nameOf(aw)}) timed out after ${describeSeconds(seconds)}`;
  return new TimeoutError(text, { cause });
}

function timeoutMissing(aw: unknown): TypeError {
  const call = `waitFor(${nameOf(aw) || "work"}`;
  return new TypeError(
    `waitFor() needs its timeout: seconds as in ${call}, 5), { milliseconds: 250 }, or null for none`,
  );
}

/** What a program calls the awaitable; "" where it has no name. */
function nameOf(aw: unknown): string {
  if (typeof aw === "function") return aw.name;
  return isTask(aw) ? aw.getName() : "";
}

/** Calls a coroutine; a foreign promise is wrapped, so that the wait for it can be cancelled like any other. */
function begin<T>(aw: Awaitable<T>): T | PromiseLike<T> {
  if (typeof aw === "function") return aw();
  // An asyncio wait goes where it is cancelled with the deadline, as though the function had been handed over.
  if (isFuture(aw) || takeOver(aw)) return aw as PromiseLike<T>;
  warnOfStarted(aw, currentScope());
  return leavable(aw);
}

function asPromise<T>(value: T | PromiseLike<T>): Promise<T> {
  return isFuture(value) ? value.then() as Promise<T> : Promise.resolve(value);
}

/** A Future for a promise that may be abandoned; then an error which it brings is reported, since no code waits for it. */
function leavable<T>(promise: PromiseLike<T>): Future<T> {
  const loop = currentScope().loop as LoopCore;
  if (promise instanceof ConcurrentFuture) {
    return wrapPromise(promise as PromiseLike<T>, publicLoop(loop));
  }
  const future = new Future<T>({ loop: publicLoop(loop) });
  const shown = future as Future<unknown>;
  promise.then(
    (value) => settleResult(shown, value),
    (error) => {
      if (!future.done()) settleError(shown, error);
      else if (!isCancelled(error)) {
        loop.callExceptionHandler({
          message: "Exception in a promise that waitFor() had left behind",
          exception: error,
        });
      }
    },
  );
  return future;
}

/**
 * A wait with no time left: what is waited for is cancelled, and this waits for its end.
 * Always passes through the loop. Cancelling this wait does not cancel the future again.
 */
class EndWait<T> extends Wait<T> implements FutureEntry {
  readonly #future: Future<T>;
  readonly #origin: unknown;
  /** Whether this wait asked for the end: a future that was cancelled before ran into no timeout. */
  #asked = false;

  /** `origin`: what the caller of waitFor() gave. */
  constructor(future: Future<T>, origin: unknown) {
    super(currentScope(), coreOf(future as Future<unknown>).scheduler);
    this.#future = future;
    this.#origin = origin;
    if (isFuture(origin) || typeof origin === "function") this.#askForEnd();
    else {
      // A promise can't say whether it is settled: it may tell the future before this reaction runs.
      Promise.resolve().then(() => this.#askForEnd());
    }
    addEntry(future as Future<unknown>, this);
  }

  #askForEnd(): void {
    if (this.#future.done()) return;
    this.#asked = true;
    this.#future.cancel();
  }

  get awaiter(): object | null {
    return this.scope.task;
  }

  override get awaited(): object {
    return this.#future;
  }

  /** By way of the ready queue, as in CPython, where a callback of the future wakes the waiter. */
  notify(): void {
    this.scheduler.enqueue({
      run: () => {
        this.wake();
        return null;
      },
    });
  }

  override describe(): string {
    return `the end of ${this.#future}`;
  }

  protected onWake(): T {
    try {
      return this.#future.result();
    } catch (error) {
      if (!this.#asked || !isCancelled(error)) throw error;
      throw toTimeoutError(error, this.#origin, 0);
    }
  }

  protected override onCancel(): void {
    removeEntry(this.#future as Future<unknown>, this);
  }
}
