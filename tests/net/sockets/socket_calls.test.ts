import assert from "node:assert/strict";
import {
  AF_INET6,
  AF_UNIX,
  BlockingIOError,
  CancelledError,
  ConnectionRefusedError,
  createTask,
  type EventLoop,
  gather,
  type NetAddress,
  openConnection,
  OSError,
  RuntimeError,
  SOCK_DGRAM,
  Socket,
  startServer,
  startUnixServer,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { Recorder } from "../../_support/fake_channel.ts";
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

/** A pair of connected sockets. */
async function pair(loop: EventLoop): Promise<[Socket, Socket]> {
  const listening = new Socket();
  await listening.bind({ hostname: "127.0.0.1", port: 0 });
  await listening.listen();
  const client = new Socket();
  const [[server]] = await gather([
    () => loop.sockAccept(listening),
    () => loop.sockConnect(client, listening.getsockname()!),
  ]);
  listening.close();
  return [client, server];
}

function closeAll(...sockets: Socket[]): void {
  for (const socket of sockets) socket.close();
}

async function receiveAll(loop: EventLoop, sock: Socket): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part; (part = await loop.sockRecv(sock, 65536)).length > 0;) parts.push(part);
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

runs(
  "SOCK-01: sockConnect(), sockSendall(), sockRecv() and sockRecvInto() talk over TCP",
  async ({ loop }) => {
    const server = await startServer(
      async (reader, writer) => {
        writer.write(await reader.readline());
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const sock = new Socket();
    await loop.sockConnect(sock, { hostname: "127.0.0.1", port: portOf(server) });
    await loop.sockSendall(sock, "hello\n");
    const buffer = new Uint8Array(3);
    assert.equal(await loop.sockRecvInto(sock, buffer), 3);
    assert.equal(text(buffer), "hel");
    assert.equal(text(await loop.sockRecv(sock, 100)), "lo\n");
    assert.equal((await loop.sockRecv(sock, 100)).length, 0);
    assert.deepEqual(sock.getpeername(), server.sockets[0]!.getsockname());
    sock.close();
    server.close();
    await server.waitClosed();
  },
);

runs("SOCK-01: they talk over a unix socket", ({ loop }) =>
  withPath(async (path) => {
    const server = await startUnixServer(async (reader, writer) => {
      writer.write(await reader.readline());
      writer.close();
    }, path);
    const sock = new Socket(AF_UNIX);
    await loop.sockConnect(sock, { path });
    await loop.sockSendall(sock, "hello\n");
    assert.equal(text(await loop.sockRecv(sock, 100)), "hello\n");
    sock.close();
    server.close();
    await server.waitClosed();
  }));

runs("SOCK-01: an address of another kind is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.sockConnect(new Socket(), { path: "/x" }), RangeError);
  await assert.rejects(
    loop.sockConnect(new Socket(AF_UNIX), { hostname: "127.0.0.1", port: 1 }),
    RangeError,
  );
});

runs("SOCK-03: after a cancelled sockRecv() the next one gets the data", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const [cancelled] = await started(() => loop.sockRecv(client, 10));
  cancelled.cancel();
  const next = createTask(() => loop.sockRecv(client, 10));
  await loop.sockSendall(server, "data");
  assert.equal(text(await next), "data");
  await assert.rejects(async () => await cancelled, CancelledError);
  closeAll(client, server);
});

runs(
  "SOCK-03: of two that wait the second goes on waiting when the first has taken all",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    const [first] = await started(() => loop.sockRecv(client, 10));
    const [second] = await started(() => loop.sockRecv(client, 10));
    await loop.sockSendall(server, "one");
    assert.equal(text(await first), "one");
    await ticks(3);
    assert.equal(second.done(), false);
    await loop.sockSendall(server, "two");
    assert.equal(text(await second), "two");
    closeAll(client, server);
  },
);

runs("SOCK-03: after a cancelled sockSendall() the socket still sends", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const [cancelled] = await started(() => loop.sockSendall(client, new Uint8Array(30_000_000)));
  cancelled.cancel();
  await assert.rejects(async () => await cancelled, CancelledError);
  const receiving = createTask(() => receiveAll(loop, server));
  await loop.sockSendall(client, "the end");
  client.close();
  const received = await receiving;
  assert.ok(received.length < 30_000_000);
  assert.equal(text(received.slice(-7)), "the end");
  server.close();
});

