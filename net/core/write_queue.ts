import type { OSError } from "../../runtime/errors/exceptions.ts";
import { ChunkTail, concatBytes } from "../../runtime/base/bytes.ts";
import { type RawWritable, WRITE_SIZE } from "./host.ts";

/** What writes through a queue. */
export interface WriteQueueOwner {
  /** The queue has shrunk; it may be empty. */
  wrote(): void;
  /** A write failed; the queue is of no more use. */
  writeFailed(error: OSError): void;
}

/**
 * Bytes on their way to a channel.
 *
 * - One write is under way at most. With none under way a chunk is sent at once, as it is.
 * - What queues up behind it is joined into writes of up to 64 KiB, so many small writes cost few
 *   system calls.
 * - A chunk is never changed; a big one is cut into pieces, so that `size` falls as the peer takes
 *   them. Where many wait, small ones are copied together: an echo of single bytes to a peer that
 *   does not read must not take more memory than their number.
 */
export class WriteQueue {
  /** Bytes that the system has not taken yet, those of the write under way included. */
  size = 0;
  readonly #channel: RawWritable;
  readonly #owner: WriteQueueOwner;
  #chunks: Uint8Array[] = [];
  #head = 0;
  /** Made when many chunks wait for the first time. */
  #tail: ChunkTail | null = null;
  /** Bytes of the write under way. */
  #inFlight = 0;
  #killed = false;

  constructor(channel: RawWritable, owner: WriteQueueOwner) {
    this.#channel = channel;
    this.#owner = owner;
  }

  /** Sends a chunk, which is not empty, or queues it. */
  write(chunk: Uint8Array): void {
    this.size += chunk.length;
    if (this.#inFlight > 0) this.#queue(chunk);
    else if (chunk.length <= WRITE_SIZE) this.#send(chunk);
    else {
      this.#chunks.push(chunk);
      this.#flush();
    }
  }

  /** Sends several chunks, none empty, as if they were one. */
  writeAll(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#queue(chunk);
      this.size += chunk.length;
    }
    if (this.#inFlight === 0) this.#flush();
  }

  /** Drops everything and notifies its owner of nothing any more. The write under way may still reach the peer. */
  kill(): void {
    this.#killed = true;
    this.#chunks = [];
    this.#head = 0;
    this.size = 0;
  }

  #queue(chunk: Uint8Array): void {
    const chunks = this.#chunks;
    if (ChunkTail.concerns(chunks.length - this.#head)) {
      (this.#tail ??= new ChunkTail()).append(chunks, chunk);
    } else chunks.push(chunk);
  }

  /** Starts a write; when the system took all of it at once, nothing is under way afterwards. */
  #send(chunk: Uint8Array): void {
    // Before the write: a web stream may take the array's buffer over in it, and leave it empty.
    const { length } = chunk;
    if (this.#channel.write(chunk, this.#done)) this.size -= length;
    else this.#inFlight = length;
  }

  #flush(): void {
    while (this.#inFlight === 0 && this.#head < this.#chunks.length) this.#send(this.#next());
  }

  #done = (error: OSError | null): void => {
    if (this.#killed) return;
    const sent = this.#inFlight;
    this.#inFlight = 0;
    if (error !== null) {
      this.#owner.writeFailed(error);
      return;
    }
    this.size -= sent;
    this.#flush();
    this.#owner.wrote();
  };

  /** Takes the next write off the queue. */
  #next(): Uint8Array {
    const first = this.#chunks[this.#head]!;
    if (first.length > WRITE_SIZE) {
      this.#chunks[this.#head] = first.subarray(WRITE_SIZE);
      return first.subarray(0, WRITE_SIZE);
    }
    let end = this.#head + 1;
    let total = first.length;
    for (; end < this.#chunks.length; end++) {
      const more = total + this.#chunks[end]!.length;
      if (more > WRITE_SIZE) break;
      total = more;
    }
    const batch = end - this.#head === 1
      ? this.#tail?.release(first) ?? first
      : concatBytes(this.#chunks.slice(this.#head, end), total);
    this.#drop(end);
    return batch;
  }

  #drop(end: number): void {
    if (end === this.#chunks.length) {
      this.#chunks = [];
      this.#head = 0;
      return;
    }
    // Room is made in steps, since moving the rest each time would be quadratic.
    this.#chunks.fill(EMPTY, this.#head, end);
    this.#head = end;
    if (end < 1024 || end * 2 < this.#chunks.length) return;
    this.#chunks = this.#chunks.slice(end);
    this.#head = 0;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
