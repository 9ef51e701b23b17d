/**
 * Streams: connections as a reader and a writer.
 *
 * @module
 */

import { currentLoop } from "../runtime/tasks/task_options.ts";
import { describeType } from "../runtime/base/format.ts";
import type { EventLoop } from "../loop_interface.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import {
  createConnection,
  createServer,
  createUnixConnection,
  createUnixServer,
} from "./stream_calls.ts";
import {
  type ConnectOptions,
  connectOptions,
  type ServeOptions,
  serveOptions,
} from "./core/options.ts";
import type { Server } from "./tcp/server.ts";
import { checkLimit, StreamReader } from "./streams/stream_reader.ts";
import { type ClientConnected, StreamReaderProtocol } from "./streams/stream_reader_protocol.ts";
import { StreamWriter } from "./streams/stream_writer.ts";
import type { Transport } from "../runtime/contract/transports.ts";

/**
 * Connects to a TCP server (`asyncio.open_connection`). Of a host's several addresses, the first
 * that answers is taken. Cancelling it at any moment leaves nothing open.
 *
 * On Deno it needs `--allow-net`.
 *
 * @param host a name or an address; null with `options.sock`
 * @param port null with `options.sock`
 * @param options how to connect
 * @returns the two ends of the connection
 * @throws {OSError} if no address answers: the only address's error, or one that names each
 * address's
 * @throws {GaiError} if the name can't be resolved
 * @throws {RangeError} if the options contradict each other
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { openConnection, run, startServer } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer((_reader, writer) => {
 *     writer.write("time to go\n");
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const { port } = server.sockets[0]!.getsockname() as { port: number };
 *   const [reader, writer] = await openConnection("127.0.0.1", port);
 *   assert.equal(new TextDecoder().decode(await reader.readline()), "time to go\n");
 *   writer.close();
 *   await writer.waitClosed();
 *   server.close();
 * });
 * ```
 */
export function openConnection(
  host: string | null,
  port: number | null,
  options: ConnectOptions = {},
): Promise<[StreamReader, StreamWriter]> {
  return connectStream(
    "openConnection()",
    options,
    (loop, factory) => createConnection(loop, factory, host, port, options),
  );
}

/**
 * Connects to a unix socket (`asyncio.open_unix_connection`).
 *
 * On Deno it needs `--allow-read`, `--allow-write` and `--allow-net`.
 *
 * @param path the socket's file; a name that begins with "\0" is abstract (Linux)
 * @param options how to connect
 * @returns the two ends of the connection
 * @throws {FileNotFoundError} if there is no such file
 * @throws {ConnectionRefusedError} if no server listens there
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { openUnixConnection, run, startUnixServer } from "@asyncio/asyncio";
 *
 * const folder = await mkdtemp(join(tmpdir(), "unix-"));
 * const path = join(folder, "greeter");
 * await run(async () => {
 *   const server = await startUnixServer(async (_reader, writer) => {
 *     writer.write("hello");
 *     writer.close();
 *     await writer.waitClosed();
 *   }, path);
 *   await server.with(async () => {
 *     const [reader, writer] = await openUnixConnection(path);
 *     assert.equal(new TextDecoder().decode(await reader.read()), "hello");
 *     writer.close();
 *     await writer.waitClosed();
 *   });
 * });
 * await rm(folder, { recursive: true });
 * ```
 */
export function openUnixConnection(
  path: string,
  options: ConnectOptions = {},
): Promise<[StreamReader, StreamWriter]> {
  return connectStream(
    "openUnixConnection()",
    options,
    (loop, factory) => createUnixConnection(loop, factory, path, options),
  );
}

/**
 * Starts a TCP server (`asyncio.start_server`).
 *
 * Each connection's callback runs as a task, in the context of this call. What it throws goes to
 * the loop's exception handler, and its connection is closed. It closes the writer itself when it is
 * done. Where it returns without that, the connection stays as long as the program holds the reader, the
 * writer or a web stream of theirs, and is flushed and closed some time after that, when the garbage
 * has been collected.
 *
 * On Deno it needs `--allow-net`.
 *
 * @param clientConnected called with the two ends of each connection
 * @param host a name, an address, several of them, or null or "" for every interface
 * @param port 0: the system picks a free one, which `server.sockets` shows
 * @param options how to serve
 * @throws {OSError} if an address can't be bound, naming it
 * @throws {SSLError} if the certificate or the key of `ssl` can't be used
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { openConnection, run, startServer } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer(async (reader, writer) => {
 *     for await (const line of reader) {
 *       writer.write(line);
 *       await writer.drain();
 *     }
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   await server.with(async () => {
 *     const { port } = server.sockets[0]!.getsockname() as { port: number };
 *     const [reader, writer] = await openConnection("127.0.0.1", port);
 *     writer.write("one\ntwo\n");
 *     writer.writeEof();
 *     assert.equal(new TextDecoder().decode(await reader.read()), "one\ntwo\n");
 *     writer.close();
 *   });
 * });
 * ```
 */
