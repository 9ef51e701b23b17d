// What a user reads who opens connections, sockets and subprocesses the wrong way.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createSubprocessExec,
  type DatagramTransport,
  type EventLoop,
  getEventLoop,
  newEventLoop,
  openConnection,
  openUnixConnection,
  run,
  type Server,
  Socket,
  startServer,
  StreamReader,
} from "../../mod.ts";
import { messageOf, rejectsWith } from "../_support/messages.ts";

type Untyped = Record<string, (...args: unknown[]) => Promise<unknown>>;

const untyped = { openConnection, openUnixConnection, startServer } as unknown as Untyped;
const makeProtocol = (): object => ({});

const NOT_AN_ADDRESS =
  'Cannot use the address: { hostname: "127.0.0.1", port: 8080 } or { path: "/tmp/x.sock" } is expected, ';

function onLoop(method: keyof EventLoop, ...args: unknown[]): Promise<unknown> {
  const loop = getEventLoop();
  return (loop[method] as (...args: unknown[]) => Promise<unknown>).apply(loop, args);
}

class Echo {}

class PythonEcho {
  data_received(): void {}
}

const rejected: [what: string, call: () => Promise<unknown>, name: string, text: string][] = [
  [
    "openConnection() without a port",
    () => untyped.openConnection!("127.0.0.1:80"),
    "TypeError",
    'Cannot go on without a port: host and port are two arguments, "127.0.0.1", 8080, received the host "127.0.0.1:80" only',
  ],
  [
    "openConnection({ hostname, port })",
    () => untyped.openConnection!({ hostname: "127.0.0.1", port: 80 }),
    "TypeError",
    'Cannot use the host: it must be a name or an address, "127.0.0.1", or null, received an object',
  ],
  [
    "a port that is text",
    () => untyped.openConnection!("127.0.0.1", "80"),
    "RangeError",
    'Cannot use port "80": a port is a whole number from 0 to 65535',
  ],
  [
    "a family of another library",
    () => untyped.openConnection!("127.0.0.1", 80, { family: 10 }),
    "RangeError",
    "Cannot use the family: 4, 6, or 0 for any is expected, received 10",
  ],
  [
    "a protocol with Python's names",
    () =>
      onLoop("createServer", makeProtocol, "127.0.0.1", 0).then(async (made) => {
        const server = made as Server;
        const { port } = server.sockets[0]!.getsockname() as { port: number };
        try {
          return await onLoop("createConnection", () => new PythonEcho(), "127.0.0.1", port);
        } finally {
          server.close();
        }
      }),
    "TypeError",
    "Cannot use the protocol: no transport calls data_received(), received an instance of PythonEcho with it: write dataReceived()",
  ],
  [
    "a subprocess protocol with Python's names",
    () => onLoop("subprocessExec", () => ({ process_exited() {} }), "true"),
    "TypeError",
    "Cannot use the protocol: no transport calls process_exited(), received an object with it: write processExited()",
  ],
  [
    "a localAddr with host instead of hostname",
    () => untyped.openConnection!("127.0.0.1", 80, { localAddr: { host: "127.0.0.1", port: 0 } }),
    "TypeError",
    `${NOT_AN_ADDRESS}received an object with host, port`,
  ],
  [
    "a certificate as bytes",
    () =>
      untyped.startServer!(() => {}, "127.0.0.1", 0, { ssl: { cert: new Uint8Array(1), key: "" } }),
    "TypeError",
    "Cannot use ssl: cert must be a string, received an instance of Uint8Array; decode it: new TextDecoder().decode(bytes)",
  ],
  [
    "a TLS field that there is not",
    () => untyped.openConnection!("127.0.0.1", 80, { ssl: { rejectUnauthorized: true } }),
    "TypeError",
    'Cannot use ssl: there is no option "rejectUnauthorized", write verifyPeer',
  ],
  [
    "localAddr as a pair",
    () => untyped.openConnection!("127.0.0.1", 80, { localAddr: ["127.0.0.1", 0] }),
    "TypeError",
    `${NOT_AN_ADDRESS}received an array`,
  ],
  [
    "openUnixConnection() without a path",
    () => untyped.openUnixConnection!(),
    "TypeError",
    "Cannot use the path of a unix socket: it must be text, received undefined",
  ],
  [
    "startServer() with a number for a host",
    () => untyped.startServer!(() => {}, 8080),
    "TypeError",
    'Cannot use the host: it must be a name or an address, "127.0.0.1", or a list of them, or null, received a number',
  ],
  [
    "a protocol class in place of the factory",
    () => onLoop("createServer", Echo, "127.0.0.1", 0),
    "TypeError",
    "Cannot make a protocol: protocolFactory is called without new, received the class Echo: write () => new Echo()",
  ],
  [
    "a protocol in place of the factory",
    () => onLoop("createServer", {}, "127.0.0.1", 0),
    "TypeError",
    "Cannot make a protocol: protocolFactory must be a function that returns one, received an object: write () => new Echo()",
  ],
  [
    "a datagram endpoint at a pair",
    () => onLoop("createDatagramEndpoint", makeProtocol, { localAddr: ["127.0.0.1", 0] }),
    "TypeError",
    `${NOT_AN_ADDRESS}received an array`,
  ],
  [
    "sockConnect() to text",
    () => onLoop("sockConnect", new Socket(), "127.0.0.1:80"),
    "TypeError",
    `${NOT_AN_ADDRESS}received a string`,
  ],
  [
    "sockRecv() of a descriptor",
    () => onLoop("sockRecv", 5, 10),
    "RangeError",
    "Invalid file object: a Socket is expected, new Socket(), got a number",
  ],
  [
    "sockRecv() of a socket that was not connected",
    () => onLoop("sockRecv", new Socket(), 10),
    "OSError",
    "recv: not possible on <Socket AF_INET SOCK_STREAM fresh>, it is not connected (ENOTCONN)",
  ],
  [
    "sockAccept() of a socket that does not listen",
    () => onLoop("sockAccept", new Socket()),
    "OSError",
    "accept: not possible on <Socket AF_INET SOCK_STREAM fresh>, listen() comes first (EINVAL)",
  ],
  [
    "connectReadPipe(5)",
    () => onLoop("connectReadPipe", makeProtocol, 5),
    "TypeError",
    "Cannot read from a number: it must be a pipe. Pass the path or file URL of a pipe, process.stdin or a ReadableStream",
  ],
  [
    "an async factory",
    () => onLoop("connectReadPipe", async () => await makeProtocol(), new ReadableStream()),
    "TypeError",
    "Cannot use the protocol: protocolFactory must return an object, received a promise, so it must not be async",
  ],
  [
    "startServer() with a limit of 0",
    () => untyped.startServer!(() => {}, "127.0.0.1", 0, { limit: 0 }),
    "RangeError",
    "Limit cannot be <= 0: current value is 0",
  ],
  [
    "sockRecv() of less than nothing",
    () => onLoop("sockRecv", new Socket(), -1),
    "RangeError",
    "negative buffersize in recv: current value is -1",
  ],
  [
    "sockRecvfrom() of text",
    () => onLoop("sockRecvfrom", new Socket(), "10"),
    "TypeError",
    "Cannot receive so many bytes: a whole number is expected, received 10",
  ],
  [
    "sockRecvInto() a number",
    () => onLoop("sockRecvInto", new Socket(), 10),
    "TypeError",
    "Cannot receive into the buffer: it must be a Uint8Array, received a number",
  ],
  [
    "openUnixConnection() to a path that is empty",
    () => openUnixConnection(""),
    "OSError",
    'Cannot use the path of a unix socket: it is empty or holds a zero, received "" (EINVAL)',
  ],
  [
    "openUnixConnection() to a path with a null character",
    () => openUnixConnection("/tmp/a\0b"),
    "OSError",
    'Cannot use the path of a unix socket: it is empty or holds a zero, received "/tmp/a\\u0000b" (EINVAL)',
  ],
  [
    "openConnection() to port 0",
    () => openConnection("127.0.0.1", 0),
    "ConnectionRefusedError",
    "connect 127.0.0.1:0: connection refused (ECONNREFUSED)",
  ],
  [
    "an option that subprocesses have not",
    () => createSubprocessExec("true", [], { preexecFn: () => {} } as object),
    "TypeError",
    'Cannot call createSubprocessExec(): there is no option "preexecFn", no code of ours can run in the child before the program does',
  ],
  [
    "a subprocess with a limit below 0",
    () => createSubprocessExec("true", [], { limit: -1 }),
    "RangeError",
    "Limit cannot be <= 0: current value is -1",
  ],
];

