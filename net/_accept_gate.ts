import type { OSError } from "../runtime/os_error_family.ts";
import type { AcceptSink, RawChannel } from "./host.ts";

const OUT_OF_RESOURCES = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/**
 * The accepting side of a listener above any runtime: connections go to the sink while there is
 * one, and are kept while there is none, since an accept that is under way can't be called off.
 */
export class AcceptGate {
  #sink: AcceptSink | null = null;
  #held: RawChannel[] = [];
  #failed: OSError | null = null;
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
    if (this.#held.length === 0 && this.#failed === null) return this.#want();
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

  /** Accepting failed; after this it is stopped. */
  failed(error: OSError): void {
    const sink = this.#sink;
    const retry = OUT_OF_RESOURCES.has(error.code);
    if (!retry) this.#failed = error;
    // A lack of resources that nobody waits to hear of will be met again by the next accept.
    if (sink === null) return;
    this.#sink = null;
    sink.onError(error, retry);
  }

  #deliver(): void {
    for (;;) {
      const sink = this.#sink;
      if (sink === null) return;
      const next = this.#held.shift();
      if (next === undefined) break;
      sink.onConnection(next);
    }
    if (this.#failed === null) this.#want();
    else this.failed(this.#failed);
  }
}
