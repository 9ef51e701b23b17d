import assert from "node:assert/strict";
import {
  type BaseProtocol,
  CancelledError,
  createTask,
  type EventLoop,
  openConnection,
  OSError,
  RuntimeError,
  type Server,
  SSLCertVerificationError,
  SSLError,
  startServer,
  type StreamReader,
  type StreamWriter,
  TimeoutError,
  type TlsOptions,
  type Transport,
  waitFor,
} from "../../../mod.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { bytes, pattern, portOf, runs, text, ticks, until } from "../../_support/streams.ts";

const serverSsl: TlsOptions = { cert: serverCert, key: serverKey };
const clientSsl: TlsOptions = { caCerts: [caCert] };
const named = { serverHostname: "localhost" };

/** A server that goes over to TLS after a line, for the time of `body`. */
async function starttls(
  secret: (reader: StreamReader, writer: StreamWriter) => unknown,
  body: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const server = await startServer(
    async (reader, writer) => {
      assert.equal(text(await reader.readline()), "STARTTLS\n");
      writer.write("ready\n");
      await writer.startTls(serverSsl);
      await secret(reader, writer);
    },
    "127.0.0.1",
    0,
  );
  await body(portOf(server), server);
  server.close();
  await waitFor(server.waitClosed(), 10);
}

async function echoLines(reader: StreamReader, writer: StreamWriter): Promise<void> {
  for await (const line of reader) writer.write(line);
  writer.close();
  await writer.waitClosed();
}

async function asked(port: number): Promise<[StreamReader, StreamWriter]> {
  const [reader, writer] = await openConnection("127.0.0.1", port);
  writer.write("STARTTLS\n");
  assert.equal(text(await reader.readline()), "ready\n");
  return [reader, writer];
}

runs("SW-11: startTls() on both ends in mid-stream, and traffic goes on", async () => {
  await starttls(async (reader, writer) => {
    assert.notEqual(writer.getExtraInfo("sslContext"), null);
    await echoLines(reader, writer);
  }, async (port) => {
    const [reader, writer] = await asked(port);
    assert.equal(writer.getExtraInfo("sslContext"), null);
    assert.equal(writer.canWriteEof(), true);
    await writer.startTls(clientSsl, named);
    assert.equal(writer.getExtraInfo("sslContext"), clientSsl);
    assert.equal(writer.canWriteEof(), false);
    for (const line of ["one\n", "two\n"]) {
      writer.write(line);
      assert.equal(text(await reader.readline()), line);
    }
    writer.close();
    await writer.waitClosed();
  });
});

