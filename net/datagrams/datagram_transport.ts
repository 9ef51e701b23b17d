import { type LoopCore, stopsLoop } from "../../runtime/core/loop_core.ts";
import { type BytesLike, cloneBytes, toBytes } from "../../runtime/base/bytes.ts";
import { OSError } from "../../runtime/errors/exceptions.ts";
import type { Turn } from "../../runtime/core/scheduler.ts";
import type { Waiter } from "../../runtime/core/wait.ts";
import {
  type AddressLike,
  checkPort,
  describeAddress,
  type NetAddress,
} from "../core/addresses.ts";
import { netPlace, notAnAddress } from "../core/arguments.ts";
import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import { WaterMarks } from "../core/flow_control.ts";
import type { DatagramChannel, DatagramSink } from "../core/host.ts";
import type { DatagramProtocol, DatagramTransport } from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import { type Socket, socketView } from "../sockets/sockets.ts";
import { TransportBase } from "../transports/transport_base.ts";
import { printWarning } from "../../runtime/base/warnings.ts";

/** What a datagram counts in the write buffer besides its bytes, so that empty ones count too. */
const HEADER = 8;
/** Sends on a closed endpoint that are dropped in silence before a warning. */
const SILENT_DROPS = 4;

type PendingEvent =
  | { readonly kind: "datagram"; readonly data: Uint8Array; readonly addr: NetAddress }
  | { readonly kind: "error"; readonly error: unknown };

let notify: (transport: DatagramEndpoint) => unknown;

/** What an endpoint is made of. */
export interface DatagramParts {
  readonly channel: DatagramChannel;
  readonly protocol: DatagramProtocol;
  readonly context: CapturedContext;
  /** Where everything is sent to; null: where each `sendto` says. */
  readonly peer: NetAddress | null;
}

/**
 * A datagram endpoint over a runtime's channel. Errors of the system go to `errorReceived`, and the
 * endpoint stays open: the loss of one datagram does not concern the next.
 */
export class DatagramEndpoint extends TransportBase implements DatagramTransport, DatagramSink {
  readonly #channel: DatagramChannel;
  readonly #peer: NetAddress | null;
  readonly #marks: WaterMarks = new WaterMarks(this);
  /** Events that are to be dispatched in the loop's order; reading has stopped until then. */
  readonly #pending: PendingEvent[] = [];
  #current: PendingEvent | null = null;
  #size = 0;
  #unsent = 0;
  #drops = 0;
  #socket: Socket | null = null;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: LoopCore, parts: DatagramParts, made: Waiter<void> | null) {
    super(loop, parts.protocol, parts.context, null);
    this.#channel = parts.channel;
    this.#peer = parts.peer;
    this.begin(() => {
      if (this.phase === "open") this.#channel.startReading(this);
      made?.wakeWith(undefined);
    });
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return this.#extra(name) as ExtraInfo[K] | null;
  }

  sendto(data: BytesLike, addr?: AddressLike): void {
    const bytes = toBytes(data, "data");
    const to = this.#destination(addr);
    if (this.phase !== "open") {
      if (this.#drops++ >= SILENT_DROPS) printWarning("socket.send() raised exception.");
      return;
    }
    const size = bytes.length + HEADER;
    this.#size += size;
    this.#unsent++;
    // A copy, since the runtimes send later than this returns.
    this.#channel.send(cloneBytes(bytes), to, (error) => this.#sent(size, error));
    this.#marks.rose(this.#size);
  }

  getWriteBufferSize(): number {
    return this.#size;
  }

  close(): void {
    if (this.phase !== "open") return;
    this.phase = "closing";
    this.#stopReading();
    if (this.#unsent === 0) this.lose(null);
  }

  abort(): void {
    this.lose(null);
  }

  onDatagram(data: Uint8Array, addr: NetAddress): void {
    this.#dispatch({ kind: "datagram", data, addr });
  }

  onError(error: OSError): void {
    this.#dispatch({ kind: "error", error });
  }

  /** The turn of a pending event, as an entry of the ready queue. */
  run(): Turn | null {
    const event = this.#pending.shift();
    if (event === undefined) return null;
    this.#deliver(event);
    if (this.#pending.length > 0) this.loop.scheduler.enqueue(this);
    else if (this.phase === "open") this.#channel.startReading(this);
    return null;
  }

  override toString(): string {
    const phase = this.phase === "lost" ? "closed" : this.phase;
    return `<DatagramTransport ${phase} bufsize=${this.#size}>`;
  }

  protected stop(): void {
    this.#stopReading();
    this.#size = 0;
  }

  protected release(): void {
    this.#channel.close();
  }

  #destination(addr: AddressLike | undefined): { hostname: string; port: number } | null {
    if (addr !== undefined && (typeof addr !== "object" || addr === null)) throw notAnAddress(addr);
    const to = addr === undefined ? undefined : netPlace(addr, "send the datagram");
    const peer = this.#peer;
    if (peer === null) {
      if (to !== undefined) {
        if (typeof to.hostname !== "string" || typeof to.port !== "number") throw notAnAddress(to);
        checkPort(to.port);
        return to;
      }
      throw new TypeError(
        "Cannot send without an address: the endpoint has no remoteAddr, so write sendto(data, { hostname, port })",
      );
    }
    if (to !== undefined && (to.hostname !== peer.hostname || to.port !== peer.port)) {
      throw new RangeError(`Invalid address: must be left out or ${describeAddress(peer)}`);
    }
    return this.#channel.remoteAddr === null ? peer : null;
  }

  #sent(size: number, error: OSError | null): void {
    if (this.phase === "lost") return;
    this.#size -= size;
    this.#unsent--;
    if (error !== null) {
      if (!(error instanceof OSError)) {
        this.fatal(error, "Fatal write error on datagram transport");
        return;
      }
      this.#dispatch({ kind: "error", error });
    }
    this.#marks.fell(this.#size);
    if (this.#unsent === 0 && this.phase === "closing") this.lose(null);
  }

  #dispatch(event: PendingEvent): void {
    if (this.mayNotify) {
      this.#deliver(event);
      return;
    }
    if (this.#pending.push(event) > 1) return;
    this.#channel.stopReading();
    this.loop.scheduler.enqueue(this);
  }

  #deliver(event: PendingEvent): void {
    if (event.kind === "error" && !(event.error instanceof OSError)) {
      this.fatal(event.error, "Fatal read error on datagram transport");
      return;
    }
    this.#current = event;
    const failed = (error: unknown): void => {
      if (stopsLoop(this.loop, error)) return;
      const method = event.kind === "error" ? "errorReceived" : "datagramReceived";
      this.report(`Exception in callback ${method}()`, error);
    };
    try {
      this.watch(this.context.call(notify, this), failed);
    } catch (error) {
      failed(error);
    }
  }

  #notify(): unknown {
    const protocol = this.protocol as DatagramProtocol;
    const event = this.#current!;
    this.#current = null;
    if (event.kind === "error") return protocol.errorReceived?.(event.error);
    return protocol.datagramReceived(event.data, event.addr);
  }

  #stopReading(): void {
    this.#pending.length = 0;
    this.#channel.stopReading();
  }

  #extra(name: keyof ExtraInfo): unknown {
    switch (name) {
      case "sockname":
        return this.#channel.localAddr;
      case "peername":
        return this.#channel.remoteAddr;
      case "socket":
        return this.#socket ??= socketView(this.#channel);
      default:
        return null;
    }
  }

  static {
    notify = (transport) => transport.#notify();
  }
}
