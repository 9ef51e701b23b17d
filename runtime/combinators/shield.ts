import { currentLoop } from "../tasks/task_options.ts";
import type { Awaitable } from "../base/functions.ts";
import { describeType } from "../base/format.ts";
import { flag, type OptionsOf, optionsOf } from "../base/options.ts";
import { type CancelledError, RuntimeError } from "../errors/exceptions.ts";
import { forgiving, isCancelled } from "../core/cancelled.ts";
import { currentScope } from "../core/frame.ts";
import type { Scope } from "../core/scope.ts";
import { Wait } from "../core/wait.ts";
import { asFuture, WaitFuture } from "./ensure_future.ts";
import {
  addEntry,
  coreOf,
  Future,
  type FutureEntry,
  hasUntakenFailure,
  removeEntry,
  settleError,
  settleResult,
  takeFailure,
} from "../tasks/future.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { InternalCallback } from "../tasks/handles.ts";
import { shelter } from "../scopes/known.ts";
import { isThenable, type Task } from "../tasks/task.ts";
import { wait } from "./wait.ts";

/** Inner futures whose later failure is reported already, however many shields over them were cancelled. */
const reported: WeakSet<Future<unknown>> = new WeakSet();

/**
 * Protects what it waits for from cancellation: cancelling the waiter, or the future returned here, leaves `aw` running.
 * Keep a reference to the task if you need its result later; an error that no code will see goes to the exception handler.
 *
 * asyncio: `asyncio.shield()`
 *
 * @example
 * ```ts
 * import { createTask, run, shield, sleep, TimeoutError, waitFor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const saving = createTask(() => sleep(0.02, "saved"));
 *   await assert.rejects(waitFor(shield(saving), 0.001), TimeoutError);
 *   assert.equal(await saving, "saved");
 * });
 * ```
 */
export function shield<T>(aw: Awaitable<T>): Future<T> {
  const inner = protectedFuture(aw);
  if (inner.done()) return inner;
  const outer = new ShieldingFuture<T>({ loop: inner.getLoop() });
  const shown = inner as Future<unknown>;
  const onInner = new InternalCallback(inner, () => copyState(inner, outer), outer);
  addEntry(shown, onInner);
  addEntry(
    outer as Future<unknown>,
    new InternalCallback(outer, () => {
      if (inner.done()) return;
      removeEntry(shown, onInner);
      if (outer.cancelled()) reportFailureOf(shown);
    }),
  );
  return outer;
}

/** What shields another future; the call graph tells it from others. */
export class ShieldingFuture<T> extends Future<T> {
  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}

/** The future of what is protected. An asyncio wait behind a promise belongs to the current task no more. */
function protectedFuture<T>(aw: Awaitable<T>): Future<T> {
  const given: unknown = aw;
  if (isFuture(given) || !isThenable(given)) return asFuture(aw);
  const behind = shelter(given);
  if (behind === null) return asFuture(aw);
  return new WaitFuture(aw as PromiseLike<T>, behind, currentLoop());
}

function copyState<T>(inner: Future<T>, outer: Future<T>): void {
  if (outer.done()) {
    // Cancelled in the very tick in which the inner future ended.
    reportFailureOf(inner as Future<unknown>);
    return;
  }
  if (inner.cancelled()) {
    outer.cancel();
    return;
  }
  const failure = takeFailure(inner as Future<unknown>);
  if (failure === null) settleResult(outer as Future<unknown>, inner.result());
  else settleError(outer as Future<unknown>, failure.error);
}

/**
 * No code waits for the shielded work here any more, so its failure is reported as soon as it happens (3.14), unless other code
 * else takes it: a second shield, a task that awaits it. They are all told in the same iteration, the check is in the next.
 */
function reportFailureOf(inner: Future<unknown>): void {
  if (reported.has(inner)) return;
  reported.add(inner);
  const check = new InternalCallback(inner, () => {
    const failure = hasUntakenFailure(inner) ? takeFailure(inner) : null;
    if (failure === null) return;
    const { error } = failure;
    const name = error instanceof Error ? error.name : "Error";
    coreOf(inner).callExceptionHandler({
      message: `${name} exception in shielded future`,
      exception: error,
      future: inner,
    });
  });
  addEntry(inner, new InternalCallback(inner, () => check.notify()));
}

// ── shared

const OPTIONS: OptionsOf<{ keep?: boolean }> = optionsOf("{ keep: true }", { keep: flag });

