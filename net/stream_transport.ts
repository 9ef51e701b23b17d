import { type BytesLike, toBytes } from "../runtime/bytes.ts";
import {
  ConnectionResetError,
  NotImplementedError,
  type OSError,
  RuntimeError,
} from "../runtime/exceptions.ts";
import type { Turn } from "../runtime/_scheduler.ts";
import { Waiter } from "../runtime/_wait.ts";
import { bufferOf, feedBuffered } from "./_buffered_feed.ts";
import type { Carry } from "./_carry.ts";
import { WaterMarks } from "./flow_control.ts";
import type { TlsSetup } from "./_handshake.ts";
import type { RawChannel, ReadSink } from "./host.ts";
import type { NetLoop } from "./_net_loop.ts";
import { PrefixedChannel } from "./_prefixed_channel.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import type { StreamExtra } from "./_stream_extra.ts";
import { TlsEnding } from "./_tls_ending.ts";
import { TransportBase, type TransportOwner } from "./_transport_base.ts";
import type { BaseProtocol, ExtraInfo, Transport } from "./transports.ts";
import { WriteQueue, type WriteQueueOwner } from "./_write_queue.ts";

/** What the channel told and the protocol is to hear. */
type Event =
  | { readonly kind: "data"; readonly chunk: Uint8Array }
  | { readonly kind: "buffer"; readonly buffer: Uint8Array; readonly count: number }
  | { readonly kind: "eof" }
  | { readonly kind: "error"; readonly error: OSError };

/** The protocol's method for each event. */
const METHODS: Readonly<Record<Event["kind"], string>> = {
  data: "dataReceived",
  buffer: "bufferUpdated",
  eof: "eofReceived",
  error: "connectionLost",
};

/** Writes to a lost connection that are dropped in silence before a warning. */
const SILENT_DROPS = 4;

let hear: (transport: StreamTransport) => unknown;
let startReading: (transport: StreamTransport) => void;

/** What a transport is made of. */
export interface StreamTransportParts {
  readonly channel: RawChannel;
  readonly protocol: BaseProtocol;
  readonly carry: Carry;
  readonly extra: StreamExtra;
  /** Over TLS the writing direction can't be ended alone, and the end takes two. */
  readonly tls: TlsSetup | null;
  /** Told of the transport's making and end. */
  readonly owner: TransportOwner | null;
  /** The protocol has a connection already, which only goes on: its `connectionMade` is not called again. @default {false} */
  readonly goesOn?: boolean;
}

/** Who has a connection that was handed over. */
export interface Heir {
  close(): void;
  abort(): void;
  isClosing(): boolean;
}

/**
 * A connected stream over a runtime's channel.
 *
 * - What the channel tells goes to the protocol at once where the loop has nothing else to do, else
 *   in the loop's order: reading stops and the one event is held until its turn has come, also
 *   while the protocol has reading paused.
 * - Protocols of the library that run no code of users hear everything at once.
 */
