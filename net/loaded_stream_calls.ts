/**
 * Connecting and serving, once their arguments are checked, and `startTls`. One module for the three, so that wherever there is
 * a stream transport, `startTls` is loaded already: if it were loaded by itself, the peer's handshake would arrive meanwhile and
 * be taken for data.
 *
 * @module
 */
import { core } from "../runtime/core/loop_core.ts";
import type { EventLoop } from "../loop_interface.ts";
import { showingCaller } from "../runtime/base/stack.ts";
import { noteDescriptors } from "../runtime/core/lazy_module.ts";
import type { RawChannel, RawListener } from "./core/host.ts";
import { waitForHost, waitForOperation } from "./core/operations.ts";
import type { ConnectOptions, ServeOptions } from "./core/options.ts";
import type { BufferedProtocol, Protocol, Transport } from "../runtime/contract/transports.ts";
import { hostOf } from "./hosts/select.ts";
import { requireUnixStream, takeChannel, takeListener } from "./sockets/adopt.ts";
import type { Socket } from "./sockets/sockets.ts";
import { connectTcp } from "./tcp/connect.ts";
import { listenTcp } from "./tcp/listen.ts";
import { makeServer, type Server } from "./tcp/server.ts";
import { ServerCore } from "./tcp/server_core.ts";
import type { TlsSetup } from "./tls/options.ts";
import { checkSecureContext } from "./tls/secure_context.ts";
import { openTransport, toUpgrade } from "./transports/open_transport.ts";

export { LeftOpen } from "./streams/left_open.ts";
export { startTls } from "./transports/start_tls.ts";

// ── connecting

/** A transport over a new TCP connection. */
export async function connectToHost<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  host: string | null,
  port: number | null,
  options: ConnectOptions,
  tls: TlsSetup | null,
): Promise<[Transport, P]> {
  checkTls(tls);
  let channel: RawChannel;
  try {
    channel = await connectTcp(loop, host, port, options);
  } catch (error) {
    // With several addresses the error was made in their tasks.
    throw showingCaller(error);
  }
  return await openTransport(loop, channel, protocolFactory, tls);
}

/** A transport over a new connection to a unix socket. */
export async function connectToPath<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  path: string,
  tls: TlsSetup | null,
): Promise<[Transport, P]> {
  checkTls(tls);
  const inner = loop[core];
  const operation = hostOf(inner).connect({ path });
  const channel = await waitForOperation(inner, operation, `a connection to ${path}`);
  return await openTransport(loop, channel, protocolFactory, tls);
}

/** A transport over a socket that is connected. */
export async function takeConnected<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  sock: Socket,
  tls: TlsSetup | null,
): Promise<[Transport, P]> {
  checkTls(tls);
  return await openTransport(loop, await takeChannel(sock), protocolFactory, tls);
}

/** The same for a unix socket. */
export async function takeConnectedUnix<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  sock: Socket,
  tls: TlsSetup | null,
): Promise<[Transport, P]> {
  requireUnixStream(sock);
  checkTls(tls);
  return await openTransport(loop, await takeChannel(sock), protocolFactory, tls);
}

// ── serving

/** What every server is made with. */
export interface ServeCall {
  readonly loop: EventLoop;
  readonly protocolFactory: () => Protocol | BufferedProtocol;
  readonly tls: TlsSetup | null;
  readonly options: ServeOptions;
}

/** asyncio's own default. */
const BACKLOG = 100;

/** A server on the addresses of a host, or of several. */
export async function serveHost(
  call: ServeCall,
  host: string | readonly string[] | null,
  port: number | null,
): Promise<Server> {
  const { loop, options } = call;
  checkTls(call.tls);
  const listeners = await listenTcp(loop, host, port, {
    ...options,
    backlog: options.backlog ?? BACKLOG,
  });
  return await serve(call, listeners);
}

/** A server on a socket that is bound. */
export async function serveSocket(call: ServeCall, sock: Socket): Promise<Server> {
  checkTls(call.tls);
  return await serve(call, [takeListener(sock, false)]);
}

/** A server on a unix socket of that path. */
export async function servePath(call: ServeCall, path: string): Promise<Server> {
  checkTls(call.tls);
  const inner = call.loop[core];
  const { backlog = BACKLOG, cleanupSocket = true } = call.options;
  const promise = hostOf(inner).listenUnix({ path, backlog, cleanup: cleanupSocket });
  const listener = await waitForHost(inner, promise, `a socket at ${path}`, { tooLate: close });
  return await serve(call, [listener]);
}

/** A server on a unix socket that is bound. */
export async function serveUnixSocket(call: ServeCall, sock: Socket): Promise<Server> {
  requireUnixStream(sock);
  checkTls(call.tls);
  return await serve(call, [takeListener(sock, call.options.cleanupSocket ?? true)]);
}

/** Makes the server. Always passes through the loop once when it starts at once, as in CPython. */
async function serve(call: ServeCall, listeners: readonly RawListener[]): Promise<Server> {
  const { loop, protocolFactory, tls, options } = call;
  noteDescriptors(Infinity);
  const server = makeServer(
    new ServerCore({
      loop,
      listeners,
      protocolFactory,
      tls,
      keepAlive: options.keepAlive === true,
    }),
  );
  if (options.startServing === false) return server;
  try {
    await server.startServing();
  } catch (error) {
    // Cancelled: the caller does not get the server, and so can't close it.
    server.close();
    throw error;
  }
  return server;
}

/** Checks certificate and key before a socket is opened, or taken from its owner. */
function checkTls(tls: TlsSetup | null): void {
  if (tls !== null) checkSecureContext(toUpgrade(tls));
}

function close(listener: RawListener): void {
  listener.close();
}
