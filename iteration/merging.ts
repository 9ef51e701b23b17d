import { describeType } from "../runtime/base/format.ts";
import {
  iteratorOf,
  type ReaderOwner,
  type Source,
  SourceReader,
} from "../runtime/combinators/source_reader.ts";
import { isThenable } from "../runtime/base/functions.ts";
import { Waiter } from "../runtime/core/wait.ts";
import type { Future } from "../runtime/tasks/future.ts";
import { type Outcome, Production } from "./production.ts";

/** An item that has come, and the wait that ends when it has been taken. */
interface Arrival<R> {
  readonly outcome: Outcome<R>;
  readonly taken: Waiter<void> | null;
}

/** Several sources that are read at the same time, each by a task. */
abstract class Sources<R> extends Production<R> {
  readonly #arrived: Arrival<R>[] = [];
  #open = 0;
  #failed = false;

  /** Sources that are being read. */
  protected get open(): number {
    return this.#open;
  }

  protected get failed(): boolean {
    return this.#failed;
  }

  /** Whether others may follow. */
  protected abstract get expecting(): boolean;

  protected get ready(): boolean {
    return this.#arrived.length > 0 || (this.#open === 0 && !this.expecting);
  }

  protected take(): Outcome<R> | null {
    const arrival = this.#arrived.shift();
    if (arrival === undefined) return null;
    arrival.taken?.wakeWith(undefined);
    return arrival.outcome;
  }

  /** Reads a source to its end. */
  protected read(source: () => Source<R>): void {
    this.#open++;
    this.spawn(() => this.#readAll(source), (outcome, task) => {
      this.#open--;
      if ("error" in outcome) this.fail(outcome.error, task);
      else this.sourceEnded();
      this.changed();
    });
  }

  protected sourceEnded(): void {}

  /** Ends all; the error comes after the items that are there. */
  protected fail(error: unknown, task: Future<unknown> | null = null): void {
    if (this.ending || this.#failed) {
      this.late(error, task);
      return;
    }
    this.#failed = true;
    this.#arrived.push({ outcome: { error }, taken: null });
    this.onEnding();
    this.cancelAll();
  }

  async #readAll(open: () => Source<R>): Promise<void> {
    const source: unknown = open();
    const iterator = iteratorOf(requireItems<R>(isThenable(source) ? await source : source));
    let ended = false;
    try {
      for (;;) {
        let step: unknown;
        try {
          step = iterator.next();
          if (isThenable(step)) step = await step;
        } catch (error) {
          ended = true;
          throw error;
        }
        const { done, value } = step as IteratorResult<R>;
        if (done === true) {
          ended = true;
          return;
        }
        await this.#offer(value);
      }
    } finally {
      if (!ended) await iterator.return?.();
    }
  }

  #offer(value: R): Promise<void> {
    const taken = new Waiter<void>(`a reader of ${this.what}`);
    this.#arrived.push({ outcome: { value }, taken });
    this.changed();
    return taken.promise;
  }
}

/** `merge()` */
export class Merging<R> extends Sources<R> {
  readonly #sources: readonly Source<R>[];

  constructor(sources: readonly Source<R>[]) {
    super("merge()");
    this.#sources = sources;
  }

  protected start(): void {
    for (const source of this.#sources) this.read(() => source);
  }

  protected get expecting(): boolean {
    return false;
  }

  protected wanted(): void {}
}

/** `flatMap()` */
export class FlatMapping<T, R> extends Sources<R> implements ReaderOwner<T> {
  readonly #source: Source<T>;
  readonly #fn: (item: T, index: number) => Source<R>;
  readonly #limit: number;
  #reader: SourceReader<T> | null = null;
  #reading = true;

  constructor(source: Source<T>, fn: (item: T, index: number) => Source<R>, limit: number) {
    super("flatMap()");
    this.#source = source;
    this.#fn = fn;
    this.#limit = limit;
  }

  get hasRoom(): boolean {
    return this.open < this.#limit;
  }

  begin(item: T, index: number): void {
    this.read(() => this.#fn(item, index));
  }

  readingEnded(failure: { readonly error: unknown } | null): void {
    this.#reading = false;
    if (failure !== null) this.fail(failure.error);
    this.changed();
  }

  protected start(): void {
    this.#reader = new SourceReader(this.#source, this, this.loop, this.what);
    this.own(this.#reader.task as Future<unknown>);
  }

  protected override get expecting(): boolean {
    return this.#reading && !this.failed;
  }

  protected wanted(): void {}

  protected override sourceEnded(): void {
    this.#reader!.more();
  }

  protected override onEnding(): void {
    this.#reader!.stop();
  }
}

function requireItems<R>(items: unknown): Source<R> {
  if (typeof items === "string") return items as unknown as Source<R>;
  if (typeof items === "object" && items !== null) {
    if (Symbol.iterator in items || Symbol.asyncIterator in items) return items as Source<R>;
  }
  throw new TypeError(
    `Cannot iterate over ${
      describeType(items)
    }: the function of flatMap() returns an iterable or an async iterable`,
  );
}
