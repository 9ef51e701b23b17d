import type { OSError } from "../../runtime/errors/exceptions.ts";
import type { Address } from "../core/addresses.ts";
import type { AcceptSink, RawChannel, RawListener } from "../core/host.ts";
import { Readiness } from "./readiness.ts";

/**
 * A stream socket that is bound, and perhaps listens. Connections are taken from the system one at
 * a time, when wanted.
 */
export class ListeningSocket implements AcceptSink {
  readonly acceptable: Readiness;
  /** `listen()` was called. */
  listening = false;
  readonly #listener: RawListener;
  readonly #channels: RawChannel[] = [];
  #error: OSError | null = null;
  #started = false;

  constructor(listener: RawListener) {
    this.#listener = listener;
    this.acceptable = new Readiness(
      "a connection to accept",
      () => this.#channels.length > 0 || this.#error !== null,
      () => this.#start(),
    );
  }

  get localAddr(): Address {
    return this.#listener.addr;
  }

  /** The next connection; null when there is none yet. @throws what accepting failed with */
  accept(): RawChannel | null {
    const channel = this.#channels.shift();
    if (channel !== undefined) return channel;
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    return null;
  }

  close(): void {
    this.acceptable.end();
    this.#listener.close();
    for (const channel of this.#channels) channel.close();
  }

  /** Gives the listener away. */
  release(): RawListener {
    this.acceptable.end();
    this.#listener.stop();
    return this.#listener;
  }

  onConnection(channel: RawChannel): void {
    this.#channels.push(channel);
    this.#stop();
    this.acceptable.changed();
  }

  onError(error: OSError): void {
    this.#error = error;
    this.#started = false;
    this.acceptable.changed();
  }

  #start(): void {
    if (this.#started || this.#channels.length > 0) return;
    this.#started = true;
    this.#listener.start(this);
  }

  #stop(): void {
    this.#started = false;
    this.#listener.stop();
  }
}
