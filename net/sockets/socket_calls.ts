/**
 * What the loop does with sockets: `sockRecv()` and its relatives, and how a socket is opened for it.
 *
 * @module
 */
import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import { BlockingIOError } from "../../runtime/errors/exceptions.ts";
import {
  type Address,
  type AddressLike,
  AF_INET6,
  describeAddress,
  ipFamilyOf,
  type NetPlace,
  SOCK_DGRAM,
  type SocketFamily,
} from "../core/addresses.ts";
import { checkBuffer, checkCount, netPlace } from "../core/arguments.ts";
import type {
  ConnectTarget,
  DatagramChannel,
  OpenDatagram,
  RawChannel,
  RawListener,
} from "../core/host.ts";
import { waitForHost } from "../core/operations.ts";
import { hostOf } from "../hosts/select.ts";
import { resolveOne } from "../names/resolve.ts";
import { ConnectedSocket } from "./connected.ts";
import { DatagramSocket } from "./datagram.ts";
import { ListeningSocket } from "./listening.ts";
import { openSocket } from "./opening.ts";
import type { Readiness } from "./readiness.ts";
import {
  bodyOf,
  checkAddressKind,
  connectedSocket,
  kindOf,
  readinessOf,
  type Socket,
  stateOf,
  wrongState,
} from "./sockets.ts";

/** `loop.sockRecv` */
export async function sockRecv(sock: Socket, nbytes: number): Promise<Uint8Array> {
  checkCount(nbytes);
  return await whenReady(readinessOf(sock, "read", "recv"), () => sock.recv(nbytes));
}

/** `loop.sockRecvInto` */
export async function sockRecvInto(sock: Socket, buffer: Uint8Array): Promise<number> {
  checkBuffer(buffer);
  return await whenReady(readinessOf(sock, "read", "recv"), () => sock.recvInto(buffer));
}

/** `loop.sockRecvfrom` */
export async function sockRecvfrom(
  sock: Socket,
  bufsize: number,
): Promise<[Uint8Array, Address]> {
  checkCount(bufsize);
  const { openings } = stateOf(sock);
  for (;;) {
    // A bind or connect that was called for earlier comes first.
    while (openings.holder !== null) await openings.run("recvfrom", nothing);
    const body = bodyOf(sock);
    if (body.kind === "connected") {
      return [await sockRecv(sock, bufsize), body.it.remoteAddr ?? body.it.localAddr!];
    }
    if (body.kind !== "datagram") throw wrongState(sock, "recvfrom");
    await body.it.readable.ready();
    // It was connected anew meanwhile, or closed.
    if (bodyOf(sock) !== body) continue;
    if (body.it.readable.isReady()) return body.it.recvfrom(bufsize);
  }
}

/** `loop.sockRecvfromInto` */
export async function sockRecvfromInto(
  sock: Socket,
  buffer: Uint8Array,
  nbytes: number = 0,
): Promise<[number, Address]> {
  checkBuffer(buffer);
  checkCount(nbytes);
  if (nbytes > buffer.length) {
    throw new RangeError(
      `nbytes is greater than the length of the buffer: ${nbytes} is more than ${buffer.length}`,
    );
  }
  const [data, from] = await sockRecvfrom(sock, nbytes || buffer.length);
  buffer.set(data);
  return [data.length, from];
}

/** `loop.sockSendall` */
export async function sockSendall(sock: Socket, data: BytesLike): Promise<void> {
  const bytes = toBytes(data, "data");
  const { body, sends } = stateOf(sock);
  if (body.kind !== "connected") {
    sock.send(bytes);
    return;
  }
  await sends.run("sockSendall()", () => sendWhole(sock, bytes));
}

/** Sends all of it, by the call whose turn it is to send. */
export async function sendWhole(sock: Socket, bytes: Uint8Array): Promise<void> {
  const body = bodyOf(sock);
  if (body.kind !== "connected") throw wrongState(sock, "send");
  for (let sent = 0; sent < bytes.length;) {
    await body.it.writable.ready();
    if (bodyOf(sock) !== body) throw wrongState(sock, "send");
    sent += body.it.send(bytes.subarray(sent));
  }
  await body.it.flush();
  if (bodyOf(sock) !== body) throw wrongState(sock, "send");
}

/** `loop.sockSendto`; the bytes belong to the call. */
export async function sockSendto(
  loop: EventLoop,
  sock: Socket,
  bytes: Uint8Array,
  address: AddressLike,
): Promise<number> {
  checkAddressKind(sock, address);
  if (kindOf(sock).type !== SOCK_DGRAM || "path" in address) throw wrongState(sock, "sendto");
  // As the system does: the first datagram binds the socket.
  if (bodyOf(sock).kind === "fresh") await openDatagrams(loop, sock, "sendto");
  const body = bodyOf(sock);
  if (body.kind !== "datagram") throw wrongState(sock, "sendto");
  const { hostname, port } = address;
  await waitForHost(loop[core], body.it.sendto(bytes, { hostname, port }), "a datagram to go");
  return bytes.length;
}