runs("SOCK-04: after a cancelled sockConnect() another connect works", async ({ loop }) => {
  const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
  const address = { hostname: "127.0.0.1", port: portOf(server) };
  const sock = new Socket();
  const task = createTask(() => loop.sockConnect(sock, address));
  await ticks(1);
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  await loop.sockConnect(sock, address);
  assert.equal((await loop.sockRecv(sock, 1)).length, 0);
  sock.close();
  server.close();
  await server.waitClosed();
});

runs("SOCK-05: a megabyte each way at the same time arrives whole", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const data = pattern(1_000_000);
  const into = new Uint8Array(1_000_000);
  await gather([
    () => loop.sockSendall(client, data),
    () => loop.sockSendall(server, data),
    async () => {
      for (let at = 0; at < into.length;) {
        at += await loop.sockRecvInto(client, into.subarray(at));
      }
    },
    async () => {
      const chunks: number[] = [];
      while (chunks.length < data.length) chunks.push(...await loop.sockRecv(server, 30_000));
      assert.deepEqual(Uint8Array.from(chunks), data);
    },
  ]);
  assert.deepEqual(into, data);
  closeAll(client, server);
});

for (const [family, hostname] of [[undefined, "127.0.0.1"], [AF_INET6, "::1"]] as const) {
  runs(
    `SOCK-06: sockSendto() and sockRecvfrom() exchange datagrams on ${hostname}`,
    async ({ loop }) => {
      const [first, second] = [new Socket(family, SOCK_DGRAM), new Socket(family, SOCK_DGRAM)];
      await first.bind({ hostname, port: 0 });
      await second.bind({ hostname, port: 0 });
      assert.equal(await loop.sockSendto(first, "ping", second.getsockname()!), 4);
      const [ping, from] = await loop.sockRecvfrom(second, 100);
      assert.equal(text(ping), "ping");
      assert.deepEqual(from, first.getsockname());
      await loop.sockSendto(second, bytes("a long pong"), from as NetAddress);
      const [pong] = await loop.sockRecvfrom(first, 6);
      assert.equal(text(pong), "a long");
      closeAll(first, second);
    },
  );
}

runs(
  "SOCK-06: the first datagram binds a socket, and connecting gives it a peer",
  async ({ loop }) => {
    const [server, client] = [
      new Socket(undefined, SOCK_DGRAM),
      new Socket(undefined, SOCK_DGRAM),
    ];
    await server.bind({ hostname: "127.0.0.1", port: 0 });
    await loop.sockSendto(client, "one", server.getsockname()!);
    assert.equal(text((await loop.sockRecvfrom(server, 9))[0]), "one");
    const connected = new Socket(undefined, SOCK_DGRAM);
    await loop.sockConnect(connected, server.getsockname()!);
    assert.deepEqual(connected.getpeername(), { ...server.getsockname()!, transport: "udp" });
    await loop.sockSendall(connected, "two");
    assert.equal(text((await loop.sockRecvfrom(server, 9))[0]), "two");
    closeAll(server, client, connected);
  },
);

runs("SOCK-07: sockConnect() to a closed port is a ConnectionRefusedError", async ({ loop }) => {
  const server = await startServer(() => {}, "127.0.0.1", 0);
  const port = portOf(server);
  server.close();
  await server.waitClosed();
  const sock = new Socket();
  await assert.rejects(
    loop.sockConnect(sock, { hostname: "127.0.0.1", port }),
    ConnectionRefusedError,
  );
  sock.close();
});

runs("SOCK-08: sockAccept() gives a connection and its address", async ({ loop }) => {
  const listening = new Socket();
  await listening.bind({ hostname: "127.0.0.1", port: 0 });
  await listening.listen();
  const { port } = listening.getsockname() as NetAddress;
  const [, writer] = await openConnection("127.0.0.1", port);
  const [connection, address] = await loop.sockAccept(listening);
  assert.deepEqual(address, writer.getExtraInfo("sockname"));
  writer.write("hello");
  assert.equal(text(await loop.sockRecv(connection, 10)), "hello");
  writer.close();
  closeAll(connection, listening);
});

runs("SOCK-08: a cancelled sockAccept() leaves no listener behind", async ({ loop }) => {
  const listening = new Socket();
  await listening.bind({ hostname: "127.0.0.1", port: 0 });
  await listening.listen();
  const { port } = listening.getsockname() as NetAddress;
  await assert.rejects(timeout(0.005).with(() => loop.sockAccept(listening)), TimeoutError);
  listening.close();
  await assert.rejects(openConnection("127.0.0.1", port), ConnectionRefusedError);
});

