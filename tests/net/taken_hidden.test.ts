/** Calls that make several waits, or whose wait comes late: the promise is handed to something that can be cancelled. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  ContextVar,
  createSubprocessExec,
  createSubprocessShell,
  type DatagramProtocol,
  ensureFuture,
  type EventLoop,
  getEventLoop,
  openConnection,
  PIPE,
  type Protocol,
  type Server,
  sleep,
  SOCK_DGRAM,
  Socket,
  startServer,
  type StreamReader,
  type StreamWriter,
  terminateProcess,
  timeout,
  TimeoutError,
  toThread,
  type Transport,
  waitFor,
} from "../../mod.ts";
import { assertCancelled, runsInRealTime } from "../_support/tasks.ts";

const ANY = { hostname: "127.0.0.1", port: 0 };
const decoder = new TextDecoder();
const protocol: Protocol = { dataReceived() {} };
const datagrams: DatagramProtocol = { datagramReceived() {} };
const MUCH = 64 * 1024 * 1024;

/** How a call that waits is taken and given up; the call itself has to end as cancelled. */
const takers: Record<string, (promise: Promise<unknown>) => Promise<void>> = {
  async waitFor(promise) {
    await assert.rejects(waitFor(promise, 0.1), TimeoutError);
    await timeout(10).with(() => assertCancelled(promise));
  },
  async ensureFuture(promise) {
    const future = ensureFuture(promise);
    await sleep(0.1);
    assert.ok(future.cancel());
    await assertCancelled(future);
    await timeout(10).with(() => assertCancelled(promise));
  },
};

interface Case {
  begin(): Promise<unknown>;
  /** Asserts that nothing was lost, and closes what was opened. */
  end(): unknown;
}

/** A pair of connected sockets. */
async function socketPair(loop: EventLoop): Promise<[Socket, Socket]> {
  const listener = new Socket();
  await listener.bind(ANY);
  await listener.listen();
  const one = new Socket();
  const accepted = loop.sockAccept(listener);
  await loop.sockConnect(one, listener.getsockname()!);
  const [other] = await accepted;
  listener.close();
  return [one, other];
}

/** Two datagram sockets that are bound. */
async function datagramPair(): Promise<[Socket, Socket]> {
  const pair: [Socket, Socket] = [
    new Socket(AF_INET, SOCK_DGRAM),
    new Socket(AF_INET, SOCK_DGRAM),
  ];
  for (const socket of pair) await socket.bind(ANY);
  return pair;
}

/** A server whose peer does nothing, and a connection to it. */
async function silentPeer(): Promise<
  { server: Server; reader: StreamReader; writer: StreamWriter; close(): Promise<void> }
> {
  const server = await startServer(
    async (_, writer) => {
      await writer.waitClosed().catch(() => {});
    },
    "127.0.0.1",
    0,
  );
  const { port } = server.sockets[0]!.getsockname() as { port: number };
  const [reader, writer] = await openConnection("127.0.0.1", port);
  const close = async (): Promise<void> => {
    writer.transport.abort();
    server.close();
    server.abortClients();
    await server.waitClosed();
  };
  return { server, reader, writer, close };
}

function closeAll(...sockets: Socket[]): void {
  for (const socket of sockets) socket.close();
}