/**
 * One run of `fn` for all callers that ask while it lasts: the cache of promises whose work belongs to no caller's deadline. In a plain
 * cache of promises the first caller's timeout cancels the work, and with it all others.
 *
 * - The function that is returned starts a run, or joins the one under way; after its end the next call starts another.
 * - Each caller may be cancelled without disturbing the others. When the last one is, the run is cancelled, and that caller
 *   waits until it has unwound; with `keep` the run goes on, for later callers.
 * - The run is a task of its own, with the context variables of the caller that started it.
 * - Callers on different loops have a run for each loop.
 *
 * @param options `keep`: the run goes on without callers
 * @returns a function that resolves to what `fn` returns, and rejects with what it throws
 * @throws {TypeError} if `fn` is not a function, or there is no such option
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gather, run, shared, sleep, timeout } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   let loads = 0;
 *   const settings = shared(async () => {
 *     loads++;
 *     await sleep(0.02);
 *     return "loaded";
 *   });
 *   const impatient = () => timeout(0.001).with(settings).catch(() => "too slow");
 *   assert.deepEqual(await gather([impatient, settings]), ["too slow", "loaded"]);
 *   assert.equal(loads, 1);
 * });
 * ```
 */
export function shared<T>(
  fn: () => T | PromiseLike<T>,
  options: { keep?: boolean } = {},
): () => Promise<T> {
  if (typeof fn !== "function") {
    throw new TypeError(
      `Cannot share ${describeType(fn)}: the work is a function, as in shared(() => load())`,
    );
  }
  OPTIONS.check(options, "shared()");
  const keep = options.keep === true;
  const runs: WeakMap<object, Run<T>> = new WeakMap();
  return () => {
    try {
      const scope = currentScope();
      const { loop } = scope;
      let run = runs.get(loop);
      if (run === undefined || run.over) {
        const task = currentLoop().createTask(fn, { name: fn.name || "shared" });
        runs.set(loop, run = new Run(task, keep));
      }
      return run.join(scope);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

class Run<T> {
  readonly task: Task<T>;
  readonly #keep: boolean;
  readonly #callers: Set<CallerWait<T>> = new Set();
  /** It was cancelled: later callers get another one. */
  #abandoned = false;

  constructor(task: Task<T>, keep: boolean) {
    this.task = task;
    this.#keep = keep;
  }

  get over(): boolean {
    return this.#abandoned || this.task.done();
  }

  join(scope: Scope): Promise<T> {
    if ((scope.task as unknown) === this.task && !this.task.done()) {
      throw new RuntimeError(
        `Cannot share the run of ${this.task} with itself: it would wait for its own end`,
      );
    }
    const wait = new CallerWait(this, scope);
    this.#callers.add(wait);
    const promise = forgiving(this.#follow(wait));
    wait.promiseOfCall = promise;
    return promise;
  }

  async #follow(wait: CallerWait<T>): Promise<T> {
    try {
      return await wait.promise;
    } catch (error) {
      if (wait.cancelled && this.#abandoned) await this.#end();
      throw error;
    } finally {
      this.#callers.delete(wait);
    }
  }

  /** A caller was cancelled. */
  left(wait: CallerWait<T>, reason: CancelledError): void {
    this.#callers.delete(wait);
    if (this.#callers.size > 0 || this.#keep || this.over) return;
    this.#abandoned = true;
    this.task.cancel(reason.message || undefined);
  }

  /** Waits until the run has unwound; a further cancellation of the caller is passed on to it. */
  async #end(): Promise<void> {
    while (!this.task.done()) {
      try {
        await wait([this.task]);
      } catch (error) {
        if (!isCancelled(error)) throw error;
        this.task.cancel(error.message || undefined);
      }
    }
  }
}

/** The wait of one caller: its cancellation is the caller's alone. */
class CallerWait<T> extends Wait<T> implements FutureEntry {
  /** What the caller was given. */
  promiseOfCall: Promise<T> | null = null;
  readonly #run: Run<T>;

  constructor(run: Run<T>, scope: Scope) {
    super(scope);
    this.#run = run;
    addEntry(run.task as Future<unknown>, this);
  }

  get awaiter(): object | null {
    return this.scope.task;
  }

  override get awaited(): object {
    return this.#run.task;
  }

  override get handedOut(): Promise<unknown> {
    return this.promiseOfCall ?? this.promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.handedOut;
  }

  override describe(): string {
    return `the shared run of ${this.#run.task}`;
  }

  notify(): void {
    this.wake();
  }

  protected onWake(): T {
    return this.#run.task.result();
  }

  protected override onCancel(error: CancelledError): void {
    removeEntry(this.#run.task as Future<unknown>, this);
    this.#run.left(this, error);
  }
}
