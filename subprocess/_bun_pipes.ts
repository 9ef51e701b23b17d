import type { Done, RawWritable } from "../net/host.ts";
import { BrokenPipeError } from "../runtime/exceptions.ts";
import { toOSError } from "../runtime/os_errors.ts";
import type { PullSource } from "./_pulled_reader.ts";

/** What is used of Bun's FileSink. Its results are promises only where it has to wait. */
export interface FileSink {
  /** How much was taken; a promise when the pipe is full; `true` once the sink has ended. */
  write(chunk: Uint8Array): number | true | Promise<unknown>;
  flush(): unknown;
  end(): unknown;
  unref(): void;
}

function ignore(): void {}

/** The reading end of a child's pipe on Bun. */
export class BunPipeSource implements PullSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      if (value.length > 0) return value;
    }
  }

  cancel(): void {
    // Fails only where the stream has failed before, which its reader was told.
    this.#reader.cancel().catch(ignore);
  }
}

/**
 * The writing end of a child's pipe on Bun. A write under way can't be called off there: `close()` keeps the descriptor until
 * the child has read that chunk or has gone.
 */
export class BunPipeWriter implements RawWritable {
  readonly #sink: FileSink;
  #ended = false;
  #closed = false;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    return this.#run(done, () => {
      const written = this.#sink.write(chunk);
      // Bun ends the sink itself when the child has gone, and says no more than that.
      if (written === true) throw new BrokenPipeError("write: broken pipe (EPIPE)");
      return [written, this.#sink.flush()];
    });
  }

  shutdownWrite(done: Done): void {
    this.#ended = true;
    if (this.#run(done, () => [this.#sink.end()])) {
      queueMicrotask(() => this.#settle(done, null));
    }
  }

  close(): void {
    if (this.#closed) return;
    if (!this.#ended) this.shutdownWrite(ignore);
    this.#closed = true;
    // A write under way must not keep the process from ending either.
    this.#sink.unref();
  }

  /** The child holds the process, not its pipes. */
  ref(): void {}

  unref(): void {}

  /** True when the operation is complete already; false when `done` will be called. */
  #run(done: Done, operation: () => unknown[]): boolean {
    let waits: unknown[];
    try {
      waits = operation().filter((result) => result instanceof Promise);
    } catch (error) {
      waits = [Promise.reject(error)];
    }
    if (waits.length === 0) return true;
    Promise.all(waits).then(
      () => this.#settle(done, null),
      (error) => this.#settle(done, error),
    );
    return false;
  }

  #settle(done: Done, error: unknown): void {
    if (!this.#closed) done(error === null ? null : toOSError(error, "write"));
  }
}
