import { describeType } from "./format.ts";

/**
 * Bytes to send: a Uint8Array (a Buffer is one), or a string, which is encoded as UTF-8.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type BytesLike } from "@asyncio/asyncio";
 *
 * const greetings: BytesLike[] = ["hello\n", new Uint8Array([104, 105, 10])];
 * assert.equal(greetings.length, 2);
 * ```
 */
export type BytesLike = Uint8Array | string;

const encoder = new TextEncoder();

/**
 * The bytes of what a user passed: the very same array (never a copy), or a string's UTF-8.
 *
 * @param what how the error text calls the value: "data", "the separator"
 * @throws {TypeError} if it is anything else, naming its type
 */
export function toBytes(data: BytesLike, what: string): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (isBytes(data)) return data;
  throw notBytes(data, what);
}

/** The chunks in one array. A single chunk comes back as it is, not copied. */
export function concatBytes(chunks: readonly Uint8Array[], length?: number): Uint8Array {
  const only = chunks[0];
  if (only !== undefined && chunks.length === 1) return only;
  let total = length ?? 0;
  if (length === undefined) { for (const chunk of chunks) total += chunk.byteLength; }
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}

/** Copies up to this size lie side by side where that is worth it, some tens in a buffer. */
const SMALL = 256;
const SHARED_SIZE = 2048;

let makeShared: ((size: number) => ArrayBuffer) | null = null;
const sharedBuffers: WeakSet<object> = new WeakSet();

/**
 * From now on small copies share buffers. Deno's V8 keeps no bytes within an array, so that an array of its own costs 0.5
 * to 0.9 µs, a tenth of a server's time for each small message; here it costs 0.1.
 *
 * @param make makes a buffer that can't be transferred: the other copies in it would go with it
 */
export function shareSmallCopies(make: (size: number) => ArrayBuffer): void {
  makeShared = make;
}

/**
 * Copies of what one connection brings. The small ones share buffers where {@linkcode shareSmallCopies} was called, but
 * never with those of another connection: code that looks beyond a chunk must not see what another peer has sent.
 */
export class SmallCopies {
  #buffer: ArrayBuffer | null = null;
  #used = 0;

  /** A copy of the bytes from `start` to `end`, which keeps the original from being needed. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    if (makeShared === null || length > SMALL) return bytes.slice(start, end);
    if (this.#buffer === null || this.#used + length > SHARED_SIZE) {
      this.#buffer = makeShared(SHARED_SIZE);
      sharedBuffers.add(this.#buffer);
      this.#used = 0;
    }
    const copy = new Uint8Array(this.#buffer, this.#used, length);
    // The next one at a multiple of eight, where a view of any kind of numbers may begin.
    this.#used = (this.#used + length + 7) & ~7;
    copy.set(length === bytes.length ? bytes : bytes.subarray(start, end));
    return copy;
  }
}

/** Lists below this length are none of its business: an array for each chunk is what costs least there. */
const MANY_CHUNKS = 16;
/** Chunks up to this size are copied together; in larger ones the bytes outweigh what holds them. */
const SMALL_CHUNK = 1024;
/** Bytes of the buffers they are copied into. */
const CHUNK_ROOM = 4096;

/**
 * The end of a list of chunks that wait to be taken. A chunk of one byte takes some hundred bytes of memory, so a peer that
 * sends one at a time could make a connection hold five hundred times the limit. Where many chunks wait, small ones are
 * therefore copied into buffers that they share, and those that keep a far larger buffer alive into one of their size: what
 * is held stays in proportion to what is in it.
 *
 * There is one of these for each list. What it appended last may grow, as long as it is the last of its list.
 */
export class ChunkTail {
  #room: Uint8Array | null = null;
  /** Where what was appended last begins and ends. */
  #start = 0;
  #used = 0;
  #last: Uint8Array | null = null;

  /** Whether a list of that length is long enough for {@linkcode append}. */
  static concerns(length: number): boolean {
    return length >= MANY_CHUNKS;
  }

  /** Appends a chunk to a list whose first `MANY_CHUNKS` wait already. */
  append(chunks: unknown[], chunk: Uint8Array): void {
    const { length } = chunk;
    if (length > SMALL_CHUNK) {
      chunks.push(length * 2 < chunk.buffer.byteLength ? new Uint8Array(chunk) : chunk);
      return;
    }
    const end = chunks.length - 1;
    if (this.#room === null || this.#used + length > CHUNK_ROOM) {
      this.#room = new Uint8Array(CHUNK_ROOM);
      this.#start = this.#used = 0;
      chunks.push(this.#last = this.#room);
    } else if (chunks[end] !== this.#last) {
      // A large chunk came in between, or what was here has been taken.
      this.#start = this.#used;
      sharedBuffers.add(this.#room.buffer);
      chunks.push(this.#last = this.#room);
    }
    this.#room.set(chunk, this.#used);
    this.#used += length;
    chunks[chunks.length - 1] = this.#last = this.#room.subarray(this.#start, this.#used);
  }

  /**
   * A chunk leaves the list. What is given away of it must have a buffer of its own, which the receiver may transfer: no
   * other chunk may lie in that, nor be put there later.
   *
   * @param taken the chunk, or its end
   */
  release(chunk: Uint8Array, taken: Uint8Array = chunk): Uint8Array {
    const grows = chunk === this.#last;
    if (grows) this.#room = this.#last = null;
    const shares = grows || isSharedBuffer(chunk.buffer);
    return shares && taken.buffer === chunk.buffer ? new Uint8Array(taken) : taken;
  }
}

/** Whether other copies lie in this buffer, so that it can't be given away. */
export function isSharedBuffer(value: object): boolean {
  return sharedBuffers.has(value);
}

/** The bytes in a buffer of their own: the very same array where it has one. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return isSharedBuffer(bytes.buffer) ? cloneBytes(bytes) : bytes;
}

/** The first `count` bytes, all of them by default, in an array of their own; a Buffer's `slice` would be a view. */
export function cloneBytes(bytes: Uint8Array, count: number = bytes.length): Uint8Array {
  return new Uint8Array(count === bytes.length ? bytes : bytes.subarray(0, count));
}

/** By its tag where instanceof says no: test runners hand over arrays of another realm. */
export function isBytes(data: unknown): data is Uint8Array {
  return data instanceof Uint8Array ||
    (ArrayBuffer.isView(data) && Reflect.get(data, Symbol.toStringTag) === "Uint8Array");
}

function notBytes(data: unknown, what: string): TypeError {
  const isBuffer = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
  const hint = isBuffer ? "; wrap its memory in a new Uint8Array" : "";
  return new TypeError(
    `Cannot take ${what} as bytes: it must be a Uint8Array or a string, received ${
      describeType(data)
    }${hint}`,
  );
}
