import assert from "node:assert/strict";
import {
  AF_INET,
  type BaseTransport,
  ConnectionError,
  type ConnectOptions,
  createTask,
  type EventLoop,
  FileNotFoundError,
  openConnection,
  RuntimeError,
  SendfileNotAvailableError,
  type ServeOptions,
  sleep,
  SOCK_DGRAM,
  Socket,
  startServer,
  type StreamWriter,
  type Transport,
  type WriteTransport,
} from "../../../mod.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { pattern, portOf, runs, text, until, withPath } from "../../_support/streams.ts";

const SIZE = 1_000_003;
const content = pattern(SIZE) as Uint8Array<ArrayBuffer>;

/** Runs `body` with a file of `content`. */
async function withFile(body: (path: string) => Promise<void>): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  await withPath(async (path) => {
    await writeFile(path, content);
    await body(path);
  });
}

const kinds: readonly [name: string, ServeOptions, ConnectOptions][] = [
  ["plain", {}, {}],
  [
    "TLS",
    { ssl: { cert: serverCert, key: serverKey } },
    { ssl: { caCerts: [caCert] }, serverHostname: "localhost" },
  ],
];

/** What arrives at the other end of what `send` writes to. */
async function sent(
  [, serverOptions, clientOptions]: [string, ServeOptions, ConnectOptions],
  send: (writer: StreamWriter) => Promise<void>,
): Promise<Uint8Array> {
  let got: Uint8Array | null = null;
  const server = await startServer(
    async (reader, writer) => {
      got = await reader.read();
      writer.close();
    },
    "127.0.0.1",
    0,
    serverOptions,
  );
  const [, writer] = await openConnection("127.0.0.1", portOf(server), clientOptions);
  await send(writer);
  writer.close();
  await writer.waitClosed();
  server.close();
  await server.waitClosed();
  return got!;
}

function same(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  assert.equal(Buffer.compare(actual, expected), 0);
}

for (const kind of kinds) {
  const [name] = kind;

  runs(`SENDF-01: ${name}: all of a file goes out and is counted`, async ({ loop }) => {
    await withFile(async (path) => {
      const got = await sent(kind, async (writer) => {
        assert.equal(await loop.sendfile(writer.transport, path), SIZE);
      });
      same(got, content);
    });
  });

  runs(`SENDF-02: ${name}: offset and count send exactly that part`, async ({ loop }) => {
    await withFile(async (path) => {
      const got = await sent(kind, async (writer) => {
        assert.equal(await loop.sendfile(writer.transport, path, 1000, 300_000), 300_000);
        assert.equal(await loop.sendfile(writer.transport, path, SIZE - 10, 100), 10);
        assert.equal(await loop.sendfile(writer.transport, path, SIZE + 10), 0);
      });
      same(got.subarray(0, 300_000), content.subarray(1000, 301_000));
      same(got.subarray(300_000), content.subarray(SIZE - 10));
    });
  });

  runs(`SENDF-03: ${name}: what is written before and after keeps its place`, async ({ loop }) => {
    await withFile(async (path) => {
      const got = await sent(kind, async (writer) => {
        writer.write("before");
        await loop.sendfile(writer.transport, path);
        writer.write("after");
      });
      assert.equal(text(got.subarray(0, 6)), "before");
      same(got.subarray(6, 6 + SIZE), content);
      assert.equal(text(got.subarray(6 + SIZE)), "after");
    });
  });

  runs(`SENDF-04: ${name}: a closing transport is refused`, async ({ loop }) => {
    await sent(kind, async (writer) => {
      const { port } = writer.getExtraInfo("peername") as { port: number };
      writer.close();
      await assert.rejects(
        loop.sendfile(writer.transport, new Blob([content])),
        new RuntimeError(`Transport is closing: nothing more can be sent to 127.0.0.1:${port}`),
      );
    });
  });
}

runs("SENDF-01: a Blob and a file URL are files too", async ({ loop }) => {
  await withFile(async (path) => {
    const got = await sent(kinds[0]!, async (writer) => {
      const blob = new Blob([content]);
      assert.equal(await loop.sendfile(writer.transport, blob, 5, 700_000), 700_000);
      const { pathToFileURL } = await import("node:url");
      assert.equal(await loop.sendfile(writer.transport, pathToFileURL(path)), SIZE);
    });
    same(got.subarray(0, 700_000), content.subarray(5, 700_005));
    same(got.subarray(700_000), content);
  });
});

