import { toOSError } from "../../runtime/errors/native_errors.ts";
import { ReadGate } from "../channels/gates.ts";
import type { RawReadable, ReadSink } from "../core/host.ts";

/** A pipe's reading end from which one chunk after the other is asked for. */
export interface PullSource {
  /** The next chunk (at least one byte, the receiver's own), or null at the end. Called again only when the promise has settled. */
  pull(): Promise<Uint8Array | null>;
  /** Closes the descriptor; a pull under way ends. */
  cancel(): void;
}

/**
 * A raw pipe over a {@linkcode PullSource}: nothing is pulled while it is not read, so a reader that stops holds the writer back
 * as soon as the one chunk under way and the kernel's buffer are full.
 */
export class PulledReader implements RawReadable {
  readonly #source: PullSource;
  readonly #gate: ReadGate;
  #pulling = false;
  #closed = false;

  constructor(source: PullSource) {
    this.#source = source;
    this.#gate = new ReadGate(() => this.#pull());
  }

  get closed(): boolean {
    return this.#closed;
  }

  startReading(sink: ReadSink): void {
    this.#gate.start(sink);
  }

  stopReading(): void {
    this.#gate.stop();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close();
    this.#source.cancel();
  }

  /** The source decides whether the process stays alive. */
  ref(): void {}

  unref(): void {}

  #pull(): void {
    if (this.#pulling || this.#closed || this.#gate.ended || this.#gate.sink === null) return;
    this.#pulling = true;
    this.#source.pull().then(this.#onChunk, this.#onError);
  }

  readonly #onChunk = (chunk: Uint8Array | null): void => {
    this.#pulling = false;
    if (this.#closed) return;
    if (chunk === null) return this.#gate.finish("eof");
    this.#gate.data(chunk);
    this.#pull();
  };

  readonly #onError = (error: unknown): void => {
    this.#pulling = false;
    if (!this.#closed) this.#gate.finish(toOSError(error, "read"));
  };
}
