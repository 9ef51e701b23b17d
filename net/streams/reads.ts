import {
  IncompleteReadError,
  LimitOverrunError,
  RuntimeError,
} from "../../runtime/errors/exceptions.ts";
import { Wait } from "../../runtime/core/wait.ts";
import type { PendingRead, ReadState } from "./read_state.ts";
import type { ByteSource } from "./web_streams.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";

/** A read in waiting: at its wake-up it takes its bytes, or throws what the stream has come to. */
abstract class ReadWait<R = Uint8Array> extends Wait<R> implements PendingRead {
  protected readonly state: ReadState;
  #error: unknown;
  #failed = false;
  #left = false;

  constructor(state: ReadState) {
    super();
    this.state = state;
    // On a closed loop a wait is over from the start, and nothing would ever clear the place.
    if (this.pending || this.cancelled) state.waiting = this;
    state.resume();
  }

  abstract enough(): boolean;
  protected abstract take(): R;

  /** What it gives to one who has left: the bytes stay. */
  protected nothing(): R {
    throw new Error("Nobody can leave this read");
  }

  leave(): void {
    this.#left = true;
    this.#clear();
    this.wake();
  }

  failWith(error: unknown): boolean {
    if (!this.wake()) return false;
    this.#failed = true;
    this.#error = error;
    return true;
  }

  override describe(): string {
    return "data from a stream";
  }

  protected onWake(): R {
    this.#clear();
    if (this.#left) return this.nothing();
    if (this.#failed) throw this.#error;
    const taken = this.take();
    this.state.maybeResume();
    return taken;
  }

  protected override onCancel(): void {
    this.#clear();
  }

  /** The next read may have taken its place once it was left. */
  #clear(): void {
    if (this.state.waiting === this) this.state.waiting = null;
  }
}

/** `read(n)`: whatever comes first, at most `n` bytes. */
export class ReadSome extends ReadWait {
  readonly #most: number;

  constructor(state: ReadState, most: number) {
    super(state);
    this.#most = most;
  }

  enough(): boolean {
    return true;
  }

