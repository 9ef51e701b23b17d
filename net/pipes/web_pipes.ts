import { ignore } from "../../runtime/base/functions.ts";
import { ownBytes } from "../../runtime/base/bytes.ts";
import { BrokenPipeError, type OSError } from "../../runtime/errors/exceptions.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import type { Done, RawWritable } from "../core/host.ts";
import type { PullSource } from "./pulled_reader.ts";

/** A ReadableStream as the reading end of a pipe: one of the user's, or of a child's on Bun. */
export class WebSource implements PullSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #copies: boolean;

  /** `copies`: the chunks are copied, since their maker may write into them again. */
  constructor(stream: ReadableStream<Uint8Array>, copies: boolean) {
    this.#reader = stream.getReader();
    this.#copies = copies;
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      if (value.length > 0) return this.#copies ? new Uint8Array(value) : value;
    }
  }

  cancel(): void {
    // Fails only where the stream has failed before, which its reader has seen.
    this.#reader.cancel().catch(ignore);
  }
}

/**
 * A WritableStream as the writing end of a pipe: of a child's on Deno, where `close()` keeps the descriptor until the child has
 * read the chunk under way or has ended, since a write under way can't be called off there.
 */
export class StreamPipeWriter implements RawWritable {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #writing = false;
  #ended = false;
  #closed = false;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {
      if (!this.#closed && !this.#writing) this.streamFailed();
    });
    // Every operation reports its own failure.
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
    // Either fails only where the stream has failed already, which its writer has seen.
    if (this.#writing) this.#writer.abort().catch(ignore);
    else this.#writer.close().catch(ignore);
  }

  /** What is behind the stream decides whether the process lives on. */
  ref(): void {}

  unref(): void {}

  /** The stream failed while nothing was written to it. */
  protected streamFailed(): void {}

  protected toError(error: unknown, syscall: string): OSError {
    return toOSError(error, syscall);
  }

  #settle(operation: Promise<void>, syscall: string, done: Done): void {
    operation.then(() => {
      this.#writing = false;
      if (!this.#closed) done(null);
    }, (error) => {
      this.#writing = false;
      if (!this.#closed) done(this.toError(error, syscall));
    });
  }
}

/** A web stream of the user's as the writing end of a pipe. */
export class WebWriter extends StreamPipeWriter {
  /** Called when the stream fails while nothing is written to it: its reader has closed it. */
  onFailure: (() => void) | null = null;
  /** Its maker may still have to write, when it is closed. */
  readonly endsLate = true;

  override write(chunk: Uint8Array, done: Done): boolean {
    // A stream of bytes behind it takes the whole buffer over, so it must not be one that is shared with other chunks.
    return super.write(ownBytes(chunk), done);
  }

  protected override streamFailed(): void {
    this.onFailure?.();
  }

  /** A web stream fails with whatever its maker throws; for a pipe that is a broken pipe. */
  protected override toError(error: unknown): OSError {
    const own = toOSError(error, "write");
    if (own.code !== "UNKNOWN") return own;
    return new BrokenPipeError(`write: ${own.message} (EPIPE)`, { code: "EPIPE", cause: error });
  }
}
