import { callSoonInternal, type LoopCore } from "../../runtime/core/loop_core.ts";
import { cloneBytes } from "../../runtime/base/bytes.ts";
import { type OSError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { Turn } from "../../runtime/core/scheduler.ts";
import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import type { RawReadable, ReadSink } from "../core/host.ts";
import type {
  BaseProtocol,
  BufferedProtocol,
  Protocol,
} from "../../runtime/contract/transports.ts";
import { TransportBase, type TransportOwner } from "./transport_base.ts";
import { checkBuffer } from "../core/arguments.ts";

/** What the channel has reported and the protocol is to be notified of. */
type PendingEvent =
  | { readonly kind: "data"; readonly chunk: Uint8Array }
  | { readonly kind: "buffer"; readonly buffer: Uint8Array; readonly count: number }
  | { readonly kind: "eof" }
  | { readonly kind: "error"; readonly error: OSError };

/** The protocol's method for each event. */
const METHODS: Readonly<Record<PendingEvent["kind"], string>> = {
  data: "dataReceived",
  buffer: "bufferUpdated",
  eof: "eofReceived",
  error: "connectionLost",
};

type AnyReceiving = ReceivingTransport<RawReadable>;

let notify: (transport: AnyReceiving) => unknown;
let startReading: (transport: AnyReceiving) => void;

/**
 * The reading half of a transport.
 *
 * - The protocol is notified of what the channel reports at once where the loop has nothing else to
 *   do, else in the loop's order: reading stops, and the one event is pending until its turn comes,
 *   also while the protocol has paused reading.
 * - Protocols of the library that run no code of users are notified of everything at once.
 */
export abstract class ReceivingTransport<C extends RawReadable> extends TransportBase
  implements ReadSink {
  /**
   * Set as long as the protocol is a BufferedProtocol and the channel may fill its buffers. Decided
   * when the protocol is set, so that no channel asks before each read of the others.
   */
  getBuffer: (() => Uint8Array | null) | undefined = undefined;
  protected readonly channel: C;
  readonly #kind: "socket" | "pipe";
  /** The protocol is a BufferedProtocol. */
  #buffered = false;
  #paused = false;
  /** How many keep the protocol from being notified, whatever it asks for meanwhile: a change to TLS, a file that is sent. */
  #holds = 0;
  /** The end of the stream was reported: there is nothing more to read. */
  #ended = false;
  #pending: PendingEvent | null = null;
  /** The event that the protocol is being notified of. */
  #current: PendingEvent | null = null;
  /** The protocol whose buffer the channel reads into. */
  #bufferOwner: BaseProtocol | null = null;

  /** `kind` "pipe": a BufferedProtocol's buffers are filled here, as a pipe's reader has its own. */
  constructor(
    loop: LoopCore,
    parts: {
      channel: C;
      protocol: BaseProtocol;
      context: CapturedContext;
      owner: TransportOwner | null;
    },
    kind: "socket" | "pipe",
  ) {
    super(loop, parts.protocol, parts.context, parts.owner);
    this.channel = parts.channel;
    this.#kind = kind;
    this.#chooseReading();
  }

  override setProtocol(protocol: BaseProtocol): void {
    super.setProtocol(protocol);
    this.#chooseReading();
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

  /** Those of users' protocols do. What streams read is cheap enough, and passed on to more places. */
  get sharesSmallChunks(): boolean {
    return !this.direct;
  }

  onData(chunk: Uint8Array): void {
    if (!this.direct) this.#dispatch({ kind: "data", chunk });
    else {
      try {
        (this.protocol as Protocol).dataReceived(chunk);
      } catch (error) {
        this.fatal(error, "Fatal error: protocol.dataReceived() call failed.");
      }
    }
  }

  onEof(): void {
    this.#dispatch({ kind: "eof" });
  }

  onError(error: OSError): void {
    this.#dispatch({ kind: "error", error });
  }

  onBuffer(buffer: Uint8Array, count: number): void {
    this.#dispatch({ kind: "buffer", buffer, count });
  }

  afterTurn(read: () => void): void {
    // A protocol of users' has been notified and has answered already.
    if (this.direct) callSoonInternal(this.loop, read);
    else read();
  }

  /** The turn of the pending event, as an entry of the ready queue. */
  run(): Turn | null {
    const event = this.#pending;
    if (event === null || !this.isReading()) return null;
    this.#pending = null;
    this.#deliver(event);
    if (this.isReading() && !this.#ended) this.startReading();
    return null;
  }

  /**
   * Where reads are chains of promises (Deno), a chain that was started in the protocol's context
   * is in that context at each read.
   */
  protected startReading(): void {
    if (this.direct) this.channel.startReading(this);
    else this.context.callOnce(startReading, this);
  }

  /** For good: the pending event is dropped. */
  protected stopReading(): void {
    this.#pending = null;
    this.channel.stopReading();
  }

  /** Takes the bytes that arrived and that the protocol will not be notified of; null when there are none. */
  protected takePending(): Uint8Array | null {
    const event = this.#pending;
    this.#pending = null;
    if (event?.kind === "data") return event.chunk;
    return event?.kind === "buffer" ? cloneBytes(event.buffer, event.count) : null;
  }

  /** The peer has ended the stream, and the protocol was notified. */
  protected abstract streamEnded(keepOpen: boolean): void;

  #chooseReading(): void {
    this.#buffered = isBuffered(this.protocol);
    const asks = this.#buffered && this.#kind === "socket";
    this.getBuffer = asks ? () => this.#askForBuffer() : undefined;
  }

  #askForBuffer(): Uint8Array | null {
    const protocol = this.protocol as BufferedProtocol;
    try {
      this.#bufferOwner = protocol;
      return this.context.call(anyBufferOf, protocol);
    } catch (error) {
      this.fatal(error, "Fatal error: protocol.getBuffer() call failed.");
      return null;
    }
  }

  #readOn(): void {
    if (this.#pending !== null) this.loop.scheduler.enqueue(this);
    else if (!this.#ended) this.startReading();
  }

  #dispatch(event: PendingEvent): void {
    if (this.mayNotify) {
      this.#deliver(event);
      return;
    }
    this.#pending = event;
    this.channel.stopReading();
    this.loop.scheduler.enqueue(this);
  }

  /** Notifies the protocol; what it throws, or rejects with, is fatal to the connection. */
  #deliver(event: PendingEvent): void {
    if (event.kind === "error") {
      this.#ended = true;
      this.fatal(event.error, `Fatal read error on ${this.#kind} transport`);
      return;
    }
    this.#current = event;
    let result: unknown;
    try {
      result = this.direct ? notify(this) : this.context.call(notify, this);
    } catch (error) {
      this.#callFailed(event, error);
      return;
    }
    if (result instanceof Promise) this.watch(result, (error) => this.#callFailed(event, error));
    if (event.kind !== "eof") return;
    this.#ended = true;
    // An async method's result is not known yet, so its promise does not count as true.
    this.streamEnded(Boolean(result) && !(result instanceof Promise));
  }

  #callFailed(event: PendingEvent, error: unknown): void {
    this.fatal(error, `Fatal error: protocol.${METHODS[event.kind]}() call failed.`);
  }

  #notify(): unknown {
    const { protocol } = this;
    const event = this.#current!;
    this.#current = null;
    if (event.kind === "data") return this.#notifyOfData(event.chunk);
    if (event.kind === "eof") return (protocol as Protocol).eofReceived?.();
    if (event.kind === "error") return undefined;
    if (this.#buffered && protocol === this.#bufferOwner) {
      return (protocol as BufferedProtocol).bufferUpdated(event.count);
    }
    // The protocol was replaced while its predecessor's buffer was being filled.
    return this.#notifyOfData(cloneBytes(event.buffer, event.count));
  }

  #notifyOfData(data: Uint8Array): unknown {
    const { protocol } = this;
    if (this.#buffered) return feedBuffered(protocol as BufferedProtocol, data);
    return (protocol as Protocol).dataReceived(data);
  }

  static {
    notify = (transport) => transport.#notify();
    startReading = (transport) => transport.channel.startReading(transport);
  }
}

function isBuffered(protocol: BaseProtocol): protocol is BufferedProtocol {
  return typeof (protocol as Partial<BufferedProtocol>).getBuffer === "function";
}

function anyBufferOf(protocol: BufferedProtocol): Uint8Array {
  return bufferOf(protocol, -1);
}

/**
 * Asks a protocol for a buffer.
 *
 * @throws {RuntimeError} if the buffer is empty
 */
function bufferOf(protocol: BufferedProtocol, sizehint: number): Uint8Array {
  const buffer = protocol.getBuffer(sizehint);
  checkBuffer(buffer);
  if (buffer.length === 0) throw new RuntimeError("getBuffer() returned an empty buffer");
  return buffer;
}

/** Copies data that was read elsewhere into as many of the protocol's buffers as it takes (PROTO-06). */
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
