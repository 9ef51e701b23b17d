/**
 * Serving: `createServer` and `createUnixServer`. Arguments are checked here, at the call; the work is done by
 * `_serving.ts`.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { rejecting } from "../runtime/_lazy.ts";
import { streamCalls } from "./_lazy_modules.ts";
import type { ServeOptions } from "./options.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import type { Server } from "./server.ts";
import { serverTls } from "./_tls_arguments.ts";

/** `loop.createServer` */
export function createServer(
  loop: EventLoop,
  protocolFactory: () => Protocol | BufferedProtocol,
  host: string | readonly string[] | null,
  port: number | null,
  options: ServeOptions = {},
): Promise<Server> {
  return rejecting(() => {
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