runs("SOCK-09: createConnection() takes a connected socket", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const protocol = new Recorder();
  const [transport] = await loop.createConnection(() => protocol, null, null, { sock: client });
  transport.write("by the transport");
  assert.equal(text(await loop.sockRecv(server, 100)), "by the transport");
  await loop.sockSendall(server, "answer");
  await until(() => protocol.received === "answer");
  assert.throws(() => client.recv(1), RuntimeError);
  transport.close();
  await until(() => protocol.lost === null);
  assert.equal(client.closed, true);
  server.close();
});

runs("SOCK-09: what the socket had read already reaches the protocol", async ({ loop }) => {
  const [client, server] = await pair(loop);
  await loop.sockSendall(server, "read ahead");
  assert.equal(text(await loop.sockRecv(client, 5)), "read ");
  const [reader, writer] = await openConnection(null, null, { sock: client });
  await loop.sockSendall(server, ", and more");
  assert.equal(text(await reader.readexactly(15)), "ahead, and more");
  writer.close();
  server.close();
});

runs("SOCKX-01: recv() and send() never wait", async ({ loop }) => {
  const [client, server] = await pair(loop);
  assert.throws(() => client.recv(10), BlockingIOError);
  assert.equal(server.send("hi"), 2);
  await loop.sockRecv(client, 0);
  assert.equal(text(client.recv(10)), "hi");
  assert.throws(() => {
    for (;;) server.send(new Uint8Array(100_000));
  }, BlockingIOError);
  server.shutdown("read");
  assert.equal(server.recv(1).length, 0);
  closeAll(client, server);
});

runs(
  "SOCKX-01: what send() took may be changed afterwards, in a Buffer as well",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    const wanted = pattern(40_000);
    // Later ones queue behind the first, which the system may not have taken all of either.
    for (const data of [Buffer.from(wanted.slice(0, 20_000)), wanted.slice(20_000)]) {
      assert.equal(server.send(data), 20_000);
      data.fill(0);
    }
    server.shutdown("write");
    assert.deepEqual(await receiveAll(loop, client), wanted);
    closeAll(client, server);
  },
);

runs("SOCKX-01: shutdown() ends the writing direction after what was sent", async ({ loop }) => {
  const [client, server] = await pair(loop);
  client.send("last words");
  client.shutdown("write");
  assert.equal(text(await receiveAll(loop, server)), "last words");
  await loop.sockSendall(server, "answer");
  assert.equal(text(await loop.sockRecv(client, 10)), "answer");
  closeAll(client, server);
});

runs("SOCKX-02: a socket in the wrong state tells so", async ({ loop }) => {
  const sock = new Socket();
  assert.throws(() => sock.recv(1), { name: "OSError", code: "ENOTCONN" });
  assert.throws(() => sock.send("x"), { name: "OSError", code: "ENOTCONN" });
  assert.throws(() => sock.shutdown("both"), { name: "OSError", code: "ENOTCONN" });
  await assert.rejects(sock.listen(), { name: "OSError", code: "EINVAL" });
  await assert.rejects(loop.sockAccept(sock), { name: "OSError", code: "EINVAL" });
  await assert.rejects(loop.sockRecv(sock, 1), { name: "OSError", code: "ENOTCONN" });
  await sock.bind({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(sock.bind({ hostname: "127.0.0.1", port: 0 }), OSError);
  sock.close();
  sock.close();
  assert.equal(sock.closed, true);
  assert.throws(() => sock.recv(1), { name: "OSError", code: "EBADF" });
  await assert.rejects(loop.sockRecv(sock, 1), { name: "OSError", code: "EBADF" });
});

runs("SOCKX-02: closing a socket ends the call that waits on it", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const [waiting] = await started(() => loop.sockRecv(client, 1));
  client.close();
  await assert.rejects(async () => await waiting, { name: "OSError", code: "EBADF" });
  server.close();
});

runs("SOCKX-03: a bound socket connects from where it is bound", async ({ loop }) => {
  const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
  const sock = new Socket();
  await sock.bind({ hostname: "127.0.0.1", port: 0 });
  const bound = sock.getsockname();
  await loop.sockConnect(sock, { hostname: "127.0.0.1", port: portOf(server) });
  assert.deepEqual(sock.getsockname(), bound);
  sock.close();
  server.close();
  await server.waitClosed();
});

runs("FD-01: addReader() calls back as long as something is there to read", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const seen: string[] = [];
  loop.addReader(client, (tag: string) => seen.push(`${tag}:${text(client.recv(2))}`), "tag");
  await loop.sockSendall(server, "abcdef");
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ["tag:ab", "tag:cd", "tag:ef"]);
  assert.equal(loop.removeReader(client), true);
  assert.equal(loop.removeReader(client), false);
  await loop.sockSendall(server, "more");
  assert.equal(text(await loop.sockRecv(client, 10)), "more");
  assert.equal(seen.length, 3);
  closeAll(client, server);
});

