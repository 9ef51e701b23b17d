import assert from "node:assert/strict";
import {
  AF_INET6,
  AF_UNIX,
  ConnectionRefusedError,
  type NetAddress,
  openConnection,
  OSError,
  RuntimeError,
  SOCK_DGRAM,
  Socket,
  type TlsOptions,
} from "../../../mod.ts";
import type { ListenTcp, NetHost } from "../../../net/core/host.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { netHost, useHost } from "../../../net/hosts/select.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { portOf, runs, text, until, withPath } from "../../_support/streams.ts";

const make = () => new Recorder();

runs(
  "CSRV-01: createServer() makes a protocol for each connection, its addresses known",
  async ({ loop }) => {
    const protocols: Recorder[] = [];
    const server = await loop.createServer(
      () => {
        const protocol = new Recorder();
        protocols.push(protocol);
        return protocol;
      },
      "127.0.0.1",
      0,
    );
    const port = portOf(server);
    const [first] = await loop.createConnection(make, "127.0.0.1", port);
    const [second] = await loop.createConnection(make, "127.0.0.1", port);
    first.write("one");
    second.write("two");
    await until(() => protocols.map((p) => p.received).join() === "one,two");
    const { transport } = protocols[0]!;
    assert.deepEqual(transport!.getExtraInfo("peername"), first.getExtraInfo("sockname"));
    assert.deepEqual(transport!.getExtraInfo("sockname"), first.getExtraInfo("peername"));
    first.close();
    second.close();
    await until(() => protocols.every((p) => p.lost === null));
    server.close();
    await server.waitClosed();
  },
);

for (const host of ["", null]) {
  runs(`CSRV-02: host ${JSON.stringify(host)} listens on all interfaces`, async ({ loop }) => {
    const server = await loop.createServer(make, host, 0);
    for (const hostname of ["127.0.0.1", "::1"]) {
      const [transport] = await loop.createConnection(make, hostname, portOf(server));
      assert.equal((transport.getExtraInfo("peername") as NetAddress).hostname, hostname);
      transport.close();
    }
    server.close();
    await server.waitClosed();
  });
}

runs("CSRV-02: a family narrows all interfaces down", async ({ loop }) => {
  const server = await loop.createServer(make, null, 0, { family: 4 });
  assert.equal((server.sockets[0]!.getsockname() as NetAddress).hostname, "0.0.0.0");
  await assert.rejects(loop.createConnection(make, "::1", portOf(server)), ConnectionRefusedError);
  server.close();
  await server.waitClosed();
});

runs("CSRV-03: several hosts give one socket for each distinct address", async ({ loop }) => {
  const server = await loop.createServer(
    make,
    ["127.0.0.1", "127.0.0.2", "127.0.0.1", "::1"],
    0,
  );
  const names = server.sockets.map((socket) => (socket.getsockname() as NetAddress).hostname);
  assert.deepEqual(names.sort(), ["127.0.0.1", "127.0.0.2", "::1"]);
  for (const socket of server.sockets) {
    const { hostname, port } = socket.getsockname() as NetAddress;
    const [transport] = await loop.createConnection(make, hostname, port);
    transport.close();
  }
  server.close();
  await server.waitClosed();
});

runs("CSRV-04: host or port beside { sock } is a RangeError", async ({ loop }) => {
  const sock = new Socket();
  await assert.rejects(loop.createServer(make, "127.0.0.1", null, { sock }), RangeError);
  await assert.rejects(loop.createServer(make, null, 0, { sock }), RangeError);
});

runs("CSRV-04: neither host and port nor { sock } is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createServer(make, null, null), {
    name: "RangeError",
    message: "Neither host/port nor sock were specified",
  });
});

runs("CSRV-04: a socket that is no stream is a RangeError", async ({ loop }) => {
  const sock = new Socket(AF_INET6, SOCK_DGRAM);
  await assert.rejects(loop.createServer(make, null, null, { sock }), {
    name: "RangeError",
    message: /^A Stream Socket was expected/,
  });
});

runs("CSRV-05: a host that resolves to nothing is an OSError", async ({ loop }) => {
  loop.getaddrinfo = () => Promise.resolve([]);
  await assert.rejects(loop.createServer(make, "nowhere.example", 0), {
    name: "OSError",
    message: 'getaddrinfo("nowhere.example") returned empty list',
  });
});

runs("CSRV-06: an address in use is EADDRINUSE and named", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(server);
  await assert.rejects(loop.createServer(make, "127.0.0.1", port), {
    name: "OSError",
    code: "EADDRINUSE",
    message: new RegExp(`error while attempting to bind on address 127.0.0.1:${port}: `),
  });
  server.close();
  await server.waitClosed();
});

runs("CSRV-06: when one bind fails, none stays open", async ({ loop }) => {
  const taken = await loop.createServer(make, "127.0.0.2", 0);
  const port = portOf(taken);
  await assert.rejects(loop.createServer(make, ["127.0.0.1", "127.0.0.2"], port), OSError);
  await assert.rejects(loop.createConnection(make, "127.0.0.1", port), ConnectionRefusedError);
  taken.close();
  await taken.waitClosed();
});

