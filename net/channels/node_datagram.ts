import type * as dgram from "node:dgram";
import { OSError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import {
  canonicalIp,
  checkPort,
  describeAddress,
  hostPort,
  ipFamily,
  isLinkLocal,
  type NetAddress,
  zoneOf,
} from "../core/addresses.ts";
import { builtin, onDeno } from "../../runtime/base/platform.ts";
import { DatagramGate } from "./gates.ts";
import { checkEndpoint, checkPeer, type Endpoint, explained } from "./datagram_errors.ts";
import { requireNet } from "../platform/permissions.ts";
import { requireReusePort } from "./node_listener.ts";
import type { DatagramChannel, DatagramSink, Done, OpenDatagram } from "../core/host.ts";

/** After so many sends from a queue the runtime's loop has its turn. */
const SENDS_A_TURN = 2;

/** Binds, and connects where a remote address is given. */
export async function openDatagram(options: OpenDatagram): Promise<DatagramChannel> {
  const { local, remote, reusePort = false, broadcast = false } = options;
  const asked = ipFamily((local ?? remote)?.hostname ?? "") || options.family;
  const family = asked === 6 ? 6 : 4;
  const bindTo = local ?? { hostname: family === 6 ? "::" : "0.0.0.0", port: 0 };
  for (const address of remote === undefined ? [bindTo] : [bindTo, remote]) {
    checkPort(address.port);
    checkEndpoint(address, family, "bind");
    requireNet(hostPort(address.hostname, address.port), address === remote ? "connect" : "bind");
  }
  if (reusePort) requireReusePort("udp");
  const socket = await boundSocket(family, bindTo, reusePort);
  const channel = new NodeDatagramChannel(socket, { family, bindTo, reusePort });
  try {
    if (broadcast) channel.setBroadcast(true);
    if (remote !== undefined) await channel.connect(remote);
    return channel;
  } catch (error) {
    channel.close();
    throw error;
  }
}

interface Binding {
  readonly family: 4 | 6;
  readonly bindTo: Endpoint;
  readonly reusePort: boolean;
}

async function boundSocket(
  family: 4 | 6,
  bindTo: Endpoint,
  reusePort: boolean,
): Promise<dgram.Socket> {
  const socket = builtin("node:dgram").createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ...(reusePort ? { reusePort } : {}),
  });
  try {
    await settled(socket, "bind", bindTo, (done) => {
      socket.bind({ address: bindTo.hostname, port: bindTo.port, exclusive: true }, done);
    });
    return socket;
  } catch (error) {
    socket.close();
    throw error;
  }
}

function settled(
  socket: dgram.Socket,
  syscall: string,
  address: Endpoint,
  start: (done: (error?: Error) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(toOSError(error, syscall, describeAddress(address)));
    socket.once("error", fail);
    start((error) => {
      socket.removeListener("error", fail);
      // A failed connect is reported here, a failed bind by the event.
      if (error instanceof Error) fail(error);
      else resolve();
    });
  });
}

function isRefused(error: Error | null): boolean {
  return (error as { code?: unknown } | null)?.code === "ECONNREFUSED";
}

/** Linux would send elsewhere, Node would refuse and Bun send to the peer. */
function checkPeerIs(peer: Endpoint | null, { hostname, port }: Endpoint): void {
  if (peer === null || (peer.hostname === hostname && peer.port === port)) return;
  const where = describeAddress({ hostname, port });
  throw new OSError(
    `sendto ${where}: the socket is connected to ${describeAddress(peer)} (EISCONN)`,
    { code: "EISCONN", syscall: "sendto" },
  );
}

/** A datagram on its way to the kernel. */
interface Send {
  readonly data: Uint8Array;
  readonly target: Endpoint | null;
  readonly done: Done;
  /** It was given to the runtime before. */
  again: boolean;
  /** The one behind it. */
  next: Send | null;
}

