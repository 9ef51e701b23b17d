import assert from "node:assert/strict";
import {
  ConnectionError,
  openConnection,
  type Server,
  sleep,
  startServer,
  type StreamReader,
  type StreamWriter,
  TaskGroup,
  timeout,
} from "../../mod.ts";
import { pattern, portOf } from "./streams.ts";

/** Repeatable randomness (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6D2B79F5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Passes bytes on in pieces of any size, now and then with a pause, and cuts after `budget`. */
async function pump(
  from: StreamReader,
  to: StreamWriter,
  next: () => number,
  budget: { left: number },
): Promise<void> {
  for (;;) {
    const chunk = await from.read(1 + Math.floor(next() * 5000));
    if (chunk.length === 0) {
      to.writeEof();
      return;
    }
    for (let at = 0; at < chunk.length;) {
      const size = 1 + Math.floor(next() * chunk.length);
      to.write(chunk.subarray(at, at + size));
      at += size;
      if (next() < 0.2) await sleep(next() < 0.3 ? 0.001 : 0);
      await to.drain();
      budget.left -= size;
      if (budget.left < 0) throw new Cut();
    }
  }
}

class Cut extends Error {}

/** A server that passes everything on to another one until it feels like cutting. */
function proxy(port: number, next: () => number, budget: number): Promise<Server> {
  return startServer(
    async (reader, writer) => {
      const [otherReader, otherWriter] = await openConnection("127.0.0.1", port);
      const left = { left: budget };
      try {
        await new TaskGroup().with((group) => {
          group.createTask(() => pump(reader, otherWriter, next, left));
          group.createTask(() => pump(otherReader, writer, next, left));
        });
        writer.close();
        otherWriter.close();
      } catch {
        // A cut, or what a cut on the other side led to: the test looks at both ends.
        if (next() < 0.5) writer.transport.abort();
        else writer.close();
        otherWriter.transport.abort();
      }
    },
    "127.0.0.1",
    0,
  );
}

/** What came back until the end, however the end came. */
async function talk(port: number, data: Uint8Array, next: () => number): Promise<Uint8Array> {
  const [reader, writer] = await openConnection("127.0.0.1", port, { limit: 1000 });
  const received = new Uint8Array(data.length);
  let length = 0;
  const send = async (): Promise<void> => {
    for (let at = 0; at < data.length;) {
      const size = 1 + Math.floor(next() * 3000);
      writer.write(data.subarray(at, at + size));
      at += size;
      await writer.drain();
    }
    writer.writeEof();
  };
  const receive = async (): Promise<void> => {
    for (;;) {
      const chunk = await reader.read(1 + Math.floor(next() * 8000));
      if (chunk.length === 0) return;
      // More than was sent would be a RangeError.
      received.set(chunk, length);
      length += chunk.length;
    }
  };
  const forgive = (error: unknown): void => {
    if (!(error instanceof ConnectionError)) throw error;
  };
  await new TaskGroup().with((group) => {
    group.createTask(() => send().catch(forgive));
    group.createTask(() => receive().catch(forgive));
  });
  writer.close();
  await writer.waitClosed().catch(forgive);
  return received.subarray(0, length);
}

/**
 * Holds one conversation with an echo per seed, through a proxy that splits, delays and cuts. Nothing
 * may hang, and what came back before the cut must be what was sent, in order. About every third
 * conversation is let through to its end.
 *
 * @returns how many were let through
 */
export async function cutConversations(seeds: number): Promise<number> {
  const echo = await startServer(serveEcho, "127.0.0.1", 0);
  const data = pattern(60_000);
  let whole = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const next = random(seed);
    const budget = next() < 0.35 ? Infinity : Math.floor(next() * 130_000);
    const between = await proxy(portOf(echo), next, budget);
    const received = await timeout(20).with(() => talk(portOf(between), data, next));
    assert.deepEqual(received, data.subarray(0, received.length), `seed ${seed}`);
    if (budget === Infinity) {
      assert.equal(received.length, data.length, `seed ${seed}`);
      whole++;
    }
    between.close();
    between.abortClients();
    await timeout(20).with(() => between.waitClosed());
  }
  echo.close();
  echo.abortClients();
  await timeout(20).with(() => echo.waitClosed());
  return whole;
}

async function serveEcho(reader: StreamReader, writer: StreamWriter): Promise<void> {
  try {
    for (let chunk; (chunk = await reader.read(65536)).length > 0;) {
      writer.write(chunk);
      await writer.drain();
    }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
  writer.close();
}