runs(
  "CSRV-06: an address that the machine does not have is passed over, unless it is the only one",
  async ({ loop }) => {
    const server = await loop.createServer(make, ["127.0.0.1", "192.0.2.1"], 0);
    assert.equal(server.sockets.length, 1);
    server.close();
    await assert.rejects(loop.createServer(make, "192.0.2.1", 0), {
      name: "OSError",
      message: "could not bind on any address out of [192.0.2.1:0]",
    });
  },
);

runs(
  "CSRV-07: reusePort is off by default and handed to the runtime when asked for",
  async ({ loop }) => {
    const asked: (boolean | undefined)[] = [];
    useHost(loop[core], {
      listenTcp: (options: ListenTcp) => {
        asked.push(options.reusePort);
        return netHost.listenTcp({ hostname: options.hostname, port: options.port });
      },
    } as unknown as NetHost);
    for (const options of [{}, { reusePort: true }]) {
      const server = await loop.createServer(make, "127.0.0.1", 0, options);
      server.close();
    }
    assert.deepEqual(asked, [undefined, true]);
  },
);

runs(
  "CSRV-07: where the runtime can't share ports, reusePort is a RangeError",
  async ({ loop }) => {
    useHost(loop[core], {
      listenTcp: () => Promise.reject(new OSError("no", { code: "ENOTSUP" })),
    } as unknown as NetHost);
    await assert.rejects(loop.createServer(make, "127.0.0.1", 0, { reusePort: true }), {
      name: "RangeError",
      message: /reusePort/,
    });
  },
);

runs("CSRV-08: a handshake timeout without ssl is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createServer(make, "127.0.0.1", 0, { sslHandshakeTimeout: 1 }), {
    name: "RangeError",
    message: "sslHandshakeTimeout is only meaningful with ssl",
  });
});

runs("CSRV-08: ssl: true is a TypeError, since a server needs a certificate", async ({ loop }) => {
  const ssl = true as unknown as TlsOptions;
  await assert.rejects(loop.createServer(make, "127.0.0.1", 0, { ssl }), TypeError);
});

runs("CSRV-09: createServer() takes a bound socket", async ({ loop }) => {
  const sock = new Socket();
  await sock.bind({ hostname: "127.0.0.1", port: 0 });
  const address = sock.getsockname() as NetAddress;
  const protocol = new Recorder();
  const server = await loop.createServer(() => protocol, null, null, { sock });
  assert.deepEqual(server.sockets[0]!.getsockname(), address);
  const [transport] = await loop.createConnection(make, "127.0.0.1", address.port);
  transport.write("through it");
  await until(() => protocol.received === "through it");
  transport.close();
  server.close();
  await server.waitClosed();
  assert.equal(sock.closed, true);
});

runs("CSRV-10: the sockets of servers and transports are for looking at", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const [transport] = await loop.createConnection(make, "127.0.0.1", portOf(server));
  for (const socket of [server.sockets[0]!, transport.getExtraInfo("socket")!]) {
    assert.throws(() => socket.close(), RuntimeError);
    assert.throws(() => socket.recv(1), RuntimeError);
    assert.throws(() => socket.send("x"), RuntimeError);
    assert.throws(() => socket.shutdown("both"), RuntimeError);
    await assert.rejects(socket.bind({ hostname: "127.0.0.1", port: 0 }), RuntimeError);
    await assert.rejects(socket.listen(), RuntimeError);
    await assert.rejects(loop.sockRecv(socket, 1), RuntimeError);
    assert.equal(socket.closed, false);
  }
  transport.getExtraInfo("socket")!.setNoDelay(false);
  transport.getExtraInfo("socket")!.setKeepAlive(true);
  transport.close();
  server.close();
  await server.waitClosed();
});

runs("CSRV-11: after close() new connects are refused", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(server);
  const [transport] = await loop.createConnection(make, "127.0.0.1", port);
  server.close();
  await assert.rejects(loop.createConnection(make, "127.0.0.1", port), ConnectionRefusedError);
  transport.close();
  await server.waitClosed();
});

runs("CSRV-12: createUnixServer() listens on a path", ({ loop }) =>
  withPath(async (path) => {
    const protocol = new Recorder();
    const server = await loop.createUnixServer(() => protocol, path);
    assert.deepEqual(server.sockets[0]!.getsockname(), { transport: "unix", path });
    const [transport] = await loop.createUnixConnection(make, path);
    transport.write("x");
    await until(() => protocol.received === "x");
    transport.close();
    server.close();
    await server.waitClosed();
  }));

runs("CSRV-12: a path beside { sock } is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createUnixServer(make, "/x", { sock: new Socket(AF_UNIX) }), {
    name: "RangeError",
    message: "path and sock can not be specified at the same time",
  });
});

runs(
  "CONN-12: connectAcceptedSocket() makes a transport of an accepted socket",
  async ({ loop }) => {
    const sock = new Socket();
    await sock.bind({ hostname: "127.0.0.1", port: 0 });
    await sock.listen();
    const { port } = sock.getsockname() as NetAddress;
    const [reader, writer] = await openConnection("127.0.0.1", port);
    const [accepted] = await loop.sockAccept(sock);
    const [transport, protocol] = await loop.connectAcceptedSocket(make, accepted);
    transport.write("welcome");
    assert.equal(text(await reader.readexactly(7)), "welcome");
    writer.write("thanks");
    await until(() => protocol.received === "thanks");
    writer.close();
    await until(() => protocol.lost === null);
    sock.close();
    assert.equal(accepted.closed, true);
  },
);
