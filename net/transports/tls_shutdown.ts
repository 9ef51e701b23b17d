import { TimeoutError } from "../../runtime/errors/exceptions.ts";
import { InternalTimer } from "../../runtime/core/timers.ts";
import type { OSError } from "../../runtime/errors/os_error.ts";
import type { RawChannel, ReadSink } from "../core/host.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";

/**
 * The end of a TLS connection that loses nothing, from `close()` on: what is queued goes out, then close_notify, then the peer's
 * own is awaited, and only then the descriptor may go.
 *
 * The peer is read all the while and what it still sends is dropped: a close with arrivals unread, TLS 1.3's unasked tickets for
 * one, would reset the connection, and the peer would lose what it has not read yet.
 */
export class TlsEnding implements ReadSink {
  readonly #channel: RawChannel;
  readonly #over: (error: unknown | null) => void;
  readonly #timer: InternalTimer;
  #notified = false;
  #peerEnded = false;

  /**
   * @param seconds how long all of it may take
   * @param over called once, unless cancelled: with null, or the reason why the end was not clean
   */
  constructor(
    loop: LoopCore,
    channel: RawChannel,
    seconds: number,
    over: (error: unknown | null) => void,
  ) {
    this.#channel = channel;
    this.#over = over;
    this.#timer = InternalTimer.after(
      loop,
      seconds,
      () => over(new TimeoutError("SSL shutdown timed out")),
    );
    channel.startReading(this);
  }

  /** All that was queued is with the system. */
  flushed(): void {
    this.#channel.shutdownWrite((error) => {
      // A peer that has ended TLS itself may have closed the connection already.
      if (error !== null && !this.#peerEnded) this.#over(error);
      else this.#check({ notified: true });
    });
  }

  cancel(): void {
    this.#timer.cancel();
    this.#channel.stopReading();
  }

  /** Too late for the protocol, which has closed. */
  onData(_chunk: Uint8Array): void {}

  onEof(): void {
    this.#check({ peerEnded: true });
  }

  onError(error: OSError): void {
    this.#over(error);
  }

  #check(news: { notified?: true; peerEnded?: true }): void {
    this.#notified ||= news.notified ?? false;
    this.#peerEnded ||= news.peerEnded ?? false;
    if (this.#notified && this.#peerEnded) this.#over(null);
  }
}
