import { forgiving, isCancelled } from "../core/cancelled.ts";
import { type Awaitable, isAsyncSource } from "../base/functions.ts";
import { describeSeconds } from "../base/format.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { type CancelledError, TimeoutError } from "../errors/exceptions.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import { publicLoop } from "../tasks/task_options.ts";
import { InternalTimer } from "../core/timers.ts";
import { Wait } from "../core/wait.ts";
import { addEntry, type Future, markRetrieved } from "../tasks/future.ts";
import { InternalCallback } from "../tasks/handles.ts";
import { asFuture } from "./ensure_future.ts";
import { type ReaderOwner, type Source, SourceReader } from "./source_reader.ts";
import { untilDone } from "./wait.ts";

/** One item of `for await (... of asCompleted(...))`. */
export interface Completed<T> {
  /** The future or task that was given, or the task made for a function. */
  readonly future: Future<T>;
  /** Its place among the arguments. */
  readonly index: number;
  /** Its value; throws its error. */
  result(): T;
}

interface Arrival<T> {
  readonly future: Future<T>;
  readonly index: number;
}

/** The wait for the next arrival: it is there when this has settled, unless there is none to come. */
class ArrivalWait<T> extends Wait<void> {
  readonly #owner: LimitedCompletion<T>;
  /** What its caller was given. */
  promiseOfCall: Promise<unknown> | null = null;

  constructor(owner: LimitedCompletion<T>) {
    super();
    this.#owner = owner;
  }

  override get handedOut(): Promise<unknown> {
    return this.promiseOfCall ?? this.promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.handedOut;
  }

  override describe(): string {
    return "the next future of asCompleted()";
  }

  protected onWake(): void {}

  protected override onCancel(): void {
    this.#owner.leave(this);
  }
}

/** The items of a source, of which plain iteration has to know whether there is another one. */
class Ahead<T> implements IterableIterator<T> {
  readonly #iterator: Iterator<T>;
  readonly #read: T[] = [];
  #count = 0;
  #ended = false;

  constructor(source: Iterable<T>) {
    this.#iterator = source[Symbol.iterator]();
  }