runs("FD-01: addWriter() calls back as long as there is room", async ({ loop }) => {
  const [client, server] = await pair(loop);
  let calls = 0;
  loop.addWriter(client, () => {
    if (++calls === 3) assert.equal(loop.removeWriter(client), true);
  });
  await until(() => calls === 3);
  await ticks(5);
  assert.equal(calls, 3);
  assert.equal(loop.removeWriter(client), false);
  closeAll(client, server);
});

runs(
  "FD-01: the end of the stream and a new connection count as something to read",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    let ended = false;
    loop.addReader(client, () => {
      ended = client.recv(10).length === 0;
      loop.removeReader(client);
    });
    server.close();
    await until(() => ended);
    client.close();
    const listening = new Socket();
    await listening.bind({ hostname: "127.0.0.1", port: 0 });
    await listening.listen();
    let connections = 0;
    loop.addReader(listening, async () => {
      loop.removeReader(listening);
      const [connection] = await loop.sockAccept(listening);
      connections++;
      connection.close();
    });
    const { port } = listening.getsockname() as NetAddress;
    const [reader, writer] = await openConnection("127.0.0.1", port);
    assert.equal((await reader.read()).length, 0);
    writer.close();
    listening.close();
    assert.equal(connections, 1);
  },
);

runs("FD-02: cancelling a task in sockRecv() takes effect at once", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const [waiting] = await started(() => loop.sockRecv(client, 1));
  waiting.cancel();
  await ticks(2);
  assert.equal(waiting.cancelled(), true);
  closeAll(client, server);
});

runs(
  "FD-03: a second addReader() replaces the first callback; reader and writer are independent",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    const seen: string[] = [];
    const read = (name: string) => () => {
      client.recv(10);
      seen.push(name);
    };
    loop.addReader(client, read("first"));
    loop.addReader(client, read("second"));
    loop.addWriter(client, () => loop.removeWriter(client));
    await ticks(5);
    await loop.sockSendall(server, "x");
    await until(() => seen.length > 0);
    assert.deepEqual(seen, ["second"]);
    assert.equal(loop.removeWriter(client), false);
    assert.equal(loop.removeReader(client), true);
    closeAll(client, server);
  },
);

runs("FD-04: a callback that was removed while on its way is not called", async ({ loop }) => {
  const [client, server] = await pair(loop);
  await loop.sockSendall(server, "x");
  await loop.sockRecv(client, 0);
  let calls = 0;
  loop.addReader(client, () => calls++);
  loop.removeReader(client);
  await ticks(5);
  assert.equal(calls, 0);
  closeAll(client, server);
});

runs("FD-05: what is no Socket, and what a transport owns, is refused", async ({ loop }) => {
  assert.throws(() => loop.addReader(5 as unknown as Socket, () => {}), {
    name: "RangeError",
    message: /^Invalid file object/,
  });
  const server = await startServer(() => {}, "127.0.0.1", 0);
  const [, writer] = await openConnection("127.0.0.1", portOf(server));
  const socket = writer.getExtraInfo("socket")!;
  for (const call of ["addReader", "addWriter", "removeReader", "removeWriter"] as const) {
    assert.throws(() => loop[call](socket, () => {}), {
      name: "RuntimeError",
      message: /is used by a transport/,
    });
  }
  writer.close();
  server.close();
  server.closeClients();
  await server.waitClosed();
});

runs("FD-06: sockConnect() looks a name up with the socket's family and type", async ({ loop }) => {
  const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
  const asked: unknown[] = [];
  const { getaddrinfo } = loop;
  loop.getaddrinfo = (host, port, options) => {
    asked.push([host, options?.family, options?.type]);
    return getaddrinfo.call(loop, host, port, options);
  };
  const sock = new Socket();
  await loop.sockConnect(sock, { hostname: "localhost", port: portOf(server) });
  assert.deepEqual(asked, [["localhost", 4, "SOCK_STREAM"]]);
  sock.close();
  server.close();
  await server.waitClosed();
});
