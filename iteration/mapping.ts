import {
  type ReaderOwner,
  type Source,
  SourceReader,
} from "../runtime/combinators/source_reader.ts";
import type { Future } from "../runtime/tasks/future.ts";
import type { Task } from "../runtime/tasks/task.ts";
import { type Outcome, Production } from "./production.ts";

/** The place of an item among the results. */
interface Slot<R> {
  outcome: Outcome<R> | null;
  /** Null for the error of the source. */
  task: Task<R> | null;
}

/** `map()`: one task for each item. */
export class Mapping<T, R> extends Production<R> implements ReaderOwner<T> {
  readonly #source: Source<T>;
  readonly #fn: (item: T, index: number) => R | PromiseLike<R>;
  readonly #limit: number;
  readonly #ordered: boolean;
  readonly #buffer: number;
  #reader: SourceReader<T> | null = null;
  #reading = true;
  #running = 0;
  /** What was begun and not given out; unordered: what is finished and not given out. From `#head` on. */
  #slots: Slot<R>[] = [];
  #head = 0;
  /** Something has failed: nothing is begun any more, and what comes behind it is not wanted. */
  #failed = false;

  constructor(
    source: Source<T>,
    fn: (item: T, index: number) => R | PromiseLike<R>,
    limit: number,
    ordered: boolean,
    buffer: number,
  ) {
    super("map()");
    this.#source = source;
    this.#fn = fn;
    this.#limit = limit;
    this.#ordered = ordered;
    this.#buffer = buffer;
  }

  get hasRoom(): boolean {
    const length = this.#slots.length - this.#head;
    const ahead = this.#ordered ? length : length + this.#running;
    return this.#running < this.#limit && ahead < this.#buffer + this.waiting;
  }

  begin(item: T, index: number): void {
    this.#running++;
    const slot: Slot<R> = { outcome: null, task: null };
    slot.task = this.spawn(
      () => this.#fn(item, index),
      (outcome, task) => this.#finished(slot, outcome, task),
    );
    if (this.#ordered) this.#slots.push(slot);
  }

  readingEnded(failure: { readonly error: unknown } | null): void {
    this.#reading = false;
    if (this.ending || this.#failed) {
      if (failure !== null) this.late(failure.error);
    } else if (failure !== null) {
      const slot: Slot<R> = { outcome: failure, task: null };
      this.#slots.push(slot);
      this.#fail(slot);
    }
    this.changed();
  }

  protected start(): void {
    this.#reader = new SourceReader(this.#source, this, this.loop, this.what);
    this.own(this.#reader.task as Future<unknown>);
  }

  protected wanted(): void {
    this.#reader!.more();
  }

  protected override onEnding(): void {
    this.#reader!.stop();
  }

  protected get ready(): boolean {
    const slot = this.#slots[this.#head];
    if (slot !== undefined) return slot.outcome !== null;
    return !this.#reading && this.#running === 0;
  }

  protected take(): Outcome<R> | null {
    const slot = this.#slots[this.#head];
    if (slot === undefined) return null;
    this.#head++;
    if (this.#head > 32 && this.#head > this.#slots.length / 2) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return slot.outcome;
  }

  #finished(slot: Slot<R>, outcome: Outcome<R>, task: Future<unknown>): void {
    this.#running--;
    const unwanted = this.ending || (this.#failed && this.#isBehindFailure(slot));
    if (unwanted) {
      if ("error" in outcome) this.late(outcome.error, task);
      return;
    }
    slot.outcome = outcome;
    slot.task = null;
    if (!this.#ordered) this.#slots.push(slot);
    if ("error" in outcome) this.#fail(slot);
    else this.#reader!.more();
    this.changed();
  }

  #isBehindFailure(slot: Slot<R>): boolean {
    return !this.#ordered || !this.#slots.includes(slot, this.#head);
  }

  /** Ends what comes behind the failure: in order the slots behind it, else all. */
  #fail(slot: Slot<R>): void {
    this.#failed = true;
    this.#reader!.stop();
    if (!this.#ordered) {
      this.cancelAll();
      return;
    }
    const behind = this.#slots.splice(this.#slots.indexOf(slot, this.#head) + 1);
    for (const { task } of behind) task?.cancel();
  }
}