class NodeDatagramChannel implements DatagramChannel {
  localAddr: NetAddress;
  remoteAddr: NetAddress | null = null;
  #socket: dgram.Socket;
  readonly #binding: Binding;
  /** Whether the kernel knows the peer. */
  #connected = false;
  /** The zone of the socket's link, which Deno leaves out of the addresses that it gives. */
  #zone: string | null;
  /** The peer in the form in which addresses are compared. */
  #peer: string | null = null;
  #broadcast = false;
  /** Sends that have not completed. */
  #unsent = 0;
  #idle: (() => void) | null = null;
  #inARow = 0;
  /** On Deno: the end of the queue behind the send under way. */
  #last: Send | null = null;
  #unrefed = false;
  #closed = false;
  readonly #gate = new DatagramGate();

  constructor(socket: dgram.Socket, binding: Binding) {
    this.#socket = socket;
    this.#binding = binding;
    this.#zone = zoneOf(binding.bindTo.hostname);
    this.localAddr = this.#ownAddress();
    this.#listen(socket);
  }

  #listen(socket: dgram.Socket): void {
    socket.on("message", (data, from) => this.#arrived(data, from));
    socket.on("error", (error) => {
      this.#gate.sink?.onError(toOSError(error));
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  async connect(remote: Endpoint): Promise<void> {
    const { hostname, port } = remote;
    checkEndpoint(remote, this.#binding.family, "bind");
    await checkPeer(remote, this.#broadcast);
    if (this.#closed) return;
    if (this.#connected) await this.#reopen();
    if (this.#closed) return;
    this.remoteAddr = null;
    // Deno's connect does not filter: there the channel itself drops the datagrams of others, and addresses its own. The runtimes
    // refuse port 0, which the system takes; nothing can be sent there anyway.
    if (!onDeno && port !== 0) {
      await settled(this.#socket, "connect", remote, (done) => {
        this.#socket.connect(port, hostname, done);
      }).catch(async (error) => {
        throw await explained(error, "connect", this.#sender, remote);
      });
      this.#connected = true;
      this.localAddr = this.#ownAddress();
    }
    this.#zone ??= zoneOf(hostname);
    this.#peer = canonicalIp(hostname);
    this.remoteAddr = { transport: "udp", hostname, port };
  }

  startReading(sink: DatagramSink): void {
    this.#gate.start(sink);
  }

  stopReading(): void {
    this.#gate.stop();
  }

  send(data: Uint8Array, addr: Endpoint | null, done: Done): void {
    if (this.#closed) return;
    this.#unsent++;
    const send: Send = { data, target: addr ?? this.remoteAddr, done, again: false, next: null };
    const last = this.#last;
    // Deno starts each send as an operation of its own, and the last one goes first: so only one is under way there. Node and
    // Bun hand each to the kernel in its turn.
    if (onDeno) this.#last = send;
    if (last === null) this.#hand(send);
    else last.next = send;
  }

  setBroadcast(on: boolean): void {
    if (this.#closed) return;
    this.#broadcast = on;
    this.#socket.setBroadcast(on);
  }

  addMembership(group: string, networkInterface?: string): void {
    this.#configure("addMembership", () => this.#socket.addMembership(group, networkInterface));
  }

  dropMembership(group: string, networkInterface?: string): void {
    this.#configure("dropMembership", () => this.#socket.dropMembership(group, networkInterface));
  }

  setMulticastTTL(ttl: number): void {
    this.#configure("setMulticastTTL", () => this.#socket.setMulticastTTL(ttl));
  }

  setMulticastLoopback(on: boolean): void {
    this.#configure("setMulticastLoopback", () => this.#socket.setMulticastLoopback(on));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close();
    // What `send` was given before is still sent, as a system call would have sent it.
    if (this.#unsent === 0) this.#socket.close();
  }

  ref(): void {
    this.#unrefed = false;
    if (!this.#closed) this.#socket.ref();
  }

  unref(): void {
    this.#unrefed = true;
    if (!this.#closed) this.#socket.unref();
  }

  /** The system's own disconnect would lose the port, where the system had chosen it. */
  async #reopen(): Promise<void> {
    const { family, bindTo, reusePort } = this.#binding;
    while (this.#unsent > 0) await new Promise<void>((resolve) => this.#idle = resolve);
    if (this.#closed) return;
    const { port } = this.localAddr;
    this.#socket.close();
    this.#connected = false;
    const socket = await boundSocket(family, { hostname: bindTo.hostname, port }, reusePort);
    this.#socket = socket;
    if (this.#closed) {
      socket.close();
      return;
    }
    if (this.#broadcast) socket.setBroadcast(true);
    if (this.#unrefed) socket.unref();
    this.#listen(socket);
  }

  get #sender(): { hostname: string; broadcast: boolean } {
    return { hostname: this.localAddr.hostname, broadcast: this.#broadcast };
  }

  #ownAddress(): NetAddress {
    const { address, port } = this.#socket.address();
    return { transport: "udp", hostname: this.#withZone(address), port };
  }

  #hand(send: Send): void {
    const { data, target } = send;
    const finish = (error: Error | null): void => this.#finished(send, error);
    try {
      if (target === null) throw new OSError("Cannot send: no address", { code: "EDESTADDRREQ" });
      checkEndpoint(target, this.#binding.family, "sendto");
      checkPeerIs(this.remoteAddr, target);
      // The runtimes take the same three arguments in two ways.
      if (this.#connected) this.#socket.send(data, finish);
      else this.#socket.send(data, target.port, target.hostname, finish);
    } catch (error) {
      queueMicrotask(() => finish(error as Error));
    }
  }

  /** Deno completes a send within the same turn of its loop: a long queue would keep all that arrives waiting. */
  #handNext(send: Send): void {
    if (++this.#inARow % SENDS_A_TURN !== 0) this.#hand(send);
    else setImmediate(() => this.#hand(send));
  }

  #finished(send: Send, error: Error | null): void {
    // Bun reports to an unconnected socket that an earlier datagram was refused, and drops this one instead.
    if (!this.#connected && !send.again && isRefused(error)) {
      send.again = true;
      this.#hand(send);
      return;
    }
    if (--this.#unsent === 0) this.#idle?.();
    if (send.next !== null) this.#handNext(send.next);
    else if (this.#last === send) this.#last = null;
    if (this.#closed) {
      if (this.#unsent === 0) this.#socket.close();
    } else if (error === null) send.done(null);
    else this.#failed(send, error);
  }

  #failed({ target, done }: Send, error: Error): void {
    if (target === null || error instanceof OSError) {
      done(toOSError(error, "sendto"));
      return;
    }
    // If the cause can't be found out, the sender gets the error as it is: the datagram was not sent.
    explained(error, "sendto", this.#sender, target).catch(() => toOSError(error, "sendto")).then(
      (explained) => {
        if (!this.#closed) done(explained);
      },
    );
  }

  #configure(syscall: string, call: () => void): void {
    if (this.#closed) return;
    try {
      call();
    } catch (error) {
      throw toOSError(error, syscall);
    }
  }

  #arrived(data: Uint8Array, from: dgram.RemoteInfo): void {
    if (this.#closed) return;
    const peer = this.remoteAddr;
    if (peer !== null && (peer.port !== from.port || !this.#isPeer(from.address))) return;
    const hostname = this.#withZone(from.address);
    const addr: NetAddress = { transport: "udp", hostname, port: from.port };
    const own = new Uint8Array(data.buffer, data.byteOffset, data.length);
    this.#gate.arrived(own, addr);
  }

  #isPeer(hostname: string): boolean {
    return hostname === this.#peer || canonicalIp(hostname) === this.#peer;
  }

  /** Deno gives the addresses of a link without their zone, and nothing can be sent to them then. */
  #withZone(hostname: string): string {
    const zone = this.#zone;
    if (zone === null || !isLinkLocal(hostname) || hostname.includes("%")) return hostname;
    return `${hostname}%${zone}`;
  }
}