/** `Socket.bind`, by the call whose turn it is to open the socket */
export async function bindSocket(
  loop: EventLoop,
  sock: Socket,
  address: AddressLike,
  reusePort: boolean,
): Promise<void> {
  const kind = kindOf(sock);
  const local = "path" in address ? address : anyIfEmpty(address, kind.family);
  if (kind.type === SOCK_DGRAM) {
    const place = netPlace(local, "bind the socket");
    return await openDatagrams(loop, sock, "bind", { local: place, reusePort });
  }
  const inner = loop[core];
  await openSocket<AddressLike, RawListener>(stateOf(sock), inner, {
    what: `a socket at ${describeAddress(address)}`,
    find: async () => "path" in local ? local : await resolveOne(loop, local, kind),
    // As in CPython, the caller that binds a path removes its file: a server that takes the socket over does.
    start: (at) => ({
      promise: "path" in at
        ? hostOf(inner).listenUnix({ path: at.path, removeStale: false, cleanup: false })
        : hostOf(inner).listenTcp({ ...at, reusePort }),
    }),
    made: (listener) => ({ kind: "listening", it: new ListeningSocket(listener) }),
    closedError: () => wrongState(sock, "bind"),
  });
}

/** An empty host is every interface of the socket's family. */
function anyIfEmpty({ hostname, port }: NetPlace, family: SocketFamily): NetPlace {
  return { hostname: hostname || (family === AF_INET6 ? "::" : "0.0.0.0"), port };
}

/** `loop.sockConnect`, by the call whose turn it is to open the socket */
export async function sockConnect(
  loop: EventLoop,
  sock: Socket,
  address: AddressLike,
): Promise<void> {
  const { kind } = bodyOf(sock);
  if (kind === "connected" || kind === "view" || kind === "closed") {
    throw wrongState(sock, "connect");
  }
  if (kindOf(sock).type === SOCK_DGRAM) {
    await connectDatagrams(loop, sock, netPlace(address, "connect the socket"));
    return;
  }
  const inner = loop[core];
  const bound = bodyOf(sock);
  const local = bound.kind === "listening" ? bound.it.localAddr : null;
  await openSocket<ConnectTarget, RawChannel>(stateOf(sock), inner, {
    what: `a connection to ${describeAddress(address)}`,
    find: async () =>
      "path" in address ? { path: address.path } : await resolveOne(loop, address, kindOf(sock)),
    start: (target) => {
      const from = local !== null && "hostname" in local ? { localAddr: local } : {};
      const { promise, cancel } = hostOf(inner).connect({ ...target, ...from });
      return { promise, cancel };
    },
    made: (channel) => ({ kind: "connected", it: new ConnectedSocket(channel) }),
    closedError: () => wrongState(sock, "connect"),
  });
}

/** `loop.sockAccept` */
export async function sockAccept(sock: Socket): Promise<[Socket, Address]> {
  const body = bodyOf(sock);
  if (body.kind !== "listening" || !body.it.listening) throw wrongState(sock, "accept");
  for (;;) {
    await body.it.acceptable.ready();
    if (bodyOf(sock) !== body) throw wrongState(sock, "accept");
    const channel = body.it.accept();
    if (channel === null) continue;
    const peer = channel.remoteAddr ?? { transport: "unix", path: "" };
    return [connectedSocket(new ConnectedSocket(channel)), peer];
  }
}

/** Opens a fresh datagram socket. Without any address it is bound by the system when it first sends. */
async function openDatagrams(
  loop: EventLoop,
  sock: Socket,
  syscall: "bind" | "connect" | "sendto",
  { local, remote, reusePort = false }: Ends = {},
): Promise<void> {
  const inner = loop[core];
  const kind = kindOf(sock);
  const place = (address: NetPlace): Promise<NetPlace> => resolveOne(loop, address, kind);
  await openSocket<Pick<OpenDatagram, "local" | "remote">, DatagramChannel>(stateOf(sock), inner, {
    what: local === undefined ? "a datagram socket" : `a socket at ${describeAddress(local)}`,
    find: async () => ({
      ...(local === undefined ? {} : { local: await place(local) }),
      ...(remote === undefined ? {} : { remote: await place(remote) }),
    }),
    start: (places) => ({
      promise: hostOf(inner).openDatagram({
        family: ipFamilyOf(kind.family),
        ...places,
        reusePort,
      }),
    }),
    made: (channel) => ({ kind: "datagram", it: new DatagramSocket(channel) }),
    closedError: () => wrongState(sock, syscall),
  });
}

/** The ends of a datagram socket to open. */
interface Ends {
  readonly local?: NetPlace;
  readonly remote?: NetPlace;
  readonly reusePort?: boolean;
}

/** A bound datagram socket keeps its port when it is connected, and what has arrived. */
async function connectDatagrams(
  loop: EventLoop,
  sock: Socket,
  address: NetPlace,
): Promise<void> {
  const body = bodyOf(sock);
  if (body.kind !== "datagram") {
    return await openDatagrams(loop, sock, "connect", { remote: address });
  }
  const closedError = (): Error => wrongState(sock, "connect");
  const connecting = body.it.connect(() => resolveOne(loop, address, kindOf(sock)), closedError);
  await waitForHost(loop[core], connecting, "a datagram socket's peer");
}

/** Does it as soon as the socket is ready for it: by the time that the task goes on, another call may have been quicker. */
async function whenReady<T>(readiness: Readiness, attempt: () => T): Promise<T> {
  for (;;) {
    await readiness.ready();
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof BlockingIOError)) throw error;
    }
  }
}

async function nothing(): Promise<void> {}