for (const [what, call, name, text] of rejected) {
  test(`error texts: ${what}`, async () => {
    await rejectsWith(call(), name, text);
  });
}

test("error texts: a stream reader's limit is told", () => {
  const call = (): unknown => new StreamReader({ limit: 0 });
  assert.equal(messageOf(call, "RangeError"), "Limit cannot be <= 0: current value is 0");
});

const thrown: [what: string, call: () => unknown, name: string, text: string][] = [
  [
    "a socket of Python's family",
    () => new Socket(2 as 4),
    "RangeError",
    "Cannot make a Socket: its family must be AF_INET, AF_INET6 or AF_UNIX, received 2",
  ],
  [
    "a socket of Python's type",
    () => new Socket(4, 1 as never),
    "RangeError",
    "Cannot make a Socket: its type must be SOCK_STREAM or SOCK_DGRAM, received 1",
  ],
  [
    "recv() of a part of a byte",
    () => new Socket().recv(1.5),
    "TypeError",
    "Cannot receive so many bytes: a whole number is expected, received 1.5",
  ],
  [
    "shutdown() as in Python",
    () => new Socket().shutdown(1 as never),
    "RangeError",
    'Cannot shut down the socket: "read", "write" or "both" is expected, received 1',
  ],
  [
    "addReader() without a callback",
    () => getEventLoop().addReader(new Socket(), undefined as never),
    "TypeError",
    "Cannot watch the socket: the callback must be a function, received undefined",
  ],
];

