import assert from "node:assert/strict";
import type { BufferedProtocol, EventLoop, OSError, Protocol, Transport } from "../../mod.ts";
import type { Address } from "../../net/core/addresses.ts";
import type { Done, RawChannel, ReadSink } from "../../net/core/host.ts";
import { openTransport } from "../../net/transports/open_transport.ts";
import { text } from "./streams.ts";

/** A channel whose other end is the test. */
export class FakeChannel implements RawChannel {
  closed = false;
  localAddr: Address | null = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  remoteAddr: Address | null = { transport: "tcp", hostname: "127.0.0.1", port: 2 };
  /** What was called, in order. */
  readonly log: string[] = [];
  /** The writes that were begun. */
  readonly writes: Uint8Array[] = [];
  /** Whether the system takes every write at once. */
  takes = true;
  reading: ReadSink | null = null;
  #done: Done | null = null;
  readonly #inbox: Uint8Array[] = [];

  close(): void {
    if (!this.closed) this.log.push("close");
    this.closed = true;
  }

  abort(): void {
    this.close();
  }

  ref(): void {}
  unref(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  startReading(sink: ReadSink): void {
    this.log.push("start");
    this.reading = sink;
    queueMicrotask(() => this.#pump());
  }

  stopReading(): void {
    if (this.reading !== null) this.log.push("stop");
    this.reading = null;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    assert.equal(this.#done, null, "a second write is under way");
    this.writes.push(chunk);
    if (this.takes) return true;
    this.#done = done;
    return false;
  }

  shutdownWrite(done: Done): void {
    this.log.push("shutdown");
    queueMicrotask(() => done(null));
  }

  /** All that was written, as text. */
  get written(): string {
    return this.writes.map(text).join("");
  }

  /** Whether a write waits for the system. */
  get busy(): boolean {
    return this.#done !== null;
  }

  /** Ends the write under way. */
  finish(error: OSError | null = null): void {
    const done = this.#done;
    assert.ok(done !== null, "no write is under way");
    this.#done = null;
    done(error);
  }

  /** The peer sends. What is not wanted now waits for the next `startReading`. */
  feed(chunk: Uint8Array): void {
    this.#inbox.push(chunk);
    this.#pump();
  }

  #pump(): void {
    while (this.reading !== null && this.#inbox.length > 0) {
      const chunk = this.#inbox.shift()!;
      const sink = this.reading;
      const buffer = sink.getBuffer?.() ?? null;
      // Asking for a buffer may have ended the connection.
      if (this.reading === null) return;
      if (buffer === null) {
        sink.onData(chunk);
        continue;
      }
      const count = Math.min(buffer.length, chunk.length);
      buffer.set(chunk.subarray(0, count));
      if (count < chunk.length) this.#inbox.unshift(chunk.subarray(count));
      sink.onBuffer!(buffer, count);
    }
  }

  sink(): ReadSink {
    assert.ok(this.reading !== null, "nobody reads");
    return this.reading;
  }
}

/** A protocol that remembers what it was told. */
export class Recorder {
  readonly log: string[] = [];
  transport: Transport | null = null;
  lost: unknown = undefined;
  received = "";
  keepOpen = false;

  connectionMade(transport: Transport): void {
    this.log.push("made");
    this.transport = transport;
  }

  dataReceived(data: Uint8Array): void {
    this.log.push("data");
    this.received += text(data);
  }

  eofReceived(): boolean {
    this.log.push("eof");
    return this.keepOpen;
  }

  connectionLost(error: unknown): void {
    this.log.push("lost");
    this.lost = error;
  }

  pauseWriting(): void {
    this.log.push("pause");
  }

  resumeWriting(): void {
    this.log.push("resume");
  }
}

/** A transport over a fake channel, with its protocol told. */
export async function opened<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocol: P,
  channel: FakeChannel = new FakeChannel(),
): Promise<{ transport: Transport; protocol: P; channel: FakeChannel }> {
  const [transport] = await openTransport(loop, channel, () => protocol, null);
  return { transport, protocol, channel };
}
