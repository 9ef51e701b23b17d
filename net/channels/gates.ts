/**
 * What stands between a runtime's calls, which can't be cancelled, and a sink that may stop at any
 * time: for reads, for accepted connections and for datagrams.
 *
 * @module
 */

import { ChunkTail, cloneBytes } from "../../runtime/base/bytes.ts";
import type { OSError } from "../../runtime/errors/os_error.ts";
import type { Address, NetAddress } from "../core/addresses.ts";
import type { AcceptSink, DatagramSink, RawChannel, RawListener, ReadSink } from "../core/host.ts";

/**
 * Delivers items to the sink while there is one, and keeps them, in order, while there is none.
 *
 * Invariant: while an item is kept, a delivery is scheduled or there is no sink; new items queue
 * behind the kept ones.
 */
abstract class Gate<Sink, Item> {
  /** The receiver; null while stopped. Read-only outside of this file. */
  sink: Sink | null = null;
  protected kept: Item[] = [];
  protected closed = false;
  #scheduled = false;
  readonly #want: () => void;

  /** `want` is called when a sink waits for more and no item is kept. */
  constructor(want: () => void = () => {}) {
    this.#want = want;
  }

  start(sink: Sink): void {
    if (this.closed) return;
    this.sink = sink;
    if (this.hasMore) this.#schedule();
    else this.#want();
  }

  stop(): void {
    this.sink = null;
  }

  /** Ends all deliveries. */
  close(): void {
    this.closed = true;
    this.sink = null;
    this.kept = [];
  }

  protected offer(item: Item): void {
    const { sink } = this;
    if (sink !== null && this.kept.length === 0) this.deliver(sink, item);
    else if (!this.closed) this.keep(item);
  }

  protected keep(item: Item): void {
    this.kept.push(item);
  }

  protected abstract deliver(sink: Sink, item: Item): void;

  /** Whether there is something to deliver. */
  protected get hasMore(): boolean {
    return this.kept.length > 0;
  }

  /** The sink has received all that was kept. */
  protected delivered(): void {
    this.#want();
  }

  /** Later, never inside `start`: the caller may be in the middle of something. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliverKept();
    });
  }

  #deliverKept(): void {
    for (;;) {
      const { sink } = this;
      if (sink === null) return;
      const next = this.kept.shift();
      if (next === undefined) break;
      this.deliver(sink, next);
    }
    this.delivered();
  }
}

// ── reads

/** A chunk, or bytes in a buffer of a sink. */
type Arrival = Uint8Array | { buffer: Uint8Array; count: number; owner: ReadSink };

/**
 * The reading side of a channel. The rules of {@linkcode ReadSink} are kept here, once for every
 * host.
 */
export class ReadGate extends Gate<ReadSink, Arrival> {
  /** Made when many chunks are kept for the first time: one read may bring thousands of TLS records. */
  #tail: ChunkTail | null = null;
  #end: "open" | "eof" | OSError = "open";
  /**
   * Set while a chunk goes piece by piece into a sink's buffers. The rest of it comes before
   * anything new, so a sink that starts reading in the middle must not make the channel read yet,
   * least of all into a buffer the rest is about to need.
   */
  #copying = false;
  #wanted = false;

  /** True when nothing more will arrive. */
  get ended(): boolean {
    return this.#end !== "open";
  }

