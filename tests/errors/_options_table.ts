// Every function and class that takes an options object, with a wrong value for each of its options. The types see to it that
// no option is left out; options.test.ts sees to it that no function is.
import { EventLoop } from "../../event_loop.ts";
import type { AcceptedOptions } from "../../net/options.ts";
import * as asyncio from "../../mod.ts";
import { run, type SendfileOptions, type ServeOptions } from "../../mod.ts";

/** Stands for the wrong value of an option that takes anything. */
export const ANYTHING: unique symbol = Symbol("anything");

export interface Row {
  /** As the documentation names it: "startServer", "StreamWriter.startTls". */
  readonly name: string;
  /** For each option a value that it does not take. */
  readonly wrong: Readonly<Record<string, unknown>>;
  /** Calls it with these options. */
  readonly call: (options: never) => unknown;
}

function row<O>(
  name: string,
  call: (options: O) => unknown,
  wrong: { readonly [K in keyof O]-?: unknown },
): Row {
  return { name, call, wrong };
}

/** A writer and its transport, in a run. */
function connected(
  use: (writer: asyncio.StreamWriter, transport: asyncio.Transport) => unknown,
): Promise<unknown> {
  return run(async () => {
    const server = await asyncio.startServer(() => {}, "127.0.0.1", 0);
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    const [, writer] = await asyncio.openConnection("127.0.0.1", port);
    try {
      return await use(writer, writer.transport as asyncio.Transport);
    } finally {
      writer.transport.abort();
      server.close();
    }
  });
}

const make = (): asyncio.Protocol => ({ dataReceived() {} });

/** The running loop's method, in a run. */
function onLoop(use: (loop: EventLoop) => unknown): Promise<unknown> {
  return run(async () => await use(asyncio.getRunningLoop()));
}

const tls = {
  sslHandshakeTimeout: "60",
  sslShutdownTimeout: [1],
};

const connecting: { readonly [K in keyof asyncio.ConnectOptions]-?: unknown } = {
  ...tls,
  limit: "65536",
  ssl: "yes",
  serverHostname: 5,
  family: "4",
  localAddr: { host: "127.0.0.1" },
  sock: 5,
  happyEyeballsDelay: "0.25",
  interleave: "1",
  signal: new AbortController(),
};

const serving: { readonly [K in keyof ServeOptions]-?: unknown } = {
  ...tls,
  limit: "5",
  ssl: true,
  family: 10,
  backlog: "1",
  reuseAddress: "x",
  reusePort: 1,
  sock: {},
  cleanupSocket: null,
  startServing: "false",
};

const sending: { readonly [K in keyof SendfileOptions]-?: unknown } = { fallback: "no" };

export const table: readonly Row[] = [
  // ── net
  row("openConnection", (o: asyncio.ConnectOptions) => {
    return run(() => asyncio.openConnection("127.0.0.1", 1, o));
  }, connecting),
  row("openUnixConnection", (o: asyncio.ConnectOptions) => {
    return run(() => asyncio.openUnixConnection("/nowhere/s", o));
  }, connecting),
  row("startServer", (o: ServeOptions) => {
    return run(() => asyncio.startServer(() => {}, "127.0.0.1", 0, o));
  }, serving),
  row("startUnixServer", (o: ServeOptions) => {
    return run(() => asyncio.startUnixServer(() => {}, "/nowhere/s", o));
  }, serving),
  row("AbstractEventLoop.createConnection", (o: asyncio.ConnectOptions) => {
    return onLoop((loop) => loop.createConnection(make, "127.0.0.1", 1, o));
  }, connecting),
  row("AbstractEventLoop.createUnixConnection", (o: asyncio.ConnectOptions) => {
    return onLoop((loop) => loop.createUnixConnection(make, "/nowhere/s", o));
  }, connecting),
  row("AbstractEventLoop.createServer", (o: ServeOptions) => {
    return onLoop((loop) => loop.createServer(make, "127.0.0.1", 0, o));
  }, serving),
  row("AbstractEventLoop.createUnixServer", (o: ServeOptions) => {
    return onLoop((loop) => loop.createUnixServer(make, "/nowhere/s", o));
  }, serving),
  row("AbstractEventLoop.connectAcceptedSocket", (o: AcceptedOptions) => {
    return onLoop((loop) => loop.connectAcceptedSocket(make, new asyncio.Socket(), o));
  }, { ...tls, ssl: true }),
  row("AbstractEventLoop.createDatagramEndpoint", (o: asyncio.DatagramOptions) => {
    return onLoop((loop) => loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), o));
  }, {
    localAddr: ["127.0.0.1", 0],
    remoteAddr: { hostname: "127.0.0.1", port: "1" },
    family: "4",
    reusePort: "yes",
    allowBroadcast: 1,
    sock: 5,
  }),
  row("AbstractEventLoop.startTls", (o: asyncio.StartTlsOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().startTls(transport, make(), {}, o);
    });
  }, { ...tls, serverSide: "no", serverHostname: null }),
  row("AbstractEventLoop.startTls ssl", (o: asyncio.TlsOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().startTls(transport, make(), o, { serverHostname: "x" });
    });
  }, {
    cert: new Uint8Array(5),
    key: 5,
    caCerts: "pem",
    alpnProtocols: "h2",
    verifyPeer: "no",
  }),
  row("StreamWriter.startTls", (o: Omit<asyncio.StartTlsOptions, "serverSide">) => {
    return connected((writer) => writer.startTls(true, o));
  }, { ...tls, serverHostname: null }),
  row("AbstractEventLoop.sendfile", (o: SendfileOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().sendfile(transport, new Blob(["a"]), 0, null, o);
    });
  }, sending),
  row("AbstractEventLoop.sockSendfile", (o: SendfileOptions) => {
    return onLoop((loop) => {
      return loop.sockSendfile(new asyncio.Socket(), new Blob(["a"]), 0, null, o);
    });
  }, sending),
  row("AbstractEventLoop.getaddrinfo", (o: asyncio.AddressInfoOptions) => {
    return onLoop((loop) => loop.getaddrinfo("127.0.0.1", 1, o));
  }, { family: "4", type: 1 }),
  row("WriteTransport.setWriteBufferLimits", (o: { high?: number; low?: number }) => {
    return connected((_writer, transport) => transport.setWriteBufferLimits(o));
  }, { high: "5", low: null }),
  row("StreamReader", (o: { limit?: number; loop?: EventLoop }) => {
    return run(() => new asyncio.StreamReader(o));
  }, { limit: "5", loop: 5 }),
  row("StreamReaderProtocol", (o: { loop?: EventLoop }) => {
    return run(() => new asyncio.StreamReaderProtocol(new asyncio.StreamReader(), undefined, o));
  }, { loop: {} }),
  row("Socket.bind", (o: { reusePort?: boolean }) => {
    return run(() => new asyncio.Socket().bind({ hostname: "127.0.0.1", port: 0 }, o));
  }, { reusePort: "yes" }),
];
