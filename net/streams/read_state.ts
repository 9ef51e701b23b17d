import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import { ByteQueue } from "../core/byte_queue.ts";
import type { ReadTransport } from "../core/transports.ts";

/** A read that waits. There is at most one per stream. */
export interface PendingRead {
  /** Whether it is still to be woken. */
  readonly pending: boolean;
  /** Whether what has arrived is enough to end it, with a result or an error. */
  enough(): boolean;
  wake(): boolean;
  failWith(error: unknown): boolean;
  /** Ends it without bytes, since nobody wants them any more; another read may wait from now on. */
  leave(): void;
}

/**
 * What a StreamReader holds: the bytes, the end, the error, the waiting read, and whether the
 * transport is held back.
 *
 * - Above twice the limit the transport is paused, and resumed once a read leaves no more than the
 *   limit (SR-25).
 * - A read that needs more than is there keeps the transport going, whatever the limit: pausing it
 *   would wait for ever.
 * - The waiting read is woken when it can end, not by each chunk. It takes its bytes at its own
 *   wake-up, so one that is cancelled in between leaves them in the buffer (SR-30).
 */
export class ReadState {
  readonly bytes: ByteQueue = new ByteQueue();
  readonly limit: number;
  eof = false;
  /** What every further read throws; null while all is well. */
  error: unknown = null;
  waiting: PendingRead | null = null;
  transport: ReadTransport | null = null;
  /** How much waits in the reader's web stream, once there is one. */
  countReadable: (() => number) | null = null;
  paused = false;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes over a chunk that nobody else will change. */
  feed(chunk: Uint8Array): void {
    if (this.eof) throw new RuntimeError("Cannot feed data: the end of the stream was fed already");
    if (chunk.length === 0) return;
    // Node's Buffer is wrapped: its `slice` gives a view where a copy is meant.
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

  /** After bytes were taken. */
  maybeResume(): void {
    if (this.paused && this.bytes.length <= this.limit) this.resume();
  }

  /** Before a wait: data could never come from a transport that stays paused. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.transport?.resumeReading();
  }

  #pause(): void {
    const transport = this.transport;
    if (transport === null || this.paused) return;
    if (typeof transport.pauseReading !== "function") {
      // It can't be held back: everything has to be kept.
      this.transport = null;
      return;
    }
    transport.pauseReading();
    this.paused = true;
  }
}
