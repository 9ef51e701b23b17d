import type { EventLoop } from "../loop_interface.ts";
import type { CancelledError } from "../runtime/errors/exceptions.ts";
import { forgiving, isCancelled } from "../runtime/core/cancelled.ts";
import { core } from "../runtime/core/loop_core.ts";
import { Wait } from "../runtime/core/wait.ts";
import { addEntry, cancelledErrorOf, type Future, takeFailure } from "../runtime/tasks/future.ts";
import { InternalCallback } from "../runtime/tasks/handles.ts";
import { currentLoop } from "../runtime/tasks/task_options.ts";
import type { Task } from "../runtime/tasks/task.ts";
import { untilDone } from "../runtime/combinators/wait.ts";

/** How something has ended; an error in an object, since any value can be thrown. */
export type Outcome<R> = { readonly value: R } | { readonly error: unknown };

/** The wait of a reader for the next result. */
class ReaderWait extends Wait<void> {
  /** What its reader was given. */
  promiseOfCall: Promise<unknown> | null = null;
  readonly #what: string;

  constructor(what: string) {
    super();
    this.#what = what;
  }

  override get handedOut(): Promise<unknown> {
    return this.promiseOfCall ?? this.promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.handedOut;
  }

  override describe(): string {
    return `the next item of ${this.#what}`;
  }

  protected onWake(): void {}
}

/**
 * What tasks produce for an iteration.
 *
 * - `new → running → ended`: the tasks start with the first `next()`. They belong to the iteration: when it is left, cancelled
 *   or fails, they are cancelled, and it ends when they have.
 * - Readers that wait are served in their order.
 */
export abstract class Production<R> implements AsyncIterator<R, undefined> {
  /** Names it in reports: "map()". */
  readonly what: string;
  #state: "new" | "running" | "ended" = "new";
  #loop: EventLoop | null = null;
  readonly #readers: Set<ReaderWait> = new Set();
  /** A reader that was woken and has not taken its result yet. */
  #promised: ReaderWait | null = null;
  readonly #tasks: Set<Future<unknown>> = new Set();
  #ending: Promise<CancelledError | null> | null = null;

  constructor(what: string) {
    this.what = what;
  }

  /** The loop of the first reader. */
  protected get loop(): EventLoop {
    return this.#loop!;
  }

  /** How many readers wait for something that is not there. */
  protected get waiting(): number {
    return this.#readers.size;
  }

  /** It was left, cancelled, or has failed: what its tasks still bring is not wanted. */
  protected get ending(): boolean {
    return this.#ending !== null;
  }

  protected abstract start(): void;
  /** Whether `take` has something to give, be it the end. */
  protected abstract get ready(): boolean;
  /** The next outcome; null at the end. */
  protected abstract take(): Outcome<R> | null;
  /** A reader waits, or has taken something: there may be room for more work. */
  protected abstract wanted(): void;
  /** Called when it is ended before its end, before its tasks are cancelled. */
  protected onEnding(): void {}

  next(): Promise<IteratorResult<R, undefined>> {
    if (this.#state === "new") {
      this.#state = "running";
      this.#loop = currentLoop();
      this.start();
    }
    if (this.#state === "ended" || this.ending) return over();
    if (this.ready && this.#readers.size === 0 && this.#promised === null) return this.#deliver();
    const wait = new ReaderWait(this.what);
    if (wait.pending) this.#readers.add(wait);
    const promise = forgiving(this.#follow(wait));
    wait.promiseOfCall = promise;
    this.wanted();
    return promise;
  }

  /** Ends what runs, and waits for that. */
  async return(): Promise<IteratorResult<R, undefined>> {
    const interrupted = await this.#end(undefined);
    if (interrupted !== null) throw interrupted;
    return { value: undefined, done: true };
  }

  /** Something has come, or the end. */
  protected changed(): void {
    if (this.#promised !== null || !this.ready) return;
    for (const reader of this.#readers) {
      this.#readers.delete(reader);
      if (!reader.wake()) continue;
      this.#promised = reader;
      return;
    }
  }

  /** Starts a task that belongs to the iteration; `ended` is called with its outcome. */
  protected spawn<T>(
    work: () => T | PromiseLike<T>,
    ended: (outcome: Outcome<T>, task: Future<unknown>) => void,
  ): Task<T> {
    const task = this.loop.createTask(work);
    this.own(task as Future<unknown>, () => {
      const shown = task as Future<unknown>;
      if (task.cancelled()) ended({ error: cancelledErrorOf(shown) }, shown);
      else ended(takeFailure(shown) ?? { value: task.result() }, shown);
    });
    return task;
  }

  /** A task that is to end with the iteration. */
  protected own(task: Future<unknown>, ended: () => void = () => {}): void {
    this.#tasks.add(task);
    addEntry(
      task,
      new InternalCallback(task, () => {
        this.#tasks.delete(task);
        ended();
      }),
    );
  }

  /** Asks all tasks to end that have not been asked: a second request would break off their cleanup. */
  protected cancelAll(message?: string): void {
    for (const task of [...this.#tasks]) if (!isAsked(task)) task.cancel(message);
  }

  /** An error that comes too late for any reader: of a cleanup, so not one that came by itself behind the first. */
  protected late(error: unknown, task: Future<unknown> | null = null): void {
    if (isCancelled(error) || (task !== null && !isAsked(task))) return;
    this.loop[core].callExceptionHandler({
      message: `Exception in work of ${this.what} that was to end`,
      exception: error,
    });
  }

  async #follow(wait: ReaderWait): Promise<IteratorResult<R, undefined>> {
    try {
      await wait.promise;
    } catch (error) {
      this.#readers.delete(wait);
      // The tasks end with their reader, also where `waitFor` or `gather` cancelled its wait.
      await this.#end(isCancelled(error) ? error.message || undefined : undefined);
      throw error;
    } finally {
      if (this.#promised === wait) this.#promised = null;
    }
    if (this.ending) return await over();
    return await this.#deliver();
  }

  #deliver(): Promise<IteratorResult<R, undefined>> {
    const outcome = this.take();
    if (outcome === null) {
      this.#state = "ended";
      this.#dismiss();
      return over();
    }
    if ("error" in outcome) return this.#fail(outcome.error);
    this.wanted();
    this.changed();
    return Promise.resolve({ value: outcome.value, done: false });
  }

  async #fail(error: unknown): Promise<never> {
    const interrupted = await this.#end(undefined);
    if (interrupted === null) throw error;
    interrupted.cause ??= error;
    throw interrupted;
  }

  /** Gives the cancellation that came while it waited for the tasks. */
  #end(message: string | undefined): Promise<CancelledError | null> {
    if (this.#state !== "running") {
      this.#state = "ended";
      return Promise.resolve(null);
    }
    return this.#ending ??= this.#endTasks(message);
  }

  async #endTasks(message: string | undefined): Promise<CancelledError | null> {
    this.onEnding();
    this.cancelAll(message);
    const interrupted = await untilDone(this.#tasks);
    this.#state = "ended";
    this.#dismiss();
    return interrupted;
  }

  /** Other readers have reached the end. */
  #dismiss(): void {
    for (const reader of this.#readers) reader.wake();
    this.#readers.clear();
  }
}

/** Whether a task was asked to end. */
function isAsked(task: Future<unknown>): boolean {
  return ((task as unknown as Partial<Task<unknown>>).cancelling?.() ?? 0) > 0;
}

function over(): Promise<IteratorResult<never, undefined>> {
  return Promise.resolve({ value: undefined, done: true });
}
