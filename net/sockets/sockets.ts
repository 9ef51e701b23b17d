/**
 * Sockets, for `loop.sockRecv()` and its relatives and for `loop.addReader()`: the level below
 * transports.
 *
 * @module
 */
import type { Socket as AbstractSocket } from "../../runtime/contract/sockets.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";
import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import { inOwnScope } from "../../runtime/scopes/known.ts";
import { flag, type OptionsOf, optionsOf } from "../../runtime/base/options.ts";
import {
  type Address,
  type AddressLike,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  describeAddress,
  SOCK_DGRAM,
  SOCK_STREAM,
  type SocketFamily,
  type SocketKind,
  type SocketType,
} from "../core/addresses.ts";
import { checkAddress, checkBuffer, checkCount } from "../core/arguments.ts";
import type { ConnectedSocket } from "./connected.ts";
import type { Readiness } from "./readiness.ts";
import {
  busySending,
  CLOSED,
  FRESH,
  notASocket,
  type SocketBody,
  SocketState,
  stateError,
  type Viewed,
  viewOnly,
} from "./state.ts";

const BINDING: OptionsOf<{ reusePort?: boolean }> = optionsOf("{ reusePort: true }", {
  reusePort: flag,
});

type Bind = (socket: Socket, address: AddressLike, reusePort: boolean) => Promise<void>;

let bindSocket: Bind = () => Promise.reject(new RuntimeError("Cannot bind: no loop is loaded"));

/** Sets what binds a socket: it is loaded at the first use, and built on this file. */
export function provideBind(bind: Bind): void {
  bindSocket = bind;
}

/** The inside of a socket. @throws {RangeError} if it is not a Socket */
export let stateOf: (socket: Socket) => SocketState;
/** What a socket was made for. @throws {RangeError} if it is not a Socket */
export let kindOf: (socket: Socket) => SocketKind;

/** The class behind the interface of the same name. */
class NetSocket implements AbstractSocket {
  readonly #family: SocketFamily;
  readonly #type: SocketType;
  readonly #state: SocketState = new SocketState();

  /** See `Socket` below. */
  constructor(family: SocketFamily = AF_INET, type: SocketType = SOCK_STREAM) {
    if (![AF_UNIX, AF_INET, AF_INET6].includes(family)) {
      throw new RangeError(
        `Cannot make a Socket: its family must be AF_INET, AF_INET6 or AF_UNIX, received ${
          String(family)
        }`,
      );
    }
    if (type !== SOCK_STREAM && type !== SOCK_DGRAM) {
      throw new RangeError(
        `Cannot make a Socket: its type must be SOCK_STREAM or SOCK_DGRAM, received ${
          String(type)
        }`,
      );
    }
    this.#family = family;
    this.#type = type;
  }