  /** Whether it has, or had, so many. */
  reaches(count: number): boolean {
    while (this.#count < count && !this.#ended) this.#pull();
    return this.#count >= count;
  }

  next(): IteratorResult<T, undefined> {
    if (this.#read.length === 0 && !this.#ended) this.#pull();
    if (this.#read.length === 0) return { value: undefined, done: true };
    return { value: this.#read.shift() as T, done: false };
  }

  return(): IteratorResult<T, undefined> {
    if (!this.#ended) this.#iterator.return?.();
    this.#ended = true;
    return { value: undefined, done: true };
  }

  [Symbol.iterator](): this {
    return this;
  }

  #pull(): void {
    // A source that throws has ended.
    this.#ended = true;
    const { done, value } = this.#iterator.next();
    if (done === true) return;
    this.#ended = false;
    this.#count++;
    this.#read.push(value);
  }
}

/**
 * `asCompleted(source, { limit })`: reads the source as there is room for work, and no further ahead of the iteration than
 * `limit` results. Leaving the iteration ends what runs: what was not begun would keep the reader of the source waiting.
 */
export class LimitedCompletion<T>
  implements Iterable<Promise<T>>, AsyncIterable<Completed<T>>, ReaderOwner<Awaitable<T>> {
  readonly #ahead: Ahead<Awaitable<T>> | null;
  readonly #limit: number;
  readonly #loop: LoopCore;
  readonly #timeout: number | null;
  readonly #timer: InternalTimer | null = null;
  readonly #reader: SourceReader<Awaitable<T>>;
  readonly #arrived: Arrival<T>[] = [];
  readonly #waiting: Set<ArrivalWait<T>> = new Set();
  readonly #running: Set<Future<unknown>> = new Set();
  #left = 0;
  #done = 0;
  /** Woken waits whose callers have not taken their arrivals yet. */
  #promised = 0;
  /** How many promises plain iteration has given out. */
  #given = 0;
  #reading = true;
  #failure: { readonly error: unknown } | null = null;
  #late = false;
  #ended = false;

  constructor(
    source: Source<Awaitable<T>>,
    limit: number,
    timeout: number | null,
    loop: EventLoop,
  ) {
    this.#limit = limit;
    this.#timeout = timeout;
    this.#loop = loop[core];
    this.#ahead = isAsyncSource(source) ? null : new Ahead(source as Iterable<Awaitable<T>>);
    this.#reader = new SourceReader(this.#ahead ?? source, this, loop, "asCompleted()");
    if (timeout !== null) {
      this.#timer = InternalTimer.after(this.#loop, timeout, () => this.#giveUp());
    }
  }

  get hasRoom(): boolean {
    return this.#left < this.#limit && this.#arrived.length - this.#promised < this.#limit;
  }

  begin(aw: Awaitable<T>, index: number): void {
    const future = asFuture(aw, publicLoop(this.#loop));
    const shown = future as Future<unknown>;
    this.#left++;
    this.#running.add(shown);
    addEntry(shown, new InternalCallback(shown, () => this.#memberDone({ future, index })));
  }

  readingEnded(failure: { readonly error: unknown } | null): void {
    this.#reading = false;
    if (!this.#late && !this.#ended) this.#failure = failure;
    this.#wakeWaiting();
  }

  *[Symbol.iterator](): IterableIterator<Promise<T>> {
    if (this.#ahead === null) {
      throw new TypeError(
        "Cannot iterate plainly over what comes of an async iterable: nobody knows yet how many there are, write for await",
      );
    }
    let left = true;
    try {
      while (this.#ahead.reaches(this.#given + 1)) {
        this.#given++;
        yield this.#call(false, (arrival) => {
          if (arrival === null) throw this.#tooLate();
          return arrival.future.result();
        });
      }
      left = false;
    } finally {
      if (left) this.#stop();
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Completed<T>> {
    const over: IteratorResult<Completed<T>, undefined> = { value: undefined, done: true };
    const iterator: AsyncIterableIterator<Completed<T>, undefined> = {
      next: () =>
        this.#call(true, (arrival) => {
          if (arrival === null) return over;
          const { future, index } = arrival;
          return { value: { future, index, result: () => future.result() }, done: false };
        }),
      return: async () => {
        const interrupted = await this.#end();
        if (interrupted !== null) throw interrupted;
        return over;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  leave(wait: ArrivalWait<T>): void {
    this.#waiting.delete(wait);
    if (wait.woken) this.#promised--;
    this.#wakeWaiting();
  }

  /**
   * @param ends whether a cancellation of the call ends what runs
   * @param use is called with the next arrival, or null where none comes any more
   */
  #call<R>(ends: boolean, use: (arrival: Arrival<T> | null) => R): Promise<R> {
    if (this.#arrived.length > this.#promised || this.#over) {
      try {
        return Promise.resolve(use(this.#take()));
      } catch (error) {
        return Promise.reject(error);
      }
    }
    const wait = new ArrivalWait(this);
    if (wait.pending) this.#waiting.add(wait);
    const promise = forgiving(this.#settle(wait, ends, use));
    wait.promiseOfCall = promise;
    return promise;
  }

  async #settle<R>(
    wait: ArrivalWait<T>,
    ends: boolean,
    use: (arrival: Arrival<T> | null) => R,
  ): Promise<R> {
    try {
      await wait.promise;
    } catch (error) {
      if (ends) await this.#end(isCancelled(error) ? error.message || undefined : undefined);
      throw error;
    }
    this.#promised--;
    return use(this.#take());
  }

  #take(): Arrival<T> | null {
    if (this.#ended) return null;
    const arrival = this.#arrived.shift();
    this.#reader.more();
    if (arrival !== undefined) return arrival;
    if (this.#late) throw this.#tooLate();
    if (this.#failure !== null) throw this.#failure.error;
    return null;
  }

  /** Nothing arrives any more. */
  get #over(): boolean {
    return this.#late || this.#ended || (!this.#reading && this.#left === 0);
  }

  #memberDone(arrival: Arrival<T>): void {
    this.#left--;
    this.#done++;
    const future = arrival.future as Future<unknown>;
    this.#running.delete(future);
    if (this.#late) return;
    if (this.#ended) {
      if (!future.cancelled()) markRetrieved(future);
      return;
    }
    this.#arrived.push(arrival);
    this.#wakeWaiting();
    this.#reader.more();
  }

  #wakeWaiting(): void {
    for (const wait of this.#waiting) {
      if (this.#arrived.length <= this.#promised && !this.#over) break;
      this.#waiting.delete(wait);
      if (wait.wake()) this.#promised++;
    }
    if (this.#over) this.#timer?.cancel();
  }

  #giveUp(): void {
    if (this.#over) return;
    this.#late = true;
    this.#reader.stop();
    this.#wakeWaiting();
  }

  #stop(message?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader.stop(message);
    for (const future of this.#running) future.cancel(message);
    this.#wakeWaiting();
  }

  #end(message?: string): Promise<CancelledError | null> {
    this.#stop(message);
    return untilDone([this.#reader.task as Future<unknown>, ...this.#running]);
  }

  #tooLate(): TimeoutError {
    return new TimeoutError(
      `asCompleted() timed out after ${
        describeSeconds(this.#timeout ?? 0)
      }: ${this.#done} are done`,
    );
  }
}
