import { toOSError } from "../../runtime/errors/native_errors.ts";
import { concernsOneConnection, GatedListener } from "./gates.ts";
import type { DenoChannel } from "./deno_channel.ts";
import type { Address } from "../core/addresses.ts";

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
 * Resolves when the sockets of closed listeners are closed. An accept that was under way keeps its
 * socket open for one more turn of Deno's event loop: until then it would still take connections,
 * and its port would still be in use. null: there are none.
 */
export function closedListenersEnded(): Promise<unknown> | null {
  return closing.size === 0 ? null : Promise.all(closing);
}

/**
 * A listening TCP or unix socket of Deno. Nothing is accepted before it is asked for: the kernel's
 * backlog waits.
 */
export class DenoListener<Conn extends { close(): void }> extends GatedListener {
  readonly #listener: DenoAcceptor<Conn>;
  readonly #wrap: (conn: Conn) => DenoChannel;
  readonly #release: (ended: Promise<void> | null) => void;
  #accepting: Promise<void> | null = null;
  /** Accepts that failed since the last one that did not. */
  #failures = 0;

  /**
   * @param wrap makes the channel of an accepted connection
   * @param release closes the listener, whose socket stays open until `ended` if that is not null
   */
  constructor(
    listener: DenoAcceptor<Conn>,
    addr: Address,
    wrap: (conn: Conn) => DenoChannel,
    release: (ended: Promise<void> | null) => void,
  ) {
    super(addr, () => this.#accept());
    this.#listener = listener;
    this.#wrap = wrap;
    this.#release = release;
  }

  protected release(): void {
    const accepting = this.#accepting;
    let ended: Promise<void> | null = null;
    if (accepting !== null) {
      const socketClosed = ended = accepting.then(() => {
        closing.delete(socketClosed);
      });
      closing.add(socketClosed);
    }
    this.#release(ended);
  }

  ref(): void {
    if (!this.closed) this.#listener.ref();
  }

  unref(): void {
    if (!this.closed) this.#listener.unref();
  }

  #accept(): void {
    if (this.#accepting !== null || this.closed || this.gate.sink === null) return;
    this.#accepting = this.#listener.accept().then(this.#onAccepted, this.#onError);
  }

  /** null for a connection that has ended already, of which no channel can be made. */
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
    this.gate.accepted(channel);
    this.#accept();
  };

  readonly #onError = (error: unknown): void => {
    this.#accepting = null;
    this.#failed(error);
  };

  /**
   * No error of an accept ends the listener: each is about one connection, or passes. Deno reports a
   * connection that was reset in the kernel's queue as ENOTCONN; a port scan makes many of them.
   */
  #failed(error: unknown): void {
    if (this.closed) return;
    const mapped = toOSError(error, "accept");
    if (!concernsOneConnection(mapped)) this.gate.failed(mapped);
    else if (++this.#failures % FAILURES_AT_ONCE !== 0) this.#accept();
    else setTimeout(() => this.#accept(), REST);
  }
}
