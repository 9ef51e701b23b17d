import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import {
  createTask,
  Event,
  openConnection,
  openUnixConnection,
  type Protocol,
  type Server,
  sleep,
  startServer,
  startUnixServer,
  type StreamReader,
  type StreamWriter,
  type Transport,
} from "../../../mod.ts";
import { collectUntil } from "../../_support/gc.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import {
  pattern,
  portOf,
  runs,
  started,
  text,
  ticks,
  until,
  withPath,
} from "../../_support/streams.ts";

// Handlers that return without closing their writer. Functions that make something to be collected keep it out of the
// closures of their tests, since closures of one function share what they hold.

type Handler = (reader: StreamReader, writer: StreamWriter) => unknown;

interface Client {
  readonly server: Server;
  readonly reader: StreamReader;
  readonly writer: StreamWriter;
}

async function withClient(
  handler: Handler,
  body: (client: Client) => Promise<void>,
): Promise<void> {
  const server = await startServer(handler, "127.0.0.1", 0);
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  await body({ server, reader, writer });
  writer.transport.abort();
  server.close();
  server.abortClients();
  await server.waitClosed();
}

function hasEnded(reader: StreamReader): boolean {
  return reader.atEof() || reader.exception() !== null;
}

/** The server ends the connection when the garbage is collected. */
async function assertEnds(reader: StreamReader): Promise<void> {
  assert.equal(await collectUntil(() => hasEnded(reader)), true);
}

/** It does not. */
async function assertStays(reader: StreamReader): Promise<void> {
  await collectUntil(() => false, 4);
  // What was just sent may be on its way.
  await sleep(0.02);
  assert.equal(hasEnded(reader), false);
}

async function forgets(_reader: StreamReader, writer: StreamWriter): Promise<void> {
  writer.write("hi\n");
  await writer.drain();
}

runs(
  "LEFT-01: a connection whose handler forgot to close it is flushed and closed",
  () =>
    withClient(forgets, async ({ server, reader }) => {
      assert.equal(text(await reader.readline()), "hi\n");
      await assertEnds(reader);
      server.close();
      await server.waitClosed();
    }),
);

runs(
  "LEFT-01: what is queued is sent before",
  () =>
    withClient((_reader, writer) => writer.write(pattern(10_000_000)), async ({ reader }) => {
      await collectUntil(() => false, 4);
      assert.deepEqual(await reader.read(), pattern(10_000_000));
    }),
);

runs("LEFT-01: so it is over TLS and on a unix socket", () =>
  withPath(async (path) => {
    const ssl = { cert: serverCert, key: serverKey };
    const servers = [
      await startServer(forgets, "127.0.0.1", 0, { ssl }),
      await startUnixServer(forgets, path),
    ];
    const options = { ssl: { caCerts: [caCert] }, serverHostname: "localhost" };
    const clients = [
      await openConnection("127.0.0.1", portOf(servers[0]!), options),
      await openUnixConnection(path),
    ];
    for (const [reader] of clients) {
      assert.equal(text(await reader.readline()), "hi\n");
      await assertEnds(reader);
    }
    for (const [, writer] of clients) writer.close();
    for (const server of servers) server.close();
    for (const server of servers) await server.waitClosed();
  }));

runs("LEFT-01: nobody has to collect for it", () =>
  withClient(forgets, async ({ reader }) => {
    // In real time, since the runtime is asked to collect a quarter of a second later.
    assert.equal(text(await reader.read()), "hi\n");
  }));

function openSockets(): number {
  let count = 0;
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket")) count++;
    } catch (error) {
      // The one by which the folder was read.
      if ((error as { code: string }).code !== "ENOENT") throw error;
    }
  }
  return count;
}

runs("LEFT-01: clients that come and go leave no descriptor behind", async () => {
  const server = await startServer(forgets, "127.0.0.1", 0);
  const before = openSockets();
  for (let i = 0; i < 50; i++) {
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    await reader.readline();
    writer.close();
    await writer.waitClosed();
  }
  await until(() => openSockets() <= before);
  server.close();
  await server.waitClosed();
});