  override start(sink: ReadSink): void {
    if (!this.#copying) return super.start(sink);
    if (this.closed) return;
    this.sink = sink;
    this.#wanted = true;
  }

  /** Closes, and returns the bytes that were kept. */
  empty(): Uint8Array[] {
    const kept = this.kept.map((item) =>
      item instanceof Uint8Array ? item : cloneBytes(item.buffer, item.count)
    );
    this.close();
    return kept;
  }

  /** A chunk has arrived; it will be the receiver's own. */
  data(chunk: Uint8Array): void {
    const { sink } = this;
    if (sink !== null && this.kept.length === 0) {
      if (sink.getBuffer === undefined) sink.onData(chunk);
      else this.#copyInto(sink, chunk);
    } else if (!this.closed) this.keep(chunk);
  }

  /** `count` bytes have arrived in the buffer of `owner`. */
  filled(owner: ReadSink, buffer: Uint8Array, count: number): void {
    const { sink } = this;
    if (sink === owner && this.kept.length === 0) sink.onBuffer?.(buffer, count);
    else this.offer({ buffer, count, owner });
  }

  /** Nothing more will arrive: the peer's end, or an error. Only the first one counts. */
  finish(end: "eof" | OSError): void {
    if (this.closed || this.#end !== "open") return;
    this.#end = end;
    if (this.kept.length === 0) this.#deliverEnd();
  }

  protected override get hasMore(): boolean {
    return this.kept.length > 0 || this.#end !== "open";
  }

  protected override keep(item: Arrival): void {
    if (!(item instanceof Uint8Array) || !ChunkTail.concerns(this.kept.length)) {
      this.kept.push(item);
    } else (this.#tail ??= new ChunkTail()).append(this.kept, item);
  }

  protected deliver(sink: ReadSink, item: Arrival): void {
    if (item instanceof Uint8Array) this.#hand(sink, this.#tail?.release(item) ?? item);
    else if (sink === item.owner) sink.onBuffer?.(item.buffer, item.count);
    else this.#hand(sink, cloneBytes(item.buffer, item.count));
  }

  protected override delivered(): void {
    if (this.#end === "open") super.delivered();
    else this.#deliverEnd();
  }

  #hand(sink: ReadSink, chunk: Uint8Array): void {
    if (sink.getBuffer === undefined) sink.onData(chunk);
    else this.#copyInto(sink, chunk);
  }

  #deliverEnd(): void {
    const { sink } = this;
    if (sink === null) return;
    this.sink = null;
    const end = this.#end;
    if (end === "eof") sink.onEof();
    else if (end !== "open") sink.onError(end);
  }

  /** For sinks with buffers of their own, where the runtime gives only chunks. */
  #copyInto(sink: ReadSink, chunk: Uint8Array): void {
    this.#copying = true;
    const rest = this.#copyPieces(sink, chunk);
    this.#copying = false;
    const wanted = this.#wanted;
    this.#wanted = false;
    if (rest !== null && !this.closed) this.kept.unshift(rest);
    if (wanted && this.sink !== null) this.start(this.sink);
  }

  /** Copies until the sink has all of it (null), or there is no sink: returns what is left then. */
  #copyPieces(first: ReadSink, chunk: Uint8Array): Uint8Array | null {
    let sink: ReadSink | null = first;
    let rest = chunk;
    while (sink !== null) {
      const buffer = sink.getBuffer?.() ?? null;
      // A sink may stop, close or replace itself in any of these calls.
      if (this.sink === sink) {
        if (buffer === null) {
          sink.onData(rest);
          return null;
        }
        const count = Math.min(buffer.length, rest.length);
        buffer.set(rest.subarray(0, count));
        rest = rest.subarray(count);
        sink.onBuffer?.(buffer, count);
        if (rest.length === 0) return null;
      }
      sink = this.sink;
    }
    return rest;
  }
}

// ── accepted connections

const OUT_OF_RESOURCES = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * Errors of accept(2) and of the look-up of the new connection's addresses when the connection ended
 * before it was taken, or its network is down: the listener goes on.
 */
const OF_ONE_CONNECTION = new Set([
  ..."EINTR EAGAIN ECONNABORTED ECONNRESET ENOTCONN EPIPE ESHUTDOWN ETIMEDOUT EPROTO".split(" "),
  ..."ENETDOWN ENETRESET ENETUNREACH EHOSTDOWN EHOSTUNREACH ENONET ENOPROTOOPT EPERM".split(" "),
  ..."EOPNOTSUPP ECONNREFUSED".split(" "),
]);

/** Whether an accept failed because the peer left before it was accepted, or the like. */
export function concernsOneConnection(error: OSError): boolean {
  return OF_ONE_CONNECTION.has(error.code);
}

/** The accepting side of a listener. */
class AcceptGate extends Gate<AcceptSink, RawChannel> {
  override close(): void {
    const { kept } = this;
    super.close();
    for (const channel of kept) channel.abort();
  }

  accepted(channel: RawChannel): void {
    if (this.closed) channel.abort();
    else this.offer(channel);
  }

  /**
   * Accepting failed, for a reason that the next accept may meet again; after this it is stopped.
   * Without a sink the error is dropped: if it lasts, the next accept reports it.
   */
  failed(error: OSError): void {
    const { sink } = this;
    if (sink === null) return;
    this.sink = null;
    sink.onError(error, OUT_OF_RESOURCES.has(error.code));
  }

  protected deliver(sink: AcceptSink, channel: RawChannel): void {
    sink.onConnection(channel);
  }
}

/** What all listeners have in common: the gate, and the errors of an accept. */
export abstract class GatedListener implements RawListener {
  readonly addr: Address;
  protected readonly gate: AcceptGate;
  #closed = false;

  /** `want` is called when a sink waits for connections and none is kept. */
  constructor(addr: Address, want?: () => void) {
    this.addr = addr;
    this.gate = new AcceptGate(want);
  }

  get closed(): boolean {
    return this.#closed;
  }

  start(sink: AcceptSink): void {
    this.gate.start(sink);
  }

  stop(): void {
    this.gate.stop();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.gate.close();
    this.release();
  }

  abstract ref(): void;
  abstract unref(): void;

  /** Closes the listening socket. */
  protected abstract release(): void;
}

// ── datagrams

/** How many datagrams are kept; the next ones are lost, as in a full kernel buffer. */
const MAX_DATAGRAMS = 256;

/** A datagram that has arrived. */
interface Datagram {
  readonly data: Uint8Array;
  readonly addr: NetAddress;
}

/** The receiving side of a datagram socket. */
export class DatagramGate extends Gate<DatagramSink, Datagram> {
  arrived(data: Uint8Array, addr: NetAddress): void {
    this.offer({ data, addr });
  }

  protected override keep(datagram: Datagram): void {
    if (this.kept.length < MAX_DATAGRAMS) super.keep(datagram);
  }

  protected deliver(sink: DatagramSink, { data, addr }: Datagram): void {
    sink.onDatagram(data, addr);
  }
}
