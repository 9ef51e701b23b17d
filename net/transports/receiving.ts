import { cloneBytes } from "../../runtime/base/bytes.ts";
import { type OSError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { Turn } from "../../runtime/core/scheduler.ts";
import type { Carry } from "../core/captured_context.ts";
import type { RawChannel, ReadSink } from "../core/host.ts";
import { type NetLoop, soon } from "../core/net_loop.ts";
import type { BaseProtocol, BufferedProtocol, Protocol } from "../core/transports.ts";
import { TransportBase, type TransportOwner } from "./transport_base.ts";
import { checkBuffer } from "../core/arguments.ts";

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

let hear: (transport: StreamReading) => unknown;
let startReading: (transport: StreamReading) => void;

/**
 * The reading half of a stream's transport.
 *
 * - What the channel tells goes to the protocol at once where the loop has nothing else to do, else
 *   in the loop's order: reading stops and the one event is held until its turn has come, also
 *   while the protocol has reading paused.
 * - Protocols of the library that run no code of users hear everything at once.
 */
export abstract class StreamReading extends TransportBase implements ReadSink {
  protected readonly channel: RawChannel;
  #paused = false;
  /** How many keep what arrives from the protocol, whatever it says meanwhile: a handover to TLS, a file that is sent. */
  #holds = 0;
  /** The end of the stream was told; there is nothing more to read. */
  #ended = false;
  #held: Event | null = null;
  /** The event that is just being told. */
  #current: Event | null = null;
  /** Whose buffer the channel is reading into. */
  #lender: BaseProtocol | null = null;

  constructor(
    loop: NetLoop,
    channel: RawChannel,
    protocol: BaseProtocol,
    carry: Carry,
    owner: TransportOwner | null,
  ) {
    super(loop, protocol, carry, owner);
    this.channel = channel;
  }

  isReading(): boolean {
    return this.phase === "open" && !this.#paused && this.#holds === 0;
  }

  pauseReading(): void {
    if (this.phase !== "open" || this.#paused) return;
    this.#paused = true;
    this.channel.stopReading();
  }

  resumeReading(): void {
    if (this.phase !== "open" || !this.#paused) return;
    this.#paused = false;
    if (this.#holds === 0) this.#readOn();
  }

  /** Nothing is read until `releaseReading`. What the protocol asks for meanwhile counts from then on. */
  holdReading(): void {
    this.#holds++;
    if (this.phase === "open") this.channel.stopReading();
  }

  /** Ends one `holdReading`. */
  releaseReading(): void {
    this.#holds--;
    if (this.isReading()) this.#readOn();
  }

  /** Those of protocols do. What streams read is cheap enough, and passed on to more places. */
  get sharesSmallChunks(): boolean {
    return !this.direct;
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

  afterTurn(read: () => void): void {
    // A protocol of users' has heard and answered already.
    if (this.direct) soon(this.loop, read);
    else read();
  }

  /** The turn of the held event, as an entry of the ready queue. */
  run(): Turn | null {
    const event = this.#held;
    if (event === null || !this.isReading()) return null;
    this.#held = null;
    this.#deliver(event);
    if (this.isReading() && !this.#ended) this.startReading();
    return null;
  }

  /**
   * Where reads are chains of promises (Deno), what starts them in the protocol's context finds
   * itself there each time.
   */
  protected startReading(): void {
    if (this.direct) this.channel.startReading(this);
    else this.carry.callOnce(startReading, this);
  }

  /** For good: what is held is dropped. */
  protected stopReading(): void {
    this.#held = null;
    this.channel.stopReading();
  }

  /** What arrived and the protocol will not hear any more; null when nothing did. */
  protected takeHeld(): Uint8Array | null {
    const event = this.#held;
    this.#held = null;
    if (event?.kind === "data") return event.chunk;
    return event?.kind === "buffer" ? cloneBytes(event.buffer, event.count) : null;
  }

  /** The peer's end was told. */
  protected abstract streamEnded(keepOpen: boolean): void;

  #readOn(): void {
    if (this.#held !== null) this.loop.scheduler.enqueue(this);
    else if (!this.#ended) this.startReading();
  }

  #tell(event: Event): void {
    const { scheduler } = this.loop;
    if (this.direct || (scheduler.active && scheduler.idle)) {
      this.#deliver(event);
      return;
    }
    this.#held = event;
    this.channel.stopReading();
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
    if (result instanceof Promise) this.watch(result, (error) => this.#callFailed(event, error));
    if (event.kind !== "eof") return;
    this.#ended = true;
    // An async method's promise says nothing yet, so it does not count as a true.
    this.streamEnded(Boolean(result) && !(result instanceof Promise));
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
    return this.#hearData(cloneBytes(event.buffer, event.count));
  }

  #hearData(data: Uint8Array): unknown {
    const { protocol } = this;
    if (isBuffered(protocol)) return feedBuffered(protocol, data);
    return (protocol as Protocol).dataReceived(data);
  }

  static {
    hear = (transport) => transport.#hear();
    startReading = (transport) => transport.channel.startReading(transport);
  }
}

function isBuffered(protocol: BaseProtocol): protocol is BufferedProtocol {
  return typeof (protocol as Partial<BufferedProtocol>).getBuffer === "function";
}

/** Asks a protocol for a buffer, and insists that something fits in. */
function bufferOf(protocol: BufferedProtocol, sizehint: number): Uint8Array {
  const buffer = protocol.getBuffer(sizehint);
  checkBuffer(buffer);
  if (buffer.length === 0) throw new RuntimeError("getBuffer() returned an empty buffer");
  return buffer;
}

/** Hands over data that was read elsewhere, in as many buffers as it takes (PROTO-06). */
export function feedBuffered(protocol: BufferedProtocol, data: Uint8Array): void {
  let rest = data;
  while (rest.length > 0) {
    const buffer = bufferOf(protocol, rest.length);
    const count = Math.min(buffer.length, rest.length);
    buffer.set(rest.subarray(0, count));
    protocol.bufferUpdated(count);
    rest = rest.subarray(count);
  }
}