for (const kept of ["reader", "writer", "reader.readable", "writer.writable"] as const) {
  runs(`LEFT-02: a connection whose ${kept} is kept stays open as long as that is`, async () => {
    const keep = new Set<unknown>();
    const handler: Handler = (reader, writer) => {
      keep.add(
        kept === "reader"
          ? reader
          : kept === "writer"
          ? writer
          : kept === "reader.readable"
          ? reader.readable
          : writer.writable,
      );
    };
    await withClient(handler, async ({ reader }) => {
      await until(() => keep.size > 0);
      await assertStays(reader);
      keep.clear();
      await assertEnds(reader);
    });
  });
}

runs("LEFT-02: a writer that is kept goes on writing, also to a peer that has ended", async () => {
  const members = new Set<StreamWriter>();
  const join: Handler = (_reader, writer) => {
    members.add(writer);
  };
  await withClient(join, async ({ reader, writer }) => {
    await until(() => members.size > 0);
    writer.writeEof();
    await assertStays(reader);
    for (const member of members) member.write("news\n");
    assert.equal(text(await reader.readline()), "news\n");
    await assertStays(reader);
    for (const member of members) member.close();
    assert.equal(text(await reader.read()), "");
  });
});

runs("LEFT-02: a task that goes on with it has its time", async () => {
  const answer = new Event();
  const serve = async (reader: StreamReader, writer: StreamWriter): Promise<void> => {
    const request = await reader.readline();
    await answer.wait();
    writer.write(request);
    writer.close();
  };
  const handler: Handler = (reader, writer) => {
    createTask(() => serve(reader, writer));
  };
  await withClient(handler, async ({ reader, writer }) => {
    writer.write("request\n");
    writer.writeEof();
    await assertStays(reader);
    answer.set();
    assert.equal(text(await reader.read()), "request\n");
  });
});

runs("LEFT-02: a web stream that is being piped into it holds it", async () => {
  let feed!: ReadableStreamDefaultController<Uint8Array>;
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => void (feed = controller),
  });
  const handler: Handler = (_reader, writer) => {
    source.pipeTo(writer.writable).catch((error) => assert.fail(String(error)));
  };
  await withClient(handler, async ({ reader, writer }) => {
    writer.writeEof();
    await assertStays(reader);
    feed.enqueue(new TextEncoder().encode("chunk\n"));
    assert.equal(text(await reader.readline()), "chunk\n");
    feed.close();
    assert.equal(text(await reader.read()), "");
  });
});

runs("LEFT-03: one whose transport was handed out stays until its peer has ended", async () => {
  let transport!: { write(data: string): void };
  const handler: Handler = (_reader, writer) => {
    transport = writer.transport;
  };
  await withClient(handler, async ({ reader, writer }) => {
    await until(() => transport !== undefined);
    await assertStays(reader);
    transport.write("still here\n");
    assert.equal(text(await reader.readline()), "still here\n");
    writer.writeEof();
    await assertEnds(reader);
  });
});

runs("LEFT-03: one that was given another protocol is that protocol's", async () => {
  const received: string[] = [];
  const handler: Handler = (_reader, writer) => {
    const protocol: Protocol = {
      dataReceived: (data) => void received.push(text(data)),
      eofReceived: () => true,
    };
    (writer.transport as Transport).setProtocol(protocol);
  };
  await withClient(handler, async ({ reader, writer }) => {
    await assertStays(reader);
    writer.write("to the protocol");
    writer.writeEof();
    await until(() => received.length > 0);
    await assertStays(reader);
  });
});

runs("LEFT-04: a handler that is under way is left alone", async () => {
  const release = new Event();
  const handler: Handler = async () => {
    await release.wait();
  };
  await withClient(handler, async ({ reader, writer }) => {
    writer.writeEof();
    await assertStays(reader);
    release.set();
    await assertEnds(reader);
  });
});

runs("LEFT-04: a loop that ends with such connections leaves nothing behind", async () => {
  const [serving] = await started(async () => {
    const server = await startServer(forgets, "127.0.0.1", 0);
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    await reader.readline();
    writer.transport.abort();
    server.close();
  });
  await serving;
  await ticks(5);
});
