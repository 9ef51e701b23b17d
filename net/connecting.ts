/**
 * What connecting takes, once its arguments are found good.
 *
 * @module
 */
import type { EventLoop } from "../event_loop.ts";
import { connectTcp } from "./tcp/connect.ts";
import { waitForOperation } from "./core/operations.ts";
import { toUpgrade } from "./transports/handshake.ts";
import { hostOf } from "./hosts/select.ts";
import { netLoop } from "./core/net_loop.ts";
import { openTransport } from "./transports/open_transport.ts";
import type { ConnectOptions } from "./core/options.ts";
import { showingCaller } from "../runtime/base/stack.ts";
import type { BufferedProtocol, Protocol, Transport } from "./core/transports.ts";
import type { RawChannel } from "./core/host.ts";
import type { Socket } from "./sockets/sockets.ts";
import { requireUnixStream, takeChannel } from "./sockets/adopt.ts";
import type { TlsSetup } from "./tls/options.ts";
import { checkMaterial } from "./tls/secure_context.ts";

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
    // With several addresses it was made in their tasks.
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
  const core = netLoop(loop);
  const operation = hostOf(core).connect({ path });
  const channel = await waitForOperation(core, operation, `a connection to ${path}`);
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

/** Before anything is opened, or taken from its owner. */
function checkTls(tls: TlsSetup | null): void {
  if (tls !== null) checkMaterial(toUpgrade(tls));
}
