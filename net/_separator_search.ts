import { IncompleteReadError, LimitOverrunError } from "../runtime/exceptions.ts";
import { type BytesLike, toBytes } from "../runtime/bytes.ts";
import type { ReadState } from "./_read_state.ts";

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