for (const [what, call, name, text] of thrown) {
  test(`error texts: ${what} throws`, () => {
    assert.equal(messageOf(call, name), text);
  });
}

test("error texts: a factory that returns nothing closes the connection and says so", async () => {
  await run(async () => {
    const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    await rejectsWith(
      onLoop("createConnection", () => {}, "127.0.0.1", port),
      "TypeError",
      "Cannot use the protocol: protocolFactory must return an object, received undefined",
    );
    server.close();
    await server.waitClosed();
  });
});

test("error texts: sendto() with a pair throws where it is called", async () => {
  await run(async () => {
    const options = { localAddr: { hostname: "127.0.0.1", port: 0 } };
    const [transport] = await onLoop("createDatagramEndpoint", makeProtocol, options) as [
      DatagramTransport,
    ];
    for (const [addr, got] of [[["127.0.0.1", 9], "an array"], ["127.0.0.1:9", "a string"]]) {
      const call = (): unknown => transport.sendto("x", addr as never);
      assert.equal(messageOf(call, "TypeError"), `${NOT_AN_ADDRESS}received ${got}`);
    }
    const tooHigh = (): unknown => transport.sendto("x", { hostname: "127.0.0.1", port: 70_000 });
    assert.equal(
      messageOf(tooHigh, "RangeError"),
      "Cannot use port 70000: a port is a whole number from 0 to 65535",
    );
    transport.close();
  });
});

const onClosed: [method: keyof EventLoop & string, args: unknown[]][] = [
  ["createServer", [makeProtocol, "127.0.0.1", 0]],
  ["createConnection", [makeProtocol, "127.0.0.1", 1]],
  ["createUnixServer", [makeProtocol, "/tmp/asyncio-none.sock"]],
  ["createUnixConnection", [makeProtocol, "/tmp/asyncio-none.sock"]],
  ["createDatagramEndpoint", [makeProtocol, { localAddr: { hostname: "127.0.0.1", port: 0 } }]],
  ["connectReadPipe", [makeProtocol, new ReadableStream()]],
  ["connectWritePipe", [makeProtocol, new WritableStream()]],
  ["subprocessExec", [makeProtocol, "true"]],
  ["subprocessShell", [makeProtocol, "true"]],
];

for (const [method, args] of onClosed) {
  test(`error texts: ${method}() on a closed loop says so at once`, async () => {
    const loop = newEventLoop();
    loop.close();
    const call = loop[method] as (...args: unknown[]) => Promise<unknown>;
    await rejectsWith(call.apply(loop, args), "RuntimeError", "Event loop is closed");
  });
}

test("error texts: a writer given to sendfile() is told what to pass", async () => {
  await run(async () => {
    const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    const [, writer] = await openConnection("127.0.0.1", port);
    await rejectsWith(
      onLoop("sendfile", writer, new Blob(["x"])),
      "RuntimeError",
      /^sendfile is not supported for transport <StreamWriter .*>: pass writer\.transport$/,
    );
    assert.equal(
      messageOf(() => writer.writelines(5 as never), "TypeError"),
      "Cannot write lines: an iterable of bytes is expected, [header, body], received a number",
    );
    writer.close();
    await writer.waitClosed();
    server.close();
    await server.waitClosed();
  });
});
