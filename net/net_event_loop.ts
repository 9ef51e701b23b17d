import type { EventLoop } from "../event_loop.ts";
import { BaseEventLoop } from "../runtime/base_event_loop.ts";
import type { NetAddress } from "./addresses.ts";
import { createConnection, createUnixConnection } from "./connect.ts";
import { getaddrinfo, getnameinfo } from "./dns.ts";
import { connectAcceptedSocket, createServer, createUnixServer } from "./listen.ts";
import type { ConnectOptions, ServeOptions, TlsOptions } from "./options.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import type { Server } from "./server.ts";
import type { SOCK_DGRAM, SOCK_STREAM, Socket } from "./sockets.ts";
import type { Transport } from "./transports.ts";

type NetMethods = Pick<
  EventLoop,
  | "getaddrinfo"
  | "getnameinfo"
  | "createConnection"
  | "createServer"
  | "createUnixConnection"
  | "createUnixServer"
  | "connectAcceptedSocket"
>;

/** The portable loop with the net: each method hands the loop to the function that does the work. */
export abstract class NetEventLoop extends BaseEventLoop implements NetMethods {
  getaddrinfo(
    host: string | null,
    port: number | string | null,
    options?: { family?: 0 | 4 | 6; type?: typeof SOCK_STREAM | typeof SOCK_DGRAM },
  ): Promise<{ family: 4 | 6; address: NetAddress }[]> {
    return getaddrinfo(host, port, options);
  }

  getnameinfo(
    address: { hostname: string; port: number },
  ): Promise<[host: string, service: string]> {
    return getnameinfo(address);
  }

  createConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    host: string | null,
    port: number | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]> {
    return createConnection(publicLoop(this), protocolFactory, host, port, options);
  }

  createServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    host: string | readonly string[] | null,
    port: number | null,
    options?: ServeOptions,
  ): Promise<Server> {
    return createServer(publicLoop(this), protocolFactory, host, port, options);
  }

  createUnixConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    path: string | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]> {
    return createUnixConnection(publicLoop(this), protocolFactory, path, options);
  }

  createUnixServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    path: string | null,
    options?: ServeOptions,
  ): Promise<Server> {
    return createUnixServer(publicLoop(this), protocolFactory, path, options);
  }

  connectAcceptedSocket<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    sock: Socket,
    options?: { ssl?: TlsOptions },
  ): Promise<[Transport, P]> {
    return connectAcceptedSocket(publicLoop(this), protocolFactory, sock, options);
  }
}

/** The loop as its users see it: every loop that is made is a whole one. */
function publicLoop(loop: NetEventLoop): EventLoop {
  return loop as unknown as EventLoop;
}
