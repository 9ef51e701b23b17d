import assert from "node:assert/strict";
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import {
  CancelledError,
  ConnectionRefusedError,
  createTask,
  gather,
  type NetAddress,
  openConnection,
  openUnixConnection,
  OSError,
  run,
  RuntimeError,
  type Server,
  sleep,
  startServer,
  startUnixServer,
  type StreamReader,
  type StreamWriter,
} from "../../../mod.ts";
import type { AcceptSink, NetHost, RawListener } from "../../../net/core/host.ts";
import { useHost } from "../../../net/hosts/select.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { runProgram } from "../../_support/programs.ts";
import { FakeChannel, Recorder } from "../../_support/fake_channel.ts";
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

async function hello(_reader: StreamReader, writer: StreamWriter): Promise<void> {
  writer.write("hello");
  await writer.drain();
  writer.close();
}

async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (let chunk; (chunk = await reader.read(65536)).length > 0;) writer.write(chunk);
  writer.close();
}

async function greeted(port: number): Promise<string> {
  const [reader, writer] = await openConnection("127.0.0.1", port);
  const greeting = text(await reader.read());
  writer.close();
  return greeting;
}

/** A server with one open connection, seen from both ends. */
async function connected(): Promise<
  { server: Server; client: StreamWriter; reader: StreamReader; served: StreamWriter }
> {
  let served: StreamWriter | null = null;
  const server = await startServer(
    (_reader, writer) => {
      served = writer;
    },
    "127.0.0.1",
    0,
  );
  const [reader, client] = await openConnection("127.0.0.1", portOf(server));
  await until(() => served !== null);
  return { server, client, reader, served: served! };
}

for (const start of ["startServing", "serveForever"] as const) {
  runs(`SRV-01: { startServing: false } serves nobody before ${start}()`, async () => {
    const server = await startServer(hello, "127.0.0.1", 0, { startServing: false });
    assert.equal(server.isServing(), false);
    const [serving] = await started(() => server[start]());
    assert.equal(server.isServing(), true);
    assert.equal(await greeted(portOf(server)), "hello");
    server.close();
    await server.waitClosed();
    await serving.catch(() => {});
  });
}

runs("SRV-01: startServing() may be repeated", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  await server.startServing();
  await server.startServing();
  assert.equal(await greeted(portOf(server)), "hello");
  server.close();
  await assert.rejects(server.startServing(), RuntimeError);
});

runs("SRV-01: a unix server can be started later too", () =>
  withPath(async (path) => {
    const server = await startUnixServer(hello, path, { startServing: false });
    assert.equal(server.isServing(), false);
    await server.startServing();
    const [reader, writer] = await openUnixConnection(path);
    assert.equal(text(await reader.read()), "hello");
    writer.close();
    server.close();
    await server.waitClosed();
  }));

runs("SRV-02: serveForever() serves until cancelled, then closes and waits", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const [forever] = await started(() => server.serveForever());
  const [reader, client] = await openConnection("127.0.0.1", portOf(server));
  client.write("served");
  assert.equal(text(await reader.readexactly(6)), "served");
  forever.cancel();
  await ticks(5);
  assert.equal(server.isServing(), false);
  assert.deepEqual(server.sockets, []);
  // The client stays, and does nothing.
  await assert.rejects(async () => await forever, CancelledError);
  await server.waitClosed();
  assert.equal(text(await reader.read()), "");
  client.close();
});

runs("SRV-02: what is queued for a client is sent before it is closed", async () => {
  const data = pattern(5_000_000);
  const server = await startServer(
    (_reader, writer) => {
      kept.push(writer);
      writer.write(data);
    },
    "127.0.0.1",
    0,
  );
  const kept: StreamWriter[] = [];
  const [forever] = await started(() => server.serveForever());
  const [reader, client] = await openConnection("127.0.0.1", portOf(server));
  await until(() => kept.length > 0);
  forever.cancel();
  assert.deepEqual(await reader.read(), data);
  await assert.rejects(async () => await forever, CancelledError);
  client.close();
});

runs("SRV-02: a second cancellation does not wait for a client that reads nothing", async () => {
  const server = await startServer(
    (_reader, writer) => {
      kept.push(writer);
      writer.write(new Uint8Array(50_000_000));
    },
    "127.0.0.1",
    0,
  );
  const kept: StreamWriter[] = [];
  const [forever] = await started(() => server.serveForever());
  const [, client] = await openConnection("127.0.0.1", portOf(server), { limit: 1 });
  await until(() => kept.length > 0);
  forever.cancel();
  await ticks(5);
  assert.equal(forever.done(), false);
  forever.cancel();
  await assert.rejects(async () => await forever, CancelledError);
  client.transport.abort();
  await server.waitClosed();
});

