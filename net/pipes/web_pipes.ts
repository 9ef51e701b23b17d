import { ownBytes } from "../../runtime/base/bytes.ts";
import { BrokenPipeError } from "../../runtime/errors/exceptions.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import type { Done, RawWritable } from "../core/host.ts";
import type { PullSource } from "./pulled_reader.ts";

function ignore(): void {}

/** A web stream as the reading end of a pipe. */
export class WebSource implements PullSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async pull(): Promise<Uint8Array | null> {
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      // A copy: who made the chunk may write into it again.
      if (value.length > 0) return new Uint8Array(value);
    }
  }

  cancel(): void {
    // Fails only where the stream has failed before, which its reader was told.
    this.#reader.cancel().catch(ignore);
  }
}

/** A web stream as the writing end of a pipe. */
export class WebWriter implements RawWritable {
  /** Called when the stream fails by itself: its reader does not read any more. */
  onFailure: (() => void) | null = null;
  /** The stream's maker may still have to write when it is closed. */
  readonly endsLate = true;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #writing = false;
  #ended = false;
  #closed = false;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {
      if (!this.#closed && !this.#writing) this.onFailure?.();
    });
    // Every operation reports its own failure.
    this.#writer.ready.catch(ignore);
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    this.#writing = true;
    // A stream of bytes behind it takes the whole buffer over, so it must not be one that others lie in.
    this.#settle(this.#writer.write(ownBytes(chunk)), done);
    return false;
  }

  shutdownWrite(done: Done): void {
    this.#ended = true;
    this.#settle(this.#writer.close(), done);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#ended) return;
    // Nobody waits for either; they fail only where the stream has failed already.
    if (this.#writing) this.#writer.abort().catch(ignore);
    else this.#writer.close().catch(ignore);
  }

  /** The stream's maker decides whether the process lives on. */
  ref(): void {}

  unref(): void {}

  #settle(operation: Promise<void>, done: Done): void {
    operation.then(() => {
      this.#writing = false;
      if (!this.#closed) done(null);
    }, (error) => {
      this.#writing = false;
      if (!this.#closed) done(failure(error));
    });
  }
}

/** A stream of the web's fails with whatever its maker likes; for a pipe that is a broken pipe. */
function failure(error: unknown): ReturnType<typeof toOSError> {
  const own = toOSError(error, "write");
  if (own.code !== "UNKNOWN") return own;
  return new BrokenPipeError(`write: ${own.message} (EPIPE)`, { code: "EPIPE", cause: error });
}
