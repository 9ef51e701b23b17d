import assert from "node:assert/strict";
import {
  CancelledError,
  ConnectionAbortedError,
  ConnectionError,
  ConnectionResetError,
  ContextVar,
  createTask,
  currentTask,
  type EventLoop,
  gather,
  openConnection,
  openUnixConnection,
  sleep,
  startServer,
  startUnixServer,
  StreamReader,
  StreamReaderProtocol,
  StreamWriter,
  type Task,
} from "../../../mod.ts";
import { openTransport } from "../../../net/transports/open_transport.ts";
import { FakeChannel } from "../../_support/fake_channel.ts";
import {
  bytes,
  pattern,
  portOf,
  runs,
  started,
  text,
  ticks,
  until,
  withPath,
} from "../../_support/streams.ts";

/** Both ends of a stream whose peer is the test. */
async function fake(
  loop: EventLoop,
): Promise<{ channel: FakeChannel; reader: StreamReader; writer: StreamWriter }> {
  const channel = new FakeChannel();
  const reader = new StreamReader({ loop });
  const [transport, protocol] = await openTransport(
    loop,
    channel,
    () => new StreamReaderProtocol(reader, undefined, { loop }),
    null,
  );
  return { channel, reader, writer: new StreamWriter(transport, protocol, reader, loop) };
}

async function echo(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for (let chunk; (chunk = await reader.read(65536)).length > 0;) {
    writer.write(chunk);
    await writer.drain();
  }
  writer.close();
}

runs("SW-01: openConnection() gives a reader and a writer that talk over TCP", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.ok(reader instanceof StreamReader);
  assert.ok(writer instanceof StreamWriter);
  writer.write("hello\n");
  await writer.drain();
  assert.equal(text(await reader.readline()), "hello\n");
  writer.close();
  await writer.waitClosed();
  server.close();
  await server.waitClosed();
});

runs("SW-01: megabytes come back as they went, both directions at once", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  const data = pattern(5_000_000);
  const [, back] = await gather([async () => {
    for (let at = 0; at < data.length; at += 100_000) {
      writer.write(data.subarray(at, at + 100_000));
      await writer.drain();
    }
    writer.writeEof();
  }, () => reader.read()]);
  writer.close();
  server.close();
  await server.waitClosed();
  assert.deepEqual(back, data);
});

runs("SW-02: openUnixConnection() talks over a unix socket", () =>
  withPath(async (path) => {
    const server = await startUnixServer(echo, path);
    const [reader, writer] = await openUnixConnection(path);
    writer.write("over the file system\n");
    assert.equal(text(await reader.readline()), "over the file system\n");
    assert.deepEqual(writer.getExtraInfo("peername"), { transport: "unix", path });
    writer.close();
    await writer.waitClosed();
    server.close();
    await server.waitClosed();
  }));

runs("SW-04: a connection that is lost with an error makes reads throw it", async ({ loop }) => {
  const { channel, reader, writer } = await fake(loop);
  const error = new ConnectionResetError("reset");
  const [read] = await started(() => reader.read(10));
  channel.sink().onError(error);
  await assert.rejects(async () => await read, (thrown) => thrown === error);
  await assert.rejects(reader.readline(), (thrown) => thrown === error);
  await assert.rejects(writer.waitClosed(), (thrown) => thrown === error);
});

