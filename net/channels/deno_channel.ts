import type { OSError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { type Address, describePeer } from "../core/addresses.ts";
import type { Done, RawChannel, ReadSink } from "../core/host.ts";
import { ReadBuffer } from "./read_buffer.ts";
import { ReadGate } from "./gates.ts";

/** What the channel uses of `Deno.TcpConn` and `Deno.UnixConn`. */
export interface DenoConn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
  ref(): void;
  unref(): void;
  setNoDelay?(on?: boolean): void;
  setKeepAlive?(on?: boolean): void;
}

/** A connected TCP or unix stream of Deno. */
export class DenoChannel implements RawChannel {
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  readonly #conn: DenoConn;
  readonly #gate: ReadGate;
  readonly #buffer = new ReadBuffer();
  #closed = false;

  /**
   * A read of Deno can't be cancelled: one that is under way when reading stops ends in the gate.
   * It reads either into the channel's buffer or into a sink's.
   */
  #reading = false;
  #given: { owner: ReadSink; buffer: Uint8Array } | null = null;

  #writing: Done | null = null;
  #rest: Uint8Array | null = null;

  constructor(conn: DenoConn, localAddr: Address | null, remoteAddr: Address | null) {
    this.#conn = conn;
    this.localAddr = localAddr;
    this.remoteAddr = remoteAddr;
    this.#gate = new ReadGate(() => this.#read());
    this.setNoDelay(true);
  }

  get closed(): boolean {
    return this.#closed;
  }

  startReading(sink: ReadSink): void {
    this.#gate.start(sink);
  }

  stopReading(): void {
    this.#gate.stop();
  }

  write(chunk: Uint8Array, done: Done): boolean {
    this.#writing = done;
    this.#writeOn(chunk);
    return false;
  }

  /** Deno calls it a success on a connection that was reset, but a write, even of nothing, fails there. */
  shutdownWrite(done: Done): void {
    this.#conn.write(EMPTY).then(() => this.#conn.closeWrite()).then(
      () => this.#closed || done(null),
      (error) => this.#closed || done(toOSError(error, "shutdown", describePeer(this.remoteAddr))),
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close();
    this.#writing = null;
    // A read or write under way rejects, and its handlers ignore that on a closed channel.
    this.#conn.close();
  }

  /** Deno has no call for a reset. */
  abort(): void {
    this.close();
  }

  setNoDelay(on: boolean): void {
    if (!this.#closed) this.#conn.setNoDelay?.(on);
  }

  setKeepAlive(on: boolean): void {
    if (!this.#closed) this.#conn.setKeepAlive?.(on);
  }

  ref(): void {
    if (!this.#closed) this.#conn.ref();
  }

  unref(): void {
    if (!this.#closed) this.#conn.unref();
  }

  #read(): void {
    if (this.#reading || this.#closed) return;
    let sink = this.#gate.sink;
    let buffer: Uint8Array | null = null;
    while (sink !== null && sink.getBuffer !== undefined) {
      buffer = sink.getBuffer();
      // The sink may have stopped, closed, replaced or started itself in that call.
      if (this.#reading) return;
      if (this.#gate.sink === sink) break;
      buffer = null;
      sink = this.#gate.sink;
    }
    if (sink === null) return;
    this.#given = buffer === null ? null : { owner: sink, buffer };
    this.#reading = true;
    this.#conn.read(buffer ?? this.#buffer.take()).then(this.#onRead, this.#onReadError);
  }

  readonly #onRead = (count: number | null): void => {
    this.#reading = false;
    if (this.#closed) return;
    if (count === null) return this.#gate.finish("eof");
    const given = this.#given;
    if (given !== null) {
      this.#gate.filled(given.owner, given.buffer, count);
      this.#read();
      return;
    }
    const shares = this.#gate.sink?.sharesSmallChunks === true;
    this.#gate.data(this.#buffer.cut(count, shares));
    const { sink } = this.#gate;
    if (!this.#buffer.full || sink?.afterTurn === undefined) this.#read();
    else sink.afterTurn(this.#readOn);
  };

  readonly #readOn = (): void => this.#read();

  readonly #onReadError = (error: unknown): void => {
    this.#reading = false;
    if (!this.#closed) this.#gate.finish(toOSError(error, "read", describePeer(this.remoteAddr)));
  };

  #writeOn(chunk: Uint8Array): void {
    this.#rest = chunk;
    this.#conn.write(chunk).then(this.#onWritten, this.#onWriteError);
  }

  readonly #onWritten = (count: number): void => {
    const rest = this.#rest;
    if (this.#closed || rest === null) return;
    if (count < rest.length) this.#writeOn(rest.subarray(count));
    else this.#written(null);
  };

  readonly #onWriteError = (error: unknown): void => {
    if (!this.#closed) this.#written(toOSError(error, "write", describePeer(this.remoteAddr)));
  };

  #written(error: OSError | null): void {
    const done = this.#writing;
    this.#writing = null;
    this.#rest = null;
    done?.(error);
  }
}

const EMPTY: Uint8Array = new Uint8Array(0);
