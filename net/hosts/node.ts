import type { LookupAddress } from "node:dns";
import type * as net from "node:net";
import { OSError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import {
  type AddressLike,
  checkPort,
  describeAddress,
  hostPort,
  lacksIPv6,
  tcpAddress,
  unixAddress,
} from "../core/addresses.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { NodeChannel } from "../channels/node_channel.ts";
import { openDatagram } from "../channels/node_datagram.ts";
import { NodeListener, requireReusePort } from "../channels/node_listener.ts";
import { startOperation } from "../core/operations.ts";
import { requireNet, requireUnix } from "../platform/permissions.ts";
import { upgradeTls } from "../tls/handshake.ts";
import {
  checkUnixPath,
  closeUnixListener,
  hasFile,
  identify,
  removeStaleSocket,
} from "../platform/unix_paths.ts";
import type {
  ConnectTarget,
  ListenTcp,
  ListenUnix,
  NetHost,
  Operation,
  RawChannel,
  RawListener,
  ResolvedAddress,
} from "../core/host.ts";

/**
 * node:net and its neighbours: for Node and Bun, and for what Deno has no stable call of its own
 * for.
 */
export const nodeHost: NetHost = {
  connect,
  listenTcp,
  listenUnix,
  openDatagram,
  upgradeTls,
  lookup: lookupName,
  lookupService,
};

function connect(target: ConnectTarget): Operation<RawChannel> {
  return startOperation<RawChannel>("connect", (settle) => {
    if ("path" in target) {
      checkUnixPath(target.path);
      requireUnix(target.path, "connect");
    } else {
      checkPort(target.port);
      requireNet(hostPort(target.hostname, target.port), "connect");
    }
    const socket = new (builtin("node:net").Socket)({ allowHalfOpen: true });
    socket.pause();
    const fail = (error: Error) => {
      socket.destroy();
      settle.reject(toOSError(error, "connect", describeAddress(target)));
    };
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.removeListener("error", fail);
      settle.resolve(
        "path" in target ? unixChannel(socket, "", target.path) : tcpChannel(socket, false),
      );
    });
    socket.connect(connectOptions(target));
    return () => socket.destroy();
  });
}

function connectOptions(target: ConnectTarget): net.NetConnectOpts {
  if ("path" in target) return { path: target.path };
  const { hostname, port, localAddr } = target;
  return {
    host: hostname,
    port,
    noDelay: true,
    autoSelectFamily: false,
    ...(localAddr === undefined
      ? {}
      : { localAddress: localAddr.hostname, localPort: localAddr.port }),
  };
}

function tcpChannel(socket: net.Socket, dual: boolean): NodeChannel {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  return new NodeChannel(socket, {
    localAddr: localAddress === undefined ? null : tcpAddress(localAddress, localPort ?? 0, dual),
    // The peer may have left already, and taken its address along.
    remoteAddr: remoteAddress === undefined
      ? null
      : tcpAddress(remoteAddress, remotePort ?? 0, dual),
  }, {
    immediate: true,
    close: () => socket.destroy(),
    abort: () => socket.resetAndDestroy(),
  });
}

/**
 * node:net knows no addresses of unix sockets, and no reset for them; the path is the listener's.
 */
function unixChannel(socket: net.Socket, localPath: string, remotePath: string): NodeChannel {
  return new NodeChannel(socket, {
    localAddr: unixAddress(localPath),
    remoteAddr: unixAddress(remotePath),
  }, {
    immediate: true,
    close: () => socket.destroy(),
    abort: () => socket.destroy(),
  });
}

function listenTcp(options: ListenTcp): Promise<RawListener> {
  return listenOn(options.hostname, (hostname, dual) => listenAt(hostname, options, dual));
}

/**
 * Listens on a host, or for null on every interface: by one socket that serves IPv6 and IPv4 (`dual`), or IPv4 alone where the
 * machine has no IPv6.
 */
export async function listenOn(
  hostname: string | null,
  listen: (hostname: string, dual: boolean) => RawListener | Promise<RawListener>,
): Promise<RawListener> {
  if (hostname !== null) return await listen(hostname, false);
  try {
    return await listen("::", true);
  } catch (error) {
    if (!lacksIPv6(error)) throw error;
    return await listen("0.0.0.0", false);
  }
}

async function listenAt(hostname: string, options: ListenTcp, dual: boolean): Promise<RawListener> {
  const { port, backlog, reusePort = false, ipv6Only = true } = options;
  checkPort(port);
  requireNet(hostPort(hostname, port), "listen");
  if (reusePort) requireReusePort("tcp");
  const server = await listening({ hostname, port }, {
    host: hostname,
    port,
    ipv6Only: ipv6Only && !dual && hostname.includes(":"),
    ...(backlog === undefined ? {} : { backlog }),
    // Asked for only where it is wanted: it changes how the port is bound.
    ...(reusePort ? { reusePort } : {}),
  });
  const chosen = (server.address() as net.AddressInfo).port;
  return new NodeListener(
    server,
    tcpAddress(hostname, chosen, false),
    (socket) => tcpChannel(socket, dual),
    () => server.close(),
  );
}

async function listenUnix(options: ListenUnix): Promise<RawListener> {
  const { path, backlog, removeStale = true, cleanup = true } = options;
  checkUnixPath(path);
  // Before the stale file goes: without the permission to listen nothing at all may happen.
  requireUnix(path, "listen");
  if (removeStale && hasFile(path)) removeStaleSocket(path);
  const server = await listening({ path }, {
    path,
    ...(backlog === undefined ? {} : { backlog }),
  }).catch((error) => {
    throw withoutFolder(error, path);
  });
  const own = hasFile(path) ? identify(path) : null;
  return new NodeListener(
    server,
    unixAddress(path),
    (socket) => unixChannel(socket, path, ""),
    () => closeUnixListener(path, own, cleanup, () => server.close()),
  );
}

/**
 * Node reports EACCES (for the sake of Windows, by its source) where the system reported that there is no
 * such folder.
 */
function withoutFolder(error: OSError, path: string): OSError {
  const { existsSync } = builtin("node:fs");
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  if (error.code !== "EACCES" || !hasFile(path) || folder === "" || existsSync(folder)) {
    return error;
  }
  return toOSError(
    Object.assign(new Error(error.message), { code: "ENOENT" }),
    "listen",
    describeAddress({ path }),
  );
}

function listening(target: AddressLike, options: net.ListenOptions): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = builtin("node:net").createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
    });
    const fail = (error: Error) => reject(toOSError(error, "listen", describeAddress(target)));
    server.once("error", fail);
    server.listen(options, () => {
      server.removeListener("error", fail);
      resolve(server);
    });
  });
}

/** The system's resolver, as every runtime has it. A lookup can't be cancelled. */
async function lookupName(name: string, family: 0 | 4 | 6): Promise<ResolvedAddress[]> {
  const found = await new Promise<LookupAddress[]>((done, fail) => {
    builtin("node:dns").lookup(name, { all: true, family }, (error, all) => {
      if (error === null) done(all);
      else fail(toOSError(error, "getaddrinfo", name));
    });
  });
  return found.map(({ address, family }) => ({ hostname: address, family: family === 6 ? 6 : 4 }));
}

/** The names of an address and a port. */
function lookupService(
  hostname: string,
  port: number,
): Promise<[host: string, service: string]> {
  return new Promise((resolve, reject) => {
    builtin("node:dns").lookupService(hostname, port, (error, host, service) => {
      if (error === null) resolve([host, service]);
      else reject(toOSError(error, "getnameinfo", hostname));
    });
  });
}
