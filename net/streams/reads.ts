import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import {
  IncompleteReadError,
  LimitOverrunError,
  RuntimeError,
} from "../../runtime/errors/exceptions.ts";
import { Wait } from "../../runtime/core/wait.ts";
import { ByteQueue } from "../core/byte_queue.ts";
import type { ReadTransport } from "../../runtime/contract/transports.ts";

/**
 * What a StreamReader has buffered: the bytes, the end, the error, the pending read, and whether
 * the transport is paused.
 *
 * - Above twice the limit the transport is paused, and resumed once a read leaves no more than the
 *   limit in the buffer (SR-25).
 * - A read that needs more than is buffered keeps the transport reading, whatever the limit: with a
 *   paused transport it would wait for ever.
 * - The pending read is woken when it can end, not by each chunk. It takes its bytes at its own
 *   wake-up, so a read that is cancelled in between leaves them in the buffer (SR-30).
 */
export class ReadState {
  readonly bytes: ByteQueue = new ByteQueue();
  readonly limit: number;
  eof = false;
  /** What every further read throws; null as long as there is no error. */
  error: unknown = null;
  /** The pending read: at most one per stream. */
  waiting: Pick<ReadWait, "pending" | "enough" | "wake" | "failWith"> | null = null;
  transport: ReadTransport | null = null;
  /** Counts the bytes that wait in the reader's web stream, once there is one. */
  countReadable: (() => number) | null = null;
  paused = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Appends a chunk, which belongs to the stream from now on. */
  feed(chunk: Uint8Array): void {
    if (this.eof) throw new RuntimeError("Cannot feed data: the end of the stream was fed already");
    if (chunk.length === 0) return;
    // Node's Buffer is wrapped: its `slice` gives a view where the library needs a copy.
    const plain = chunk.constructor === Uint8Array
      ? chunk
      : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.bytes.push(plain);
    const read = this.waiting;
    if (read !== null && read.pending) {
      if (!read.enough()) return;
      read.wake();
    }
    if (this.bytes.length > 2 * this.limit) this.#pause();
  }

  feedEof(): void {
    this.eof = true;
    this.waiting?.wake();
  }

  fail(error: unknown): void {
    this.error = error;
    this.waiting?.failWith(error);
  }

  /** Resumes the transport if what is left in the buffer allows it; called after bytes were taken. */
  maybeResume(): void {
    if (this.paused && this.bytes.length <= this.limit) this.resume();
  }

  /** Resumes the transport before a wait, since no data comes from one that stays paused. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.transport?.resumeReading();
  }

  #pause(): void {
    const transport = this.transport;
    if (transport === null || this.paused) return;
    if (typeof transport.pauseReading !== "function") {
      // It can't be paused: the reader has to buffer everything.
      this.transport = null;
      return;
    }
    transport.pauseReading();
    this.paused = true;
  }
}

/**
 * The pending read of a stream. At its wake-up it takes its bytes, or throws the error that the
 * stream has failed with.
 */
export abstract class ReadWait<R = Uint8Array> extends Wait<R> {
  protected readonly state: ReadState;
  #error: unknown;
  #failed = false;
  #abandoned = false;

  constructor(state: ReadState) {
    super();
    this.state = state;
    // On a closed loop a wait is settled from the start, and nothing would clear `waiting`.
    if (this.pending || this.cancelled) state.waiting = this;
    state.resume();
  }

  /** Whether what is buffered ends the read, with a result or an error. */
  abstract enough(): boolean;
  protected abstract take(): R;

  /** The result of an abandoned read, which takes no bytes. */
  protected nothing(): R {
    throw new Error("This read can't be abandoned");
  }

  /** Ends the read without bytes. From now on another read may wait. */
  abandon(): void {
    this.#abandoned = true;
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
    if (this.#abandoned) return this.nothing();
    if (this.#failed) throw this.#error;
    const taken = this.take();
    this.state.maybeResume();
    return taken;
  }

  protected override onCancel(): void {
    this.#clear();
  }

  /** After it was abandoned, the next read may already be the pending one. */
  #clear(): void {
    if (this.state.waiting === this) this.state.waiting = null;
  }
}

/** `read(n)`: the next bytes, at most `n`. */
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
 * `read()`: all bytes until the end. Until then they stay in the buffer, so that a cancelled read
 * loses none.
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

/**
 * Takes exactly `count` bytes.
 *
 * @throws {IncompleteReadError} if the stream has ended before; it holds the bytes that arrived
 */
export function takeExactly(state: ReadState, count: number): Uint8Array {
  const { bytes } = state;
  if (bytes.length < count) throw new IncompleteReadError(bytes.take(bytes.length), count);
  return bytes.take(count);
}

/** The error of a read while another one is pending. */
export function busy(name: string): RuntimeError {
  return new RuntimeError(
    `${name}() called while another coroutine is already waiting for incoming data`,
  );
}

const NEWLINE: readonly Uint8Array[] = [new Uint8Array([10])];

/**
 * The search of one `readuntil` or `readline` for its separators. When more bytes have arrived, it
 * goes on where it stopped: of the bytes that were searched before, only the last ones, which may
 * begin a separator, are searched again.
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

  /** Searches what is buffered. True when the read can end, with a result or an error. */
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

  /** Takes the bytes through the separator, or throws. May be called once `advance` returned true. */
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
   * `readuntil` leaves the buffer as it is; `readline` drops the line, or all that is buffered when
   * the line's end has not arrived (SR-11).
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
 * The separators that a user passed, shortest first.
 *
 * @throws {RangeError} if there is none, or an empty one
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
