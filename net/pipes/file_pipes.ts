import { toOSError } from "../../runtime/errors/native_errors.ts";
import type { Done, Operation, RawReadable, RawWritable } from "../core/host.ts";
import { PulledReader, type PullSource } from "./pulled_reader.ts";
import { WebSource } from "./web_pipes.ts";
import { builtin, bunNamespace, onBun, onDeno } from "../../runtime/base/platform.ts";
import { NodeChannel } from "../channels/node_channel.ts";
import { startOperation } from "../core/operations.ts";

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
class FileSource implements PullSource {
  readonly #file: OpenFile;
  #buffer: Uint8Array = new Uint8Array(READ_SIZE);

  constructor(file: OpenFile) {
    this.#file = file;
  }

  async pull(): Promise<Uint8Array | null> {
    const buffer = this.#buffer;
    const count = await this.#file.read(buffer);
    if (count === 0) return null;
    // A chunk that fills less than half is copied, so that its keeper keeps no more alive than it.
    if (count * 2 <= READ_SIZE) return buffer.slice(0, count);
    this.#buffer = new Uint8Array(READ_SIZE);
    return buffer.subarray(0, count);
  }

  cancel(): void {
    this.#file.close();
  }
}

/** An open file as the writing end of a pipe. A write under way ends by itself. */
class FileWriter implements RawWritable {
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

/** Milliseconds between two attempts to end an open that is no longer waited for. */
const WAKE_INTERVAL = 10;

type Side = "read" | "write";
type Path = string | URL;

/** The reading end of what a path names; of a FIFO once its writer has come. */
export function openForReading(path: Path): Operation<RawReadable> {
  return opening(path, "read", async () => {
    if (onDeno) {
      return new PulledReader(new FileSource(denoFile(await open(path, "read"))));
    }
    return readingEnd(await openDescriptor(path, "read"));
  });
}

/** The writing end of what a path names; of a FIFO once its reader has come. */
export function openForWriting(path: Path): Operation<RawWritable> {
  return opening(path, "write", async () => {
    if (onDeno) return new FileWriter(denoFile(await open(path, "write")));
    return writingEnd(await openDescriptor(path, "write"));
  });
}

/** A pending open of a FIFO can't be called off, but it ends when the other end comes: so that end is opened here for a moment. */
function opening<T extends { close(): void }>(
  path: Path,
  side: Side,
  begin: () => Promise<T>,
): Operation<T> {
  return startOperation<T>("open a pipe", (settle) => {
    const isFifo = checkKind(path);
    let over = false;
    begin().then((pipe) => {
      over = true;
      settle.resolve(pipe);
    }, (error) => {
      over = true;
      settle.reject(toOSError(error, "open", String(path)));
    });
    const wake = (): void => {
      if (over) return;
      openOtherEnd(path, side);
      setTimeout(wake, WAKE_INTERVAL);
    };
    return () => {
      if (isFifo) wake();
    };
  });
}

function openOtherEnd(path: Path, side: Side): void {
  const { closeSync, constants, openSync } = builtin("node:fs");
  const other = side === "read" ? constants.O_WRONLY : constants.O_RDONLY;
  try {
    closeSync(openSync(path, other | constants.O_NONBLOCK));
  } catch (error) {
    // ENXIO: the open has not got as far as the system yet.
    toOSError(error, "open");
  }
}

/** Whether it is a FIFO. @throws {RangeError} if it is not a pipe */
function checkKind(path: Path): boolean {
  let stat;
  try {
    stat = builtin("node:fs").statSync(path);
  } catch (error) {
    throw toOSError(error, "stat", String(path));
  }
  if (stat.isFile() || stat.isDirectory()) {
    throw new RangeError(
      `Cannot open as a pipe: the path must name a pipe, socket or character device, received ${path}`,
    );
  }
  return stat.isFIFO();
}

function openDescriptor(path: Path, side: Side): Promise<number> {
  return new Promise((resolve, reject) => {
    builtin("node:fs").open(path, side === "read" ? "r" : "w", (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

function readingEnd(fd: number): RawReadable {
  const { isatty, ReadStream } = builtin("node:tty");
  if (isatty(fd)) return socketPipe(new ReadStream(fd));
  if (!isFifo(fd)) return new PulledReader(new FileSource(descriptorFile(fd)));
  // On Bun a socket over a descriptor does not report its data.
  if (onBun) return new PulledReader(bunSource(fd));
  return socketPipe(new (builtin("node:net").Socket)({ fd, readable: true, writable: false }));
}

function writingEnd(fd: number): RawWritable {
  const { isatty, WriteStream } = builtin("node:tty");
  if (isatty(fd)) return socketPipe(new WriteStream(fd));
  // Bun's socket over a descriptor blocks the whole thread when the pipe is full.
  if (onBun || !isFifo(fd)) return new FileWriter(descriptorFile(fd));
  return socketPipe(new (builtin("node:net").Socket)({ fd, readable: false, writable: true }));
}

function isFifo(fd: number): boolean {
  return builtin("node:fs").fstatSync(fd).isFIFO();
}

function socketPipe(socket: import("node:net").Socket): NodeChannel {
  return new NodeChannel(socket, { localAddr: null, remoteAddr: null }, {
    immediate: true,
    close: () => socket.destroy(),
    abort: () => socket.destroy(),
  });
}

/** Bun's stream reads from a copy of the descriptor, so ours is still to be closed. */
function bunSource(fd: number): PullSource {
  const bun = bunNamespace as { file(fd: number): { stream(): ReadableStream<Uint8Array> } };
  const source = new WebSource(bun.file(fd).stream(), true);
  return {
    pull: () => source.pull(),
    cancel: () => {
      source.cancel();
      builtin("node:fs").closeSync(fd);
    },
  };
}

/** A device by its descriptor. A read or write under way keeps it until it has ended. */
function descriptorFile(fd: number): OpenFile {
  const { close, read, write } = builtin("node:fs");
  let busy: Promise<unknown> = Promise.resolve();
  const run = (start: (done: (error: Error | null, count: number) => void) => void) => {
    const result = new Promise<number>((resolve, reject) => {
      start((error, count) => error === null ? resolve(count) : reject(error));
    });
    busy = result.catch(() => {});
    return result;
  };
  return {
    read: (buffer) => run((done) => read(fd, buffer, 0, buffer.length, null, done)),
    write: (chunk) => run((done) => write(fd, chunk, 0, chunk.length, null, done)),
    close: () => void busy.then(() => close(fd)),
  };
}

function open(path: Path, side: Side): Promise<Deno.FsFile> {
  return Deno.open(path, side === "read" ? { read: true } : { write: true });
}

function denoFile(file: Deno.FsFile): OpenFile {
  return {
    read: async (buffer) => await file.read(buffer) ?? 0,
    write: (chunk) => file.write(chunk),
    close: () => file.close(),
  };
}