export class StreamTransport extends TransportBase implements Transport, ReadSink, WriteQueueOwner {
  readonly #channel: RawChannel;
  readonly #queue: WriteQueue;
  readonly #marks: WaterMarks;
  readonly #extra: StreamExtra;
  readonly #tls: TlsSetup | null;
  #paused = false;
  /** The end of the stream was told; there is nothing more to read. */
  #ended = false;
  /** `writeEof` was called. */
  #eof = false;
  #drops = 0;
  #held: Event | null = null;
  /** The event that is just being told. */
  #current: Event | null = null;
  #ending: TlsEnding | null = null;
  #settled: Waiter<void> | null = null;
  #heir: Heir | null = null;
  /** Whose buffer the channel is reading into. */
  #lender: BaseProtocol | null = null;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: NetLoop, parts: StreamTransportParts, made: Waiter<void> | null) {
    super(loop, parts.protocol, parts.carry, parts.owner);
    this.#channel = parts.channel;
    this.#queue = new WriteQueue(parts.channel, this);
    this.#extra = parts.extra;
    this.#tls = parts.tls;
    this.#marks = new WaterMarks(this, parts.tls === null ? "plain" : "tls");
    this.begin(() => {
      if (this.isReading()) this.#startReading();
      made?.wakeWith(undefined);
    }, !parts.goesOn);
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return this.#extra.get(name);
  }

  // ── reading

  isReading(): boolean {
    return this.phase === "open" && !this.#paused;
  }

  pauseReading(): void {
    if (!this.isReading()) return;
    this.#paused = true;
    this.#channel.stopReading();
  }

  resumeReading(): void {
    if (this.phase !== "open" || !this.#paused) return;
    this.#paused = false;
    if (this.#held !== null) this.loop.scheduler.enqueue(this);
    else if (!this.#ended) this.#startReading();
  }

  onData(chunk: Uint8Array): void {
    if (!this.direct) this.#tell({ kind: "data", chunk });
    else {
      try {
        (this.protocol as Protocol).dataReceived(chunk);
      } catch (error) {
        this.fatal(error, "Fatal error: protocol.dataReceived() call failed.");
      }
    }
  }

  onEof(): void {
    this.#tell({ kind: "eof" });
  }

  onError(error: OSError): void {
    this.#tell({ kind: "error", error });
  }

  getBuffer(): Uint8Array | null {
    const { protocol } = this;
    if (!isBuffered(protocol)) return null;
    try {
      this.#lender = protocol;
      return this.carry.call((p) => bufferOf(p, -1), protocol);
    } catch (error) {
      this.fatal(error, "Fatal error: protocol.getBuffer() call failed.");
      return null;
    }
  }

  onBuffer(buffer: Uint8Array, count: number): void {
    this.#tell({ kind: "buffer", buffer, count });
  }

  /** The turn of the held event, as an entry of the ready queue. */
  run(): Turn | null {
    const event = this.#held;
    if (event === null || !this.isReading()) return null;
    this.#held = null;
    this.#deliver(event);
    if (this.isReading() && !this.#ended) this.#startReading();
    return null;
  }

  /**
   * Where reads are chains of promises (Deno), what starts them in the protocol's context finds
   * itself there each time.
   */
  #startReading(): void {
    if (this.direct) this.#channel.startReading(this);
    else this.carry.callOnce(startReading, this);
  }

  #tell(event: Event): void {
    const { scheduler } = this.loop;
    if (this.direct || (scheduler.active && scheduler.idle)) {
      this.#deliver(event);
      return;
    }
    this.#held = event;
    this.#channel.stopReading();
    scheduler.enqueue(this);
  }

  /** Calls into the protocol; what it throws, or rejects with, is fatal to the connection. */
  #deliver(event: Event): void {
    if (event.kind === "error") {
      this.#ended = true;
      this.fatal(event.error, "Fatal read error on socket transport");
      return;
    }
    this.#current = event;
    let result: unknown;
    try {
      result = this.direct ? hear(this) : this.carry.call(hear, this);
    } catch (error) {
      this.#callFailed(event, error);
      return;
    }
    this.watch(result, (error) => this.#callFailed(event, error));
    if (event.kind !== "eof") return;
    this.#ended = true;
    // An async method's promise says nothing yet, so it does not count as a true.
    if (!result || result instanceof Promise) this.close();
    else if (this.#tls !== null) {
      console.warn("returning true from eofReceived() has no effect when using TLS");
      this.close();
    }
  }

  #callFailed(event: Event, error: unknown): void {
    this.fatal(error, `Fatal error: protocol.${METHODS[event.kind]}() call failed.`);
  }

  #hear(): unknown {
    const { protocol } = this;
    const event = this.#current!;
    this.#current = null;
    if (event.kind === "data") return this.#hearData(event.chunk);
    if (event.kind === "eof") return (protocol as Protocol).eofReceived?.();
    if (event.kind === "error") return undefined;
    if (isBuffered(protocol) && protocol === this.#lender) {
      return protocol.bufferUpdated(event.count);
    }
    // The protocol was replaced while its predecessor's buffer was being filled.
    return this.#hearData(event.buffer.slice(0, event.count));
  }

  #hearData(data: Uint8Array): unknown {
    const { protocol } = this;
    if (isBuffered(protocol)) return feedBuffered(protocol, data);
    return (protocol as Protocol).dataReceived(data);
  }

  // ── writing

  write(data: BytesLike): void {
    const chunk = toBytes(data, "data");
    if (this.#eof) throw new RuntimeError("Cannot call write() after writeEof()");
    if (chunk.length === 0) return;
    if (this.phase !== "open") {
      this.#drop();
      return;
    }
    const queue = this.#queue;
    queue.write(chunk);
    if (queue.size >= this.#marks.high) this.#marks.rose(queue.size);
  }

  writelines(data: Iterable<BytesLike>): void {
    const chunks: Uint8Array[] = [];
    for (const one of data) {
      const chunk = toBytes(one, "a piece of data");
      if (chunk.length > 0) chunks.push(chunk);
    }
    if (this.#eof) throw new RuntimeError("Cannot call writelines() after writeEof()");
    if (chunks.length === 0) return;
    if (this.phase !== "open") {
      this.#drop();
      return;
    }
    this.#queue.writeAll(chunks);
    this.#marks.rose(this.#queue.size);
  }

  canWriteEof(): boolean {
    return this.#tls === null;
  }

  writeEof(): void {
    if (this.#tls !== null) {
      throw new NotImplementedError(
        "Cannot end the writing direction alone under TLS: close instead",
      );
    }
    if (this.phase !== "open" || this.#eof) return;
    this.#eof = true;
    if (this.#queue.size === 0) this.#shutdownWrite();
  }

  getWriteBufferSize(): number {
    return this.#queue.size;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this.#marks.low, this.#marks.high];
  }

  setWriteBufferLimits(options: { high?: number; low?: number } = {}): void {
    this.#marks.set(options, this.#queue.size);
  }

  wrote(): void {
    this.#marks.fell(this.#queue.size);
    if (this.#queue.size > 0) return;
    this.#settled?.wakeWith(undefined);
    if (this.phase === "closing") this.#finish();
    else if (this.#eof && this.phase === "open") this.#shutdownWrite();
  }

  writeFailed(error: OSError): void {
    this.fatal(error, "Fatal write error on socket transport");
  }

  #shutdownWrite(): void {
    this.#channel.shutdownWrite((error) => {
      if (error !== null) this.writeFailed(error);
    });
  }

  #drop(): void {
    if (this.phase === "handed") {
      throw new RuntimeError(
        "Cannot write here any more: the connection goes on in the transport that startTls() gave",
      );
    }
    if (this.#drops++ >= SILENT_DROPS) console.warn("socket.send() raised exception.");
  }

  // ── ending

  close(): void {
    if (this.phase === "handed") this.#heir?.close();
    if (this.phase !== "open") return;
    this.phase = "closing";
    this.#stopReading();
    if (this.#tls !== null) {
      const seconds = this.#tls.shutdownTimeout;
      this.#ending = new TlsEnding(this.loop, this.#channel, seconds, (error) => this.lose(error));
    }
    if (this.#queue.size === 0) this.#finish();
  }

  abort(): void {
    if (this.phase === "handed") this.#heir?.abort();
    else this.lose(null);
  }

  override isClosing(): boolean {
    return this.#heir === null ? super.isClosing() : this.#heir.isClosing();
  }

  /** What was queued is with the system. */
  #finish(): void {
    if (this.#ending === null) this.lose(null);
    else this.#ending.flushed();
  }

  // ── handing the connection over

  /**
   * Stops reading and waits until all that was written is with the system.
   *
   * @throws {RuntimeError} when the transport is closing
   * @throws {ConnectionResetError} when the connection is lost meanwhile
   */
  settle(): Promise<void> {
    if (this.phase !== "open") return Promise.reject(new RuntimeError("Transport is closing"));
    this.#paused = true;
    this.#channel.stopReading();
    if (this.#queue.size === 0) return Promise.resolve();
    this.#settled = new Waiter<void>("a transport to send what is queued");
    return this.#settled.promise;
  }

  /** Gives away the channel of a settled transport, with what the protocol has not heard yet. */
  handOver(heir: Heir): RawChannel {
    const event = this.#held;
    this.#held = null;
    this.phase = "handed";
    this.#heir = heir;
    if (event?.kind === "data") return new PrefixedChannel(this.#channel, event.chunk);
    if (event?.kind !== "buffer") return this.#channel;
    return new PrefixedChannel(this.#channel, event.buffer.slice(0, event.count));
  }

  /** The connection that was handed over goes on in another transport. */
  succeed(
    channel: RawChannel,
    protocol: BaseProtocol,
    tls: TlsSetup,
    extra: StreamExtra,
  ): StreamTransport {
    const { loop, carry, owner } = this;
    const parts = { channel, protocol, carry, extra, tls, owner, goesOn: true };
    const heir = new StreamTransport(loop, parts, null);
    this.#heir = heir;
    this.retire();
    return heir;
  }

  /** The connection that was handed over is lost; the protocol has to know. */
  lostBy(error: unknown | null): void {
    this.#heir = null;
    this.lose(error);
  }

  override toString(): string {
    const reading = this.isReading() ? "reading" : "paused";
    const what = this.phase === "open" ? reading : this.phase === "lost" ? "closed" : this.phase;
    return `<StreamTransport ${what} bufsize=${this.#queue.size}>`;
  }

  protected stop(): void {
    this.#stopReading();
    this.#queue.kill();
    this.#ending?.cancel();
    this.#settled?.failWith(new ConnectionResetError("Connection lost"));
  }

  protected release(): void {
    this.#channel.close();
  }

  #stopReading(): void {
    this.#held = null;
    this.#channel.stopReading();
  }

  static {
    hear = (transport) => transport.#hear();
    startReading = (transport) => transport.#channel.startReading(transport);
  }
}

function isBuffered(protocol: BaseProtocol): protocol is BufferedProtocol {
  return typeof (protocol as Partial<BufferedProtocol>).getBuffer === "function";
}