export function startServer(
  clientConnected: ClientConnected,
  host: string | readonly string[] | null,
  port: number | null,
  options: ServeOptions = {},
): Promise<Server> {
  return inOwnScope(() => {
    const loop = currentLoop();
    const factory = serverProtocols(loop, clientConnected, options, "startServer()");
    return createServer(loop, factory, host, port, options);
  });
}

/**
 * Starts a server on a unix socket (`asyncio.start_unix_server`). A socket file that an ended
 * server did not remove is replaced, and removed again on close.
 *
 * On Deno it needs `--allow-read`, `--allow-write` and `--allow-net`.
 *
 * @param clientConnected as for {@linkcode startServer}
 * @param path the socket's file; a name that begins with "\0" is abstract (Linux)
 * @param options how to serve
 * @throws {OSError} if the path can't be bound
 * @throws {SSLError} if the certificate or the key of `ssl` can't be used
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { mkdtemp, rm } from "node:fs/promises";
 * import { tmpdir } from "node:os";
 * import { join } from "node:path";
 * import { openUnixConnection, run, startUnixServer } from "@asyncio/asyncio";
 *
 * const folder = await mkdtemp(join(tmpdir(), "server-"));
 * const path = join(folder, "clock");
 * await run(async () => {
 *   const server = await startUnixServer(async (_reader, writer) => {
 *     writer.write("12:00");
 *     writer.close();
 *     await writer.waitClosed();
 *   }, path);
 *   await server.with(async () => {
 *     const [reader, writer] = await openUnixConnection(path);
 *     assert.equal(new TextDecoder().decode(await reader.read()), "12:00");
 *     writer.close();
 *     await writer.waitClosed();
 *   });
 * });
 * await rm(folder, { recursive: true });
 * ```
 */
export function startUnixServer(
  clientConnected: ClientConnected,
  path: string,
  options: ServeOptions = {},
): Promise<Server> {
  return inOwnScope(() => {
    const loop = currentLoop();
    const factory = serverProtocols(loop, clientConnected, options, "startUnixServer()");
    return createUnixServer(loop, factory, path, options);
  });
}

type Connect = (
  loop: EventLoop,
  factory: () => StreamReaderProtocol,
) => Promise<[Transport, StreamReaderProtocol]>;

/** In a scope of its own, so that `waitFor(openConnection(...), 5)` calls it off and leaves nothing open. */
function connectStream(
  what: string,
  options: ConnectOptions,
  connect: Connect,
): Promise<[StreamReader, StreamWriter]> {
  return inOwnScope(() => connecting(what, options, connect));
}

async function connecting(
  what: string,
  options: ConnectOptions,
  connect: Connect,
): Promise<[StreamReader, StreamWriter]> {
  connectOptions.check(options, what);
  const loop = currentLoop();
  const reader = new StreamReader(readerOptions(loop, options));
  const [transport, protocol] = await connect(
    loop,
    () => new StreamReaderProtocol(reader, undefined, { loop }),
  );
  return [reader, new StreamWriter(transport, protocol, reader, loop)];
}

function serverProtocols(
  loop: EventLoop,
  clientConnected: ClientConnected,
  options: ServeOptions,
  what: string,
): () => StreamReaderProtocol {
  if (typeof clientConnected !== "function") {
    throw new TypeError(
      `Cannot serve: the function for new connections comes first, received ${
        describeType(clientConnected)
      }: write ` +
        "startServer(clientConnected, host, port) or startUnixServer(clientConnected, path)",
    );
  }
  serveOptions.check(options, what);
  // Here, since the first connection would be too late.
  if (options.limit !== undefined) checkLimit(options.limit);
  return () => {
    const reader = new StreamReader(readerOptions(loop, options));
    return new StreamReaderProtocol(reader, clientConnected, { loop });
  };
}

function readerOptions(
  loop: EventLoop,
  options: { limit?: number },
): { loop: EventLoop; limit?: number } {
  return options.limit === undefined ? { loop } : { loop, limit: options.limit };
}
