import type { Done, RawWritable } from "../net/host.ts";
import { toOSError } from "../runtime/os_errors.ts";
import type { PullSource } from "./_pulled_reader.ts";

/** The pipe buffer of Linux: what one read can bring. */
const READ_SIZE = 64 * 1024;

function ignore(): void {}

/** The reading end of a child's pipe on Deno, read into one buffer as long as little comes at a time. */
export class DenoPipeSource implements PullSource {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer: ArrayBuffer | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  async pull(): Promise<Uint8Array | null> {
    const view = new Uint8Array(this.#buffer ?? new ArrayBuffer(READ_SIZE));
    this.#buffer = null;
    // The stream takes the memory away from `view` and gives it back under the chunk.
    const { done, value } = await this.#reader.read(view);
    if (done || value === undefined) return null;
    // A chunk that fills less than half is copied out, so that who keeps it keeps nothing else alive.
    if (value.length * 2 > READ_SIZE) return value;
    this.#buffer = value.buffer;
    return value.slice();
  }

  cancel(): void {
    // Fails only where the stream has failed before, which its reader was told.
    this.#reader.cancel().catch(ignore);
  }
}

/**
 * The writing end of a child's pipe on Deno. A write under way can't be called off there: `close()` keeps the descriptor until
 * the child has read that chunk or has gone.
 */
export class DenoPipeWriter implements RawWritable {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #writing = false;
  #ended = false;
  #closed = false;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    // Every operation reports its own failure.
    this.#writer.closed.catch(ignore);
    this.#writer.ready.catch(ignore);
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    this.#writing = true;
    this.#settle(this.#writer.write(chunk), "write", done);
    return false;
  }

  shutdownWrite(done: Done): void {
    this.#ended = true;
    this.#settle(this.#writer.close(), "close", done);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#ended) return;
    // Nobody waits for either; they fail only where the pipe is broken, and so closed, already.
    if (this.#writing) this.#writer.abort().catch(ignore);
    else this.#writer.close().catch(ignore);
  }

  /** The child holds the process, not its pipes. */
  ref(): void {}

  unref(): void {}

  #settle(operation: Promise<void>, syscall: string, done: Done): void {
    operation.then(() => {
      this.#writing = false;
      if (!this.#closed) done(null);
    }, (error) => {
      this.#writing = false;
      if (!this.#closed) done(toOSError(error, syscall));
    });
  }
}
