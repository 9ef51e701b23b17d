import type { OSError } from "../../runtime/errors/exceptions.ts";
import type { Turn } from "../../runtime/core/scheduler.ts";
import type { Waiter } from "../../runtime/core/wait.ts";
import { feedBuffered } from "../transports/receiving.ts";
import type { Carry } from "../core/captured_context.ts";
import type { RawReadable, ReadSink } from "../core/host.ts";
import type { NetLoop } from "../core/net_loop.ts";
import type {
  BaseProtocol,
  BufferedProtocol,
  ExtraInfo,
  Protocol,
  ReadTransport,
} from "../core/transports.ts";
import { TransportBase } from "../transports/transport_base.ts";

/** What the pipe told and the protocol is to hear. */
type Event =
  | { readonly kind: "data"; readonly chunk: Uint8Array }
  | { readonly kind: "eof" }
  | { readonly kind: "error"; readonly error: OSError };

/** What a pipe's transport is made of. */
export interface ReadPipeParts {
  readonly pipe: RawReadable;
  readonly protocol: BaseProtocol;
  readonly carry: Carry;
  /** What `getExtraInfo("pipe")` gives. */
  readonly extra: unknown;
}

/**
 * The reading end of a pipe. After the end of the stream it closes, whatever `eofReceived` returns: there is no other direction
 * to keep open. What the pipe tells is handed on as in {@link StreamTransport}: at once, or in the loop's order.
 */
export class ReadPipeTransport extends TransportBase implements ReadTransport, ReadSink {
  readonly #pipe: RawReadable;
  readonly #extra: unknown;
  #paused = false;
  /** The end of the stream was told; there is nothing more to read. */
  #ended = false;
  #held: Event | null = null;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: NetLoop, parts: ReadPipeParts, made: Waiter<void> | null) {
    super(loop, parts.protocol, parts.carry, null);
    this.#pipe = parts.pipe;
    this.#extra = parts.extra;
    this.begin(() => {
      if (this.isReading()) this.#pipe.startReading(this);
      made?.wakeWith(undefined);
    });
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return name === "pipe" ? this.#extra as ExtraInfo[K] : null;
  }

  isReading(): boolean {
    return this.phase === "open" && !this.#paused;
  }

  pauseReading(): void {
    if (!this.isReading()) return;
    this.#paused = true;
    this.#pipe.stopReading();
  }

  resumeReading(): void {
    if (this.phase !== "open" || !this.#paused) return;
    this.#paused = false;
    if (this.#held !== null) this.loop.scheduler.enqueue(this);
    else if (!this.#ended) this.#pipe.startReading(this);
  }

  close(): void {
    this.lose(null);
  }

  onData(chunk: Uint8Array): void {
    this.#tell({ kind: "data", chunk });
  }

  onEof(): void {
    this.#tell({ kind: "eof" });
  }

  onError(error: OSError): void {
    this.#tell({ kind: "error", error });
  }

  /** The turn of the held event, as an entry of the ready queue. */
  run(): Turn | null {
    const event = this.#held;
    if (event === null || !this.isReading()) return null;
    this.#held = null;
    this.#deliver(event);
    if (this.isReading() && !this.#ended) this.#pipe.startReading(this);
    return null;
  }

  override toString(): string {
    const what = this.phase !== "open" ? "closed" : this.#paused ? "paused" : "reading";
    return `<ReadPipeTransport ${what}>`;
  }

  protected stop(): void {
    this.#held = null;
    this.#pipe.stopReading();
  }

  protected release(): void {
    this.#pipe.close();
  }

  #tell(event: Event): void {
    const { scheduler } = this.loop;
    if (this.direct || (scheduler.active && scheduler.idle)) {
      this.#deliver(event);
      return;
    }
    this.#held = event;
    this.#pipe.stopReading();
    scheduler.enqueue(this);
  }

  #deliver(event: Event): void {
    switch (event.kind) {
      case "data":
        return this.#call("dataReceived", (protocol) => feed(protocol, event.chunk));
      case "eof":
        this.#ended = true;
        this.#call("eofReceived", (protocol) => (protocol as Protocol).eofReceived?.());
        return this.lose(null);
      case "error":
        this.#ended = true;
        return this.fatal(event.error, "Fatal read error on pipe transport");
    }
  }

  /** Calls into the protocol; what it throws, or rejects with, is fatal to the pipe. */
  #call(name: string, fn: (protocol: BaseProtocol) => unknown): void {
    const failed = (error: unknown): void =>
      this.fatal(error, `Fatal error: protocol.${name}() call failed.`);
    const { protocol } = this;
    try {
      this.watch(this.direct ? fn(protocol) : this.carry.call(fn, protocol), failed);
    } catch (error) {
      failed(error);
    }
  }
}

function feed(protocol: BaseProtocol, chunk: Uint8Array): unknown {
  return "getBuffer" in protocol
    ? feedBuffered(protocol as BufferedProtocol, chunk)
    : (protocol as Protocol).dataReceived(chunk);
}
