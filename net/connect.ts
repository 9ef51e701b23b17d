/**
 * Connecting: `createConnection` and `createUnixConnection`.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { withSignal } from "../runtime/with_signal.ts";
import { checkCall, checkPlace } from "./_arguments.ts";
import { connectTcp } from "./_connect_tcp.ts";
import { waitForOperation } from "./_host_wait.ts";
import { hostOf } from "./_host_of.ts";
import { netLoop } from "./_net_loop.ts";
import { openTransport } from "./_open_transport.ts";
import type { ConnectOptions } from "./options.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import { requireUnixStream, takeChannel } from "./_take_socket.ts";
import { clientTls } from "./_tls_arguments.ts";
import type { Transport } from "./transports.ts";

/** `loop.createConnection` */
export function createConnection<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  host: string | null,
  port: number | null,
  options: ConnectOptions = {},
): Promise<[Transport, P]> {
  return underSignal(options, async () => {
    checkCall(loop, protocolFactory);
    checkPlace(host, port);
    const tls = clientTls(
      options,
      host,
      "You must set serverHostname when using ssl without a host",
    );
    const { sock } = options;
    if (host === null && port === null) {
      if (sock === undefined) {
        throw new RangeError("host and port was not specified and no sock specified");
      }
      return await openTransport(loop, await takeChannel(sock), protocolFactory, tls);
    }
    if (sock !== undefined) {
      throw new RangeError("host/port and sock can not be specified at the same time");
    }
    const channel = await connectTcp(loop, host, port, options);
    return await openTransport(loop, channel, protocolFactory, tls);
  });
}

/** `loop.createUnixConnection` */
export function createUnixConnection<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  path: string | null,
  options: ConnectOptions = {},
): Promise<[Transport, P]> {
  return underSignal(options, async () => {
    checkCall(loop, protocolFactory);
    const tls = clientTls(options, null, "you have to pass serverHostname when using ssl");
    const { sock } = options;
    if (path === null) {
      if (sock === undefined) throw new RangeError("no path and sock were specified");
      requireUnixStream(sock);
      return await openTransport(loop, await takeChannel(sock), protocolFactory, tls);
    }
    if (sock !== undefined) {
      throw new RangeError("path and sock can not be specified at the same time");
    }
    const core = netLoop(loop);
    const operation = hostOf(core).connect({ path });
    const channel = await waitForOperation(core, operation, `a connection to ${path}`);
    return await openTransport(loop, channel, protocolFactory, tls);
  });
}

function underSignal<T>(options: ConnectOptions, body: () => Promise<T>): Promise<T> {
  return options.signal === undefined ? body() : withSignal(options.signal, body);
}
