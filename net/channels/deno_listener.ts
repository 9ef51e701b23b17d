import { toOSError } from "../../runtime/errors/native_errors.ts";
import { AcceptGate, concernsOneConnection } from "./gates.ts";
import type { DenoChannel } from "./deno_channel.ts";
import type { Address } from "../core/addresses.ts";
import type { AcceptSink, RawListener } from "../core/host.ts";

/** What the listener uses of `Deno.Listener`. */
export interface DenoAcceptor<Conn> {
  accept(): Promise<Conn>;
  ref(): void;
  unref(): void;
}

/** So many accepts in a row may fail before others get a turn, and the processor a rest. */
const FAILURES_AT_ONCE = 64;
/** Milliseconds of that rest: the kernel's queue of a busy listener does not fill up meanwhile. */
const REST = 1;

const closing = new Set<Promise<void>>();

/**
 * Until the sockets of closed listeners are really gone. An accept that was under way holds its
 * socket for one more turn of Deno's event loop: till then it would still take connections, and its
 * port would still be in use. null: there are none.
 */
export function closedListenersGone(): Promise<unknown> | null {
  return closing.size === 0 ? null : Promise.all(closing);
}

/**
 * A listening TCP or unix socket of Deno. Nothing is accepted before it is asked for: the kernel's
 * backlog waits.
 */
export class DenoListener<Conn extends { close(): void }> implements RawListener {
  readonly addr: Address;
  readonly #listener: DenoAcceptor<Conn>;
  readonly #wrap: (conn: Conn) => DenoChannel;
  readonly #release: (gone: Promise<void> | null) => void;
  readonly #gate: AcceptGate;
  #accepting: Promise<void> | null = null;
  /** Accepts that failed since the last one that did not. */
  #failures = 0;
  #closed = false;

  /**
   * @param wrap makes the channel of an accepted connection
   * @param release closes the listener, whose socket lives on until `gone` when that is not null
   */
  constructor(
    listener: DenoAcceptor<Conn>,
    addr: Address,
    wrap: (conn: Conn) => DenoChannel,
    release: (gone: Promise<void> | null) => void,
  ) {
    this.#listener = listener;
    this.addr = addr;
    this.#wrap = wrap;
    this.#release = release;
    this.#gate = new AcceptGate(() => this.#accept());
  }

  get closed(): boolean {
    return this.#closed;
  }

  start(sink: AcceptSink): void {
    this.#gate.start(sink);
  }

  stop(): void {
    this.#gate.stop();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close();
    const accepting = this.#accepting;
    let gone: Promise<void> | null = null;
    if (accepting !== null) {
      const ended = gone = accepting.then(() => {
        closing.delete(ended);
      });
      closing.add(ended);
    }
    this.#release(gone);
  }

  ref(): void {
    if (!this.#closed) this.#listener.ref();
  }

  unref(): void {
    if (!this.#closed) this.#listener.unref();
  }

  #accept(): void {
    if (this.#accepting !== null || this.#closed || this.#gate.sink === null) return;
    this.#accepting = this.#listener.accept().then(this.#onAccepted, this.#onError);
  }

  /** What can't be made a channel was no connection any more. */
  #channelOf(conn: Conn): DenoChannel | null {
    try {
      return this.#wrap(conn);
    } catch (error) {
      conn.close();
      this.#failed(error);
      return null;
    }
  }

  readonly #onAccepted = (conn: Conn): void => {
    this.#accepting = null;
    const channel = this.#channelOf(conn);
    if (channel === null) return;
    this.#failures = 0;
    this.#gate.accepted(channel);
    this.#accept();
  };

  readonly #onError = (error: unknown): void => {
    this.#accepting = null;
    this.#failed(error);
  };

  /**
   * No error of an accept ends the listener: each is about one connection, or passes. Deno gives a
   * connection that was reset in the kernel's queue as ENOTCONN, and whoever scans ports makes many.
   */
  #failed(error: unknown): void {
    if (this.#closed) return;
    const mapped = toOSError(error, "accept");
    if (!concernsOneConnection(mapped)) this.#gate.failed(mapped);
    else if (++this.#failures % FAILURES_AT_ONCE !== 0) this.#accept();
    else setTimeout(() => this.#accept(), REST);
  }
}
