import { SmallCopies } from "../../runtime/base/bytes.ts";

/**
 * The sizes a channel reads with. Every read under way holds a buffer, so thousands of idle
 * connections stay at the smallest; a size that fits the traffic saves the copy.
 */
const SIZES = [4 * 1024, 16 * 1024, 64 * 1024] as const;
/** So many reads in a row that the next smaller size would have held bring it back. */
const FITS_BEFORE_SHRINKING = 4;
/**
 * Messages of just one of the sizes fill the buffer and would not fill a larger one: growth is
 * tried ever more rarely.
 */
const MAX_FILLS_BEFORE_GROWING = 32;
/** Chunks from this size on weigh enough for {@link _ballast}. */
const HEAVY = 4 * 1024;

/**
 * V8 counts the bytes of buffers towards its collections of the whole heap, however short they live: a connection that
 * hands out fresh 16 KiB a message would bring on ten a second, a sixth of the server's time. A little garbage beside
 * each heavy chunk makes the young generation fill up, and its cheap collections free the buffers, before it comes to
 * that.
 */
let _ballast: unknown = null;

/**
 * The buffer a channel reads into where the runtime wants one before the data is there.
 *
 * A chunk that fills less than half of it is copied out, so that a receiver that keeps the chunk does
 * not keep a large buffer alive; with a bigger one the buffer is given away.
 */
export class ReadBuffer {
  #buffer: Uint8Array | null = null;
  readonly #copies = new SmallCopies();
  #level: 0 | 1 | 2 = 0;
  #fits = 0;
  #fills = 0;
  #fillsBeforeGrowing = 1;
  #full = false;

  /** Whether the last chunk filled the buffer, so that more is likely to be there already. */
  get full(): boolean {
    return this.#full;
  }

  /** The buffer for the next read. */
  take(): Uint8Array {
    return this.#buffer ??= new Uint8Array(SIZES[this.#level]);
  }

  /**
   * The first `count` bytes of what `take` gave, as a chunk of the receiver's own.
   *
   * @param shares whether a small one may lie in one buffer with others of this connection
   */
  cut(count: number, shares: boolean): Uint8Array {
    const buffer = this.take();
    this.#full = count === buffer.length;
    if (count >= HEAVY) _ballast = new Array(count >> 6);
    if (this.#full) this.#filled();
    else {
      this.#fills = 0;
      if (this.#level > 0) this.#partly(count);
    }
    if (count * 2 > buffer.length) {
      this.#buffer = null;
      return this.#full ? buffer : buffer.subarray(0, count);
    }
    return shares ? this.#copies.copy(buffer, 0, count) : buffer.slice(0, count);
  }

  #filled(): void {
    this.#fits = 0;
    if (this.#level === 2 || ++this.#fills < this.#fillsBeforeGrowing) return;
    this.#fills = 0;
    this.#level++;
  }

  #partly(count: number): void {
    if (count > SIZES[this.#level === 2 ? 1 : 0]) {
      this.#fits = 0;
      this.#fillsBeforeGrowing = 1;
    } else if (++this.#fits === FITS_BEFORE_SHRINKING) {
      this.#fits = 0;
      this.#fillsBeforeGrowing = Math.min(this.#fillsBeforeGrowing * 2, MAX_FILLS_BEFORE_GROWING);
      this.#level--;
      this.#buffer = null;
    }
  }
}