runs("SENDF-01: a file that does not exist is told, and nothing is sent", async ({ loop }) => {
  const got = await sent(kinds[0]!, async (writer) => {
    await assert.rejects(
      loop.sendfile(writer.transport, "/nowhere/at/all"),
      FileNotFoundError,
    );
    writer.write("still there");
  });
  assert.equal(text(got), "still there");
});

runs("SENDF-04: a transport without sendfile is refused", async ({ loop }) => {
  const [endpoint] = await loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), {
    localAddr: { hostname: "127.0.0.1", port: 0 },
  });
  await assert.rejects(
    loop.sendfile(endpoint as unknown as WriteTransport, new Blob([])),
    (error) => error instanceof RuntimeError && /not supported/.test(error.message),
  );
  endpoint.close();
});

runs("SENDF-04: without fallback there is no sendfile", async ({ loop }) => {
  const file = new Blob([content]);
  const plain = await sent(kinds[0]!, async (writer) => {
    await assert.rejects(
      loop.sendfile(writer.transport, file, 0, null, { fallback: false }),
      SendfileNotAvailableError,
    );
  });
  const secret = await sent(kinds[1]!, async (writer) => {
    await assert.rejects(
      loop.sendfile(writer.transport, file, 0, null, { fallback: false }),
      (error) =>
        error instanceof RuntimeError && !(error instanceof SendfileNotAvailableError) &&
        error.message.startsWith("fallback is disabled"),
    );
  });
  assert.equal(plain.length + secret.length, 0);
});

