/**
 * What the loop does with sockets: `sockRecv()` and its relatives, `addReader()` and `addWriter()`.
 *
 * @module
 */
import type { EventLoop } from "../../event_loop.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import { BlockingIOError, NotImplementedError } from "../../runtime/errors/exceptions.ts";
import { type Address, type AddressLike, describeAddress } from "../core/addresses.ts";
import { checkBuffer, checkCount } from "../core/arguments.ts";
import { ConnectedSocket } from "./connected.ts";
import { DatagramSocket } from "./datagram.ts";
import type { ConnectTarget, DatagramChannel, RawChannel } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { waitForHost } from "../core/operations.ts";
import { netLoop } from "../core/net_loop.ts";
import type { Readiness } from "./readiness.ts";
import { resolveOne } from "../names/resolve.ts";
import { openSocket } from "./opening.ts";
import {
  AF_INET6,
  bodyOf,
  checkFamily,
  connectedSocket,
  kindOf,
  SOCK_DGRAM,
  type Socket,
  stateOf,
  wrongState,
} from "./sockets.ts";
import { readinessOf } from "./socket_watch.ts";

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

/** Sends all of it, by whoever has the turn to send. */
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

/** `loop.sockSendto`; the bytes are its own. */
export async function sockSendto(
  loop: EventLoop,
  sock: Socket,
  bytes: Uint8Array,
  address: AddressLike,
): Promise<number> {
  checkFamily(sock, address);
  if (kindOf(sock).type !== SOCK_DGRAM || "path" in address) throw wrongState(sock, "sendto");
  // As the system does: the first datagram binds the socket.
  if (bodyOf(sock).kind === "fresh") await openDatagrams(loop, sock, null, "sendto");
  const body = bodyOf(sock);
  if (body.kind !== "datagram") throw wrongState(sock, "sendto");
  const { hostname, port } = address;
  await waitForHost(netLoop(loop), body.it.sendto(bytes, { hostname, port }), "a datagram to go");
  return bytes.length;
}

/** `loop.sockConnect`, by whoever has the turn to open the socket */
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
    if ("path" in address) {
      throw new NotImplementedError(
        "Cannot connect a unix datagram socket: no runtime has them",
      );
    }
    await connectDatagrams(loop, sock, address);
    return;
  }
  const core = netLoop(loop);
  const bound = bodyOf(sock);
  const local = bound.kind === "listening" ? bound.it.localAddr : null;
  await openSocket<ConnectTarget, RawChannel>(stateOf(sock), core, {
    what: `a connection to ${describeAddress(address)}`,
    find: async () =>
      "path" in address ? { path: address.path } : await resolveOne(loop, address, kindOf(sock)),
    start: (target) => {
      const from = local !== null && "hostname" in local ? { localAddr: local } : {};
      const { promise, cancel } = hostOf(core).connect({ ...target, ...from });
      return { promise, cancel };
    },
    made: (channel) => ({ kind: "connected", it: new ConnectedSocket(channel) }),
    gone: () => wrongState(sock, "connect"),
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

/** Opens a datagram socket where there is none yet. */
async function openDatagrams(
  loop: EventLoop,
  sock: Socket,
  remote: { readonly hostname: string; readonly port: number } | null,
  syscall: string,
): Promise<void> {
  const core = netLoop(loop);
  const kind = kindOf(sock);
  await openSocket<{ hostname: string; port: number } | null, DatagramChannel>(
    stateOf(sock),
    core,
    {
      what: "a datagram socket",
      find: async () => remote === null ? null : await resolveOne(loop, remote, kind),
      start: (peer) => ({
        promise: hostOf(core).openDatagram({
          family: kind.family === AF_INET6 ? 6 : 4,
          ...(peer === null ? {} : { remote: peer }),
        }),
      }),
      made: (channel) => ({ kind: "datagram", it: new DatagramSocket(channel) }),
      gone: () => wrongState(sock, syscall),
    },
  );
}

/** A socket for datagrams that is bound keeps its port, and what has arrived. */
async function connectDatagrams(
  loop: EventLoop,
  sock: Socket,
  address: { readonly hostname: string; readonly port: number },
): Promise<void> {
  const body = bodyOf(sock);
  if (body.kind !== "datagram") return await openDatagrams(loop, sock, address, "connect");
  const gone = (): Error => wrongState(sock, "connect");
  const connecting = body.it.connect(() => resolveOne(loop, address, kindOf(sock)), gone);
  await waitForHost(netLoop(loop), connecting, "a datagram socket's peer");
}

/** Does it as soon as the socket is ready for it: by the time that the task goes on, somebody else may have been quicker. */
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