runs("SW-11: what was written before goes out in plain text first", async () => {
  const all = pattern(3 << 20);
  const server = await startServer(
    async (reader, writer) => {
      writer.write(all);
      await writer.startTls(serverSsl);
      await echoLines(reader, writer);
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.equal(Buffer.compare(await reader.readexactly(all.length), all), 0);
  await writer.startTls(clientSsl, named);
  writer.write("now in secret\n");
  assert.equal(text(await reader.readline()), "now in secret\n");
  writer.close();
  await writer.waitClosed();
  server.close();
  await waitFor(server.waitClosed(), 10);
});

runs("SW-11: a reader that was held back goes on", async () => {
  const all = pattern(400_000);
  await starttls((_reader, writer) => {
    writer.write(all);
    writer.close();
  }, async (port) => {
    const [reader, writer] = await asked(port);
    await writer.startTls(clientSsl, named);
    await ticks(20);
    assert.equal(Buffer.compare(await reader.read(), all), 0);
    writer.close();
    await writer.waitClosed();
  });
});

runs("SW-11: a client needs a name to check, and says so before anything happens", async () => {
  await starttls(echoLines, async (port) => {
    const [reader, writer] = await asked(port);
    await assert.rejects(writer.startTls(clientSsl), RangeError);
    await writer.startTls(clientSsl, { serverHostname: "" });
    writer.write("fine\n");
    assert.equal(text(await reader.readline()), "fine\n");
    writer.close();
    await writer.waitClosed();
  });
});

interface Ends {
  client: Transport;
  clientProtocol: Recorder;
  server: Transport;
  serverProtocol: Recorder;
}

/** Both ends of a plain connection. */
async function connected(loop: EventLoop): Promise<Ends> {
  const serverProtocol = new Recorder();
  const server = await loop.createServer(() => serverProtocol, "127.0.0.1", 0);
  const [client, clientProtocol] = await loop.createConnection(
    () => new Recorder(),
    "127.0.0.1",
    portOf(server),
  );
  await until(() => serverProtocol.transport !== null);
  server.close();
  return { client, clientProtocol, server: serverProtocol.transport!, serverProtocol };
}

/** The same, upgraded. */
async function upgraded(loop: EventLoop, ends: Ends): Promise<[Transport, Transport]> {
  return await Promise.all([
    loop.startTls(ends.client, ends.clientProtocol, clientSsl, named),
    loop.startTls(ends.server, ends.serverProtocol, serverSsl, { serverSide: true }),
  ]);
}

runs(
  "TLS-12: the client's protocol goes on, without a second connectionMade()",
  async ({ loop }) => {
    const ends = await connected(loop);
    const [client, server] = await upgraded(loop, ends);
    assert.notEqual(client, ends.client);
    assert.equal(client.getProtocol(), ends.clientProtocol);
    server.write("hello");
    await until(() => ends.clientProtocol.received === "hello");
    server.close();
    await until(() => ends.clientProtocol.lost !== undefined);
    assert.deepEqual(ends.clientProtocol.log, ["made", "data", "eof", "lost"]);
    assert.equal(ends.clientProtocol.lost, null);
  },
);

runs("TLS-12: a protocol with buffers, then another one", async ({ loop }) => {
  const ends = await connected(loop);
  const buffer = new Uint8Array(7);
  let received = "";
  const buffered = {
    getBuffer: () => buffer,
    bufferUpdated: (count: number) => void (received += text(buffer.subarray(0, count))),
  };
  const [client, server] = await Promise.all([
    loop.startTls(ends.client, buffered, clientSsl, named),
    loop.startTls(ends.server, ends.serverProtocol, serverSsl, { serverSide: true }),
  ]);
  server.write("more than fits in it");
  await until(() => received === "more than fits in it");
  const other = new Recorder();
  client.setProtocol(other);
  server.write("for the other");
  await until(() => other.received === "for the other");
  client.close();
  await until(() => other.lost !== undefined && ends.serverProtocol.lost !== undefined);
});

runs("TLS-13: the server's protocol goes on to its connectionLost()", async ({ loop }) => {
  const ends = await connected(loop);
  const [client] = await upgraded(loop, ends);
  client.write("hello");
  await until(() => ends.serverProtocol.received === "hello");
  client.close();
  await until(() => ends.serverProtocol.lost !== undefined);
  assert.deepEqual(ends.serverProtocol.log, ["made", "data", "eof", "lost"]);
  assert.equal(ends.serverProtocol.lost, null);
});

runs("TLS-13: a handshake that the server has received already is not lost", async ({ loop }) => {
  const ends = await connected(loop);
  ends.server.pauseReading();
  const client = createTask(() =>
    loop.startTls(ends.client, ends.clientProtocol, clientSsl, named)
  );
  await ticks(30);
  const server = await loop.startTls(ends.server, ends.serverProtocol, serverSsl, {
    serverSide: true,
  });
  (await client).write("early");
  await until(() => ends.serverProtocol.received === "early");
  server.close();
  await until(() => ends.clientProtocol.lost === null && ends.serverProtocol.lost === null);
});

runs(
  "TLS-14: startTls() given up while the peer is silent closes the transport",
  async ({ loop }) => {
    const ends = await connected(loop);
    await assert.rejects(
      waitFor(() => loop.startTls(ends.client, ends.clientProtocol, clientSsl, named), 0.05),
      TimeoutError,
    );
    assert.equal(ends.client.isClosing(), true);
    await until(() => ends.clientProtocol.lost !== undefined);
    await until(() => ends.serverProtocol.lost !== undefined);
    assert.equal(ends.clientProtocol.lost, null);
  },
);

runs("TLS-14: closing the transport in the handshake ends it", async ({ loop }) => {
  const ends = await connected(loop);
  const [task] = [
    createTask(() => loop.startTls(ends.client, ends.clientProtocol, clientSsl, named)),
  ];
  await ticks(5);
  ends.client.close();
  await assert.rejects(async () => await task, { name: "ConnectionAbortedError" });
  await until(() => ends.clientProtocol.lost === null && ends.serverProtocol.lost !== undefined);
});

runs("TLS-15: no TLS options are a TypeError", async ({ loop }) => {
  const ends = await connected(loop);
  await assert.rejects(
    loop.startTls(ends.client, ends.clientProtocol, null as unknown as TlsOptions),
    TypeError,
  );
  ends.client.close();
  await until(() => ends.clientProtocol.lost === null && ends.serverProtocol.lost === null);
});

runs("TLS-15: a transport of another making is a TypeError", async ({ loop }) => {
  const strange = { toString: () => "<strange>" } as unknown as Transport;
  await assert.rejects(
    loop.startTls(strange, new Recorder(), clientSsl, named),
    new TypeError("transport <strange> is not supported by startTls()"),
  );
});

runs("TLS-15: a closing transport is refused", async ({ loop }) => {
  const ends = await connected(loop);
  ends.client.close();
  await assert.rejects(
    loop.startTls(ends.client, ends.clientProtocol, clientSsl, named),
    RuntimeError,
  );
  await until(() => ends.clientProtocol.lost === null && ends.serverProtocol.lost === null);
});

runs(
  "TLS-15: the transport before TLS can't be written to any more, but closed",
  async ({ loop }) => {
    const ends = await connected(loop);
    const [client] = await upgraded(loop, ends);
    assert.throws(() => ends.client.write("in plain text"), RuntimeError);
    await assert.rejects(loop.sendfile(ends.client, new Blob(["in plain text"])), RuntimeError);
    assert.equal(ends.client.isClosing(), false);
    ends.client.close();
    assert.equal(client.isClosing(), true);
    assert.equal(ends.client.isClosing(), true);
    await until(() => ends.clientProtocol.lost === null && ends.serverProtocol.lost === null);
  },
);

runs(
  "TLS-03: startTls() fails with the verification error, and the connection with it",
  async ({ loop }) => {
    const ends = await connected(loop);
    const other = loop.startTls(ends.server, ends.serverProtocol, serverSsl, { serverSide: true });
    const failure = other.then(() => null, (error) => error);
    await assert.rejects(
      loop.startTls(ends.client, ends.clientProtocol, clientSsl, { serverHostname: "other.test" }),
      SSLCertVerificationError,
    );
    await until(() => ends.clientProtocol.lost !== undefined);
    assert.ok(ends.clientProtocol.lost instanceof SSLCertVerificationError);
    // TLS 1.3: whether the server learns of it in its handshake or after it is a matter of timing.
    const met = await failure;
    if (met === null) await until(() => ends.serverProtocol.lost !== undefined);
    assert.ok(met === null || met instanceof Error);
  },
);

runs(
  "TLS-16: a broken record is an error for who reads, and the writer can be closed",
  async () => {
    const { createServer, connect } = await import("node:net");
    const told: unknown[] = [];
    await starttls(async (reader, writer) => {
      // Some TLS libraries tell the other end what was wrong.
      await echoLines(reader, writer).catch((error) => told.push(error));
      writer.close();
    }, async (port) => {
      // In the middle stands one who changes what the server says once TLS is up.
      let corrupt = false;
      const middle = createServer((near) => {
        const far = connect(port, "127.0.0.1");
        near.pipe(far);
        far.on("data", (chunk) => near.write(corrupt ? Buffer.from(chunk).fill(0x77, 8) : chunk));
        far.on("end", () => near.end());
        near.on("error", () => far.destroy());
        far.on("error", () => near.destroy());
        near.on("close", () => far.destroy());
      });
      await new Promise<void>((resolve) => middle.listen(0, "127.0.0.1", resolve));
      const [reader, writer] = await asked((middle.address() as { port: number }).port);
      await writer.startTls(clientSsl, named);
      writer.write("first\n");
      assert.equal(text(await reader.readline()), "first\n");
      corrupt = true;
      writer.write("second\n");
      await assert.rejects(reader.readline(), SSLError);
      writer.close();
      await assert.rejects(writer.waitClosed(), SSLError);
      middle.close();
      for (const error of told) assert.ok(error instanceof OSError, String(error));
    });
  },
);

/** Feeds a TLS connection's own end to the next one on top of it. */
async function twice(loop: EventLoop): Promise<[client: Transport, server: Transport, Ends]> {
  const ends = await connected(loop);
  const [client, server] = await upgraded(loop, ends);
  const [top, bottom] = await upgraded(loop, { ...ends, client, server });
  return [top, bottom, ends];
}

runs(
  "TLS-08: TLS inside TLS carries bytes both ways and ends without a report",
  async ({ loop }) => {
    const [client, server, ends] = await twice(loop);
    client.write("there");
    server.write("back");
    await until(() =>
      ends.serverProtocol.received === "there" && ends.clientProtocol.received === "back"
    );
    client.close();
    await until(() => ends.clientProtocol.lost !== undefined);
    await until(() => ends.serverProtocol.lost !== undefined);
    assert.equal(ends.clientProtocol.lost, null);
    assert.equal(ends.serverProtocol.lost, null);
  },
);

runs("TLS-08: much data comes through TLS inside TLS", async ({ loop }) => {
  const [client, , ends] = await twice(loop);
  const all = pattern(1 << 20);
  let got = 0;
  ends.serverProtocol.dataReceived = (data) => {
    assert.equal(Buffer.compare(data, all.subarray(got, got + data.length)), 0);
    got += data.length;
  };
  client.write(all);
  client.close();
  await until(() => ends.serverProtocol.lost !== undefined);
  assert.equal(got, all.length);
});

runs(
  "TLS-14: cancelled in the handshake, the connection ends, and nothing is reported",
  async ({ loop }) => {
    const ends = await connected(loop);
    const protocol: BaseProtocol = ends.clientProtocol;
    const [task] = [
      createTask(() => loop.startTls(ends.client, protocol as Recorder, clientSsl, named)),
    ];
    await ticks(5);
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
    ends.server.write(bytes("no TLS at all"));
    await until(() => ends.serverProtocol.lost !== undefined);
    await ticks(5);
    assert.equal(ends.clientProtocol.lost, null);
  },
);
