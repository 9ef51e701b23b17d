// Accepting goes on, whatever becomes of single connections.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type * as net from "node:net";
import { test } from "node:test";
import {
  createTask,
  getRunningLoop,
  openConnection,
  openUnixConnection,
  OSError,
  Socket,
  startServer,
  startUnixServer,
  type StreamReader,
  type StreamWriter,
} from "../../../mod.ts";
import type { DenoChannel } from "../../../net/channels/deno_channel.ts";
import { type DenoAcceptor, DenoListener } from "../../../net/channels/deno_listener.ts";
import type { AcceptSink, NetHost, RawChannel, RawListener } from "../../../net/core/host.ts";
import { useHost } from "../../../net/hosts/select.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { NodeListener } from "../../../net/channels/node_listener.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { FakeChannel, Recorder } from "../../_support/fake_channel.ts";
import { flood, flooded } from "../../_support/floods.ts";
import { portOf, runs, text, until, withPath } from "../../_support/streams.ts";

/** Waits for nothing: a reset would fail the wait, and the handler with it. */
function hello(_reader: StreamReader, writer: StreamWriter): void {
  writer.write("hello");
  writer.close();
}

async function read([reader, writer]: [StreamReader, StreamWriter]): Promise<string> {
  const greeting = text(await reader.read());
  writer.close();
  return greeting;
}

// ── Real floods

flooded("CSRV-15: a flood of connections that are reset leaves a TCP server serving", async () => {
  const server = await startServer(hello, "127.0.0.1", 0);
  await server.with(async () => {
    await flood(portOf(server), 300, "reset");
    assert.equal(await read(await openConnection("127.0.0.1", portOf(server))), "hello");
  });
});

flooded("CSRV-15: a flood of connections that are reset leaves a TLS server serving", async () => {
  const ssl = { cert: serverCert, key: serverKey };
  const server = await startServer(hello, "127.0.0.1", 0, { ssl });
  await server.with(async () => {
    await flood(portOf(server), 100, "reset");
    const how = { ssl: { caCerts: [caCert] }, serverHostname: "localhost" };
    assert.equal(await read(await openConnection("127.0.0.1", portOf(server), how)), "hello");
  });
});

flooded(
  "CSRV-15: a flood of connections that end at once leaves a unix server serving",
  async () => {
    await withPath(async (path) => {
      const server = await startUnixServer(hello, path);
      await server.with(async () => {
        await flood(path, 100, "reset");
        assert.equal(await read(await openUnixConnection(path)), "hello");
      });
    });
  },
);

flooded("CSRV-15: sockAccept() passes over connections that were reset", async ({ loop }) => {
  const listening = new Socket();
  await listening.bind({ hostname: "127.0.0.1", port: 0 });
  listening.listen(100);
  const { port } = listening.getsockname() as { port: number };
  const accepted: Socket[] = [];
  const accepting = createTask(async () => {
    for (;;) {
      const [sock] = await loop.sockAccept(listening);
      accepted.push(sock);
    }
  });
  await flood(port, 50, "reset");
  const before = accepted.length;
  const [, writer] = await openConnection("127.0.0.1", port);
  await until(() => accepted.length > before);
  accepting.cancel();
  await accepting.catch(() => {});
  for (const sock of [...accepted, listening]) sock.close();
  writer.close();
});

// ── Deno's listener, with accepts that fail as the test says

interface FakeConn {
  closed: boolean;
  close(): void;
}

class FakeAcceptor implements DenoAcceptor<FakeConn> {
  readonly errors: unknown[] = [];
  readonly conns: FakeConn[] = [];
  accepts = 0;
  #interrupt: (error: Error) => void = () => {};

  accept(): Promise<FakeConn> {
    this.accepts++;
    if (this.errors.length > 0) return Promise.reject(this.errors.shift());
    const conn = this.conns.shift();
    if (conn !== undefined) return Promise.resolve(conn);
    return new Promise((_resolve, reject) => this.#interrupt = reject);
  }

  /** Ends the accept under way, as Deno does: until then connecting waits for the closed listener, in other tests too. */
  close(): void {
    this.#interrupt(failure("EBADF"));
  }

  connect(): FakeConn {
    const conn = { closed: false, close: () => void (conn.closed = true) };
    this.conns.push(conn);
    return conn;
  }

  ref(): void {}
  unref(): void {}
}

class Sink implements AcceptSink {
  readonly channels: RawChannel[] = [];
  readonly errors: [code: string, exhausted: boolean][] = [];

  onConnection(channel: RawChannel): void {
    this.channels.push(channel);
  }

