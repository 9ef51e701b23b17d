import assert from "node:assert/strict";
import {
  Future,
  getRunningLoop,
  openConnection,
  startServer,
  type StreamReader,
  type StreamWriter,
  toThread,
  transfer,
  type Transport,
} from "../../../mod.ts";
import { bytes, portOf, runs, text } from "../../_support/streams.ts";

// Small chunks of a protocol and short lines share buffers on Deno, of which nobody's bytes may get lost or seen.

/** Both ends of a connection; the server's end is `peer`. */
async function pair(): Promise<{ reader: StreamReader; peer: StreamWriter; end(): Promise<void> }> {
  const made = new Future<StreamWriter>();
  const server = await startServer((_reader, writer) => made.setResult(writer), "127.0.0.1", 0);
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  const peer = await made;
  const end = async (): Promise<void> => {
    peer.close();
    writer.close();
    server.close();
    await server.waitClosed();
  };
  return { reader, peer, end };
}

/** Two lines that arrived together. */
async function twoLines(
  { reader, peer }: { reader: StreamReader; peer: StreamWriter },
): Promise<[Uint8Array, Uint8Array]> {
  peer.write("first\nsecond\nthird\n");
  return [await reader.readline(), await reader.readline()];
}

/** A server that collects the chunks of each connection, for clients that send word by word. */
async function collecting(words: readonly (readonly string[])[]): Promise<Uint8Array[][]> {
  const loop = getRunningLoop();
  const chunks: Uint8Array[][] = words.map(() => []);
  const server = await loop.createServer(
    () => {
      let mine: Uint8Array[] = [];
      let transport: Transport;
      return {
        connectionMade(made: Transport): void {
          transport = made;
        },
        dataReceived(data: Uint8Array): void {
          if (mine.length === 0) mine = chunks[data[0]! - 48]!;
          mine.push(data);
          transport.write("k");
        },
      };
    },
    "127.0.0.1",
    0,
  );
  await Promise.all(words.map(async (list) => {
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    for (const word of list) {
      writer.write(word);
      await reader.readexactly(1);
    }
    writer.close();
    await writer.waitClosed();
  }));
  server.close();
  await server.waitClosed();
  return chunks;
}

runs("SR-04: a line given away takes no other with it", async () => {
  const connection = await pair();
  const [first, second] = await twoLines(connection);
  try {
    structuredClone(first, { transfer: [first.buffer as ArrayBuffer] });
  } catch {
    // Refused: both are still whole.
    assert.equal(text(first), "first\n");
  }
  assert.equal(text(second), "second\n");
  await connection.end();
});

runs("SR-04: a line that is moved to a worker takes no other with it", async () => {
  const connection = await pair();
  const [first, second] = await twoLines(connection);
  const length = await toThread(
    (chunk: Uint8Array) => chunk.length,
    transfer(first, [first.buffer as ArrayBuffer]),
  );
  assert.equal(length, 6);
  assert.equal(text(second), "second\n");
  await connection.end();
});

runs("SR-04: a line that is copied to a worker takes no other's bytes along", async () => {
  const connection = await pair();
  const [first, second] = await twoLines(connection);
  const sizes = await toThread(
    (...chunks: Uint8Array[]) => chunks.map((chunk) => [chunk.length, chunk.buffer.byteLength]),
    first,
    second,
  );
  assert.deepEqual(sizes, [[6, 6], [7, 7]]);
  assert.equal(text(second), "second\n");
  await connection.end();
});

runs("SR-04: writing into one line leaves the others as they are", async () => {
  const connection = await pair();
  const [first, second] = await twoLines(connection);
  first.fill(0);
  assert.equal(text(second), "second\n");
  second.fill(1);
  assert.deepEqual([...first], [0, 0, 0, 0, 0, 0]);
  await connection.end();
});

runs("SR-21: what readexactly() gives begins its buffer, for a DataView of a header", async () => {
  const { reader, peer, end } = await pair();
  peer.write("warm up");
  await reader.readexactly(7);
  peer.write(new Uint8Array([0, 0, 1, 2, 9, 9]));
  const header = await reader.readexactly(4);
  assert.equal(new DataView(header.buffer).getUint32(0), 258);
  peer.write(new Uint8Array([0, 0, 1, 3]));
  await reader.readexactly(2);
  assert.equal(new DataView((await reader.readexactly(4)).buffer).getUint32(0), 259);
  await end();
});

runs("SR-04: a part that read(n) cuts out begins its buffer", async () => {
  const { reader, peer, end } = await pair();
  peer.write(new Uint8Array([5, 0, 0, 2, 1, 7]));
  while ((await reader.read(1))[0] !== 5);
  const part = await reader.read(4);
  assert.equal(new DataView(part.buffer).getUint16(2), 513);
  await end();
});

runs(
  "STREAM-03: small chunks of a connection go through readable, which takes their buffers",
  async () => {
    const { reader, peer, end } = await pair();
    const pulled = reader.readable.getReader();
    const got: string[] = [];
    for (const word of ["one", "two", "three"]) {
      peer.write(word);
      got.push(text((await pulled.read()).value!));
    }
    assert.deepEqual(got, ["one", "two", "three"]);
    await end();
  },
);

runs("SR-23: ten thousand lines of one connection stay what they were", async () => {
  const { reader, peer, end } = await pair();
  const wanted = Array.from({ length: 10_000 }, (_, i) => `line ${i} ${"x".repeat(i % 40)}\n`);
  peer.write(wanted.join(""));
  const lines: Uint8Array[] = [];
  for await (const line of reader) if (lines.push(line) === wanted.length) break;
  assert.deepEqual(lines.map(text), wanted);
  assert.deepEqual(lines[17], bytes(wanted[17]!));
  await end();
});

runs("TR-09: the chunks of a protocol stay what they were, whichever came after them", async () => {
  const words = [0, 1, 2].map((who) => Array.from({ length: 100 }, (_, i) => `${who} sends ${i}`));
  const chunks = await collecting(words);
  assert.deepEqual(chunks.map((list) => list.map(text)), words);
});

runs("TR-09: no buffer holds chunks of two connections", async () => {
  const words = [0, 1].map((who) => Array.from({ length: 40 }, () => `${who}`));
  const [first, second] = await collecting(words);
  const buffers = new Set(first!.map((chunk) => chunk.buffer));
  assert.ok(second!.every((chunk) => !buffers.has(chunk.buffer)));
});

runs("SR-04: what read() gives can be transferred", async () => {
  const { reader, peer, end } = await pair();
  peer.write("gone");
  const chunk = await reader.read(100);
  assert.equal(text(structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] })), "gone");
  assert.equal(chunk.length, 0);
  await end();
});