runs("SENDF-05: a peer that has got all may leave", async ({ loop }) => {
  const server = await startServer(
    async (reader, writer) => {
      await reader.readexactly(SIZE);
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  assert.equal(await loop.sendfile(writer.transport, new Blob([content])), SIZE);
  assert.equal((await reader.read()).length, 0);
  writer.close();
  await writer.waitClosed();
  server.close();
  await server.waitClosed();
});

runs("SENDF-05: a peer that leaves in the middle is a ConnectionError", async ({ loop }) => {
  const server = await startServer(
    async (reader, writer) => {
      await reader.readexactly(1024);
      writer.transport.abort();
    },
    "127.0.0.1",
    0,
  );
  const protocol = new Recorder();
  const [transport] = await loop.createConnection(() => protocol, "127.0.0.1", portOf(server));
  const big = new Blob(Array.from({ length: 64 }, () => content));
  await assert.rejects(loop.sendfile(transport, big), ConnectionError);
  assert.equal(transport.isClosing(), true);
  await until(() => protocol.lost !== undefined);
  assert.equal(transport.getProtocol(), protocol);
  server.close();
  await server.waitClosed();
});

/** A server that reads nothing before `read()`, a connection to it, and what arrives. */
async function unread(loop: EventLoop): Promise<{
  transport: Transport;
  protocol: Recorder;
  got: () => number;
  read: () => void;
  end: () => Promise<void>;
}> {
  let got = 0;
  let gone = false;
  let peer: Transport | null = null;
  const server = await loop.createServer(
    () => ({
      connectionMade(made: BaseTransport) {
        peer = made as Transport;
        peer.pauseReading();
      },
      dataReceived: (data: Uint8Array) => void (got += data.length),
      connectionLost: () => void (gone = true),
    }),
    "127.0.0.1",
    0,
  );
  const protocol = new Recorder();
  const [transport] = await loop.createConnection(() => protocol, "127.0.0.1", portOf(server));
  await until(() => peer !== null);
  const end = async (): Promise<void> => {
    peer!.resumeReading();
    transport.close();
    await until(() => protocol.lost === null && gone);
    server.close();
    await server.waitClosed();
  };
  return { transport, protocol, got: () => got, read: () => peer!.resumeReading(), end };
}

/** Waits until the system takes no more of what is written. */
async function stuck(transport: Transport): Promise<void> {
  for (let same = 0, before = -1; same < 30; await sleep(0.005)) {
    const size = transport.getWriteBufferSize();
    same = size === before && size > transport.getWriteBufferLimits()[0] ? same + 1 : 0;
    before = size;
  }
}

const big = new Blob(Array.from({ length: 64 }, () => content));

/** A file of which the first block can be read, and the next one never. */
class HalfReadable extends Blob {
  override slice(start?: number, end?: number): Blob {
    const part = super.slice(start, end);
    if ((start ?? 0) > 0) part.arrayBuffer = () => new Promise(() => {});
    return part;
  }
}

runs("SENDF-05: cancelled while it waits for room, the connection goes on", async ({ loop }) => {
  const { transport, protocol, read, end } = await unread(loop);
  const task = createTask(() => loop.sendfile(transport, big));
  await stuck(transport);
  assert.deepEqual(protocol.log, ["made"]);
  task.cancel();
  await assert.rejects(async () => await task, { name: "CancelledError" });
  assert.equal(transport.getProtocol(), protocol);
  assert.equal(transport.isReading(), true);
  assert.deepEqual(protocol.log, ["made", "pause"]);
  read();
  await until(() => protocol.log.at(-1) === "resume");
  assert.deepEqual(protocol.log, ["made", "pause", "resume"]);
  await end();
});

runs(
  "SENDF-05: cancelled while it reads, the protocol was never told to wait",
  async ({ loop }) => {
    const { transport, protocol, got, read, end } = await unread(loop);
    read();
    const task = createTask(() => loop.sendfile(transport, new HalfReadable([content])));
    await until(() => got() === 256 * 1024);
    task.cancel();
    await assert.rejects(async () => await task, { name: "CancelledError" });
    assert.deepEqual(protocol.log, ["made"]);
    transport.write("after");
    await until(() => got() === 256 * 1024 + 5);
    await end();
  },
);

runs("SENDF-06: nobody else writes, ends or upgrades while a file is sent", async ({ loop }) => {
  const { transport, got, end } = await unread(loop);
  const task = createTask(() => loop.sendfile(transport, big));
  await stuck(transport);
  const refused = (what: string) => ({
    name: "RuntimeError",
    message: `Cannot call ${what} while sendfile() is in progress`,
  });
  assert.throws(() => transport.write("x"), refused("write()"));
  assert.throws(() => transport.writelines(["x"]), refused("writelines()"));
  assert.throws(() => transport.writeEof(), refused("writeEof()"));
  await assert.rejects(
    loop.startTls(transport, new Recorder(), {}, { serverHostname: "" }),
    refused("startTls()"),
  );
  task.cancel();
  await assert.rejects(async () => await task, { name: "CancelledError" });
  const before = transport.getWriteBufferSize();
  transport.write("x");
  assert.equal(transport.getWriteBufferSize(), before + 1);
  await end();
  assert.ok(got() > 0);
});

runs("SENDF-06: an upgrade that waits lets a file go out whole first", async ({ loop }) => {
  const { transport, got, read, end } = await unread(loop);
  transport.write(new Uint8Array(20_000_000));
  await stuck(transport);
  const queued = transport.getWriteBufferSize();
  const upgrade = createTask(() =>
    loop.startTls(transport, new Recorder(), { caCerts: [caCert] }, { serverHostname: "" })
  );
  const sending = createTask(() => loop.sendfile(transport, new Blob([content])));
  await until(() => transport.getWriteBufferSize() > queued);
  read();
  assert.equal(await sending, SIZE);
  // The ClientHello comes behind it, to a peer that speaks no TLS.
  await until(() => got() > 20_000_000 + SIZE);
  upgrade.cancel();
  await assert.rejects(async () => await upgrade, { name: "CancelledError" });
  await end();
});

runs(
  "SENDF-06: a protocol that is set while a file is sent stays, and is told of room",
  async ({ loop }) => {
    const { transport, protocol, read, got, end } = await unread(loop);
    const task = createTask(() => loop.sendfile(transport, big));
    await stuck(transport);
    transport.setProtocol(new Recorder());
    assert.notEqual(transport.getProtocol(), protocol);
    const next = new Recorder();
    transport.setProtocol(next);
    read();
    assert.equal(await task, big.size);
    assert.equal(transport.getProtocol(), next);
    await until(() => got() === big.size);
    transport.setProtocol(protocol);
    await end();
  },
);

for (const kind of kinds) {
  runs(
    `SENDF-07: ${kind[0]}: files that are sent at once go one after the other`,
    async ({ loop }) => {
      const files = [1, 2, 3].map((byte) => new Uint8Array(700_000).fill(byte));
      const got = await sent(kind, async (writer) => {
        const sending = files.map((file) => loop.sendfile(writer.transport, new Blob([file])));
        assert.deepEqual(await Promise.all(sending), files.map(({ length }) => length));
      });
      same(got, new Uint8Array(Buffer.concat(files)));
    },
  );
}

runs(
  "SENDF-07: a file whose turn comes after a close is refused, and none is left open",
  async ({ loop }) => {
    const { transport, end } = await unread(loop);
    const first = createTask(() => loop.sendfile(transport, big));
    const second = createTask(() => loop.sendfile(transport, new Blob([content])));
    const third = createTask(() => loop.sendfile(transport, new Blob([content])));
    await stuck(transport);
    third.cancel();
    transport.abort();
    await assert.rejects(async () => await first, ConnectionError);
    await assert.rejects(async () => await second, RuntimeError);
    await assert.rejects(async () => await third, { name: "CancelledError" });
    await end();
  },
);

runs(
  "SENDF-05: a protocol that is given the connection while a file is sent keeps it",
  async ({ loop }) => {
    const far = new Recorder();
    far.dataReceived = () => {};
    const server = await loop.createServer(() => far, "127.0.0.1", 0);
    const [before, after] = [new Recorder(), new Recorder()];
    const [transport] = await loop.createConnection(() => before, "127.0.0.1", portOf(server));
    await until(() => far.transport !== null);
    far.transport!.pauseReading();

    const big = new Blob(Array.from({ length: 20 }, () => content));
    const [sending] = [createTask(() => loop.sendfile(transport, big))];
    await until(() => transport.getWriteBufferSize() > 0);
    transport.setProtocol(after);
    far.transport!.resumeReading();
    assert.equal(await sending, big.size);
    far.transport!.write("for whoever has it");
    await until(() => after.received !== "");
    assert.equal(before.received, "");
    transport.close();
    await until(() => after.lost === null && far.lost !== undefined);
    server.close();
  },
);

/** Both ends of a connection as sockets, with what arrives at the second. */
async function sockets(loop: EventLoop): Promise<[Socket, () => Promise<Uint8Array>]> {
  const listener = new Socket();
  await listener.bind({ hostname: "127.0.0.1", port: 0 });
  await listener.listen(1);
  const client = new Socket();
  const [[server]] = await Promise.all([
    loop.sockAccept(listener),
    loop.sockConnect(client, listener.getsockname()!),
  ]);
  listener.close();
  const [all] = [createTask(async () => {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = await loop.sockRecv(server, 65536);
      if (chunk.length === 0) break;
      chunks.push(chunk);
    }
    server.close();
    return new Uint8Array(Buffer.concat(chunks));
  })];
  return [client, async () => {
    client.close();
    return await all;
  }];
}

runs("SENDF-07: sockSendfile() sends a whole file", async ({ loop }) => {
  await withFile(async (path) => {
    const [sock, received] = await sockets(loop);
    assert.equal(await loop.sockSendfile(sock, path), SIZE);
    same(await received(), content);
  });
});

runs("SENDF-07: sockSendfile() sends a part, between other sends", async ({ loop }) => {
  await withFile(async (path) => {
    const [sock, received] = await sockets(loop);
    await loop.sockSendall(sock, "before");
    assert.equal(await loop.sockSendfile(sock, path, 1000, 2000), 2000);
    await loop.sockSendall(sock, "after");
    const got = await received();
    same(got.subarray(6, 2006), content.subarray(1000, 3000));
    assert.equal(text(got.subarray(0, 6)) + text(got.subarray(2006)), "beforeafter");
  });
});

runs("SENDF-07: an empty file is none sent", async ({ loop }) => {
  const [sock, received] = await sockets(loop);
  assert.equal(await loop.sockSendfile(sock, new Blob([])), 0);
  assert.equal((await received()).length, 0);
});

runs("SENDF-08: sockSendfile() without fallback sends nothing", async ({ loop }) => {
  const [sock, received] = await sockets(loop);
  await assert.rejects(
    loop.sockSendfile(sock, new Blob([content]), 0, null, { fallback: false }),
    SendfileNotAvailableError,
  );
  assert.equal((await received()).length, 0);
});

runs("SENDF-09: a datagram socket can't send files", async ({ loop }) => {
  const sock = new Socket(AF_INET, SOCK_DGRAM);
  await assert.rejects(loop.sockSendfile(sock, new Blob([])), RangeError);
  sock.close();
});

runs("SENDF-09: offset and count have to make sense", async ({ loop }) => {
  const [sock, received] = await sockets(loop);
  const file = new Blob([content]);
  const wrong = "1" as unknown as number;
  await assert.rejects(loop.sockSendfile(sock, file, wrong), TypeError);
  await assert.rejects(loop.sockSendfile(sock, file, 0.5), TypeError);
  await assert.rejects(loop.sockSendfile(sock, file, -1), RangeError);
  await assert.rejects(loop.sockSendfile(sock, file, 0, wrong), TypeError);
  await assert.rejects(loop.sockSendfile(sock, file, 0, 0), RangeError);
  await assert.rejects(loop.sockSendfile(sock, file, 0, -1), RangeError);
  assert.equal((await received()).length, 0);
});
