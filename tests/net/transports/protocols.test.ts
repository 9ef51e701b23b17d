import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BufferedProtocol,
  ConnectionResetError,
  type Protocol,
  RuntimeError,
  type Transport,
} from "../../../mod.ts";
import { feedBuffered } from "../../../net/transports/receiving.ts";
import { opened, Recorder } from "../../_support/fake_channel.ts";
import { bytes, pattern, portOf, runs, text, ticks, until } from "../../_support/streams.ts";

/** Receives into one buffer again and again. */
class Buffered implements BufferedProtocol {
  readonly log: string[] = [];
  readonly hints: number[] = [];
  readonly buffer: Uint8Array;
  received = "";
  lost: unknown = undefined;
  keepOpen = false;

  constructor(size: number | Uint8Array) {
    this.buffer = typeof size === "number" ? new Uint8Array(size) : size;
  }

  getBuffer(sizehint: number): Uint8Array {
    this.hints.push(sizehint);
    return this.buffer;
  }

  bufferUpdated(nbytes: number): void {
    this.log.push(`updated ${nbytes}`);
    this.received += text(this.buffer.subarray(0, nbytes));
  }

  eofReceived(): boolean {
    this.log.push("eof");
    return this.keepOpen;
  }

  connectionLost(error: unknown): void {
    this.log.push("lost");
    this.lost = error;
  }
}

runs(
  "PROTO-01: a protocol with dataReceived() alone lives through a whole connection",
  async ({ loop }) => {
    let received = "";
    const protocol: Protocol = { dataReceived: (data) => received += text(data) };
    const { transport, channel } = await opened(loop, protocol);
    channel.takes = false;
    channel.feed(bytes("data"));
    await ticks(2);
    transport.write("x".repeat(100_000));
    channel.finish();
    channel.finish();
    channel.sink().onEof();
    await ticks(3);
    assert.deepEqual([received, channel.closed], ["data", true]);
  },
);

runs(
  "PROTO-02: getBuffer(-1) comes before each receive, bufferUpdated(n) after it",
  async ({ loop }) => {
    const protocol = new Buffered(4);
    const { channel } = await opened(loop, protocol);
    channel.feed(bytes("abcdefghij"));
    await ticks(3);
    assert.deepEqual(protocol.log, ["updated 4", "updated 4", "updated 2"]);
    assert.deepEqual(protocol.hints, [-1, -1, -1]);
    assert.equal(protocol.received, "abcdefghij");
  },
);

runs("PROTO-02: much data arrives whole through a buffer of 100 bytes", async ({ loop }) => {
  const data = pattern(300_000);
  const received: number[] = [];
  let ended = false;
  const buffer = new Uint8Array(100);
  const server = await loop.createServer(
    () => ({
      getBuffer: () => buffer,
      bufferUpdated: (nbytes) => received.push(...buffer.subarray(0, nbytes)),
      connectionLost: () => ended = true,
    }),
    "127.0.0.1",
    0,
  );
  const [transport] = await loop.createConnection(
    () => new Recorder(),
    "127.0.0.1",
    portOf(server),
  );
  transport.write(data);
  transport.close();
  await until(() => ended);
  server.close();
  await server.waitClosed();
  assert.deepEqual(Uint8Array.from(received), data);
});

const failures: [what: string, message: string, spoil: (protocol: Buffered) => void][] = [
  ["a getBuffer() that throws", "getBuffer", (protocol) => {
    protocol.getBuffer = () => {
      throw new Error("spoiled");
    };
  }],
  ["an empty buffer", "getBuffer", (protocol) => protocol.getBuffer = () => new Uint8Array(0)],
  ["a buffer of no bytes' kind", "getBuffer", (protocol) => {
    protocol.getBuffer = () => new ArrayBuffer(10) as unknown as Uint8Array;
  }],
  ["no buffer at all", "getBuffer", (protocol) => {
    protocol.getBuffer = () => undefined as unknown as Uint8Array;
  }],
  ["a bufferUpdated() that throws", "bufferUpdated", (protocol) => {
    protocol.bufferUpdated = () => {
      throw new Error("spoiled");
    };
  }],
];
for (const [what, name, spoil] of failures) {
  runs(`PROTO-03: ${what} ends the connection`, async ({ loop, reports }) => {
    const protocol = new Buffered(10);
    const { channel, transport } = await opened(loop, protocol);
    spoil(protocol);
    channel.feed(bytes("x"));
    await ticks(3);
    assert.equal(reports.length, 1);
    const report = reports.pop()!;
    assert.equal(report.message, `Fatal error: protocol.${name}() call failed.`);
    assert.deepEqual([report.transport, report.protocol], [transport, protocol]);
    if (what === "an empty buffer") {
      assert.ok(report.exception instanceof RuntimeError);
      assert.match(report.exception.message, /returned an empty buffer/);
    }
    if (/buffer of|no buffer/.test(what)) assert.ok(report.exception instanceof TypeError);
    assert.equal(protocol.lost, report.exception);
    assert.deepEqual(protocol.log, ["lost"]);
  });
}

