import { toOSError } from "../../runtime/errors/native_errors.ts";
import {
  type AddressLike,
  checkPort,
  describeAddress,
  ipFamily,
  tcpAddress,
  unixAddress,
} from "../core/addresses.ts";
import { DenoChannel } from "../channels/deno_channel.ts";
import { closedListenersEnded, DenoListener } from "../channels/deno_listener.ts";
import { startOperation } from "../core/operations.ts";
import { grantsFile, requireUnix } from "../platform/permissions.ts";
import {
  checkUnixPath,
  closeUnixListener,
  hasFile,
  identify,
  pathBeside,
  removeOwn,
  removeStaleSocket,
} from "../platform/unix_paths.ts";
import type {
  ConnectTarget,
  ConnectTcp,
  ListenTcp,
  ListenUnix,
  NetHost,
  Operation,
  RawChannel,
  RawListener,
} from "../core/host.ts";
import { listenOn, nodeHost } from "./node.ts";

/**
 * Deno's own calls for TCP and unix sockets: its permissions, synchronous errors, and a start that
 * does not load node:net. What Deno has no stable call for comes from the host of Node and Bun.
 */
export const denoHost: NetHost = {
  connect: (target) =>
    "hostname" in target && needsNode(target) ? connectFrom(target) : connect(target),
  listenTcp: async (options) => {
    await closedListenersEnded();
    if (options.reusePort) return await nodeHost.listenTcp(options);
    return await listenOn(
      options.hostname,
      (hostname, dual) => listenAt(hostname, options, dual),
    );
  },
  listenUnix: async (options) => {
    await closedListenersEnded();
    return listenUnix(options);
  },
  openDatagram: nodeHost.openDatagram,
  upgradeTls: nodeHost.upgradeTls,
  lookup: nodeHost.lookup,
  lookupService: nodeHost.lookupService,
};

function connect(target: ConnectTarget): Operation<RawChannel> {
  return startOperation<RawChannel>("connect", (settle) => {
    if ("hostname" in target) checkPort(target.port);
    else checkUnixPath(target.path);
    const controller = new AbortController();
    // Deno's connect calls this once more when the connection is made, and drops the connection without closing it if it throws.
    // Without the throw a connection that is made while it is cancelled comes here, where it is closed.
    controller.signal.throwIfAborted = () => {};
    connected(target, controller.signal).then(
      settle.resolve,
      (error) => settle.reject(toOSError(error, "connect", describeAddress(target))),
    );
    return () => controller.abort();
  });
}

/** Deno's own call can't bind the local end, and has no error of the system's for port 0. */
function needsNode(target: ConnectTcp): boolean {
  return target.localAddr !== undefined || target.port === 0;
}

/** By node:net, which can bind the local end first: to a port that a closed listener may still hold for a moment. */
function connectFrom(target: ConnectTarget): Operation<RawChannel> {
  const ended = closedListenersEnded();
  if (ended === null) return nodeHost.connect(target);
  return startOperation<RawChannel>("connect", (settle) => {
    let cancelled = false;
    let inner: Operation<RawChannel> | null = null;
    ended.then(() => {
      if (cancelled) return;
      inner = nodeHost.connect(target);
      inner.promise.then(settle.resolve, settle.reject);
    });
    return () => {
      cancelled = true;
      inner?.cancel();
    };
  });
}

async function connected(target: ConnectTarget, signal: AbortSignal): Promise<RawChannel> {
  const ended = closedListenersEnded();
  if (ended !== null) await ended;
  if ("path" in target) {
    const { path } = target;
    const conn = await Deno.connect({ transport: "unix", path });
    return new DenoChannel(conn, unixAddress(conn.localAddr.path), unixAddress(path));
  }
  const { hostname, port } = target;
  const autoSelectFamily = ipFamily(hostname) === 0;
  return tcpChannel(await Deno.connect({ hostname, port, signal, autoSelectFamily }), false);
}

function tcpChannel(conn: Deno.TcpConn, dual: boolean): DenoChannel {
  const { localAddr, remoteAddr } = conn;
  return new DenoChannel(
    conn,
    tcpAddress(localAddr.hostname, localAddr.port, dual),
    tcpAddress(remoteAddr.hostname, remoteAddr.port, dual),
  );
}

/** A connection that the server at this path has accepted. */
function unixChannel(conn: Deno.UnixConn, path: string): DenoChannel {
  return new DenoChannel(conn, unixAddress(path), unixAddress(conn.remoteAddr.path));
}

/** Deno's synchronous errors as the `OSError` family. */
function attempt<T>(syscall: string, target: AddressLike, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toOSError(error, syscall, describeAddress(target));
  }
}

function listenAt(hostname: string, options: ListenTcp, dual: boolean): RawListener {
  const { port, backlog } = options;
  checkPort(port);
  const how = { hostname, port, ...(backlog === undefined ? {} : { tcpBacklog: backlog }) };
  const listener = attempt("listen", { hostname, port }, () => Deno.listen(how));
  const { addr } = listener;
  return new DenoListener(
    listener,
    tcpAddress(addr.hostname, addr.port, false),
    (conn: Deno.TcpConn) => tcpChannel(conn, dual),
    () => listener.close(),
  );
}

function listenUnix(options: ListenUnix): RawListener {
  const { path, removeStale = true, cleanup = true } = options;
  checkUnixPath(path);
  // Before the stale file goes: without the permission to listen nothing at all may happen.
  requireUnix(path, "listen");
  if (removeStale && hasFile(path)) removeStaleSocket(path);
  const moved = hasFile(path) ? listenBeside(path) : null;
  const listener = moved ??
    attempt("listen", { path }, () => Deno.listen({ transport: "unix", path }));
  const own = hasFile(path) ? identify(path) : null;
  return new DenoListener(
    listener,
    unixAddress(path),
    (conn) => unixChannel(conn, path),
    (ended) => {
      if (moved === null) closeUnixListener(path, own, cleanup, () => listener.close(), ended);
      else {
        listener.close();
        if (cleanup) removeOwn(path, own);
      }
    },
  );
}

/**
 * A listener whose file was made under another name and moved into place. Deno unlinks the name that it knows without a check,
 * some time after the close: a file that must stay, or a new one, would be removed. Null where that can't be done; the error
 * then comes from listening at the path itself.
 */
function listenBeside(path: string): Deno.UnixListener | null {
  const beside = pathBeside(path);
  if (beside === null || !grantsFile(beside)) return null;
  let listener: Deno.UnixListener;
  try {
    listener = Deno.listen({ transport: "unix", path: beside });
  } catch {
    return null;
  }
  try {
    // Unlike a rename it replaces nothing, as it is with a bind.
    Deno.linkSync(beside, path);
    Deno.removeSync(beside);
    return listener;
  } catch {
    listener.close();
    return null;
  }
}
