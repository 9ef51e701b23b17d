import type { EventLoop } from "../../event_loop.ts";
import { NotImplementedError } from "../../runtime/errors/exceptions.ts";
import { currentScope } from "../../runtime/core/frame.ts";
import { type AddressLike, describeAddress } from "../core/addresses.ts";
import { DatagramSocket } from "./datagram.ts";
import type { DatagramChannel, NetHost, RawListener } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { ListeningSocket } from "./listening.ts";
import { netLoop } from "../core/net_loop.ts";
import { resolveOne } from "../names/resolve.ts";
import { openSocket } from "./opening.ts";
import { AF_INET6, SOCK_STREAM, type SocketKind } from "../core/socket_constants.ts";
import { type SocketState } from "./state.ts";

/** What `Socket.bind` was called with. */
export interface BindCall {
  readonly address: AddressLike;
  readonly reusePort: boolean;
  /** The error for a socket that was closed meanwhile. */
  gone(): Error;
}

/** Binds a fresh socket. */
export async function bindSocket(
  state: SocketState,
  kind: SocketKind,
  { address, reusePort, gone }: BindCall,
): Promise<void> {
  const loop = currentScope().loop as unknown as EventLoop;
  const core = netLoop(loop);
  const host = hostOf(core);
  const what = `a socket at ${describeAddress(address)}`;
  const find = async (): Promise<AddressLike> =>
    "path" in address ? address : await resolveOne(loop, anyIfEmpty(address, kind), kind);
  if (kind.type === SOCK_STREAM) {
    return await openSocket<AddressLike, RawListener>(state, core, {
      what,
      find,
      start: (local) => ({ promise: listenAt(host, local, reusePort) }),
      made: (listener) => ({ kind: "listening", it: new ListeningSocket(listener) }),
      gone,
    });
  }
  const family = kind.family === AF_INET6 ? 6 : 4;
  return await openSocket<AddressLike, DatagramChannel>(state, core, {
    what,
    find,
    start: (local) => ({
      promise: "path" in local
        ? Promise.reject(noUnixDatagrams())
        : host.openDatagram({ local, family, reusePort }),
    }),
    made: (channel) => ({ kind: "datagram", it: new DatagramSocket(channel) }),
    gone,
  });
}

function listenAt(
  host: NetHost,
  local: AddressLike,
  reusePort: boolean,
): Promise<RawListener> {
  // As in CPython, the one who binds a path removes it: a server that takes the socket over does.
  return "path" in local
    ? host.listenUnix({ path: local.path, removeStale: false, cleanup: false })
    : host.listenTcp({ ...local, reusePort });
}

/** An empty host is every interface of the socket's family. */
function anyIfEmpty(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  { family }: SocketKind,
): { hostname: string; port: number } {
  return { hostname: hostname || (family === AF_INET6 ? "::" : "0.0.0.0"), port };
}

function noUnixDatagrams(): NotImplementedError {
  return new NotImplementedError("Cannot bind a unix datagram socket: no runtime has them");
}
