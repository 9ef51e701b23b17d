import assert from "node:assert/strict";
import type { AddressInfo, Socket as NodeSocket } from "node:net";
import {
  AF_INET,
  type BufferedProtocol,
  CancelledError,
  ConnectionError,
  createTask,
  type EventLoop,
  openConnection,
  OSError,
  type Protocol,
  type Server,
  SOCK_STREAM,
  Socket,
  SSLError,
  startServer,
  StreamReader,
  StreamReaderProtocol,
  type StreamWriter,
  type TlsOptions,
  type Transport,
  waitFor,
} from "../../../mod.ts";
import type { StreamTransport } from "../../../net/transports/stream_transport.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { FakeChannel, opened, Recorder } from "../../_support/fake_channel.ts";
import {
  bytes,
  pattern,
  portOf,
  runs,
  started,
  text,
  ticks,
  until,
} from "../../_support/streams.ts";

const serverSsl: TlsOptions = { cert: serverCert, key: serverKey };
const clientSsl: TlsOptions = { caCerts: [caCert] };
const named = { serverHostname: "localhost" };

const PROXY = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";

/** Whether the reader holds exactly as much: its text tells. */
function holds(reader: StreamReader, count: number): boolean {
  return String(reader).startsWith(`<StreamReader ${count} bytes`);
}

/**
 * A stranger in the middle of a connection to `port`: to the first bytes of the client, a whole hello, he does what `meddle` says,
 * and everything after that he carries both ways.
 */
async function between(
  port: number,
  meddle: (hello: Buffer, far: NodeSocket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const { connect, createServer } = await import("node:net");
  const middle = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    far.setNoDelay(true);
    let hello = Buffer.alloc(0);
    let done = false;
    near.on("data", (chunk) => {
      if (done) return void far.write(chunk);
      hello = Buffer.concat([hello, chunk]);
      if (hello.length < 5 || hello.length < 5 + hello.readUInt16BE(3)) return;
      done = true;
      meddle(hello, far);
    });
    far.pipe(near);
    near.on("end", () => far.end());
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => middle.listen(0, "127.0.0.1", resolve));
  await body((middle.address() as AddressInfo).port);
  middle.close();
}

/** A server behind a proxy that tells whom it speaks for; `greeted` has the line read, and not more. */
async function behindProxy(
  greeted: (reader: StreamReader, writer: StreamWriter) => Promise<void>,
  body: (port: number, server: Server) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  const server = await startServer(
    async (reader, writer) => {
      try {
        assert.equal(text(await reader.readline()), PROXY);
        await greeted(reader, writer);
      } catch (error) {
        failures.push(error);
      } finally {
        writer.close();
      }
    },
    "127.0.0.1",
    0,
  );
  await body(portOf(server), server);
  server.close();
  await waitFor(server.waitClosed(), 10);
  assert.deepEqual(failures, []);
}

