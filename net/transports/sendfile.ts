/**
 * Sending files: `loop.sendfile` and `loop.sockSendfile`. No runtime offers the system's own call, so the file is copied in large
 * blocks, no more than one ahead of the peer.
 *
 * @module
 */
import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { SendfileOptions } from "../../runtime/contract/stream_options.ts";
import { describeType } from "../../runtime/base/format.ts";
import { flag, type OptionsOf, optionsOf } from "../../runtime/base/options.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import {
  ConnectionError,
  RuntimeError,
  SendfileNotAvailableError,
} from "../../runtime/errors/exceptions.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { cannotSend, SOCK_STREAM } from "../core/addresses.ts";
import { waitForHost } from "../core/operations.ts";
import type { WriteTransport } from "../../runtime/contract/transports.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { sendWhole } from "../sockets/socket_calls.ts";
import { kindOf, type Socket } from "../sockets/sockets.ts";
import { StreamTransport, type WritingOwner } from "./stream_transport.ts";

/** What is checked of {@linkcode SendfileOptions}. */
const sendfileOptions: OptionsOf<SendfileOptions> = optionsOf(
  "{ fallback: false }",
  { fallback: flag },
  {
    offset: "offset and count come before the options, as in sendfile(transport, file, 0, null)",
    count: "offset and count come before the options, as in sendfile(transport, file, 0, null)",
  },
);

/** What one read asks for. */
const BLOCK = 256 * 1024;

/** `loop.sendfile` */
export async function sendfile(
  loop: EventLoop,
  transport: WriteTransport,
  file: string | URL | Blob,
  offset: number = 0,
  count: number | null = null,
  options: SendfileOptions = {},
): Promise<number> {
  sendfileOptions.check(options, "sendfile()");
  checkRange(offset, count);
  requireOpenTransport(transport);
  if (!(transport instanceof StreamTransport)) {
    const hint = "transport" in transport ? ": pass writer.transport" : "";
    throw new RuntimeError(`sendfile is not supported for transport ${transport}${hint}`);
  }
  if (options.fallback === false) throw notAvailable(transport);
  return await transport.files.run("sendfile()", async () => {
    const source = await open(loop, file);
    try {
      // It may have been closed while others sent, or while the file was opened.
      requireOpenTransport(transport);
      const sender = new FileSender(transport);
      try {
        return await copy(loop, source, offset, count, (block) => sender.send(block));
      } finally {
        sender.restore();
      }
    } finally {
      source.close();
    }
  });
}

function requireOpenTransport(transport: WriteTransport): void {
  if (!transport.isClosing()) return;
  throw new RuntimeError(cannotSend("Transport is closing", transport.getExtraInfo("peername")));
}

/** `loop.sockSendfile` */
export async function sockSendfile(
  loop: EventLoop,
  sock: Socket,
  file: string | URL | Blob,
  offset: number = 0,
  count: number | null = null,
  options: SendfileOptions = {},
): Promise<number> {
  sendfileOptions.check(options, "sockSendfile()");
  if (kindOf(sock).type !== SOCK_STREAM) {
    throw new RangeError(`Cannot send a file: only stream sockets can, received ${sock}`);
  }
  checkRange(offset, count);
  if (options.fallback === false) throw noSystemCall();
  const source = await open(loop, file);
  try {
    return await copy(loop, source, offset, count, (block) => sendWhole(sock, block));
  } finally {
    source.close();
  }
}

async function copy(
  loop: EventLoop,
  source: FileSource,
  offset: number,
  count: number | null,
  send: (block: Uint8Array) => Promise<void>,
): Promise<number> {
  let sent = 0;
  for (;;) {
    const size = count === null ? BLOCK : Math.min(BLOCK, count - sent);
    if (size === 0) return sent;
    const reading = source.read(offset + sent, size);
    const block = await waitForHost(loop[core], reading, "a file to be read");
    if (block.length === 0) return sent;
    await send(block);
    sent += block.length;
  }
}

function open(loop: EventLoop, file: string | URL | Blob): Promise<FileSource> {
  return waitForHost(loop[core], openSource(file), "a file to be opened", {
    tooLate: (source) => source.close(),
  });
}

