import {
  type ReaderOwner,
  type Source,
  SourceReader,
} from "../runtime/combinators/source_reader.ts";
import { core } from "../runtime/core/loop_core.ts";
import { InternalTimer } from "../runtime/core/timers.ts";
import type { Future } from "../runtime/tasks/future.ts";
import { type Outcome, Production } from "./production.ts";

/** `batch()`: one array is filled while another may wait to be taken. */
export class Batching<T> extends Production<T[]> implements ReaderOwner<T> {
  readonly #source: Source<T>;
  readonly #size: number;
  readonly #within: number | null;
  #reader: SourceReader<T> | null = null;
  #reading = true;
  #failure: { readonly error: unknown } | null = null;
  #filling: T[] = [];
  readonly #full: T[][] = [];
  #timer: InternalTimer | null = null;

  constructor(source: Source<T>, size: number, within: number | null) {
    super("batch()");
    this.#source = source;
    this.#size = size;
    this.#within = within;
  }

  get hasRoom(): boolean {
    return this.#full.length === 0;
  }

  begin(item: T): void {
    this.#filling.push(item);
    if (this.#filling.length >= this.#size) this.#close();
    else if (this.#filling.length === 1 && this.#within !== null) {
      this.#timer = InternalTimer.after(this.loop[core], this.#within, () => this.#close());
    }
  }

  readingEnded(failure: { readonly error: unknown } | null): void {
    this.#reading = false;
    if (this.ending) {
      if (failure !== null) this.late(failure.error);
      return;
    }
    this.#failure = failure;
    this.#close();
    this.changed();
  }

  protected start(): void {
    this.#reader = new SourceReader(this.#source, this, this.loop, this.what);
    this.own(this.#reader.task as Future<unknown>);
  }

  protected get ready(): boolean {
    return this.#full.length > 0 || !this.#reading;
  }

  protected take(): Outcome<T[]> | null {
    const value = this.#full.shift();
    return value !== undefined ? { value } : this.#failure;
  }

  protected wanted(): void {
    this.#reader!.more();
  }

  protected override onEnding(): void {
    this.#timer?.cancel();
    this.#reader!.stop();
  }

  #close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#filling.length === 0) return;
    this.#full.push(this.#filling);
    this.#filling = [];
    this.changed();
  }
}
