/**
 * The stream calls of the loop: `createConnection`, `createServer` and their like. Arguments are checked here, at the call; the
 * work is done by `net/loaded_stream_calls.ts`, which is loaded at the first one.
 *
 * @module
 */
import type { EventLoop } from "../loop_interface.ts";
import type { Server } from "../runtime/contract/servers.ts";
import { rejecting } from "../runtime/core/lazy_module.ts";
import { withSignal } from "../runtime/scopes/with_signal.ts";
import { checkCall, checkPlace } from "./core/arguments.ts";
import { streamCalls } from "./lazy.ts";
import {
  type AcceptedOptions,
  acceptedOptions,
  type ConnectOptions,
  connectOptions,
  type ServeOptions,
  serveOptions,
} from "./core/options.ts";
import type { BufferedProtocol, Protocol, Transport } from "../runtime/contract/transports.ts";
import type { Socket } from "../runtime/contract/sockets.ts";
import { checkSock } from "./sockets/sockets.ts";
import { clientTls, serverTls } from "./tls/options.ts";

/** `loop.createConnection` */
export function createConnection<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  host: string | null,
  port: number | null,
  options: ConnectOptions = {},
): Promise<[Transport, P]> {
  return underSignal(options, "createConnection()", () => {
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
      return streamCalls.call((net) => net.takeConnected(loop, protocolFactory, sock, tls));
    }
    if (sock !== undefined) {
      throw new RangeError("host/port and sock can not be specified at the same time");
    }
    return streamCalls.call((net) =>
      net.connectToHost(loop, protocolFactory, host, port, options, tls)
    );
  });
}

/** `loop.createUnixConnection` */
export function createUnixConnection<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  path: string | null,
  options: ConnectOptions = {},
): Promise<[Transport, P]> {
  return underSignal(options, "createUnixConnection()", () => {
    checkCall(loop, protocolFactory);
    const tls = clientTls(options, null, "you have to pass serverHostname when using ssl");
    const { sock } = options;
    if (path === null) {
      if (sock === undefined) throw new RangeError("no path and sock were specified");
      return streamCalls.call((net) => net.takeConnectedUnix(loop, protocolFactory, sock, tls));
    }
    if (sock !== undefined) {
      throw new RangeError("path and sock can not be specified at the same time");
    }
    return streamCalls.call((net) => net.connectToPath(loop, protocolFactory, path, tls));
  });
}

/** `loop.connectAcceptedSocket` */
export function connectAcceptedSocket<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  sock: Socket,
  options: AcceptedOptions = {},
): Promise<[Transport, P]> {
  return rejecting(() => {
    acceptedOptions.check(options, "connectAcceptedSocket()");
    checkCall(loop, protocolFactory);
    const tls = serverTls(options);
    return streamCalls.call((net) => net.takeConnected(loop, protocolFactory, sock, tls));
  });
}

/** `loop.createServer` */
export function createServer(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  host: string | readonly string[] | null,
  port: number | null,
  options: ServeOptions = {},
): Promise<Server> {
  return rejecting(() => {
    serveOptions.check(options, "createServer()");
    checkSock(options);
    checkCall(loop, protocolFactory);
    checkPlace(host, port, true);
    const call = { loop, protocolFactory, tls: serverTls(options), options };
    const { sock } = options;
    if (host === null && port === null) {
      if (sock === undefined) throw new RangeError("Neither host/port nor sock were specified");
      return streamCalls.call((net) => net.serveSocket(call, sock));
    }
    if (sock !== undefined) {
      throw new RangeError("host/port and sock can not be specified at the same time");
    }
    return streamCalls.call((net) => net.serveHost(call, host, port));
  });
}

/** `loop.createUnixServer` */
export function createUnixServer(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  path: string | null,
  options: ServeOptions = {},
): Promise<Server> {
  return rejecting(() => {
    serveOptions.check(options, "createUnixServer()");
    checkSock(options);
    checkCall(loop, protocolFactory);
    const call = { loop, protocolFactory, tls: serverTls(options), options };
    const { sock } = options;
    if (path === null) {
      if (sock === undefined) throw new RangeError("path was not specified, and no sock specified");
      return streamCalls.call((net) => net.serveUnixSocket(call, sock));
    }
    if (sock !== undefined) {
      throw new RangeError("path and sock can not be specified at the same time");
    }
    return streamCalls.call((net) => net.servePath(call, path));
  });
}

function underSignal<T>(
  options: ConnectOptions,
  what: string,
  body: () => Promise<T>,
): Promise<T> {
  return rejecting(() => {
    connectOptions.check(options, what);
    checkSock(options);
    const { signal } = options;
    return signal === undefined ? body() : withSignal(signal, () => rejecting(body));
  });
}