runs("SW-05: startServer() runs an async callback as a task", async () => {
  let task: Task<unknown> | null = null;
  const server = await startServer(
    async (reader, writer) => {
      task = currentTask();
      writer.write(await reader.readline());
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("to a task\n");
  assert.equal(text(await reader.read()), "to a task\n");
  writer.close();
  server.close();
  await server.waitClosed();
  assert.notEqual(task, null);
});

runs("SW-05: startServer() takes a plain callback", async ({ loop }) => {
  const server = await startServer(
    (reader, writer) => {
      loop.createTask(async () => {
        writer.write(await reader.readline());
        writer.close();
      });
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("to a callback\n");
  assert.equal(text(await reader.read()), "to a callback\n");
  writer.close();
  server.close();
  await server.waitClosed();
});

runs("SW-05: startUnixServer() echoes and leaves nothing behind", () =>
  withPath(async (path) => {
    const server = await startUnixServer(echo, path);
    const [reader, writer] = await openUnixConnection(path);
    writer.write("unix");
    writer.writeEof();
    assert.equal(text(await reader.read()), "unix");
    writer.close();
    server.close();
    await server.waitClosed();
    assert.equal(server.isServing(), false);
  }));

runs("SW-06: close() shows at once, waitClosed() waits for the end", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("to be flushed");
  writer.close();
  assert.equal(writer.isClosing(), true);
  const [closed] = await started(() => writer.waitClosed());
  assert.equal(closed.done(), false);
  channel.finish();
  await closed;
  assert.equal(channel.closed, true);
});

runs("SW-06: waitClosed() resolves although incoming data was not read", async () => {
  const server = await startServer(
    async (_reader, writer) => {
      writer.write("never read".repeat(1000));
      await writer.drain();
      await writer.waitClosed();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.equal((await reader.read(5)).length, 5);
  writer.close();
  await writer.waitClosed();
  assert.equal(writer.isClosing(), true);
  server.close();
  server.closeClients();
  await server.waitClosed();
});

runs("SW-07: closing the writer ends the reader", async ({ loop }) => {
  const { reader, writer } = await fake(loop);
  const [read] = await started(() => reader.read());
  writer.close();
  assert.equal((await read).length, 0);
  await writer.waitClosed();
  assert.equal(reader.atEof(), true);
  assert.equal((await reader.read(5)).length, 0);
});

runs("SW-08: drain() after close() is a ConnectionResetError", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const [, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.close();
  writer.write("too late");
  await assert.rejects(writer.drain(), {
    name: "ConnectionResetError",
    message: `Connection lost: nothing more can be sent to 127.0.0.1:${portOf(server)}`,
  });
  server.close();
  await server.waitClosed();
});

runs("SW-09: writing for ever to a peer that is gone ends with a ConnectionError", async () => {
  const server = await startServer(
    (_reader, writer) => {
      writer.transport.abort();
    },
    "127.0.0.1",
    0,
  );
  const [, writer] = await openConnection("127.0.0.1", portOf(server));
  await assert.rejects(async () => {
    for (;;) {
      writer.write("foo\n".repeat(1000));
      await writer.drain();
    }
  }, (error) => {
    assert.ok(error instanceof ConnectionError, String(error));
    return true;
  });
  writer.close();
  server.close();
  await server.waitClosed();
});

runs("SW-09: a loop of write() and drain() on a closing transport ends", async ({ loop }) => {
  const { writer } = await fake(loop);
  writer.close();
  let rounds = 0;
  await assert.rejects(async () => {
    for (;; rounds++) {
      writer.write("x");
      await writer.drain();
    }
  }, ConnectionResetError);
  assert.ok(rounds < 5);
});

runs("SW-10: all drain() calls that wait go on together", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("x".repeat(70_000));
  let drained = 0;
  const tasks = Array.from({ length: 10 }, () =>
    createTask(async () => {
      await writer.drain();
      drained++;
    }));
  await ticks(3);
  assert.equal(drained, 0);
  channel.finish();
  await gather(tasks);
  assert.equal(drained, 10);
});

runs("SW-10: drain() does not wait below the high-water mark", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("x".repeat(65_536));
  let turned = false;
  loop.callSoon(() => turned = true);
  await writer.drain();
  assert.equal(turned, false);
});

runs("SW-10: a drain() that is cancelled leaves the others waiting", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("x".repeat(70_000));
  const [first] = await started(() => writer.drain());
  const [second] = await started(() => writer.drain());
  first.cancel();
  await assert.rejects(async () => await first, CancelledError);
  assert.equal(second.done(), false);
  channel.finish();
  await second;
});

runs("SW-10: a peer that does not read holds the writer back", async () => {
  let handlerReader: StreamReader | null = null;
  const server = await startServer(
    (reader) => {
      handlerReader = reader;
    },
    "127.0.0.1",
    0,
    { limit: 1000 },
  );
  const [, writer] = await openConnection("127.0.0.1", portOf(server));
  let sent = 0;
  const writing = createTask(async () => {
    for (;;) {
      writer.write(new Uint8Array(100_000));
      sent += 100_000;
      await writer.drain();
    }
  });
  // Real time: the kernel's buffers fill up at their own pace.
  let before = -1;
  for (; sent !== before; await sleep(0.1)) before = sent;
  assert.ok(sent < 30_000_000, `${sent} bytes were sent to a peer that does not read`);
  assert.equal(writing.done(), false);
  assert.ok((writer.transport.getWriteBufferSize()) <= 65_536 + 100_000);
  assert.notEqual(handlerReader, null);
  writing.cancel();
  await assert.rejects(async () => await writing, CancelledError);
  writer.transport.abort();
  server.close();
  server.abortClients();
  await server.waitClosed();
});

runs("SW-12: a callback that throws is reported and its connection closed", async ({ reports }) => {
  const error = new Error("unhandled");
  let transport: unknown = null;
  const server = await startServer(
    (_reader, writer) => {
      transport = writer.transport;
      throw error;
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.equal((await reader.read()).length, 0);
  writer.close();
  server.close();
  await server.waitClosed();
  assert.equal(reports.length, 1);
  assert.deepEqual(reports.pop(), {
    message: "Unhandled exception in client_connected_cb",
    exception: error,
    transport,
  });
});

runs("SW-12: a cancelled callback closes its connection in silence", async () => {
  const server = await startServer(
    async () => {
      currentTask()!.cancel();
      await sleep(0);
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.equal((await reader.read()).length, 0);
  writer.close();
  server.close();
  await server.waitClosed();
  assert.equal(server.sockets.length, 0);
});

runs("SW-14: drain() throws what the reader has failed with", async ({ loop }) => {
  const { reader, writer } = await fake(loop);
  const error = new Error("stored");
  reader.setException(error);
  await assert.rejects(writer.drain(), (thrown) => thrown === error);
  writer.close();
  await assert.rejects(writer.drain(), (thrown) => thrown === error);
});

runs("SW-15: writelines() equals one write of all of it", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  writer.writelines(["a", bytes("b"), "", "c"]);
  assert.deepEqual(channel.writes.map(text), ["abc"]);
});

runs(
  "SW-15: writeEof(), canWriteEof() and getExtraInfo() are the transport's",
  async ({ loop }) => {
    const { channel, writer } = await fake(loop);
    assert.equal(writer.canWriteEof(), writer.transport.canWriteEof());
    assert.equal(writer.getExtraInfo("peername"), channel.remoteAddr);
    assert.equal(writer.getExtraInfo("cipher"), null);
    writer.writeEof();
    assert.equal(channel.log.includes("shutdown"), true);
  },
);

runs("SW-15: after writeEof() the answer can still be read", async () => {
  const server = await startServer(
    async (reader, writer) => {
      const all = await reader.read();
      writer.write(`${all.length} bytes`);
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("question");
  writer.writeEof();
  assert.equal(text(await reader.read()), "8 bytes");
  writer.close();
  server.close();
  await server.waitClosed();
});

runs("SW-16: a clean close resolves the drain() that waits", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("x".repeat(70_000));
  const [drain] = await started(() => writer.drain());
  writer.transport.abort();
  assert.equal(await drain, undefined);
});

runs("SW-16: an error rejects the drain() that waits", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("x".repeat(70_000));
  const [drain] = await started(() => writer.drain());
  const error = new ConnectionAbortedError("aborted");
  channel.finish(error);
  await assert.rejects(async () => await drain, (thrown) => thrown === error);
});

runs(
  "STREAM-06: a server's callbacks run in the context of startServer(), each in a copy",
  async () => {
    const variable = new ContextVar("variable", { default: "none" });
    const seen: string[] = [];
    variable.set("server");
    const server = await startServer(
      (_reader, writer) => {
        seen.push(variable.get());
        variable.set("connection");
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    variable.set("later");
    for (let i = 0; i < 2; i++) {
      const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
      await reader.read();
      writer.close();
    }
    server.close();
    await server.waitClosed();
    assert.deepEqual(seen, ["server", "server"]);
    assert.equal(variable.get(), "later");
  },
);

runs(
  "STREAM-07: writable waits as drain() does, and closing it ends the writing direction",
  async ({ loop }) => {
    const { channel, writer } = await fake(loop);
    channel.takes = false;
    const web = writer.writable.getWriter();
    assert.equal(writer.writable, writer.writable);
    let written = false;
    const writing = web.write(new Uint8Array(70_000)).then(() => written = true);
    await ticks(5);
    assert.equal(written, false);
    channel.finish();
    channel.finish();
    await writing;
    await web.close();
    assert.equal(channel.log.includes("shutdown"), true);
    assert.equal(writer.isClosing(), false);
  },
);

runs("STREAM-08: aborting writable drops the connection", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  await writer.writable.abort("enough");
  await writer.waitClosed();
  assert.equal(channel.closed, true);
});

runs("STREAM-09: web streams carry a body there and back", async () => {
  const server = await startServer(
    async (reader, writer) => {
      await reader.readable.pipeTo(writer.writable);
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  const data = pattern(1_000_000);
  const sending = new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeTo(writer.writable);
  const back = new Uint8Array(await new Response(reader.readable).arrayBuffer());
  await sending;
  writer.close();
  server.close();
  await server.waitClosed();
  assert.deepEqual(back, data);
});

runs("STREAM-10: `await using` closes a writer", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  await writer[Symbol.asyncDispose]();
  assert.equal(channel.closed, true);
});

runs("STREAM-11: a hundred connections echo side by side", async () => {
  const server = await startServer(echo, "127.0.0.1", 0);
  const port = portOf(server);
  const talks = Array.from({ length: 100 }, (_, i) => async () => {
    const [reader, writer] = await openConnection("127.0.0.1", port);
    for (let round = 0; round < 5; round++) {
      writer.write(`${i}:${round}\n`);
      await writer.drain();
      assert.equal(text(await reader.readline()), `${i}:${round}\n`);
    }
    writer.close();
    await writer.waitClosed();
    return i;
  });
  const done = await gather(talks);
  server.close();
  await server.waitClosed();
  assert.equal(done.length, 100);
});

runs("STREAM-12: a reader that is paused at its limit loses nothing", async () => {
  const server = await startServer(
    async (_reader, writer) => {
      writer.write(pattern(3_000_000));
      await writer.drain();
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server), { limit: 100 });
  await until(() => String(reader).includes("paused"));
  const parts: Uint8Array[] = [];
  for (let chunk; (chunk = await reader.read(1 << 20)).length > 0;) parts.push(chunk);
  writer.close();
  server.close();
  await server.waitClosed();
  assert.deepEqual(
    new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer()),
    pattern(3_000_000),
  );
});
