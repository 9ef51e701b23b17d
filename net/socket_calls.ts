/**
 * What the loop does with sockets: `sockRecv()` and its relatives, `addReader()` and `addWriter()`.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { type BytesLike, toBytes } from "../runtime/bytes.ts";
import { OSError } from "../runtime/exceptions.ts";
import type { Address, AddressLike } from "./addresses.ts";
import { describeAddress } from "./_address_forms.ts";
import { checkBuffer, checkCount } from "./_arguments.ts";
import { ConnectedSocket } from "./_connected_socket.ts";
import { DatagramSocket } from "./_datagram_socket.ts";
import type { ConnectTarget } from "./host.ts";
import { hostOf } from "./_host_of.ts";
import { waitForHost, waitForOperation } from "./_host_wait.ts";
import { ipFamily } from "./_ip_family.ts";
import { netLoop } from "./_net_loop.ts";
import {
  AF_INET6,
  bodyOf,
  checkFamily,
  connectedSocket,
  kindOf,
  setBody,
  SOCK_DGRAM,
  type Socket,
  wrongState,
} from "./sockets.ts";
import { readinessOf } from "./_socket_watch.ts";

/** `loop.sockRecv` */
export async function sockRecv(sock: Socket, nbytes: number): Promise<Uint8Array> {
  checkCount(nbytes);
  await readinessOf(sock, "read", "recv").ready();
  return sock.recv(nbytes);
}

/** `loop.sockRecvInto` */
export async function sockRecvInto(sock: Socket, buffer: Uint8Array): Promise<number> {
  checkBuffer(buffer);
  await readinessOf(sock, "read", "recv").ready();
  return sock.recvInto(buffer);
}

/** `loop.sockRecvfrom` */
export async function sockRecvfrom(
  sock: Socket,
  bufsize: number,
): Promise<[Uint8Array, Address]> {
  checkCount(bufsize);
  const body = bodyOf(sock);
  if (body.kind === "connected") {
    return [await sockRecv(sock, bufsize), body.it.remoteAddr ?? body.it.localAddr!];
  }
  if (body.kind !== "datagram") throw wrongState(sock, "recvfrom");
  await body.it.readable.ready();
  return body.it.recvfrom(bufsize);
}

/** `loop.sockSendall` */
export async function sockSendall(sock: Socket, data: BytesLike): Promise<void> {
  const bytes = toBytes(data, "data");
  const body = bodyOf(sock);
  if (body.kind !== "connected") {
    sock.send(bytes);
    return;
  }
  for (let sent = 0; sent < bytes.length;) {
    await body.it.writable.ready();
    sent += body.it.send(bytes.subarray(sent));
  }
  await body.it.flush();
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
  if (bodyOf(sock).kind === "fresh") await openDatagrams(loop, sock, null);
  const body = bodyOf(sock);
  if (body.kind !== "datagram") throw wrongState(sock, "sendto");
  const { hostname, port } = address;
  await waitForHost(netLoop(loop), body.it.sendto(bytes, { hostname, port }), "a datagram to go");
  return bytes.length;
}

/** `loop.sockConnect` */
export async function sockConnect(
  loop: EventLoop,
  sock: Socket,
  address: AddressLike,
): Promise<void> {
  checkFamily(sock, address);
  const { kind } = bodyOf(sock);
  if (kind === "connected" || kind === "view" || kind === "closed") {
    throw wrongState(sock, "connect");
  }
  const target = await resolved(loop, sock, address);
  if (kindOf(sock).type === SOCK_DGRAM) {
    if ("path" in target) throw wrongState(sock, "connect");
    await openDatagrams(loop, sock, target);
    return;
  }
  const bound = bodyOf(sock);
  const local = bound.kind === "listening" ? bound.it.localAddr : null;
  if (bound.kind === "listening") {
    // The runtimes bind and connect in one call, so the place held by the binding has to be free
    // again.
    bound.it.close();
    setBody(sock, { kind: "fresh" });
  }
  const from = local !== null && "hostname" in local ? { localAddr: local } : {};
  const core = netLoop(loop);
  const channel = await waitForOperation(
    core,
    hostOf(core).connect({ ...target, ...from }),
    `a connection to ${describeAddress(address)}`,
  );
  if (bodyOf(sock).kind !== "fresh") {
    channel.close();
    throw wrongState(sock, "connect");
  }
  setBody(sock, { kind: "connected", it: new ConnectedSocket(channel) });
}

/** `loop.sockAccept` */
export async function sockAccept(sock: Socket): Promise<[Socket, Address]> {
  const body = bodyOf(sock);
  if (body.kind !== "listening" || !body.it.listening) throw wrongState(sock, "accept");
  const channel = await body.it.accept();
  const connection = new ConnectedSocket(channel);
  const peer = channel.remoteAddr ?? { transport: "unix", path: "" };
  return [connectedSocket(connection), peer];
}

/** The address itself, or the first one of its name, with the socket's family and type (FD-06). */
async function resolved(
  loop: EventLoop,
  sock: Socket,
  address: AddressLike,
): Promise<ConnectTarget> {
  if ("path" in address) return { path: address.path };
  const { hostname, port } = address;
  const { family, type } = kindOf(sock);
  const version = family === AF_INET6 ? 6 : 4;
  if (ipFamily(hostname) === version) return { hostname, port };
  const found = await waitForHost(
    netLoop(loop),
    loop.getaddrinfo(hostname, port, { family: version, type }),
    `the addresses of ${hostname}`,
  );
  const first = found[0]?.address;
  if (first === undefined) {
    throw new OSError(`getaddrinfo(${JSON.stringify(hostname)}) returned empty list`);
  }
  return { hostname: first.hostname, port: first.port };
}

/** Opens a datagram socket where there is none yet, or anew with a peer. */
async function openDatagrams(
  loop: EventLoop,
  sock: Socket,
  remote: { hostname: string; port: number } | null,
): Promise<void> {
  const body = bodyOf(sock);
  const local = body.kind === "datagram" ? body.it.localAddr : null;
  if (body.kind === "datagram") {
    body.it.close();
    setBody(sock, { kind: "fresh" });
  }
  const core = netLoop(loop);
  const opening = hostOf(core).openDatagram({
    family: kindOf(sock).family === AF_INET6 ? 6 : 4,
    ...(local === null ? {} : { local }),
    ...(remote === null ? {} : { remote }),
  });
  const channel = await waitForHost(core, opening, "a datagram socket", {
    tooLate: (late) => late.close(),
  });
  setBody(sock, { kind: "datagram", it: new DatagramSocket(channel) });
}
