import type * as dgram from "node:dgram";
import { attemptOf, missingPermission } from "../runtime/_missing_permission.ts";
import { OSError, PermissionError } from "../runtime/os_error_family.ts";
import { toOSError } from "../runtime/os_errors.ts";
import { checkPort, describeAddress, hostPort } from "./_address_forms.ts";
import { builtin } from "./_builtins.ts";
import { ipFamily } from "./_ip_family.ts";
import { grantsNet, requireNet } from "./_permissions.ts";
import { requireReusePort } from "./_reuse_port.ts";
import type { NetAddress } from "./addresses.ts";
import type { DatagramChannel, DatagramSink, Done, OpenDatagram } from "./host.ts";

type Endpoint = { readonly hostname: string; readonly port: number };

/**
 * How many datagrams wait for a sink that has stopped; the next ones are lost, as in a full kernel
 * buffer.
 */
const MAX_HELD = 256;

/** Binds, and connects where a remote address is given. */
export async function openDatagram(options: OpenDatagram): Promise<DatagramChannel> {
  const { local, remote, reusePort = false, broadcast = false } = options;
  const asked = ipFamily((local ?? remote)?.hostname ?? "") || options.family;
  const family = asked === 6 ? 6 : 4;
  const bindTo = local ?? { hostname: family === 6 ? "::" : "0.0.0.0", port: 0 };
  for (const address of remote === undefined ? [bindTo] : [bindTo, remote]) {
    checkPort(address.port);
    checkFamily(address, family, "bind");
    requireNet(hostPort(address.hostname, address.port), address === remote ? "connect" : "bind");
  }
  if (reusePort) requireReusePort("udp");
  const socket = builtin("node:dgram").createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ...(reusePort ? { reusePort } : {}),
  });
  try {
    await settled(socket, "bind", bindTo, (done) => {
      socket.bind({ address: bindTo.hostname, port: bindTo.port, exclusive: true }, done);
    });
    // Deno's connect keeps nobody out: there the channel itself filters and addresses.
    if (remote !== undefined && !("Deno" in globalThis)) {
      await settled(socket, "connect", remote, (done) => {
        socket.connect(remote.port, remote.hostname, done);
      });
    }
    if (broadcast) socket.setBroadcast(true);
  } catch (error) {
    socket.close();
    throw error;
  }
  return new NodeDatagramChannel(socket, family, remote ?? null, broadcast);
}

function settled(
  socket: dgram.Socket,
  syscall: string,
  address: Endpoint,
  start: (done: () => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(toOSError(error, syscall, describeAddress(address)));
    socket.once("error", fail);
    start(() => {
      socket.removeListener("error", fail);
      resolve();
    });
  });
}

function checkFamily(address: Endpoint, family: 4 | 6, syscall: string): void {
  const own = ipFamily(address.hostname);
  if (own === 0 || own === family) return;
  throw new OSError(
    `${syscall} ${describeAddress(address)}: the socket is of the other family (EAFNOSUPPORT)`,
    { code: "EAFNOSUPPORT", syscall },
  );
}

function isRefused(error: Error | null): boolean {
  return (error as { code?: unknown } | null)?.code === "ECONNREFUSED";
}

class NodeDatagramChannel implements DatagramChannel {
  readonly localAddr: NetAddress;
  readonly remoteAddr: NetAddress | null;
  readonly #socket: dgram.Socket;
  readonly #family: 4 | 6;
  /** Whether the kernel knows the peer. */
  readonly #connected: boolean;
  #broadcast: boolean;
  #closed = false;
  #sink: DatagramSink | null = null;
  #held: { data: Uint8Array; addr: NetAddress }[] = [];
  #scheduled = false;

  constructor(socket: dgram.Socket, family: 4 | 6, remote: Endpoint | null, broadcast: boolean) {
    this.#socket = socket;
    this.#family = family;
    this.#broadcast = broadcast;
    this.#connected = remote !== null && !("Deno" in globalThis);
    const { address, port } = socket.address();
    this.localAddr = { transport: "udp", hostname: address, port };
    this.remoteAddr = remote === null
      ? null
      : { transport: "udp", hostname: remote.hostname, port: remote.port };
    socket.on("message", (data, from) => this.#arrived(data, from));
    socket.on("error", (error) => {
      const sink = this.#sink;
      if (sink !== null) sink.onError(toOSError(error));
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  startReading(sink: DatagramSink): void {
    if (this.#closed) return;
    this.#sink = sink;
    if (this.#held.length === 0 || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  stopReading(): void {
    this.#sink = null;
  }

  send(data: Uint8Array, addr: Endpoint | null, done: Done): void {
    if (this.#closed) return;
    const target = addr ?? this.remoteAddr;
    let tries = 0;
    const finish = (error: Error | null): void => {
      if (this.#closed) return;
      // Bun tells an unconnected socket that an earlier datagram was refused, and drops this one, which is innocent.
      const ofAnother = !this.#connected && tries++ === 0 && isRefused(error);
      if (ofAnother) this.#hand(data, target, finish);
      else done(error === null ? null : this.#sendError(error, target));
    };
    this.#hand(data, target, finish);
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
    this.#sink = null;
    this.#held = [];
    this.#socket.close();
  }

  ref(): void {
    if (!this.#closed) this.#socket.ref();
  }

  unref(): void {
    if (!this.#closed) this.#socket.unref();
  }

  #hand(data: Uint8Array, target: Endpoint | null, finish: (error: Error | null) => void): void {
    try {
      if (target === null) throw new OSError("Cannot send: no address", { code: "EDESTADDRREQ" });
      checkFamily(target, this.#family, "sendto");
      // The runtimes take the same three arguments in two ways.
      if (this.#connected) this.#socket.send(data, finish);
      else this.#socket.send(data, target.port, target.hostname, finish);
    } catch (error) {
      queueMicrotask(() => finish(error as Error));
    }
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
    if (peer !== null && (peer.port !== from.port || peer.hostname !== from.address)) return;
    const addr: NetAddress = { transport: "udp", hostname: from.address, port: from.port };
    const own = new Uint8Array(data.buffer, data.byteOffset, data.length);
    if (this.#sink !== null && this.#held.length === 0) this.#sink.onDatagram(own, addr);
    else if (this.#held.length < MAX_HELD) this.#held.push({ data: own, addr });
  }

  #deliver(): void {
    for (;;) {
      const sink = this.#sink;
      if (sink === null) return;
      const next = this.#held.shift();
      if (next === undefined) return;
      sink.onDatagram(next.data, next.addr);
    }
  }

  /** Deno says "UNKNOWN" to what it has no code for; two of these are certain. */
  #sendError(error: Error, target: Endpoint | null): OSError {
    const where = target === null ? "" : describeAddress(target);
    const mapped = toOSError(error, "sendto", where);
    if (mapped.code !== "UNKNOWN" || target === null) return mapped;
    if (!grantsNet(hostPort(target.hostname, target.port))) {
      const flag = `--allow-net=${where}`;
      return missingPermission(attemptOf("sendto", where), flag, {
        syscall: "sendto",
        cause: error,
      });
    }
    if (target.hostname === "255.255.255.255" && !this.#broadcast) {
      return new PermissionError(`sendto ${where}: broadcasting is not switched on (EACCES)`, {
        code: "EACCES",
        syscall: "sendto",
        cause: error,
      });
    }
    return mapped;
  }
}
