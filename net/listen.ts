/**
 * Serving: `createServer`, `createUnixServer` and `connectAcceptedSocket`.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { checkCall, checkPlace } from "./_arguments.ts";
import { hostOf } from "./_host_of.ts";
import { waitForHost } from "./_host_wait.ts";
import type { RawListener } from "./host.ts";
import { listenTcp } from "./_listen_tcp.ts";
import { netLoop } from "./_net_loop.ts";
import { openTransport } from "./_open_transport.ts";
import type { ServeOptions, TlsOptions } from "./options.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import { makeServer, type Server } from "./server.ts";
import type { Socket } from "./sockets.ts";
import { requireUnixStream, takeChannel, takeListener } from "./_take_socket.ts";
import { serverTls } from "./_tls_arguments.ts";
import type { Transport } from "./transports.ts";
import type { TlsSetup } from "./_handshake.ts";

/** asyncio's own default. */
const BACKLOG = 100;

/** `loop.createServer` */
export async function createServer(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  host: string | readonly string[] | null,
  port: number | null,
  options: ServeOptions = {},
): Promise<Server> {
  checkCall(loop, protocolFactory);
  checkPlace(host, port, true);
  const tls = serverTls(options);
  const { sock } = options;
  if (host === null && port === null) {
    if (sock === undefined) throw new RangeError("Neither host/port nor sock were specified");
    const listener = takeListener(sock, false);
    return await serve(loop, protocolFactory, [listener], tls, options);
  }
  if (sock !== undefined) {
    throw new RangeError("host/port and sock can not be specified at the same time");
  }
  const listeners = await listenTcp(loop, host, port, {
    ...options,
    backlog: options.backlog ?? BACKLOG,
  });
  return await serve(loop, protocolFactory, listeners, tls, options);
}

/** `loop.createUnixServer` */
export async function createUnixServer(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  path: string | null,
  options: ServeOptions = {},
): Promise<Server> {
  checkCall(loop, protocolFactory);
  const tls = serverTls(options);
  const { sock, backlog = BACKLOG, cleanupSocket = true } = options;
  if (path === null) {
    if (sock === undefined) throw new RangeError("path was not specified, and no sock specified");
    requireUnixStream(sock);
    const listener = takeListener(sock, cleanupSocket);
    return await serve(loop, protocolFactory, [listener], tls, options);
  }
  if (sock !== undefined) {
    throw new RangeError("path and sock can not be specified at the same time");
  }
  const core = netLoop(loop);
  const promise = hostOf(core).listenUnix({ path, backlog, cleanup: cleanupSocket });
  const listener = await waitForHost(core, promise, `a socket at ${path}`, { tooLate: close });
  return await serve(loop, protocolFactory, [listener], tls, options);
}

/** `loop.connectAcceptedSocket` */
export async function connectAcceptedSocket<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  sock: Socket,
  options: { ssl?: TlsOptions } = {},
): Promise<[Transport, P]> {
  checkCall(loop, protocolFactory);
  const tls = serverTls(options);
  return await openTransport(loop, await takeChannel(sock), protocolFactory, tls);
}

/** Makes the server. Always passes through the loop once when it starts at once, as in CPython. */
async function serve(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  listeners: readonly RawListener[],
  tls: TlsSetup | null,
  options: ServeOptions,
): Promise<Server> {
  const server = makeServer({ loop, listeners, protocolFactory, tls });
  if (options.startServing === false) return server;
  try {
    await server.startServing();
  } catch (error) {
    // Cancelled: nobody holds the server who could close it.
    server.close();
    throw error;
  }
  return server;
}

function close(listener: RawListener): void {
  listener.close();
}