runs(
  "PROTO-04: at the end a falsy eofReceived() closes, a true one keeps open",
  async ({ loop }) => {
    const closing = new Buffered(10);
    const first = await opened(loop, closing);
    first.channel.sink().onEof();
    const open = new Buffered(10);
    open.keepOpen = true;
    const second = await opened(loop, open);
    second.channel.sink().onEof();
    await ticks(4);
    assert.deepEqual([closing.log, open.log], [["eof", "lost"], ["eof"]]);
    second.transport.write("still");
    assert.equal(second.channel.written, "still");
  },
);

runs("PROTO-04: a read error goes to connectionLost()", async ({ loop }) => {
  const protocol = new Buffered(10);
  const { channel } = await opened(loop, protocol);
  const error = new ConnectionResetError("reset");
  channel.sink().onError(error);
  await ticks(3);
  assert.equal(protocol.lost, error);
});

runs(
  "PROTO-05: data goes to the protocol of the other kind from setProtocol() on",
  async ({ loop }) => {
    const plain = new Recorder();
    const buffered = new Buffered(3);
    const { channel, transport } = await opened<Protocol | BufferedProtocol>(loop, plain);
    channel.feed(bytes("one"));
    await ticks(8);
    transport.setProtocol(buffered);
    channel.feed(bytes("two and"));
    await ticks(8);
    transport.setProtocol(plain);
    channel.feed(bytes("three"));
    await ticks(8);
    assert.deepEqual([plain.received, buffered.received], ["onethree", "two and"]);
  },
);

runs(
  "PROTO-05: data on its way into a buffer reaches the protocol that has replaced its owner",
  async ({ loop }) => {
    const first = new Buffered(10);
    const plain = new Recorder();
    const second = new Buffered(2);
    const { channel, transport } = await opened<Protocol | BufferedProtocol>(loop, first);
    const sink = channel.sink();
    // A runtime that pulls has asked for the buffer before the data comes.
    const buffer = sink.getBuffer!()!;
    buffer.set(bytes("early"));
    transport.setProtocol(plain);
    sink.onBuffer!(buffer, 5);
    await ticks(2);
    transport.setProtocol(second);
    sink.onData(bytes("later"));
    await ticks(2);
    assert.deepEqual([first.received, plain.received, second.received], ["", "early", "later"]);
  },
);

runs(
  "PROTO-05: what a Buffer of the old protocol held is the new one's own, in a plain array",
  async ({ loop }) => {
    const first = new Buffered(Buffer.alloc(10));
    const chunks: Uint8Array[] = [];
    const plain = { dataReceived: (data: Uint8Array) => void chunks.push(data) };
    const { channel, transport } = await opened<Protocol | BufferedProtocol>(loop, first);
    const sink = channel.sink();
    const buffer = sink.getBuffer!()!;
    buffer.set(bytes("early"));
    transport.setProtocol(plain);
    sink.onBuffer!(buffer, 5);
    await ticks(2);
    buffer.fill(0);
    assert.deepEqual(chunks, [bytes("early")]);
  },
);

runs(
  "PROTO-05: replacing the protocol works in mid-stream over a real connection",
  async ({ loop }) => {
    const first = new Recorder();
    const buffered = new Buffered(7);
    let client: Transport | null = null;
    const server = await loop.createServer(() => first, "127.0.0.1", 0);
    [client] = await loop.createConnection(() => new Recorder(), "127.0.0.1", portOf(server));
    client.write("plain");
    await until(() => first.received === "plain");
    first.transport!.setProtocol(buffered);
    client.write("through the buffer");
    await until(() => buffered.received === "through the buffer");
    client.close();
    await until(() => buffered.lost === null);
    server.close();
    await server.waitClosed();
    assert.equal(first.received, "plain");
  },
);

test("PROTO-06: data is split over small buffers, and handed over at once where it fits", () => {
  const small = new Buffered(4);
  feedBuffered(small, bytes("0123456789"));
  assert.deepEqual(small.log, ["updated 4", "updated 4", "updated 2"]);
  assert.deepEqual(small.hints, [10, 6, 2]);
  const big = new Buffered(100);
  feedBuffered(big, bytes("0123456789"));
  assert.deepEqual(big.log, ["updated 10"]);
  assert.equal(small.received, big.received);
});

test("PROTO-06: an empty buffer is a RuntimeError", () => {
  assert.throws(() => feedBuffered(new Buffered(0), bytes("x")), {
    name: "RuntimeError",
    message: "getBuffer() returned an empty buffer",
  });
});