runs("SW-11: plain text sent along with STARTTLS fails the server's handshake", async () => {
  const outcome: unknown[] = [];
  const server = await startServer(
    async (reader, writer) => {
      await reader.readline();
      await until(() => holds(reader, 14));
      await writer.startTls(serverSsl).catch((error) => outcome.push(error));
      await reader.readline().catch((error) => outcome.push(error));
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("STARTTLS\nDELETE ALL OF\n");
  await reader.read().catch(() => "a reset is an end too");
  await until(() => outcome.length === 2);
  assert.ok(outcome[0] instanceof SSLError, String(outcome[0]));
  assert.equal(outcome[1], outcome[0]);
  writer.close();
  server.close();
  await waitFor(server.waitClosed(), 10);
});

runs(
  "SW-11: plain text sent along with the server's consent fails the client's handshake",
  async () => {
    const server = await startServer(
      async (reader, writer) => {
        await reader.readline();
        writer.write("ready\n250 all is well\n");
        await reader.read().catch(() => "a reset is an end too");
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    writer.write("STARTTLS\n");
    assert.equal(text(await reader.readline()), "ready\n");
    await until(() => holds(reader, 16));
    const failure = await writer.startTls(clientSsl, named).catch((error) => error);
    assert.ok(failure instanceof SSLError, String(failure));
    await assert.rejects(reader.read(), failure);
    await assert.rejects(writer.waitClosed(), failure);
    server.close();
    await waitFor(server.waitClosed(), 10);
  },
);

runs("SW-11: plain text that waits in the reader's web stream is refused", async () => {
  const server = await startServer(
    async (reader, writer) => {
      await reader.readline();
      writer.write("250 all is well\n");
      await reader.read().catch(() => "a reset is an end too");
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  const web = reader.readable.getReader();
  // Somebody who asked for a chunk and left before it came.
  const left = web.read().catch(() => null);
  await until(() => String(reader).includes("waiter=pending"));
  web.releaseLock();
  await left;
  writer.write("STARTTLS\n");
  await until(() => !String(reader).includes("waiter=pending"));
  // The web stream has the chunk a few turns later.
  await ticks(10);
  await assert.rejects(writer.startTls(clientSsl, named), {
    name: "RuntimeError",
    message: /16 bytes/,
  });
  assert.equal(writer.isClosing(), true);
  server.close();
  await waitFor(server.waitClosed(), 10);
});

runs("SW-11: plain text that fills the reader up fails the handshake too", async () => {
  const much = 128 * 1024 + 1;
  let failure: unknown = null;
  const server = await startServer(
    async (reader, writer) => {
      await reader.readline();
      await until(() => String(reader).includes(" paused"));
      failure = await writer.startTls(serverSsl).catch((error) => error);
      assert.ok(holds(reader, 0) || !String(reader).includes("bytes"), String(reader));
    },
    "127.0.0.1",
    0,
  );
  const [, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("STARTTLS\n");
  writer.write(pattern(2 * much));
  await until(() => failure !== null);
  assert.ok(failure instanceof SSLError, String(failure));
  writer.transport.abort();
  server.close();
  await waitFor(server.waitClosed(), 10);
});

runs("SW-11: a hello that came right behind a PROXY line completes the handshake", async () => {
  let length = 0;
  await behindProxy(async (reader, writer) => {
    await until(() => length > 0 && holds(reader, length));
    await writer.startTls(serverSsl);
    writer.write(await reader.readline());
  }, (server) =>
    between(server, (hello, far) => {
      length = hello.length;
      far.write(Buffer.concat([Buffer.from(PROXY), hello]));
    }, async (port) => {
      const [reader, writer] = await openConnection("127.0.0.1", port, {
        ssl: clientSsl,
        ...named,
      });
      writer.write("in secret\n");
      assert.equal(text(await reader.readline()), "in secret\n");
      assert.equal(text(await reader.read()), "");
      writer.close();
      await writer.waitClosed();
    }));
});

// In the header of the record, after it, in the hello, before its last byte.
for (const early of [1, 4, 5, 6, 100, -1]) {
  runs(
    `SW-11: a hello of which ${early} bytes are read already completes the handshake`,
    async () => {
      let length = 0;
      let sendRest = (): unknown => assert.fail("there was no hello");
      await behindProxy(async (reader, writer) => {
        await until(() => length > 0 && holds(reader, length));
        const [upgrade] = [createTask(() => writer.startTls(serverSsl))];
        await ticks(5);
        sendRest();
        await upgrade;
        writer.write(await reader.readline());
      }, (server) =>
        between(server, (hello, far) => {
          const read = hello.subarray(0, early);
          length = read.length;
          far.write(Buffer.concat([Buffer.from(PROXY), read]));
          sendRest = () => far.write(hello.subarray(length));
        }, async (port) => {
          const options = { ssl: clientSsl, ...named };
          const [reader, writer] = await openConnection("127.0.0.1", port, options);
          writer.write("in secret\n");
          assert.equal(text(await reader.readline()), "in secret\n");
          writer.close();
          await writer.waitClosed();
        }));
    },
  );
}

runs("SW-11: a peer that leaves with half its hello read ends the handshake", async () => {
  for (const late of [false, true]) {
    let length = 0;
    let leave = (): unknown => assert.fail("there was no hello");
    await behindProxy(async (reader, writer) => {
      await until(() => length > 0 && holds(reader, length));
      if (!late) leave();
      const [upgrade] = [createTask(() => writer.startTls(serverSsl))];
      await ticks(5);
      if (late) leave();
      await assert.rejects(async () => await upgrade, OSError);
    }, (server) =>
      between(server, (hello, far) => {
        length = 50;
        far.write(Buffer.concat([Buffer.from(PROXY), hello.subarray(0, length)]));
        leave = () => far.destroy();
      }, async (port) => {
        await assert.rejects(
          openConnection("127.0.0.1", port, { ssl: clientSsl, ...named }),
          OSError,
        );
      }));
  }
});

runs(
  "SW-11: cancelled at any moment, a handshake that began early ends its connection",
  async () => {
    for (let patience = 0; patience < 12; patience++) {
      let length = 0;
      await behindProxy(async (reader, writer) => {
        await until(() => length > 0 && holds(reader, length));
        const [upgrade] = [createTask(() => writer.startTls(serverSsl))];
        await ticks(patience);
        upgrade.cancel();
        try {
          await upgrade;
        } catch (error) {
          assert.ok(error instanceof CancelledError, String(error));
          // A cancellation before the handover leaves all as it was: nothing is read, nothing is lost.
          if (!writer.isClosing()) assert.ok(holds(reader, length), String(reader));
        }
      }, (server) =>
        between(server, (hello, far) => {
          length = hello.length;
          far.write(Buffer.concat([Buffer.from(PROXY), hello]));
        }, async (port) => {
          const client = openConnection("127.0.0.1", port, { ssl: clientSsl, ...named });
          const [, writer] = await client.catch(() => [null, null]);
          writer?.transport.abort();
        }));
    }
  },
);

/** Both ends of a plain connection, of which the far one sends first. */
async function connected<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  near: P,
): Promise<{ client: Transport; server: Transport; far: Recorder; near: P }> {
  const far = new Recorder();
  const server = await loop.createServer(() => far, "127.0.0.1", 0);
  const [client] = await loop.createConnection(() => near, "127.0.0.1", portOf(server));
  await until(() => far.transport !== null);
  server.close();
  return { client, server: far.transport!, far, near };
}

/** The end that began the connection is the server of TLS, so that the other's hello can be there before it begins. */
function upgradeServer(
  loop: EventLoop,
  transport: Transport,
  protocol: Protocol,
): Promise<Transport> {
  return loop.startTls(transport, protocol, serverSsl, { serverSide: true });
}

runs(
  "TLS-13: a hello that a stream's protocol has been given completes the handshake",
  async ({ loop }) => {
    const reader = new StreamReader();
    const ends = await connected(loop, new StreamReaderProtocol(reader));
    const [hello] = [createTask(() => loop.startTls(ends.server, ends.far, clientSsl, named))];
    await until(() => String(reader).includes("bytes"));
    await upgradeServer(loop, ends.client, ends.near);
    (await hello).write("in secret");
    assert.equal(text(await reader.readexactly(9)), "in secret");
    ends.server.close();
    assert.equal(text(await reader.read()), "");
    await until(() => ends.far.lost === null);
  },
);

runs(
  "TLS-13: a hello that a stream's protocol has been given reaches another protocol's TLS",
  async ({ loop }) => {
    const reader = new StreamReader();
    const ends = await connected(loop, new StreamReaderProtocol(reader));
    const [hello] = [createTask(() => loop.startTls(ends.server, ends.far, clientSsl, named))];
    await until(() => String(reader).includes("bytes"));
    const other = new Recorder();
    await upgradeServer(loop, ends.client, other);
    (await hello).write("in secret");
    await until(() => other.received === "in secret");
    ends.server.close();
    await until(() => ends.far.lost === null && other.lost === null);
  },
);

runs("TLS-13: plain text that a paused transport holds fails the handshake", async ({ loop }) => {
  const buffer = new Uint8Array(16);
  const buffered: BufferedProtocol = {
    getBuffer: () => buffer,
    bufferUpdated: () => assert.fail("the protocol was told what came in the clear"),
  };
  const sides = [[serverSsl, { serverSide: true }], [clientSsl, named]] as const;
  for (
    const [near, [ssl, side]] of sides.flatMap((one) =>
      [[new Recorder(), one], [buffered, one]] as const
    )
  ) {
    const ends = await connected(loop, near);
    ends.client.pauseReading();
    ends.server.write("DELETE ALL OF THEM\n");
    await ticks(10);
    await assert.rejects(loop.startTls(ends.client, near, ssl, side), SSLError);
    await until(() => ends.far.lost !== undefined);
    if (!(near instanceof Recorder)) continue;
    await until(() => near.lost !== undefined);
    assert.deepEqual(near.log, ["made", "lost"]);
  }
});

runs("TLS-13: what waits for the loop's turn when TLS starts goes to TLS", async ({ loop }) => {
  const { transport, protocol, channel } = await opened(loop, new Recorder());
  loop.callSoon(() => {});
  channel.feed(bytes("held, "));
  channel.feed(bytes("and below"));
  const stream = transport as StreamTransport;
  stream.holdReading();
  assert.equal(protocol.received, "");
  const replacement = { close: () => {}, abort: () => {}, isClosing: () => false };
  const below = stream.detach(replacement, [bytes("read, ")]);
  const told: string[] = [];
  below.startReading({
    onData: (chunk) => void told.push(text(chunk)),
    onEof: () => assert.fail("there was no end"),
    onError: (error) => assert.fail(error),
  });
  await until(() => told.length === 2);
  assert.deepEqual(told, ["read, held, ", "and below"]);
  assert.equal(protocol.received, "");
  stream.lostDetached(null);
  await until(() => protocol.lost === null);
});

runs(
  "TLS-13: a protocol that resumes reading while the rest is sent is told nothing of TLS's",
  async ({ loop }) => {
    const channel = new FakeChannel();
    channel.takes = false;
    const { transport, protocol } = await opened(loop, new Recorder(), channel);
    transport.write("what is left");
    const [upgrade] = await started(() => loop.startTls(transport, protocol, clientSsl, named));
    transport.pauseReading();
    transport.resumeReading();
    assert.equal(transport.isReading(), false);
    channel.feed(bytes("no TLS"));
    await ticks(3);
    channel.finish();
    await assert.rejects(async () => await upgrade, SSLError);
    assert.equal(protocol.received, "");
    await until(() => protocol.lost instanceof SSLError);
  },
);

runs(
  "TLS-13: what is written just when the rest is sent goes out in the clear, before TLS",
  async ({ loop }) => {
    const channel = new FakeChannel();
    channel.takes = false;
    const { transport, protocol } = await opened(loop, new Recorder(), channel);
    transport.write("the rest");
    const [upgrade] = await started(() => loop.startTls(transport, protocol, clientSsl, named));
    for (const count of [1, 2, 3]) {
      assert.equal(channel.writes.length, count);
      assert.equal(channel.busy, true);
      channel.finish();
      // All is sent, and startTls() has its turn only after this one.
      if (count < 3) transport.write("and more");
      await ticks(5);
    }
    await until(() => channel.writes.length > 3);
    assert.deepEqual(channel.writes.slice(0, 3).map(text), ["the rest", "and more", "and more"]);
    assert.equal(channel.writes[3]![0], 22);
    upgrade.cancel();
    await assert.rejects(async () => await upgrade, CancelledError);
    await until(() => protocol.lost === null);
  },
);

runs(
  "TLS-13: a file that begins while the rest is sent goes out in the clear, before TLS",
  async ({ loop }) => {
    const channel = new FakeChannel();
    channel.takes = false;
    const { transport, protocol } = await opened(loop, new Recorder(), channel);
    transport.write("the rest");
    const [upgrade] = await started(() => loop.startTls(transport, protocol, clientSsl, named));
    const [sending] = [createTask(() => loop.sendfile(transport, new Blob(["a file"])))];
    await until(() => transport.getWriteBufferSize() === 14);
    channel.finish();
    await until(() => channel.writes.length === 2);
    assert.equal(await sending, 6);
    channel.finish();
    await until(() => channel.writes.length > 2);
    assert.deepEqual(channel.writes.slice(0, 2).map(text), ["the rest", "a file"]);
    assert.equal(channel.writes[2]![0], 22);
    upgrade.cancel();
    await assert.rejects(async () => await upgrade, CancelledError);
    await until(() => protocol.lost === null);
  },
);

runs("TLS-14: closing the transport while the rest is sent ends startTls()", async ({ loop }) => {
  for (const abort of [false, true]) {
    const channel = new FakeChannel();
    channel.takes = false;
    const { transport, protocol } = await opened(loop, new Recorder(), channel);
    transport.write("the rest");
    const [upgrade] = await started(() => loop.startTls(transport, protocol, clientSsl, named));
    if (abort) transport.abort();
    else transport.close();
    if (!abort) channel.finish();
    const failure = await waitFor(async () => await upgrade, 5).catch((error) => error);
    assert.ok(failure instanceof ConnectionError, String(failure));
    await until(() => protocol.lost !== undefined);
    assert.equal(protocol.lost, null);
    assert.deepEqual(channel.writes.map(text), ["the rest"]);
  }
});

/** A socket that has read a line of a proxy's, and with it what came behind. */
async function afterLine(loop: EventLoop, port: number, line: string): Promise<Socket> {
  const sock = new Socket(AF_INET, SOCK_STREAM);
  await loop.sockConnect(sock, { hostname: "127.0.0.1", port });
  let got = "";
  while (got !== line) got += text(await loop.sockRecv(sock, line.length - got.length));
  return sock;
}

runs("SOCK: TLS over a socket that has read ahead gets what it has read", async ({ loop }) => {
  // Who connects is the server of TLS, and finds the line and the hello.
  const server = await startServer(
    async (reader, writer) => {
      writer.write(PROXY);
      await writer.drain();
      const upgrade = loop.startTls(
        writer.transport as Transport,
        new Recorder(),
        clientSsl,
        named,
      );
      (await upgrade).write("in secret");
      void reader;
    },
    "127.0.0.1",
    0,
  );
  const sock = await afterLine(loop, portOf(server), PROXY);
  await ticks(10);
  const [transport, protocol] = await loop.connectAcceptedSocket(() => new Recorder(), sock, {
    ssl: serverSsl,
  });
  await until(() => protocol.received === "in secret");
  transport.close();
  server.close();
  await until(() => protocol.lost === null);
});

runs(
  "SOCK: a stream over a socket that has read ahead goes over to TLS with all of it",
  async ({ loop }) => {
    const server = await startServer(
      async (_reader, writer) => {
        writer.write(PROXY + PROXY);
        await writer.drain();
        const upgrade = loop.startTls(
          writer.transport as Transport,
          new Recorder(),
          clientSsl,
          named,
        );
        (await upgrade).write("in secret");
      },
      "127.0.0.1",
      0,
    );
    const sock = await afterLine(loop, portOf(server), PROXY);
    await ticks(10);
    const reader = new StreamReader();
    const [transport, protocol] = await loop.connectAcceptedSocket(
      () => new StreamReaderProtocol(reader),
      sock,
    );
    assert.equal(text(await reader.readline()), PROXY);
    await ticks(3);
    const secret = await upgradeServer(loop, transport, protocol);
    assert.equal(text(await reader.readexactly(9)), "in secret");
    secret.close();
    server.close();
    await reader.read();
  },
);

/** Streams over TLS, in which both ends begin TLS anew once the server holds what `early` waits for. */
async function inside(
  inner: TlsOptions,
  early: (reader: StreamReader) => Promise<void>,
): Promise<void> {
  const server = await startServer(
    async (reader, writer) => {
      await early(reader);
      await writer.startTls(inner);
      writer.write(await reader.readline());
      writer.close();
    },
    "127.0.0.1",
    0,
    { ssl: serverSsl },
  );
  const options = { ssl: clientSsl, ...named };
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server), options);
  await writer.startTls(clientSsl, named);
  writer.write("in secret\n");
  assert.equal(text(await reader.readline()), "in secret\n");
  writer.close();
  await writer.waitClosed();
  server.close();
  await waitFor(server.waitClosed(), 10);
}

const inners: readonly [what: string, TlsOptions][] = [
  ["", serverSsl],
  [" that is read for its protocols", { ...serverSsl, alpnProtocols: ["h2"] }],
];
for (const [what, inner] of inners) {
  runs(`TLS-08: TLS inside TLS completes with a hello${what} at any time`, async () => {
    await inside(inner, () => Promise.resolve());
    await inside(inner, () => ticks(1));
    await inside(inner, () => ticks(10));
  });

  runs(`TLS-08: TLS inside TLS completes with a hello${what} in the reader already`, async () => {
    await inside(inner, (reader) => until(() => String(reader).includes(" bytes")));
  });
}