runs("SRV-03: serveForever() on a closed server is a RuntimeError", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  server.close();
  await assert.rejects(server.serveForever(), (error) => {
    assert.ok(error instanceof RuntimeError);
    assert.match(error.message, /is closed/);
    return true;
  });
});

runs("SRV-03: a second serveForever() is a RuntimeError", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  const [forever] = await started(() => server.serveForever());
  await assert.rejects(server.serveForever(), (error) => {
    assert.ok(error instanceof RuntimeError);
    assert.match(error.message, /is already being awaited on serveForever\(\)/);
    return true;
  });
  forever.cancel();
  await assert.rejects(async () => await forever, CancelledError);
});

runs("SRV-04: with() closes the server and waits when the body is over", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  const greeting = await server.with((open) => {
    assert.equal(open, server);
    return greeted(portOf(open));
  });
  assert.equal(greeting, "hello");
  assert.equal(server.isServing(), false);
  await server.waitClosed();
});

runs("SRV-04: with() closes the server when the body throws", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  await assert.rejects(
    server.with(() => {
      throw new Error("body");
    }),
    /body/,
  );
  assert.equal(server.isServing(), false);
});

runs("SRV-04: `await using` closes the server", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  await server[Symbol.asyncDispose]();
  assert.equal(server.isServing(), false);
});

runs("SRV-05: waitClosed() waits while the server is open, connections or not", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  const [waiting] = await started(() => server.waitClosed());
  await ticks(3);
  assert.equal(waiting.done(), false);
  server.close();
  await waiting;
});

runs(
  "SRV-05: waitClosed() waits for the last connection, and lets all who wait go on",
  async () => {
    const { server, client, served } = await connected();
    const [first] = await started(() => server.waitClosed());
    server.close();
    const [second] = await started(() => server.waitClosed());
    await ticks(3);
    assert.deepEqual([first.done(), second.done()], [false, false]);
    served.close();
    await gather([first, second]);
    let turned = false;
    server.getLoop().callSoon(() => turned = true);
    await server.waitClosed();
    assert.equal(turned, false);
    client.close();
  },
);

runs("SRV-06: close() and the last connection's end in one tick release who waits", async () => {
  const { server, client, served } = await connected();
  const [waiting] = await started(() => server.waitClosed());
  server.getLoop().callSoon(() => server.close());
  server.getLoop().callSoon(() => served.close());
  await waiting;
  assert.equal(server.isServing(), false);
  client.close();
});

runs("SRV-07: closeClients() closes every connection, what is queued is sent", async () => {
  const { server, client, reader, served } = await connected();
  served.write(pattern(2_000_000));
  server.close();
  server.closeClients();
  assert.equal(served.isClosing(), true);
  assert.deepEqual(await reader.read(), pattern(2_000_000));
  await server.waitClosed();
  client.close();
});

runs("SRV-07: after close() and closeClients() waitClosed() follows within two ticks", async () => {
  const { server, client, served } = await connected();
  server.close();
  server.closeClients();
  const [waiting] = [createTask(() => server.waitClosed())];
  await ticks(3);
  assert.equal(waiting.done(), true);
  assert.equal(served.isClosing(), true);
  client.close();
});

runs("SRV-08: abortClients() drops unsent data and a peer that does not read", async () => {
  const { server, client, served } = await connected();
  client.transport.getProtocol();
  (client.transport as unknown as { pauseReading(): void }).pauseReading();
  served.write(new Uint8Array(20_000_000));
  await ticks(3);
  assert.ok((served.transport.getWriteBufferSize()) > 0);
  server.close();
  server.abortClients();
  await server.waitClosed();
  assert.equal(served.transport.getWriteBufferSize(), 0);
  client.transport.abort();
});

const leaveSocket = new URL("./_leave_socket_program.ts", import.meta.url);

function namesBeside(path: string): string[] {
  return readdirSync(path.slice(0, path.lastIndexOf("/")));
}

async function exists(path: string): Promise<boolean> {
  const { stat } = await import("node:fs/promises");
  return await stat(path).then(() => true, () => false);
}

