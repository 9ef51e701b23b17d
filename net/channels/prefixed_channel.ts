import { concatBytes } from "../../runtime/base/bytes.ts";
import type { Address } from "../core/addresses.ts";
import type { Done, RawChannel, ReadSink } from "../core/host.ts";

/** A channel of which something was read already, which comes first again. One that was told its end tells it again. */
export class PrefixedChannel implements RawChannel {
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  readonly #channel: RawChannel;
  #prefix: Uint8Array | null;
  #sink: ReadSink | null = null;

  /** The channel with what was read of it before; the channel itself where that is nothing. */
  static over(channel: RawChannel, prefix: readonly Uint8Array[]): RawChannel {
    const bytes = concatBytes(prefix);
    if (bytes.length === 0) return channel;
    // One that was taken over twice is still one channel: who joins the two better looks for its socket.
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

  /** Takes the two apart, for somebody who can join them better. Not after a `startReading`. */
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