function checkRange(offset: number, count: number | null): void {
  if (!Number.isInteger(offset)) {
    throw new TypeError(`offset must be a non-negative integer (got ${describeType(offset)})`);
  }
  if (offset < 0) throw new RangeError(`offset must be a non-negative integer (got ${offset})`);
  if (count === null) return;
  if (!Number.isInteger(count)) {
    throw new TypeError(`count must be a positive integer (got ${describeType(count)})`);
  }
  if (count <= 0) throw new RangeError(`count must be a positive integer (got ${count})`);
}

/** As in CPython: over TLS the system's call could never do, else it just is not there. */
function notAvailable(transport: StreamTransport): RuntimeError {
  if (transport.canWriteEof()) return noSystemCall();
  return new RuntimeError(
    `fallback is disabled and native sendfile is not supported for transport ${transport}`,
  );
}

function noSystemCall(): SendfileNotAvailableError {
  return new SendfileNotAvailableError(
    "Cannot send the file without a copy: no runtime offers the system's call: leave fallback on",
  );
}

/** Something of which any part can be read. */
export interface FileSource {
  /** Up to `size` bytes from `position` on, fewer only near the end; none there. The array is the caller's own. */
  read(position: number, size: number): Promise<Uint8Array>;
  close(): void;
}

/**
 * Opens a file by path or URL, or a Blob.
 *
 * @throws {FileNotFoundError} and the like
 * @throws {PermissionError} on Deno without `--allow-read`
 */
async function openSource(file: string | URL | Blob): Promise<FileSource> {
  if (file instanceof Blob) return new BlobSource(file);
  if (typeof file !== "string" && !(file instanceof URL)) {
    throw new TypeError(
      `Cannot send the file: a path, a file URL or a Blob is expected, received ${
        describeType(file)
      }`,
    );
  }
  const { promises } = builtin("node:fs");
  const path = String(file);
  try {
    return new OpenFile(await promises.open(file, "r"), path);
  } catch (error) {
    throw toOSError(error, "open", path);
  }
}

class BlobSource implements FileSource {
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
  }

  async read(position: number, size: number): Promise<Uint8Array> {
    return new Uint8Array(await this.#blob.slice(position, position + size).arrayBuffer());
  }

  close(): void {}
}

/** What is used of a file handle of node:fs. */
interface Handle {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

class OpenFile implements FileSource {
  readonly #handle: Handle;
  readonly #path: string;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(handle: Handle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  read(position: number, size: number): Promise<Uint8Array> {
    const result = this.#read(position, size);
    this.#reading = result.catch(() => {});
    return result;
  }

  /** A read under way keeps its descriptor until it has ended. */
  close(): void {
    this.#reading.then(() => this.#handle.close()).catch(() => {
      // The file was only read: no byte is lost by an error of its close.
    });
  }

  async #read(position: number, size: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(size);
    try {
      const { bytesRead } = await this.#handle.read(buffer, 0, size, position);
      return bytesRead === size ? buffer : buffer.subarray(0, bytesRead);
    } catch (error) {
      throw toOSError(error, "read", this.#path);
    }
  }
}

/**
 * Owns the writing side of a connection while a file is sent: it is notified when to wait, the protocol can't write, and nothing
 * is read meanwhile, so that the protocol neither misses data nor writes in between because of them.
 */
class FileSender implements WritingOwner {
  readonly #transport: StreamTransport;
  readonly #wasPaused: boolean;
  #paused: boolean;
  #room: Waiter<void> | null = null;

  constructor(transport: StreamTransport) {
    this.#transport = transport;
    this.#paused = this.#wasPaused = transport.isWritingPaused();
    transport.claimWriting(this);
  }

  /** Writes a block, and waits until there is room for the next one. */
  send(block: Uint8Array): Promise<void> {
    this.#transport.writeForOwner(block);
    if (this.#transport.isClosing()) {
      return Promise.reject(this.#closed("Connection closed by peer"));
    }
    if (!this.#paused) return Promise.resolve();
    this.#room = new Waiter<void>("room in a transport's write buffer");
    return this.#room.promise;
  }

  /** Gives the connection back to its protocol, and notifies it of the flow control that it has missed. */
  restore(): void {
    this.#transport.releaseWriting(this.#wasPaused);
  }

  flow(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#room?.wakeWith(undefined);
  }

  lost(error: unknown | null): void {
    this.#room?.failWith(error ?? this.#closed("Connection is closed by peer"));
  }

  #closed(why: string): ConnectionError {
    return new ConnectionError(cannotSend(why, this.#transport.getExtraInfo("peername")));
  }
}