  bind(address: AddressLike, options: { reusePort?: boolean } = {}): Promise<void> {
    return inOwnScope(() => {
      BINDING.check(options, "bind()");
      checkAddressKind(this, address);
      const { reusePort = false } = options;
      return this.#state.openings.run("bind", () => {
        if (this.#state.body !== FRESH) throw wrongState(this, "bind");
        return bindSocket(this, address, reusePort);
      });
    });
  }

  listen(_backlog: number = 100): Promise<void> {
    const body = this.#state.body;
    if (body.kind !== "listening") return Promise.reject(wrongState(this, "listen"));
    body.it.listening = true;
    return Promise.resolve();
  }

  getsockname(): Address | null {
    const body = this.#state.body;
    return "it" in body ? body.it.localAddr : null;
  }

  getpeername(): Address | null {
    const body = this.#state.body;
    return "it" in body && "remoteAddr" in body.it ? body.it.remoteAddr : null;
  }

  recv(n: number): Uint8Array {
    checkCount(n);
    const body = this.#state.body;
    if (body.kind === "connected") return body.it.recv(n);
    if (body.kind === "datagram") return body.it.recvfrom(n)[0];
    throw wrongState(this, "recv");
  }

  recvInto(buffer: Uint8Array): number {
    checkBuffer(buffer);
    const data = this.recv(buffer.length);
    buffer.set(data);
    return data.length;
  }

  send(data: BytesLike): number {
    const bytes = toBytes(data, "data");
    const { body, sends } = this.#state;
    if (body.kind === "connected") {
      if (sends.holder !== null) throw busySending(sends.holder);
      return body.it.send(bytes);
    }
    if (body.kind !== "datagram" || body.it.remoteAddr === null) throw wrongState(this, "send");
    body.it.send(bytes);
    return bytes.length;
  }

  shutdown(how: "read" | "write" | "both"): void {
    if (!["read", "write", "both"].includes(how)) {
      throw new RangeError(
        `Cannot shut down the socket: "read", "write" or "both" is expected, received ${
          String(how)
        }`,
      );
    }
    if (this.#state.body.kind !== "connected") throw wrongState(this, "shutdown");
    this.#state.body.it.shutdown(how);
  }

  setNoDelay(on: boolean): void {
    const body = this.#state.body;
    if (body.kind === "connected" || body.kind === "view") body.it.setNoDelay?.(on);
  }

  setKeepAlive(on: boolean): void {
    const body = this.#state.body;
    if (body.kind === "connected" || body.kind === "view") body.it.setKeepAlive?.(on);
  }

  close(): void {
    const { body } = this.#state;
    if (body.kind === "view") throw viewOnly("close");
    this.#state.body = CLOSED;
    if ("it" in body) body.it.close();
  }

  get closed(): boolean {
    const body = this.#state.body;
    return body.kind === "view" ? body.it.closed : body.kind === "closed";
  }

  [Symbol.dispose](): void {
    this.close();
  }

  toString(): string {
    const family = ["", "AF_UNIX", "", "", "AF_INET", "", "AF_INET6"][this.#family];
    const address = this.getpeername() ?? this.getsockname();
    const where = address === null ? "" : ` ${describeAddress(address)}`;
    return `<Socket ${family} ${this.#type} ${this.#state.body.kind}${where}>`;
  }

  static {
    Object.defineProperty(this, "name", { value: "Socket" });
    showAs(this.prototype);
    stateOf = (socket) => {
      if (socket instanceof NetSocket) return socket.#state;
      throw notASocket(socket);
    };
    kindOf = (socket) => {
      if (socket instanceof NetSocket) return { family: socket.#family, type: socket.#type };
      throw notASocket(socket);
    };
  }
}

/** A socket; see `AbstractSocket`, which is the same. */
export type Socket = AbstractSocket;

/** The class of sockets. */
export const Socket: {
  /**
   * A socket that is neither bound nor connected yet.
   *
   * @param family `AF_INET` by default
   * @param type `SOCK_STREAM` by default
   * @throws {RangeError} if there is no such family or type
   */
  new (
    family?: typeof AF_UNIX | typeof AF_INET | typeof AF_INET6,
    type?: typeof SOCK_STREAM | typeof SOCK_DGRAM,
  ): Socket;
} = NetSocket as { new (): Socket };

/** What a socket is at present. */
export function bodyOf(socket: Socket): SocketBody {
  return stateOf(socket).body;
}

/** Makes something else of a socket. */
export function setBody(socket: Socket, body: SocketBody): void {
  stateOf(socket).body = body;
}

/**
 * Opens a socket, or uses one that may have to be opened first, when all that was called for earlier has ended. Waits only
 * where there is something to wait for.
 */
export function inOpeningTurn<T>(
  socket: Socket,
  what: "connect" | "sendto",
  use: () => Promise<T>,
): Promise<T> {
  const { body, openings } = stateOf(socket);
  if (what === "sendto" && openings.holder === null && body.kind !== "fresh") return use();
  if (what === "connect" && openings.holder === "connect" && kindOf(socket).type === SOCK_STREAM) {
    return Promise.reject(wrongState(socket, "connect"));
  }
  return openings.run(what, use);
}

/** @throws {RangeError} if the option `sock` is given, and is not a Socket */
export function checkSock({ sock }: { readonly sock?: Socket }): void {
  if (sock !== undefined) kindOf(sock);
}

/** A socket that only shows what a transport or a server owns. */
export function socketView(it: Viewed): Socket {
  return socketFor(it.localAddr ?? it.remoteAddr, { kind: "view", it });
}

/** A connected socket of an accepted channel. */
export function connectedSocket(it: ConnectedSocket): Socket {
  return socketFor(it.localAddr ?? it.remoteAddr, { kind: "connected", it });
}

function socketFor(address: Address | null, body: SocketBody): Socket {
  const transport = address?.transport;
  const isIPv6 = address !== null && "hostname" in address && address.hostname.includes(":");
  const socket = new Socket(
    transport === "unix" ? AF_UNIX : isIPv6 ? AF_INET6 : AF_INET,
    transport === "udp" ? SOCK_DGRAM : SOCK_STREAM,
  );
  stateOf(socket).body = body;
  return socket;
}

/** @throws {RangeError} if an address is of another kind than the socket's family */
export function checkAddressKind(socket: Socket, address: AddressLike): void {
  checkAddress(address);
  const isUnix = kindOf(socket).family === AF_UNIX;
  if ("path" in address === isUnix) return;
  const wanted = isUnix ? "{ path }" : "{ hostname, port }";
  throw new RangeError(
    `Cannot use the address with ${socket}: ${wanted} is expected, received ${
      describeAddress(address)
    }`,
  );
}

/** The error of a call that the socket's state does not allow. */
export function wrongState(socket: Socket, syscall: string): Error {
  return stateError(stateOf(socket).body, `${socket}`, syscall);
}

/**
 * The readiness of a socket to be read or written.
 *
 * @throws {OSError} if the socket's state does not allow to wait for it
 * @throws {RuntimeError} if a transport or a server uses the socket
 */
export function readinessOf(sock: Socket, direction: "read" | "write", syscall: string): Readiness {
  const body = bodyOf(sock);
  if (body.kind === "view" && !body.it.closed) {
    throw new RuntimeError(`Cannot wait for ${sock}: it is used by a transport or a server`);
  }
  if (body.kind === "listening" && direction === "read") return body.it.acceptable;
  if (body.kind !== "connected" && body.kind !== "datagram") throw wrongState(sock, syscall);
  return direction === "read" ? body.it.readable : body.it.writable;
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  Socket,
);