  onError(error: OSError, exhausted: boolean): void {
    this.errors.push([error.code, exhausted]);
  }
}

const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;

function denoListener(
  acceptor: FakeAcceptor,
  wrap: () => unknown = () => new FakeChannel(),
): RawListener {
  return new DenoListener<FakeConn>(
    acceptor,
    addr,
    wrap as () => DenoChannel,
    () => acceptor.close(),
  );
}

function failure(code: string): Error {
  return Object.assign(new Error(`it failed with ${code}`), { code });
}

const GONE = [
  ..."ENOTCONN ECONNRESET ECONNABORTED EPROTO EPIPE ETIMEDOUT EINTR EAGAIN".split(" "),
  ..."ENETDOWN EHOSTUNREACH ENETUNREACH EHOSTDOWN EPERM".split(" "),
];

test("CSRV-15: Deno's listener passes over every error that is about one connection", async () => {
  const acceptor = new FakeAcceptor();
  acceptor.errors.push(...GONE.map(failure));
  acceptor.connect();
  const sink = new Sink();
  const listener = denoListener(acceptor);
  listener.start(sink);
  await turns();
  assert.deepEqual([sink.channels.length, sink.errors], [1, []]);
  listener.close();
});

test("CSRV-15: a thousand failed accepts in a row keep no timer from its turn", async () => {
  const acceptor = new FakeAcceptor();
  for (let i = 0; i < 1000; i++) acceptor.errors.push(failure("ENOTCONN"));
  const listener = denoListener(acceptor);
  listener.start(new Sink());
  await turns();
  assert.ok(acceptor.errors.length > 0, "all at once");
  await eventually(() => acceptor.errors.length === 0);
  listener.close();
});

for (const code of ["EBADF", "EINVAL", "EIO"]) {
  test(`CSRV-14: Deno's listener tells ${code} and accepts on when it is asked to`, async () => {
    const acceptor = new FakeAcceptor();
    acceptor.errors.push(failure(code));
    acceptor.connect();
    const sink = new Sink();
    const listener = denoListener(acceptor);
    listener.start(sink);
    await turns();
    assert.deepEqual([sink.channels.length, sink.errors], [0, [[code, false]]]);
    listener.start(sink);
    await turns();
    assert.deepEqual([sink.channels.length, sink.errors.length], [1, 1]);
    listener.close();
  });
}

test("CSRV-15: a connection of Deno's that can't be looked at is closed and passed over", async () => {
  const acceptor = new FakeAcceptor();
  const [gone, good] = [acceptor.connect(), acceptor.connect()];
  const sink = new Sink();
  let made = 0;
  const listener = denoListener(acceptor, () => {
    if (made++ === 0) throw failure("ENOTCONN");
    return new FakeChannel();
  });
  listener.start(sink);
  await turns();
  assert.deepEqual([gone.closed, good.closed], [true, false]);
  assert.deepEqual([sink.channels.length, sink.errors], [1, []]);
  listener.close();
});

// ── The listener of Node and Bun, whose server emits what fails

class FakeServer extends EventEmitter {
  ref(): void {}
  unref(): void {}
}

function nodeListener(
  server: FakeServer,
  wrap: (socket: net.Socket) => RawChannel = () => new FakeChannel(),
): RawListener {
  return new NodeListener(server as unknown as net.Server, addr, wrap, () => {});
}

test("CSRV-15: node:net's errors that are about one connection are passed over", () => {
  const server = new FakeServer();
  const sink = new Sink();
  nodeListener(server).start(sink);
  for (const code of GONE) server.emit("error", failure(code));
  server.emit("connection", {});
  assert.deepEqual([sink.channels.length, sink.errors], [1, []]);
});

test("CSRV-14: another error of node:net's server stops it until it is started again", async () => {
  const server = new FakeServer();
  const sink = new Sink();
  const listener = nodeListener(server);
  listener.start(sink);
  server.emit("error", failure("EINVAL"));
  server.emit("connection", {});
  assert.deepEqual([sink.channels.length, sink.errors], [0, [["EINVAL", false]]]);
  listener.start(sink);
  await turns();
  assert.equal(sink.channels.length, 1);
});

test("CSRV-15: a socket of node:net's that can't be looked at is destroyed and passed over", () => {
  const server = new FakeServer();
  const sink = new Sink();
  nodeListener(server, () => {
    throw failure("ENOTCONN");
  }).start(sink);
  let destroyed = false;
  server.emit("connection", { destroy: () => destroyed = true });
  assert.deepEqual([destroyed, sink.channels, sink.errors], [true, [], []]);
});

// ── What the server does about it

class FakeListener implements RawListener {
  readonly addr = addr;
  closed = false;
  readonly starts: number[] = [];
  sink: AcceptSink | null = null;

  start(sink: AcceptSink): void {
    this.starts.push(getRunningLoop().time());
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
  "CSRV-14: an accept that keeps failing is reported once and tried again ever more rarely",
  async ({ loop, reports }) => {
    const listener = new FakeListener();
    useHost(loop[core], { listenTcp: () => Promise.resolve(listener) } as unknown as NetHost);
    const server = await loop.createServer(() => new Recorder(), "127.0.0.1", 1);
    for (let times = 1; times <= 4; times++) {
      listener.sink!.onError(new OSError("accept: invalid argument", { code: "EINVAL" }), false);
      await until(() => listener.starts.length > times);
    }
    assert.equal(reports.length, 1);
    assert.equal(reports.pop()!.message, "socket.accept() failed, accepting goes on");
    const { starts } = listener;
    // Timers are never early by more than a millisecond; how late they are is nobody's claim.
    const pauses = starts.slice(1).map((time, index) => time - starts[index]!);
    for (const [index, least] of [0.009, 0.019, 0.039, 0.079].entries()) {
      assert.ok(pauses[index]! >= least, `${pauses}`);
    }
    assert.deepEqual([server.isServing(), listener.closed], [true, false]);
    const channel = new FakeChannel();
    listener.sink!.onConnection(channel);
    await until(() => channel.reading !== null);
    listener.sink!.onError(new OSError("accept: invalid argument", { code: "EINVAL" }), false);
    assert.equal(reports.splice(0).length, 1, "told again after it had gone well");
    server.close();
    server.abortClients();
    await server.waitClosed();
  },
);

/** Lets microtasks and one macrotask pass. */
function turns(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function eventually(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    assert.ok(waited < 5000, `waited in vain for ${condition}`);
    await turns();
  }
}
