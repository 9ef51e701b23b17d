import { ChunkTail, cloneBytes } from "../../runtime/base/bytes.ts";
import type { OSError } from "../../runtime/errors/os_error.ts";
import type { ReadSink } from "../core/host.ts";

/** What arrived while nobody read: a chunk, or bytes in a buffer that a sink gave. */
type Held = Uint8Array | { buffer: Uint8Array; count: number; owner: ReadSink };

/**
 * The reading side of a channel above any runtime: it hands arrivals to the sink while there is one
 * and keeps them, in order, while there is none. The rules of {@linkcode ReadSink} are kept here,
 * once for every host.
 *
 * Invariant: while anything is held, a delivery is scheduled or there is no sink; new arrivals
 * queue behind what is held.
 */
export class ReadGate {
  #sink: ReadSink | null = null;
  #held: Held[] = [];
  /** Made when many chunks are held for the first time: one read may bring thousands of TLS records. */
  #tail: ChunkTail | null = null;
  #end: "open" | "eof" | OSError = "open";
  #closed = false;
  #scheduled = false;
  /**
   * Set while a chunk goes piece by piece into a sink's buffers. The rest of it comes before
   * anything new, so a sink that starts reading in the middle must not make the channel read yet,
   * least of all into a buffer the rest is about to need.
   */
  #copying = false;
  #wanted = false;
  readonly #want: () => void;

  /** `want` is called when a sink waits for more and nothing is held for it. */
  constructor(want: () => void) {
    this.#want = want;
  }

  /** Who reads; null while reading is stopped, and once the end was told. */
  get sink(): ReadSink | null {
    return this.#sink;
  }

  /** True when nothing more will arrive. */
  get ended(): boolean {
    return this.#end !== "open";
  }

  start(sink: ReadSink): void {
    if (this.#closed) return;
    this.#sink = sink;
    if (this.#copying) this.#wanted = true;
    else if (this.#held.length > 0 || this.#end !== "open") this.#schedule();
    else this.#want();
  }

  stop(): void {
    this.#sink = null;
  }

  close(): void {
    this.#closed = true;
    this.#sink = null;
    this.#held = [];
  }

  /** Closes, and gives what is held to somebody else. */
  empty(): Uint8Array[] {
    const held = this.#held.map((item) =>
      item instanceof Uint8Array ? item : cloneBytes(item.buffer, item.count)
    );
    this.close();
    return held;
  }

  /** A chunk has arrived; it will be the receiver's own. `asked` has just been asked for a buffer, and had none. */
  data(chunk: Uint8Array, asked: ReadSink | null = null): void {
    const sink = this.#sink;
    if (sink !== null && this.#held.length === 0) {
      if (sink === asked) sink.onData(chunk);
      else this.#hand(sink, chunk);
    } else if (!this.#closed) this.#hold(chunk);
  }

  #hold(chunk: Uint8Array): void {
    if (!ChunkTail.concerns(this.#held.length)) this.#held.push(chunk);
    else (this.#tail ??= new ChunkTail()).append(this.#held, chunk);
  }

  /** `count` bytes have arrived in the buffer that `owner` gave. */
  filled(owner: ReadSink, buffer: Uint8Array, count: number): void {
    const sink = this.#sink;
    if (sink !== null && this.#held.length === 0) this.#handFilled(sink, owner, buffer, count);
    else if (!this.#closed) this.#held.push({ buffer, count, owner });
  }

  /** Nothing more will arrive: the peer's end, or an error. Only the first one counts. */
  finish(end: "eof" | OSError): void {
    if (this.#closed || this.#end !== "open") return;
    this.#end = end;
    if (this.#held.length === 0) this.#tellEnd();
  }

  /** Later, never inside `start`: the caller may be in the middle of something. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    for (;;) {
      const sink = this.#sink;
      if (sink === null) return;
      const next = this.#held.shift();
      if (next === undefined) break;
      if (next instanceof Uint8Array) this.#hand(sink, this.#tail?.release(next) ?? next);
      else this.#handFilled(sink, next.owner, next.buffer, next.count);
    }
    if (this.#end === "open") this.#want();
    else this.#tellEnd();
  }

  #hand(sink: ReadSink, chunk: Uint8Array): void {
    if (sink.getBuffer === undefined) sink.onData(chunk);
    else this.#copyInto(sink, chunk);
  }

  #handFilled(sink: ReadSink, owner: ReadSink, buffer: Uint8Array, count: number): void {
    if (sink === owner) sink.onBuffer?.(buffer, count);
    else this.#hand(sink, cloneBytes(buffer, count));
  }

  #tellEnd(): void {
    const sink = this.#sink;
    if (sink === null) return;
    this.#sink = null;
    const end = this.#end;
    if (end === "eof") sink.onEof();
    else if (end !== "open") sink.onError(end);
  }

  /** For sinks with buffers of their own, where the runtime gives only chunks. */
  #copyInto(sink: ReadSink, chunk: Uint8Array): void {
    this.#copying = true;
    const rest = this.#copyPieces(sink, chunk);
    this.#copying = false;
    const wanted = this.#wanted;
    this.#wanted = false;
    if (rest !== null && !this.#closed) this.#held.unshift(rest);
    if (wanted && this.#sink !== null) this.start(this.#sink);
  }

  /** Until all of it is told (null), or nobody reads any more: what is left then. */
  #copyPieces(first: ReadSink, chunk: Uint8Array): Uint8Array | null {
    let sink: ReadSink | null = first;
    let rest = chunk;
    while (sink !== null) {
      const buffer = sink.getBuffer?.() ?? null;
      // A sink may stop, close or replace itself in any of these calls.
      if (this.#sink === sink) {
        if (buffer === null) {
          sink.onData(rest);
          return null;
        }
        const count = Math.min(buffer.length, rest.length);
        buffer.set(rest.subarray(0, count));
        rest = rest.subarray(count);
        sink.onBuffer?.(buffer, count);
        if (rest.length === 0) return null;
      }
      sink = this.#sink;
    }
    return rest;
  }
}
