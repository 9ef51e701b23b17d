/**
 * What serving takes, once its arguments are found good.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { noteDescriptors } from "../runtime/core/lazy_module.ts";
import { toUpgrade } from "./transports/handshake.ts";
import { hostOf } from "./hosts/select.ts";
import { waitForHost } from "./core/operations.ts";
import type { RawListener } from "./core/host.ts";
import { listenTcp } from "./tcp/listen.ts";
import { netLoop } from "./core/net_loop.ts";
import type { ServeOptions } from "./core/options.ts";
import type { BufferedProtocol, Protocol } from "./core/transports.ts";
import { makeServer, type Server } from "./tcp/server.ts";
import { ServerCore } from "./tcp/server_core.ts";
import type { Socket } from "./sockets/sockets.ts";
import { requireUnixStream, takeListener } from "./sockets/adopt.ts";
import type { TlsSetup } from "./tls/options.ts";
import { checkMaterial } from "./tls/secure_context.ts";

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
  checkTls(call);
  const listeners = await listenTcp(loop, host, port, {
    ...options,
    backlog: options.backlog ?? BACKLOG,
  });
  return await serve(call, listeners);
}

/** A server on a socket that is bound. */
export async function serveSocket(call: ServeCall, sock: Socket): Promise<Server> {
  checkTls(call);
  return await serve(call, [takeListener(sock, false)]);
}

/** A server on a unix socket of that path. */
export async function servePath(call: ServeCall, path: string): Promise<Server> {
  checkTls(call);
  const core = netLoop(call.loop);
  const { backlog = BACKLOG, cleanupSocket = true } = call.options;
  const promise = hostOf(core).listenUnix({ path, backlog, cleanup: cleanupSocket });
  const listener = await waitForHost(core, promise, `a socket at ${path}`, { tooLate: close });
  return await serve(call, [listener]);
}

/** A server on a unix socket that is bound. */
export async function serveUnixSocket(call: ServeCall, sock: Socket): Promise<Server> {
  requireUnixStream(sock);
  checkTls(call);
  return await serve(call, [takeListener(sock, call.options.cleanupSocket ?? true)]);
}

/** Before a socket is opened, or taken from its owner. */
function checkTls({ tls }: ServeCall): void {
  if (tls !== null) checkMaterial(toUpgrade(tls));
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
    // Cancelled: nobody holds the server who could close it.
    server.close();
    throw error;
  }
  return server;
}

function close(listener: RawListener): void {
  listener.close();
}
