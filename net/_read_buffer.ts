/** What a channel reads into as long as little comes at a time: thousands of idle connections stay cheap. */
const SMALL = 4 * 1024;
/** What it reads into while much comes. */
const LARGE = 64 * 1024;
/** After so many reads in a row that a small buffer would have held, the large one is given up. */
const SMALL_READS_BEFORE_SHRINKING = 32;

/** Large buffers between two owners. Making one costs several microseconds, most of it to clear the memory. */
const spare: Uint8Array[] = [];
const MAX_SPARE = 16;

/**
 * The buffer a channel reads into where the runtime wants one before the data is there.
 *
 * A chunk that fills less than half of it is copied out, so that a receiver who keeps it keeps nothing else alive; a bigger one
 * gives the buffer away.
 */
export class ReadBuffer {
  #buffer: Uint8Array | null = null;
  #large = false;
  #smallReads = 0;

  /** The buffer for the next read. */
  take(): Uint8Array {
    return this.#buffer ??= this.#large
      ? spare.pop() ?? new Uint8Array(LARGE)
      : new Uint8Array(SMALL);
  }

  /** The first `count` bytes of what `take` gave, as a chunk of the receiver's own. */
  cut(count: number): Uint8Array {
    const buffer = this.take();
    if (count * 2 > buffer.length) {
      this.#buffer = null;
      this.#smallReads = 0;
      if (count === buffer.length) {
        this.#large = true;
        return buffer;
      }
      return buffer.subarray(0, count);
    }
    const chunk = buffer.slice(0, count);
    if (this.#large) {
      if (count > SMALL) this.#smallReads = 0;
      else if (++this.#smallReads >= SMALL_READS_BEFORE_SHRINKING) {
        this.release();
        this.#large = false;
      }
    }
    return chunk;
  }

  /** Gives a spare buffer back. Only when no read is under way. */
  release(): void {
    const buffer = this.#buffer;
    this.#buffer = null;
    this.#smallReads = 0;
    if (buffer !== null && buffer.length === LARGE && spare.length < MAX_SPARE) spare.push(buffer);
  }
}
