import type * as net from "node:net";
import { ConnectionResetError, type OSError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { ReadGate } from "./gates.ts";
import { type Address, cannotSend, describePeer } from "../core/addresses.ts";
import type { Done, RawChannel, ReadSink } from "../core/host.ts";

/** What is different from socket to socket. */
export interface SocketKind {
  /** Whether a write that leaves nothing in the socket is with the kernel. */
  readonly immediate: boolean;
  /** Stops further data, though some more may still arrive. Default: the socket itself. */
  readonly flow?: { pause(): void; resume(): void };
  close(): void;
  abort(): void;
}

/**
 * A connected stream of node:net (or node:tls), on Node, Bun and Deno.
 *
 * The socket must come paused: what it has read before the first `resume()` stays in it. Its errors
 * arrive as events and not at the call that met them; the channel keeps the first one for the next
 * operation.
 */
export class NodeChannel implements RawChannel {
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  readonly #socket: net.Socket;
  readonly #kind: SocketKind;
  readonly #flow: { pause(): void; resume(): void };
  readonly #gate: ReadGate;
  #closed = false;
  #failure: OSError | null = null;
  #writing: Done | null = null;
  /** Writes whose completion was reported by the result of `write`, and whose callback is still to come. */
  #reported = 0;

  constructor(
    socket: net.Socket,
    addresses: Pick<RawChannel, "localAddr" | "remoteAddr">,
    kind: SocketKind,
  ) {
    this.#socket = socket;
    this.#kind = kind;
    const flow = this.#flow = kind.flow ?? socket;
    this.localAddr = addresses.localAddr;
    this.remoteAddr = addresses.remoteAddr;
    this.#gate = new ReadGate(() => flow.resume());
    socket.on("data", this.#onData);
    // A listener for data sets the socket going, unless it was paused by name.
    flow.pause();
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  get closed(): boolean {
    return this.#closed;
  }

  startReading(sink: ReadSink): void {
    this.#gate.start(sink);
  }

  stopReading(): void {
    this.#gate.stop();
    this.#flow.pause();
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
    if (!this.#kind.immediate || socket.writableLength > 0 || socket.errored) return false;
    this.#writing = null;
    this.#reported++;
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
    this.#kind.close();
  }

  abort(): void {
    if (this.#closed) return;
    this.#release();
    this.#kind.abort();
  }

  setNoDelay(on: boolean): void {
    if (!this.#closed) this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    if (!this.#closed) this.#socket.setKeepAlive(on);
  }

  /**
   * Takes the socket out of the channel, with what has been read and not delivered, for another
   * stream on top of it. The channel counts as closed from then on. null if its end or an error has
   * been met.
   */
  takeSocket(): net.Socket | null {
    if (this.#closed || this.#gate.ended) return null;
    const socket = this.#socket;
    socket.pause();
    socket.removeListener("data", this.#onData);
    socket.removeListener("end", this.#onEnd);
    socket.removeListener("error", this.#onError);
    socket.removeListener("close", this.#onClose);
    this.#closed = true;
    for (const chunk of this.#gate.empty().reverse()) socket.unshift(chunk);
    return socket;
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
    // Node itself resumes the pipes of a child that has ended, and a grandchild may go on writing. A socket that was taken out
    // meanwhile belongs to another stream.
    if (this.#gate.sink === null && !this.#closed) this.#flow.pause();
  };

  readonly #onEnd = (): void => this.#gate.finish("eof");
  readonly #onError = (error: Error): void =>
    this.#fail(toOSError(error, undefined, describePeer(this.remoteAddr)));
  readonly #onClose = (): void => {
    if (this.#closed || this.#failure !== null) return;
    this.#fail(new ConnectionResetError(cannotSend("Connection lost", this.remoteAddr)));
  };

  readonly #onWritten = (error?: Error | null): void => {
    if (this.#reported > 0) {
      this.#reported--;
      return;
    }
    const done = this.#writing;
    this.#writing = null;
    done?.(error ? toOSError(error, "write", describePeer(this.remoteAddr)) : null);
  };

  /** The socket has failed or is closed: reported to the operation under way, and kept for the next ones. */
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
