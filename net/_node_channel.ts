import type * as net from "node:net";
import type { OSError } from "../runtime/os_error_family.ts";
import { ConnectionResetError } from "../runtime/os_error_family.ts";
import { toOSError } from "../runtime/os_errors.ts";
import { ReadGate } from "./_read_gate.ts";
import type { Address } from "./addresses.ts";
import type { Done, RawChannel, ReadSink } from "./host.ts";

/**
 * A connected stream of node:net (or node:tls), on Node, Bun and Deno.
 *
 * The socket must come paused: what it has read before the first `resume()` stays in it. Its errors arrive as events whoever asked;
 * the channel keeps the first one for whoever asks next.
 */
export class NodeChannel implements RawChannel {
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  readonly #socket: net.Socket;
  readonly #reset: () => void;
  readonly #gate: ReadGate;
  #closed = false;
  #failure: OSError | null = null;
  #writing: Done | null = null;
  /** Writes whose completion was told already, and whose callback is still to come. */
  #told = 0;

  /** @param reset how `abort()` ends the socket */
  constructor(
    socket: net.Socket,
    localAddr: Address | null,
    remoteAddr: Address | null,
    reset: () => void,
  ) {
    this.#socket = socket;
    this.#reset = reset;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#gate = new ReadGate(() => socket.resume());
    socket.on("data", this.#onData);
    // A listener for data sets the socket going, unless it was paused by name.
    socket.pause();
    socket.on("end", () => this.#gate.finish("eof"));
    socket.on("error", (error) => this.#fail(toOSError(error)));
    socket.on("close", () => this.#fail(new ConnectionResetError("Connection lost")));
  }

  get closed(): boolean {
    return this.#closed;
  }

  startReading(sink: ReadSink): void {
    this.#gate.start(sink);
  }

  stopReading(): void {
    this.#gate.stop();
    this.#socket.pause();
  }

  write(chunk: Uint8Array, done: Done): boolean {
    if (this.#failure !== null) {
      this.#later(done, this.#failure);
      return false;
    }
    const socket = this.#socket;
    this.#writing = done;
    socket.write(chunk, this.#onWritten);
    // The socket tries the kernel at once; its own callback would come a turn later.
    if (socket.writableLength > 0 || socket.errored || this.#writing === null) return false;
    this.#writing = null;
    this.#told++;
    return true;
  }

  shutdownWrite(done: Done): void {
    if (this.#failure !== null) return this.#later(done, this.#failure);
    this.#writing = done;
    this.#socket.end(this.#onWritten);
  }

  close(): void {
    if (this.#closed) return;
    this.#release();
    this.#socket.destroy();
  }

  abort(): void {
    if (this.#closed) return;
    this.#release();
    this.#reset();
  }

  setNoDelay(on: boolean): void {
    if (!this.#closed) this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    if (!this.#closed) this.#socket.setKeepAlive(on);
  }

  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  #release(): void {
    this.#closed = true;
    this.#gate.close();
    this.#writing = null;
  }

  readonly #onData = (chunk: Uint8Array): void => {
    // A Buffer is a Uint8Array whose slice() shares memory: users get the plain kind.
    this.#gate.data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (this.#told > 0) {
      this.#told--;
      return;
    }
    const done = this.#writing;
    this.#writing = null;
    done?.(error ? toOSError(error, "write") : null);
  };

  /** The socket has failed or is gone: told to whoever waits, kept for whoever comes. */
  #fail(error: OSError): void {
    if (this.#closed || this.#failure !== null) return;
    this.#failure = error;
    this.#gate.finish(error);
    const done = this.#writing;
    this.#writing = null;
    done?.(error);
  }

  #later(done: Done, error: OSError): void {
    queueMicrotask(() => {
      if (!this.#closed) done(error);
    });
  }
}