runs("SRV-09: a unix server removes its socket file on close()", () =>
  withPath(async (path) => {
    const server = await startUnixServer(hello, path);
    assert.equal(await exists(path), true);
    server.close();
    await server.waitClosed();
    assert.equal(await exists(path), false);
  }));

runs("SRV-09: a socket file that is gone already does not matter", () =>
  withPath(async (path) => {
    const { unlink } = await import("node:fs/promises");
    const server = await startUnixServer(hello, path);
    await unlink(path);
    server.close();
    await server.waitClosed();
    assert.equal(await exists(path), false);
  }));

runs("SRV-09: a file that somebody has put in its place stays", () =>
  withPath(async (path) => {
    const { rename, unlink, writeFile } = await import("node:fs/promises");
    const server = await startUnixServer(hello, path);
    // Made before the old one goes, so that it can't get the same inode.
    await writeFile(`${path}.new`, "mine");
    await unlink(path);
    await rename(`${path}.new`, path);
    server.close();
    assert.equal(await exists(path), true);
    await server.waitClosed();
    // Real time: Deno unlinks the path that it knows some time after the close.
    await sleep(0.03);
    assert.deepEqual(namesBeside(path), ["s"]);
    assert.equal(readFileSync(path, "utf8"), "mine");
  }));

runs("SRV-09: so does one that has got the number of the socket's", () =>
  withPath(async (path) => {
    const server = await startUnixServer(hello, path);
    unlinkSync(path);
    writeFileSync(path, "mine");
    server.close();
    await server.waitClosed();
    await sleep(0.03);
    assert.equal(readFileSync(path, "utf8"), "mine");
  }));

for (const cleanupSocket of [true, false]) {
  runs(
    `SRV-09: a file that comes after the close stays, { cleanupSocket: ${cleanupSocket} }`,
    () =>
      withPath(async (path) => {
        const server = await startUnixServer(hello, path, { cleanupSocket });
        // An accept is under way, which on Deno outlives the close.
        await sleep(0.01);
        server.close();
        if (!cleanupSocket) unlinkSync(path);
        writeFileSync(path, "new");
        await server.waitClosed();
        await sleep(0.03);
        assert.deepEqual(namesBeside(path), ["s"]);
        assert.equal(readFileSync(path, "utf8"), "new");
      }),
  );
}

runs(
  "SRV-09: a process that exits right after the close leaves a file that must stay",
  () =>
    withPath(async (path) => {
      const { code, stderr } = await runProgram(leaveSocket, { args: [path] });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.deepEqual(namesBeside(path), ["s"]);
    }),
);

runs("SRV-09: both ends know the path that was given", () =>
  withPath(async (path) => {
    const served: unknown[] = [];
    const server = await startUnixServer((_reader, writer) => {
      served.push(writer.getExtraInfo("sockname"));
      writer.close();
    }, path);
    assert.deepEqual(namesBeside(path), ["s"]);
    const [reader, writer] = await openUnixConnection(path);
    await reader.read();
    const address = { transport: "unix", path };
    assert.deepEqual([writer.getExtraInfo("peername"), served], [address, [address]]);
    assert.deepEqual(server.sockets[0]!.getsockname(), address);
    writer.close();
    server.close();
    await server.waitClosed();
  }));

runs("SRV-09: a path as long as the system takes has a server too", () =>
  withPath(async (path) => {
    const folder = path.slice(0, -1);
    const long = `${folder}${"x".repeat(107 - folder.length)}`;
    const server = await startUnixServer(hello, long);
    const [reader, writer] = await openUnixConnection(long);
    assert.equal(text(await reader.read()), "hello");
    writer.close();
    server.close();
    await server.waitClosed();
    await sleep(0.03);
    assert.deepEqual(namesBeside(path), []);
  }));

runs("SRV-09: { cleanupSocket: false } leaves the socket file", () =>
  withPath(async (path) => {
    const server = await startUnixServer(hello, path, { cleanupSocket: false });
    server.close();
    assert.equal(await exists(path), true);
    await server.waitClosed();
    // Real time: Deno unlinks the path some time after the close.
    await sleep(0.03);
    assert.equal(await exists(path), true);
  }));

