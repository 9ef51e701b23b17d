import { toOSError } from "../runtime/os_errors.ts";
import { builtin } from "./_builtins.ts";
import { FileSource, FileWriter, type OpenFile } from "./_file_pipes.ts";
import { NodeChannel } from "./_node_channel.ts";
import type { Operation, RawReadable, RawWritable } from "./host.ts";
import { startOperation } from "./_operations.ts";
import { PulledReader, type PullSource } from "./_pulled_reader.ts";
import { WebSource } from "./_web_pipes.ts";

/** How often an open that nobody waits for any more is woken until it has ended. */
const WAKE_INTERVAL = 10;

type Side = "read" | "write";
type Path = string | URL;

/** The reading end of what a path names; of a FIFO once its writer has come. */
export function openForReading(path: Path): Operation<RawReadable> {
  return opening(path, "read", async () => {
    if ("Deno" in globalThis) {
      return new PulledReader(new FileSource(denoFile(await open(path, "read"))));
    }
    return readingEnd(await openDescriptor(path, "read"));
  });
}

/** The writing end of what a path names; of a FIFO once its reader has come. */
export function openForWriting(path: Path): Operation<RawWritable> {
  return opening(path, "write", async () => {
    if ("Deno" in globalThis) return new FileWriter(denoFile(await open(path, "write")));
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

/** Whether it is a FIFO. @throws {RangeError} for what is no pipe at all */
function checkKind(path: Path): boolean {
  let stat;
  try {
    stat = builtin("node:fs").statSync(path);
  } catch (error) {
    throw toOSError(error, "stat", String(path));
  }
  if (stat.isFile() || stat.isDirectory()) {
    throw new RangeError(
      `Pipe transport is only for pipes, sockets and character devices: got ${path}`,
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
  // On Bun a socket over a descriptor never tells what has come.
  if ("Bun" in globalThis) return new PulledReader(bunSource(fd));
  return socketPipe(new (builtin("node:net").Socket)({ fd, readable: true, writable: false }));
}

function writingEnd(fd: number): RawWritable {
  const { isatty, WriteStream } = builtin("node:tty");
  if (isatty(fd)) return socketPipe(new WriteStream(fd));
  // Bun's socket over a descriptor blocks the whole thread when the pipe is full.
  if ("Bun" in globalThis || !isFifo(fd)) return new FileWriter(descriptorFile(fd));
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
  const { Bun } = globalThis as unknown as {
    Bun: { file(fd: number): { stream(): ReadableStream<Uint8Array> } };
  };
  const source = new WebSource(Bun.file(fd).stream());
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
