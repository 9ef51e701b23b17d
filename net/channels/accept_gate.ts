import type { OSError } from "../../runtime/errors/os_error.ts";
import type { AcceptSink, RawChannel } from "../core/host.ts";

const OUT_OF_RESOURCES = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * What accept(2) and the look at the new connection's addresses say when the connection is over
 * before it was taken, or its network has gone: the listener is none the worse for it.
 */
const OF_ONE_CONNECTION = new Set([
  ..."EINTR EAGAIN ECONNABORTED ECONNRESET ENOTCONN EPIPE ESHUTDOWN ETIMEDOUT EPROTO".split(" "),
  ..."ENETDOWN ENETRESET ENETUNREACH EHOSTDOWN EHOSTUNREACH ENONET ENOPROTOOPT EPERM".split(" "),
  ..."EOPNOTSUPP ECONNREFUSED".split(" "),
]);

/** Whether the peer left before it was accepted, or the like: that concerns nobody. */
export function concernsOneConnection(error: OSError): boolean {
  return OF_ONE_CONNECTION.has(error.code);
}

/**
 * The accepting side of a listener above any runtime: connections go to the sink while there is
 * one, and are kept while there is none, since an accept that is under way can't be called off.
 */
export class AcceptGate {
  #sink: AcceptSink | null = null;
  #held: RawChannel[] = [];
  #closed = false;
  #scheduled = false;
  readonly #want: () => void;

  /** `want` is called when a sink waits for connections and none is held for it. */
  constructor(want: () => void) {
    this.#want = want;
  }

  get accepting(): boolean {
    return this.#sink !== null;
  }

  start(sink: AcceptSink): void {
    if (this.#closed) return;
    this.#sink = sink;
    if (this.#scheduled) return;
    if (this.#held.length === 0) return this.#want();
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  stop(): void {
    this.#sink = null;
  }

  close(): void {
    this.#closed = true;
    this.#sink = null;
    for (const channel of this.#held.splice(0)) channel.abort();
  }

  accepted(channel: RawChannel): void {
    if (this.#closed) channel.abort();
    else if (this.#sink === null || this.#held.length > 0) this.#held.push(channel);
    else this.#sink.onConnection(channel);
  }

  /**
   * Accepting failed, for a reason that the next accept may meet again; after this it is stopped.
   * What nobody waits to hear of is not kept: if it lasts, the next accept tells.
   */
  failed(error: OSError): void {
    const sink = this.#sink;
    if (sink === null) return;
    this.#sink = null;
    sink.onError(error, OUT_OF_RESOURCES.has(error.code));
  }

  #deliver(): void {
    for (;;) {
      const sink = this.#sink;
      if (sink === null) return;
      const next = this.#held.shift();
      if (next === undefined) break;
      sink.onConnection(next);
    }
    this.#want();
  }
}
