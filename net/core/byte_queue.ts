import { ChunkTail, SmallCopies } from "../../runtime/base/bytes.ts";

const EMPTY = new Uint8Array(0);

/**
 * Bytes in their order of arrival, kept as the chunks they came in; small ones together once there
 * are many, so that a peer that sends byte by byte gets no more memory than others.
 *
 * - One growing array would copy everything again and again; here a chunk that is taken whole is
 *   handed on as it is.
 * - What is taken belongs to the taker: a part of a chunk is copied out, so a short line never
 *   keeps 64 KiB alive.
 * - Positions count from the first unread byte. `find` remembers the chunk it was in, so that
 *   searches which move forward cost one walk over the list altogether.
 */
export class ByteQueue {
  /** Unread bytes. */
  length = 0;
  #chunks: Uint8Array[] = [];
  #head = 0;
  /** Bytes of the head chunk that were taken. */
  #taken = 0;
  #copies: SmallCopies | null = null;
  /** Made when many chunks wait for the first time. */
  #tail: ChunkTail | null = null;
  #seekIndex = 0;
  /**
   * Position of the first byte of the chunk at `#seekIndex`, which may be negative in the head
   * chunk.
   */
  #seekStart = 0;

  /**
   * Appends a chunk, which from now on belongs to the queue. No Buffer, whose `slice` makes a view
   * instead of a copy.
   */
  push(chunk: Uint8Array): void {
    this.length += chunk.length;
    const chunks = this.#chunks;
    if (ChunkTail.concerns(chunks.length - this.#head)) {
      (this.#tail ??= new ChunkTail()).append(chunks, chunk);
    } else chunks.push(chunk);
  }

  /** Removes and returns exactly `count` bytes; there must be as many. */
  take(count: number): Uint8Array {
    if (count === 0) return EMPTY;
    this.#forgetSeek();
    const chunk = this.#chunks[this.#head]!;
    const left = chunk.length - this.#taken;
    if (count < left) {
      const start = this.#taken;
      this.#taken = start + count;
      this.length -= count;
      return chunk.slice(start, this.#taken);
    }
    if (count > left) return this.#gather(count);
    const taken = this.#taken === 0 ? chunk : remainder(chunk, this.#taken);
    this.#advance();
    this.length -= count;
    return this.#tail === null ? taken : this.#tail.release(chunk, taken);
  }

  /** The same for a line, of which many lie in a chunk: short ones may share a buffer. */
  takeLine(count: number): Uint8Array {
    const chunk = this.#chunks[this.#head]!;
    const start = this.#taken;
    if (count >= chunk.length - start) return this.take(count);
    this.#forgetSeek();
    this.#taken = start + count;
    this.length -= count;
    this.#copies ??= new SmallCopies();
    return this.#copies.copy(chunk, start, this.#taken);
  }

  /** Drops the first `count` bytes. */
  drop(count: number): void {
    this.#forgetSeek();
    this.length -= count;
    let rest = count;
    while (rest > 0) {
      const left = this.#chunks[this.#head]!.length - this.#taken;
      if (rest < left) {
        this.#taken += rest;
        return;
      }
      rest -= left;
      this.#advance();
    }
  }

  /**
   * Where `pattern` (not empty) first stands at or after the position `from`; -1 when it does not.
   */
  find(pattern: Uint8Array, from: number): number {
    if (from + pattern.length > this.length) return -1;
    this.#seek(from);
    const first = pattern[0]!;
    let index = this.#seekIndex;
    let start = this.#seekStart;
    let local = from - start;
    for (; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      while ((local = chunk.indexOf(first, local)) !== -1) {
        const found = start + local;
        if (found + pattern.length > this.length) return -1;
        if (this.#matches(pattern, index, local)) return found;
        local++;
      }
      start += chunk.length;
      local = 0;
    }
    return -1;
  }

  /** Whether `pattern` stands exactly at `position`. */
  startsWith(pattern: Uint8Array, position: number): boolean {
    if (position + pattern.length > this.length) return false;
    this.#seek(position);
    return this.#matches(pattern, this.#seekIndex, position - this.#seekStart);
  }

  /** Compares across chunk borders; the bytes are known to be there. */
  #matches(pattern: Uint8Array, index: number, local: number): boolean {
    let chunk = this.#chunks[index]!;
    for (let i = 0; i < pattern.length; i++) {
      if (local === chunk.length) {
        chunk = this.#chunks[++index]!;
        local = 0;
      }
      if (chunk[local++] !== pattern[i]) return false;
    }
    return true;
  }

  /** Moves to the chunk that holds `position`. */
  #seek(position: number): void {
    if (position < this.#seekStart || this.#seekIndex < this.#head) {
      this.#seekIndex = this.#head;
      this.#seekStart = -this.#taken;
    }
    for (;;) {
      const end = this.#seekStart + (this.#chunks[this.#seekIndex]?.length ?? Infinity);
      if (position < end) return;
      this.#seekStart = end;
      this.#seekIndex++;
    }
  }

  #forgetSeek(): void {
    this.#seekIndex = 0;
    this.#seekStart = Infinity;
  }

  #gather(count: number): Uint8Array {
    const out = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      const chunk = this.#chunks[this.#head]!;
      const part = Math.min(count - filled, chunk.length - this.#taken);
      out.set(chunk.subarray(this.#taken, this.#taken + part), filled);
      filled += part;
      this.#taken += part;
      if (this.#taken === chunk.length) this.#advance();
    }
    this.length -= count;
    return out;
  }

  /** Drops the head chunk. */
  #advance(): void {
    this.#taken = 0;
    if (this.#head === this.#chunks.length - 1) {
      this.#chunks.pop();
      if (this.#head > 0) {
        this.#chunks.length = 0;
        this.#head = 0;
      }
      return;
    }
    this.#chunks[this.#head++] = EMPTY;
    if (this.#head < 1024 || this.#head * 2 < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * The end of a chunk whose beginning was copied out: returned as it is, unless it would keep
 * much dead memory.
 */
function remainder(chunk: Uint8Array, start: number): Uint8Array {
  const left = chunk.length - start;
  return left * 2 < chunk.buffer.byteLength ? chunk.slice(start) : chunk.subarray(start);
}