  protected take(): Uint8Array {
    const { bytes } = this.state;
    return bytes.take(Math.min(this.#most, bytes.length));
  }
}

/**
 * `read()`: all until the end. What comes meanwhile stays in the buffer, so that a cancelled one
 * loses nothing.
 */
export class ReadAll extends ReadWait {
  enough(): boolean {
    return false;
  }

  protected take(): Uint8Array {
    const { bytes } = this.state;
    return bytes.take(bytes.length);
  }
}

/** `readexactly(n)` */
export class ReadExactly extends ReadWait {
  readonly #count: number;

  constructor(state: ReadState, count: number) {
    super(state);
    this.#count = count;
  }

  enough(): boolean {
    return this.state.bytes.length >= this.#count;
  }

  protected take(): Uint8Array {
    return takeExactly(this.state, this.#count);
  }
}

/** `readuntil(separator)` and `readline()` */
export class ReadUntil<R = Uint8Array> extends ReadWait<R> {
  readonly #search: SeparatorSearch;

  constructor(state: ReadState, search: SeparatorSearch) {
    super(state);
    this.#search = search;
  }

  enough(): boolean {
    return this.#search.advance();
  }

  protected take(): R {
    return this.#search.finish() as R;
  }
}

/** A line as an iterator gives it. */
export type NextLine = IteratorResult<Uint8Array, undefined>;

/** An iterator's `next()`. */
export class ReadNextLine extends ReadUntil<NextLine> {
  protected override take(): NextLine {
    return toNextLine(super.take() as unknown as Uint8Array);
  }

  protected override nothing(): NextLine {
    return { value: undefined, done: true };
  }
}

/** At the end of the stream lines are empty. */
export function toNextLine(line: Uint8Array): NextLine {
  return line.length === 0 ? { value: undefined, done: true } : { value: line, done: false };
}

/**
 * A web stream's pull. It hands the bytes on at its wake-up: a stream that is cancelled before has taken nothing, and none are on
 * their way in a promise.
 */
export class ReadForWeb extends ReadWait<void> {
  readonly #most: number;
  readonly #deliver: (chunk: Uint8Array) => void;

  constructor(state: ReadState, most: number, deliver: (chunk: Uint8Array) => void) {
    super(state);
    this.#most = most;
    this.#deliver = deliver;
  }

  enough(): boolean {
    return true;
  }

  protected take(): void {
    const { bytes } = this.state;
    this.#deliver(bytes.take(Math.min(this.#most, bytes.length)));
  }

  protected override nothing(): void {}
}

/** The bytes, or at the end of the stream the error that carries those that came. */
export function takeExactly(state: ReadState, count: number): Uint8Array {
  const { bytes } = state;
  if (bytes.length < count) throw new IncompleteReadError(bytes.take(bytes.length), count);
  return bytes.take(count);
}

/** Iterates over the lines of a stream. */
export class Lines implements AsyncIterableIterator<Uint8Array, undefined, unknown> {
  readonly #state: ReadState;
  /** Kept alive with the iterator: a connection counts as used as long as its reader does. */
  readonly reader: object;
  /** The last `next()` that had to wait. */
  #wait: ReadNextLine | null = null;
  #ended = false;

  constructor(state: ReadState, reader: object) {
    this.#state = state;
    this.reader = reader;
  }

  next(): Promise<NextLine> {
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    const state = this.#state;
    if (state.error !== null) return Promise.reject(state.error);
    if (state.waiting !== null) return Promise.reject(busy("readline"));
    const search = SeparatorSearch.forLine(state);
    if (!search.advance()) return (this.#wait = new ReadNextLine(state, search)).promise;
    try {
      const line = search.finish();
      state.maybeResume();
      return Promise.resolve(toNextLine(line));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return(): Promise<NextLine> {
    this.#ended = true;
    this.#wait?.leave();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** What a reader is for its web stream, which holds the reader by it. */
export class ReaderSource implements ByteSource {
  readonly #state: ReadState;
  readonly reader: object;
  #wait: ReadForWeb | null = null;

  constructor(state: ReadState, reader: object) {
    this.#state = state;
    this.reader = reader;
  }

  pull(most: number, deliver: (chunk: Uint8Array) => void): Promise<void> {
    const state = this.#state;
    if (state.error !== null) return Promise.reject(state.error);
    if (state.waiting !== null) return Promise.reject(busy("read"));
    const { bytes, eof } = state;
    if (bytes.length === 0 && !eof) {
      return (this.#wait = new ReadForWeb(state, most, deliver)).promise;
    }
    deliver(bytes.take(Math.min(most, bytes.length)));
    state.maybeResume();
    return Promise.resolve();
  }

  leave(): void {
    this.#wait?.leave();
  }

  countWith(count: () => number): void {
    this.#state.countReadable = count;
  }
}

/** The error of a read beside one that waits. */
export function busy(name: string): RuntimeError {
  return new RuntimeError(
    `${name}() called while another coroutine is already waiting for incoming data`,
  );
}

const NEWLINE: readonly Uint8Array[] = [new Uint8Array([10])];

/**
 * The search of one `readuntil` or `readline` for its separators, which goes on where it stopped
 * when more has come: of what was searched, only the last bytes that may begin a separator are
 * looked at again.
 *
 * The match that ends first wins. The limit counts what stands before it; of two separators that
 * end at the same byte the shorter one is regarded as the match (SR-18, SR-19).
 */
export class SeparatorSearch {
  readonly #state: ReadState;
  /** Shortest first, none empty. */
  readonly #separators: readonly Uint8Array[];
  readonly #line: boolean;
  /** No separator begins before it. */
  #offset = 0;
  #start = -1;
  #end = -1;

  constructor(state: ReadState, separators: readonly Uint8Array[]) {
    this.#state = state;
    this.#separators = separators;
    this.#line = separators === NEWLINE;
  }

  /** The search of `readline`, whose errors differ. */
  static forLine(state: ReadState): SeparatorSearch {
    return new SeparatorSearch(state, NEWLINE);
  }

  /** Searches what has come. True when the read can end, whether well or not. */
  advance(): boolean {
    const { bytes, limit, eof } = this.#state;
    const { length } = bytes;
    if (length - this.#offset >= this.#separators[0]!.length) {
      for (const separator of this.#separators) this.#look(separator);
      if (this.#end >= 0) return true;
      const longest = this.#separators[this.#separators.length - 1]!.length;
      this.#offset = Math.max(0, length + 1 - longest);
      if (this.#offset > limit) return true;
    }
    return eof;
  }

  /**
   * Takes the bytes through the separator, or throws. Only after `advance` was true, or at the end
   * of the stream.
   */
  finish(): Uint8Array {
    const { bytes, limit } = this.#state;
    if (this.#end >= 0) {
      if (this.#start <= limit) return bytes.takeLine(this.#end);
      return this.#overrun("Separator is found, but chunk is longer than limit", this.#start);
    }
    if (this.#offset > limit) {
      return this.#overrun("Separator is not found, and chunk exceed the limit", this.#offset);
    }
    const partial = bytes.take(bytes.length);
    if (this.#line) return partial;
    throw new IncompleteReadError(partial, null);
  }

  #look(separator: Uint8Array): void {
    const start = this.#state.bytes.find(separator, this.#offset);
    if (start < 0) return;
    const end = start + separator.length;
    if (this.#end >= 0 && end >= this.#end) return;
    this.#start = start;
    this.#end = end;
  }

  /**
   * `readuntil` leaves the buffer as it is; `readline` drops the line, or all when its end has not
   * come (SR-11).
   */
  #overrun(message: string, consumed: number): never {
    if (!this.#line) throw new LimitOverrunError(message, consumed);
    const { bytes } = this.#state;
    bytes.drop(bytes.startsWith(NEWLINE[0]!, consumed) ? consumed + 1 : bytes.length);
    this.#state.maybeResume();
    throw new RangeError(message);
  }
}

/**
 * The separators that a user gave, shortest first.
 *
 * @throws {RangeError} when there is none, or an empty one
 */
export function toSeparators(given: BytesLike | readonly BytesLike[]): readonly Uint8Array[] {
  const separators = Array.isArray(given)
    ? given.map((one: BytesLike) => toBytes(one, "a separator"))
    : [toBytes(given as BytesLike, "the separator")];
  if (separators.length === 0) {
    throw new RangeError("Separator should contain at least one element");
  }
  separators.sort((a, b) => a.length - b.length);
  if (separators[0]!.length === 0) {
    throw new RangeError("Separator should be at least one-byte string");
  }
  return separators;
}
