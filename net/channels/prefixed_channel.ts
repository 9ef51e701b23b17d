import { concatBytes } from "../../runtime/base/bytes.ts";
import type { Address } from "../core/addresses.ts";
import type { Done, RawChannel, ReadSink } from "../core/host.ts";

/** A channel of which some bytes were read already: they are delivered first, again. Its end, if it was met, follows. */
export class PrefixedChannel implements RawChannel {
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  readonly #channel: RawChannel;
  #prefix: Uint8Array | null;
  #sink: ReadSink | null = null;

  /** The channel with the bytes that were read of it before; the channel itself if there are none. */
  static over(channel: RawChannel, prefix: readonly Uint8Array[]): RawChannel {
    const bytes = concatBytes(prefix);
    if (bytes.length === 0) return channel;
    // A channel whose bytes were read twice gets one prefix: TLS on Bun looks for the socket right below.
    if (!(channel instanceof PrefixedChannel)) return new PrefixedChannel(channel, bytes);
    const [inner, rest] = channel.apart();
    return new PrefixedChannel(inner, rest === null ? bytes : concatBytes([bytes, rest]));
  }

  private constructor(channel: RawChannel, prefix: Uint8Array) {
    this.#channel = channel;
    this.#prefix = prefix;
    this.localAddr = channel.localAddr;
    this.remoteAddr = channel.remoteAddr;
  }

  get closed(): boolean {
    return this.#channel.closed;
  }

  startReading(sink: ReadSink): void {
    if (this.#prefix === null) {
      this.#channel.startReading(sink);
      return;
    }
    const isNew = this.#sink === null;
    this.#sink = sink;
    // Later, as every channel does it: nothing calls back from inside the call that asked for it.
    if (isNew) queueMicrotask(() => this.#handOver());
  }

  stopReading(): void {
    this.#sink = null;
    this.#channel.stopReading();
  }

  write(chunk: Uint8Array, done: Done): boolean {
    return this.#channel.write(chunk, done);
  }

  shutdownWrite(done: Done): void {
    this.#channel.shutdownWrite(done);
  }

  setNoDelay(on: boolean): void {
    this.#channel.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    this.#channel.setKeepAlive(on);
  }

  ref(): void {
    this.#channel.ref();
  }

  unref(): void {
    this.#channel.unref();
  }

  close(): void {
    this.#sink = null;
    this.#channel.close();
  }

  abort(): void {
    this.#sink = null;
    this.#channel.abort();
  }

  /** The channel and its prefix, for a caller that can join them in its own way. Not after a `startReading`. */
  apart(): [channel: RawChannel, prefix: Uint8Array | null] {
    return [this.#channel, this.#prefix];
  }

  #handOver(): void {
    const sink = this.#sink;
    const prefix = this.#prefix;
    if (sink === null || prefix === null) return;
    this.#prefix = null;
    sink.onData(prefix);
    if (this.#sink !== null) this.#channel.startReading(this.#sink);
  }
}