runs("SRV-10: sockets lists what is listened on, and is empty after close()", async () => {
  const server = await startServer(hello, ["127.0.0.1", "::1"], 0);
  const names = server.sockets.map((socket) => (socket.getsockname() as NetAddress).hostname);
  assert.deepEqual(names.sort(), ["127.0.0.1", "::1"]);
  const [socket] = server.sockets;
  server.close();
  assert.deepEqual(server.sockets, []);
  assert.equal(socket!.closed, true);
});

runs("SRV-11: close() ends serveForever() with a CancelledError", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  const [forever] = await started(() => server.serveForever());
  server.close();
  await assert.rejects(async () => await forever, CancelledError);
  assert.equal(forever.cancelled(), true);
});

runs("SRV-12: close() leaves live connections working", async () => {
  const { server, client, reader, served } = await connected();
  server.close();
  served.write("still here");
  assert.equal(text(await reader.read(100)), "still here");
  client.close();
  served.close();
  await server.waitClosed();
});

runs("SRV-12: the exit of with() waits for live connections", async () => {
  const { server, client, served } = await connected();
  const [leaving] = await started(() => server.with(() => {}));
  await ticks(3);
  assert.equal(leaving.done(), false);
  served.close();
  client.close();
  await leaving;
  assert.equal(server.isServing(), false);
});

/** A listener whose connections come from the test. */
class FakeListener implements RawListener {
  readonly addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  closed = false;
  starts = 0;
  sink: AcceptSink | null = null;

  start(sink: AcceptSink): void {
    this.starts++;
    this.sink = sink;
  }

  stop(): void {
    this.sink = null;
  }

  close(): void {
    this.closed = true;
  }

  ref(): void {}
  unref(): void {}
}

runs(
  "CSRV-14: out of descriptors, accepting pauses for a second and goes on",
  async ({ loop, reports }) => {
    const listener = new FakeListener();
    useHost(loop[core], { listenTcp: () => Promise.resolve(listener) } as unknown as NetHost);
    const server = await loop.createServer(() => new Recorder(), "127.0.0.1", 1);
    const error = new OSError("accept: too many open files (EMFILE)", { code: "EMFILE" });
    const sink = listener.sink!;
    listener.stop();
    sink.onError(error, true);
    assert.equal(reports.length, 1);
    const report = reports.pop()!;
    assert.equal(report.message, "socket.accept() out of system resource");
    assert.equal(report.exception, error);
    assert.deepEqual(report.socket!.getsockname(), listener.addr);
    assert.deepEqual([server.isServing(), listener.closed, listener.starts], [true, false, 1]);
    const began = loop.time();
    await until(() => listener.starts === 2);
    assert.ok(loop.time() - began > 0.9);
    const channel = new FakeChannel();
    listener.sink!.onConnection(channel);
    await until(() => channel.reading !== null);
    server.close();
    server.abortClients();
    await server.waitClosed();
  },
);

runs(
  "CSRV-14: a server that was closed meanwhile does not start again",
  async ({ loop, reports }) => {
    const listener = new FakeListener();
    useHost(loop[core], { listenTcp: () => Promise.resolve(listener) } as unknown as NetHost);
    const server = await loop.createServer(() => new Recorder(), "127.0.0.1", 1);
    listener.sink!.onError(new OSError("accept", { code: "ENFILE" }), true);
    reports.length = 0;
    server.close();
    const began = loop.time();
    await until(() => loop.time() - began > 1.1);
    assert.equal(listener.starts, 1);
  },
);

runs(
  "SRVX-01: a protocol factory that throws is reported and ends that connection only",
  async ({ loop, reports }) => {
    let calls = 0;
    const server = await loop.createServer(
      () => {
        if (calls++ === 0) throw new Error("no protocol today");
        return new Recorder();
      },
      "127.0.0.1",
      0,
    );
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    assert.equal((await reader.read()).length, 0);
    writer.close();
    assert.equal(reports.length, 1);
    const report = reports.pop()!;
    assert.equal(report.message, "Error on transport creation for incoming connection");
    assert.match(String(report.exception), /no protocol today/);
    const [, second] = await openConnection("127.0.0.1", portOf(server));
    await until(() => calls === 2);
    second.close();
    server.close();
    await server.waitClosed();
  },
);

test("SRVX-02: a run that ends closes the servers that were left open", async () => {
  let port = 0;
  await run(async () => {
    const server = await startServer(hello, "127.0.0.1", 0);
    port = portOf(server);
  });
  await run(async () => {
    await assert.rejects(openConnection("127.0.0.1", port), ConnectionRefusedError);
  });
});
