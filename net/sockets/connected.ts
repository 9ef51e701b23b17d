import { cloneBytes } from "../../runtime/base/bytes.ts";
import { BlockingIOError, type OSError } from "../../runtime/errors/exceptions.ts";
import type { Address } from "../core/addresses.ts";
import { ByteQueue } from "../core/byte_queue.ts";
import type { RawChannel, ReadSink } from "../core/host.ts";
import { Readiness } from "./readiness.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import { WriteQueue, type WriteQueueOwner } from "../core/write_queue.ts";

/** Bytes that may wait to be received before the channel is stopped, and to be sent before `send` refuses. */
const CAPACITY = 64 * 1024;

/**
 * A connected stream socket. Reading starts with the first call that wants to read, and what was read
 * ahead goes with the channel when a transport takes it over.
 */
export class ConnectedSocket implements ReadSink, WriteQueueOwner {
  readonly readable: Readiness;
  readonly writable: Readiness;
  readonly #channel: RawChannel;
  readonly #bytes: ByteQueue = new ByteQueue();
  readonly #queue: WriteQueue;
  readonly #flushed: Readiness;
  /** The same for the transport that takes the socket over, which its end as a socket does not wake. */
  readonly #released: Readiness;
  #reading = false;
  #ended = false;
  #readError: OSError | null = null;
  #writeError: OSError | null = null;
  #endsWriting = false;
  #closing = false;

  constructor(channel: RawChannel) {
    this.#channel = channel;
    this.#queue = new WriteQueue(channel, this);
    this.readable = new Readiness(
      "data on a socket",
      () => this.#bytes.length > 0 || this.#ended || this.#readError !== null,
      () => this.#read(),
    );
    this.writable = new Readiness(
      "room in a socket's buffer",
      () => this.#queue.size < CAPACITY || this.#writeError !== null,
    );
    const isFlushed = (): boolean => this.#queue.size === 0 || this.#writeError !== null;
    this.#flushed = new Readiness("a socket's buffer to drain", isFlushed);
    this.#released = new Readiness("a socket's buffer to drain", isFlushed);
  }

  get closed(): boolean {
    return this.#closing || this.#channel.closed;
  }

  get localAddr(): Address | null {
    return this.#channel.localAddr;
  }

  get remoteAddr(): Address | null {
    return this.#channel.remoteAddr;
  }

  recv(n: number): Uint8Array {
    const { length } = this.#bytes;
    if (length > 0) {
      const taken = this.#bytes.take(Math.min(n, length));
      if (this.#bytes.length === 0) this.#read();
      return taken;
    }
    if (this.#readError !== null) throw this.#readError;
    if (this.#ended) return new Uint8Array(0);
    this.#read();
    throw new BlockingIOError("recv: nothing has arrived yet (EAGAIN)", {
      code: "EAGAIN",
      syscall: "recv",
    });
  }

  /** Takes what there is room for; the rest is the caller's. */
  send(data: Uint8Array): number {
    if (this.#writeError !== null) throw this.#writeError;
    const room = CAPACITY - this.#queue.size;
    if (room <= 0 && data.length > 0) {
      throw new BlockingIOError("send: the socket's buffer is full (EAGAIN)", {
        code: "EAGAIN",
        syscall: "send",
      });
    }
    const count = Math.min(room, data.length);
    // A copy: the caller may do with its array what it likes as soon as the bytes are taken.
    if (count > 0) this.#queue.write(cloneBytes(data, count));
    return count;
  }

  /** Waits until all that was taken is with the system. */
  async flush(): Promise<void> {
    await this.#flushed.ready();
    if (this.#writeError !== null) throw this.#writeError;
  }

  shutdown(how: "read" | "write" | "both"): void {
    if (how !== "write") {
      this.#channel.stopReading();
      this.#reading = false;
      this.#ended = true;
      this.readable.changed();
    }
    if (how === "read" || this.#endsWriting) return;
    this.#endsWriting = true;
    if (this.#queue.size === 0) this.#shutdownWrite();
  }

  setNoDelay(on: boolean): void {
    this.#channel.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    this.#channel.setKeepAlive(on);
  }

  /** What `send` took is still sent, as the system would. */
  close(): void {
    this.#stopReading();
    this.#ended = true;
    this.#endWaits();
    if (this.#queue.size === 0) this.#channel.close();
    else this.#closing = true;
  }

  /** A transport takes the socket over: calls that wait for it are woken, and what was taken is still sent. */
  async release(): Promise<RawChannel> {
    this.#endWaits();
    try {
      await this.#released.ready();
      if (this.#writeError !== null) throw this.#writeError;
    } catch (error) {
      // Cancelled, for instance: then it stays a socket.
      for (const each of [this.readable, this.writable, this.#flushed]) each.goOn();
      throw error;
    }
    this.#stopReading();
    return PrefixedChannel.over(this.#channel, [this.#bytes.take(this.#bytes.length)]);
  }

  onData(chunk: Uint8Array): void {
    this.#bytes.push(chunk);
    if (this.#bytes.length >= CAPACITY) this.#stopReading();
    this.readable.changed();
  }

  onEof(): void {
    this.#reading = false;
    this.#ended = true;
    this.readable.changed();
  }

  onError(error: OSError): void {
    this.#reading = false;
    this.#readError = error;
    this.readable.changed();
  }

  wrote(): void {
    this.writable.changed();
    this.#flushed.changed();
    this.#released.changed();
    if (this.#queue.size > 0) return;
    if (this.#closing) this.#channel.close();
    else if (this.#endsWriting) this.#shutdownWrite();
  }

  writeFailed(error: OSError): void {
    this.#writeError = error;
    this.#queue.kill();
    if (this.#closing) this.#channel.close();
    this.writable.changed();
    this.#flushed.changed();
    this.#released.changed();
  }

  #endWaits(): void {
    for (const each of [this.readable, this.writable, this.#flushed]) each.end();
  }

  #read(): void {
    if (this.#reading || this.#ended || this.#readError !== null) return;
    this.#reading = true;
    this.#channel.startReading(this);
  }

  #stopReading(): void {
    this.#reading = false;
    this.#channel.stopReading();
  }

  #shutdownWrite(): void {
    this.#channel.shutdownWrite((error) => {
      if (error !== null) this.writeFailed(error);
    });
  }
}
