import { toOSError } from "../runtime/os_errors.ts";
import type { Done, RawWritable } from "./host.ts";
import type { PullSource } from "./_pulled_reader.ts";

/** Linux's pipe buffer: what one read can bring. */
const READ_SIZE = 64 * 1024;

/** An open file as each runtime gives it. */
export interface OpenFile {
  /** How many bytes were read; 0 at the end. */
  read(buffer: Uint8Array): Promise<number>;
  /** How many bytes were written. */
  write(chunk: Uint8Array): Promise<number>;
  close(): void;
}

/** An open file as the reading end of a pipe, read into one buffer as long as little comes at a time. */
export class FileSource implements PullSource {
  readonly #file: OpenFile;
  #buffer: Uint8Array = new Uint8Array(READ_SIZE);

  constructor(file: OpenFile) {
    this.#file = file;
  }

  async pull(): Promise<Uint8Array | null> {
    const buffer = this.#buffer;
    const count = await this.#file.read(buffer);
    if (count === 0) return null;
    // What fills less than half is copied out, so that who keeps it keeps nothing else alive.
    if (count * 2 <= READ_SIZE) return buffer.slice(0, count);
    this.#buffer = new Uint8Array(READ_SIZE);
    return buffer.subarray(0, count);
  }

  cancel(): void {
    this.#file.close();
  }
}

/** An open file as the writing end of a pipe. A write under way ends by itself. */
export class FileWriter implements RawWritable {
  readonly #file: OpenFile;
  #closed = false;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    this.#writeAll(chunk).then(() => {
      if (!this.#closed) done(null);
    }, (error) => {
      if (!this.#closed) done(toOSError(error, "write"));
    });
    return false;
  }

  /** A pipe has no other direction: its owner closes it next. */
  shutdownWrite(done: Done): void {
    queueMicrotask(() => {
      if (!this.#closed) done(null);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }

  ref(): void {}

  unref(): void {}

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length && !this.#closed;) {
      at += await this.#file.write(chunk.subarray(at));
    }
  }
}