/** Calls that wait until something happens, which does not happen. */
const waiting: Record<string, (loop: EventLoop) => Promise<Case>> = {
  async "sockRecv()"(loop) {
    const [one, other] = await socketPair(loop);
    return {
      begin: () => loop.sockRecv(one, 10),
      async end() {
        await loop.sockSendall(other, "kept");
        assert.equal(decoder.decode(await loop.sockRecv(one, 10)), "kept");
        closeAll(one, other);
      },
    };
  },
  async "sockRecvInto()"(loop) {
    const [one, other] = await socketPair(loop);
    return {
      begin: () => loop.sockRecvInto(one, new Uint8Array(10)),
      async end() {
        await loop.sockSendall(other, "kept");
        assert.equal(decoder.decode(await loop.sockRecv(one, 10)), "kept");
        closeAll(one, other);
      },
    };
  },
  async "sockRecvfrom()"(loop) {
    const [one, other] = await datagramPair();
    return {
      begin: () => loop.sockRecvfrom(one, 10),
      async end() {
        await loop.sockSendto(other, "kept", one.getsockname()!);
        assert.equal(decoder.decode((await loop.sockRecvfrom(one, 10))[0]), "kept");
        closeAll(one, other);
      },
    };
  },
  async "sockRecvfromInto()"(loop) {
    const [one, other] = await datagramPair();
    return {
      begin: () => loop.sockRecvfromInto(one, new Uint8Array(10)),
      async end() {
        await loop.sockSendto(other, "kept", one.getsockname()!);
        assert.equal(decoder.decode((await loop.sockRecvfrom(one, 10))[0]), "kept");
        closeAll(one, other);
      },
    };
  },
  async "sockAccept()"(loop) {
    const listener = new Socket();
    await listener.bind(ANY);
    await listener.listen();
    return {
      begin: () => loop.sockAccept(listener),
      async end() {
        const client = new Socket();
        await loop.sockConnect(client, listener.getsockname()!);
        const [accepted] = await loop.sockAccept(listener);
        closeAll(client, accepted, listener);
      },
    };
  },
  async "sockSendall()"(loop) {
    const [one, other] = await socketPair(loop);
    return {
      begin: () => loop.sockSendall(one, new Uint8Array(MUCH)),
      end: () => closeAll(one, other),
    };
  },
  async "sockSendfile()"(loop) {
    const [one, other] = await socketPair(loop);
    return {
      begin: () => loop.sockSendfile(one, new Blob([new Uint8Array(MUCH)])),
      end: () => closeAll(one, other),
    };
  },
  async "sendfile()"(loop) {
    const { writer, close } = await silentPeer();
    return {
      begin: () => loop.sendfile(writer.transport, new Blob([new Uint8Array(MUCH)])),
      end: close,
    };
  },
  async "writer.drain()"() {
    const { writer, close } = await silentPeer();
    return {
      begin() {
        writer.write(new Uint8Array(MUCH));
        return writer.drain();
      },
      end: close,
    };
  },
  async "writer.waitClosed()"() {
    const { writer, close } = await silentPeer();
    return { begin: () => writer.waitClosed(), end: close };
  },
  async "writer.startTls()"() {
    const { writer, close } = await silentPeer();
    return { begin: () => writer.startTls({}, { serverHostname: "localhost" }), end: close };
  },
  async "loop.startTls()"(loop) {
    const { writer, close } = await silentPeer();
    return {
      begin: () =>
        loop.startTls(writer.transport as Transport, protocol, {}, {
          serverHostname: "localhost",
        }),
      end: close,
    };
  },
  async "server.serveForever()"() {
    const { server, close } = await silentPeer();
    return {
      begin: () => server.serveForever(),
      async end() {
        assert.equal(server.isServing(), false);
        await close();
      },
    };
  },
  async "server.waitClosed()"() {
    const { server, close } = await silentPeer();
    return { begin: () => server.waitClosed(), end: close };
  },
  async "terminateProcess()"() {
    const child = await createSubprocessShell("trap '' TERM; echo up; while :; do sleep 1; done", {
      stdout: PIPE,
    });
    await child.stdout!.readline();
    return {
      begin: () => terminateProcess(child, { grace: 60 }),
      // What waited is killed also when it is called off.
      end: async () => assert.equal(await timeout(10).with(() => child.wait()), -9),
    };
  },
};

for (const [call, make] of Object.entries(waiting)) {
  for (const [taker, take] of Object.entries(takers)) {
    runsInRealTime(`TAKEN-22: ${call} is called off with its taker: ${taker}`, async (loop) => {
      const { begin, end } = await make(loop);
      await take(begin());
      await timeout(10).with(async () => await end());
    });
  }
}

const nothing = (): void => {};

/** Calls that end soon: they are given up before that. */
const brief: Record<string, (loop: EventLoop) => Promise<unknown>> = {
  "getaddrinfo()": (loop) => loop.getaddrinfo("localhost", 80),
  "getnameinfo()": (loop) => loop.getnameinfo({ hostname: "127.0.0.1", port: 80 }),
  "createServer()": (loop) => loop.createServer(() => protocol, "localhost", 0),
  "startServer()": () => startServer(nothing, "localhost", 0),
  "createDatagramEndpoint()": (loop) =>
    loop.createDatagramEndpoint(() => datagrams, { localAddr: ANY }),
  "Socket.bind()": () => new Socket().bind(ANY),
  "sockConnect()": (loop) => loop.sockConnect(new Socket(), { hostname: "127.0.0.1", port: 9 }),
  "createSubprocessExec()": () => createSubprocessExec("sleep", ["60"]),
  "createSubprocessShell()": () => createSubprocessShell("sleep 60"),
  "subprocessExec()": (loop) => loop.subprocessExec(() => ({}), "sleep", ["60"]),
  "subprocessShell()": (loop) => loop.subprocessShell(() => ({}), "sleep 60"),
  "toThread()": () => toThread((n: number) => n + 1, 1),
};

for (const [call, begin] of Object.entries(brief)) {
  runsInRealTime(`TAKEN-23: ${call} is called off before its end`, async (loop) => {
    const promise = begin(loop);
    const future = ensureFuture(promise);
    assert.ok(future.cancel());
    await assertCancelled(future);
    await timeout(10).with(() => assertCancelled(promise));
  });
}

runsInRealTime("TAKEN-24: a server whose body is called off is closed", async () => {
  const { server, close } = await silentPeer();
  const promise = server.with(async () => {
    server.abortClients();
    await sleep(3600);
  });
  await assert.rejects(waitFor(promise, 0.1), TimeoutError);
  await assertCancelled(promise);
  assert.equal(server.isServing(), false);
  await close();
});

test("TAKEN-25: outside tasks a call in a scope of its own has the values of its caller", async () => {
  const variable = new ContextVar<string>("variable");
  const seen: string[] = [];
  const server = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
  const { hostname, port } = server.sockets[0]!.getsockname() as {
    hostname: string;
    port: number;
  };
  const handle = async (value: string): Promise<void> => {
    variable.set(value);
    const factory = (): Protocol => {
      seen.push(variable.get("none"));
      return { ...protocol, connectionMade: () => seen.push(variable.get("none")) };
    };
    const [transport] = await getEventLoop().createConnection(factory, hostname, port);
    transport.close();
  };
  await handle("one");
  assert.deepEqual(seen, ["one", "one"]);
  server.close();
  await server.waitClosed();
});
