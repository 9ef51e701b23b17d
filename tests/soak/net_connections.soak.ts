// What takes too long for every run: thousands of connections at once, and peers that hold others up.
//   deno test -A tests/soak/net_connections.soak.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  run,
  Semaphore,
  sleep,
  startServer,
  type StreamReader,
  type StreamWriter,
  timeout,
  type Transport,
} from "../../mod.ts";
import { pattern, portOf } from "../_support/streams.ts";
import { openDescriptors, until } from "../_support/processes.ts";
import { MEGABYTE, settledMegabytes } from "../_support/memory.ts";

type Connection = [reader: StreamReader, writer: StreamWriter];

const CONNECTIONS = 5000;
const MARK = 64 * 1024;

function soak(name: string, body: () => Promise<void>): void {
  test(name, { timeout: 300_000 }, () => run(body));
}

async function serveEcho(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (let chunk; (chunk = await reader.read(65536)).length > 0;) {
    writer.write(chunk);
    await writer.drain();
  }
  writer.close();
  await writer.waitClosed();
}

async function connectAll(port: number, count: number): Promise<Connection[]> {
  // The kernel holds only so many that were not accepted yet: the answer shows that one was.
  const slots = new Semaphore(50);
  const hello = pattern(10);
  return await gather(Array.from({ length: count }, () => () =>
    slots.with(async () => {
      const connection = await openConnection("127.0.0.1", port);
      await talk(connection, hello);
      return connection;
    })));
}

async function talk([reader, writer]: Connection, message: Uint8Array): Promise<void> {
  writer.write(message);
  await writer.drain();
  assert.deepEqual(await reader.readexactly(message.length), message);
}

async function end([reader, writer]: Connection): Promise<void> {
  writer.writeEof();
  assert.equal((await reader.read()).length, 0);
  writer.close();
  await writer.waitClosed();
}

soak("SW-05: 5,000 connections at once, each echoing; afterwards memory is as before", async () => {
  const server = await startServer(serveEcho, "127.0.0.1", 0);
  const port = portOf(server);
  const message = pattern(1000);
  // What a runtime allocates with its first connections and keeps does not count.
  const round = async (count: number): Promise<number> => {
    const connections = await connectAll(port, count);
    for (let times = 0; times < 3; times++) {
      await gather(connections.map((one) => () => talk(one, message)));
    }
    const held = await settledMegabytes();
    await gather(connections.map((one) => () => end(one)));
    return held;
  };
  const descriptors = openDescriptors();
  await round(CONNECTIONS);
  await until(() => openDescriptors() <= descriptors + 5, "the release of all descriptors");
  const before = await settledMegabytes();
  const during = await round(CONNECTIONS);
  await round(CONNECTIONS);
  await until(() => openDescriptors() <= descriptors + 5, "the release of all descriptors");
  const growth = await settledMegabytes() - before;
  const each = (during - before) * 1024 / CONNECTIONS;
  console.log(`a connection, both ends: ${each.toFixed(1)} KB; left over: ${growth.toFixed(1)} MB`);
  assert.ok(growth < 4, `${growth} MB are left over`);
  server.close();
  await server.waitClosed();
});

soak("TR-05: a peer that never reads costs no more than its water mark", async () => {
  const peers = 200;
  const chunk = pattern(MARK / 4);
  let blocked = 0;
  let highest = 0;
  const server = await startServer(
    async (_reader, writer) => {
      let drained = true;
      while (drained) {
        // Each its own: one array queued many times would weigh nothing.
        writer.write(chunk.slice());
        highest = Math.max(highest, writer.transport.getWriteBufferSize());
        const draining = createTask(() => writer.drain());
        drained = await Promise.race([draining.then(() => true, () => true), idle()]);
        if (!drained) {
          blocked++;
          await draining.catch(() => {});
        }
      }
    },
    "127.0.0.1",
    0,
  );
  const before = await settledMegabytes();
  const connections: Transport[] = [];
  for (let peer = 0; peer < peers; peer++) {
    const protocol = new Deaf();
    const [transport] = await getRunningLoop()
      .createConnection(() => protocol, "127.0.0.1", portOf(server));
    connections.push(transport);
  }
  await until(() => blocked === peers, "all writers to be held back");
  const each = (await settledMegabytes() - before) * MEGABYTE / peers;
  console.log(`a peer that never reads: ${(each / 1024).toFixed(0)} KB`);
  assert.ok(highest <= MARK + chunk.length, `${highest} bytes were queued`);
  // The queue, what a runtime reads ahead of the deaf end, and the objects of both ends.
  assert.ok(each < 3 * MARK, `${each} bytes for each`);
  for (const transport of connections) transport.abort();
  server.close();
  server.abortClients();
  await server.waitClosed();
});

/** A protocol that never reads. */
class Deaf implements Protocol {
  connectionMade(transport: Transport): void {
    transport.pauseReading();
  }

  dataReceived(): void {
    assert.fail("reading is paused");
  }
}

/** Long enough to tell that a writer is held back. */
async function idle(): Promise<false> {
  await sleep(0.5);
  return false;
}

soak("SW-05: peers that send a byte a second hold nobody up", async () => {
  const server = await startServer(serveEcho, "127.0.0.1", 0);
  const slow = await connectAll(portOf(server), 200);
  const trickle = createTask(() =>
    gather(slow.map((connection) => async () => {
      for (let second = 0; second < 4; second++) {
        await talk(connection, pattern(1));
        await sleep(1);
      }
    }))
  );
  const fast = await openConnection("127.0.0.1", portOf(server));
  const message = pattern(16 * 1024);
  const rounds: number[] = [];
  while (!trickle.done()) {
    const start = performance.now();
    await timeout(5).with(() => talk(fast, message));
    rounds.push(performance.now() - start);
  }
  await trickle;
  rounds.sort((a, b) => a - b);
  const worst = rounds.at(-1)!;
  console.log(
    `beside 200 slow peers: ${rounds.length} round trips, median ${
      rounds[rounds.length >> 1]!.toFixed(2)
    } ms, longest ${worst.toFixed(0)} ms`,
  );
  // A second would mean that one slow peer was waited for.
  assert.ok(worst < 900, `one round trip took ${worst} ms`);
  assert.ok(rounds.length > 1000, `only ${rounds.length} round trips`);
  await gather([...slow, fast].map((one) => () => end(one)));
  server.close();
  await server.waitClosed();
});
