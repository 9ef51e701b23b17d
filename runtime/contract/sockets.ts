/**
 * Addresses, and sockets as their users see them.
 *
 * @module
 */
import type { BytesLike } from "../base/bytes.ts";

/**
 * An internet address, as `getExtraInfo("peername")` and the like give it; Python's `(host, port)`
 * tuple.
 */
export interface NetAddress {
  /** Which transport protocol the port belongs to. */
  transport: "tcp" | "udp";
  /** An IP address in text form, never a name. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** The address of a unix socket. */
export interface UnixAddress {
  /** Always `"unix"`. */
  transport: "unix";
  /**
   * The path of the socket file; "" for an end without a name; an abstract name begins with "\0".
   */
  path: string;
}

/** The address of one end of a socket. */
export type Address = NetAddress | UnixAddress;

/** Where an address is asked for; every {@linkcode Address} fits. */
export type AddressLike =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/**
 * A non-blocking socket over the runtime's own connections (`socket.socket`). An open one keeps the
 * process alive, so close it, or take it with `using`.
 *
 * What a transport or a server shows by `getExtraInfo("socket")` and `sockets` is a view: it tells
 * addresses and sets options; the rest is the owner's.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { getRunningLoop, run, Socket, startServer } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer((_reader, writer) => {
 *     writer.write("hello");
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const loop = getRunningLoop();
 *   const sock = new Socket();
 *   await loop.sockConnect(sock, server.sockets[0]!.getsockname()!);
 *   assert.equal(new TextDecoder().decode(await loop.sockRecv(sock, 100)), "hello");
 *   sock.close();
 *   server.close();
 * });
 * ```
 */
export interface Socket extends Disposable {
  /**
   * Binds this end; resolves when its address is known. A name is looked up first. On Deno it needs `--allow-net`.
   *
   * @param address port 0 picks a free one; a unix socket's path must not exist
   * @param options `reusePort`: share the port with other sockets that ask for the same
   * @throws {OSError} "EADDRINUSE" and the like; "EINVAL" when it is bound already
   * @throws {GaiError} if the name is not known
   * @throws {TypeError} if there is no such option, or it is of the wrong type
   */
  bind(address: AddressLike, options?: { reusePort?: boolean }): Promise<void>;
  /**
   * Lets the bound socket accept connections.
   *
   * @param backlog accepted as in asyncio, and without effect: the runtimes set their own backlog when they bind
   * @throws {OSError} "EINVAL" when the socket is not bound
   */
  listen(backlog?: number): Promise<void>;
  /** This end's address; null while it has none. */
  getsockname(): Address | null;
  /** The other end's address; null when not connected. */
  getpeername(): Address | null;
  /**
   * What has arrived, at most `n` bytes of it; empty at the end of the stream.
   *
   * @throws {RangeError} if `n` is negative
   * @throws {BlockingIOError} if nothing is there yet
   * @throws {OSError} if the socket is not connected, or failed
   */
  recv(n: number): Uint8Array;
  /**
   * The same into a buffer.
   *
   * @returns how many bytes; 0 at the end of the stream
   */
  recvInto(buffer: Uint8Array): number;
  /**
   * Sends what there is room for.
   *
   * @returns how many bytes were taken
   * @throws {BlockingIOError} if the buffer is full, or a `sockSendall` or `sockSendfile` is under way
   * @throws {OSError} if the socket is not connected, or failed
   */
  send(data: BytesLike): number;
  /**
   * Ends one direction of the connection, or both.
   *
   * @throws {RangeError} for another direction
   * @throws {OSError} "ENOTCONN" when the socket is not connected
   */
  shutdown(how: "read" | "write" | "both"): void;
  /** Whether small writes are sent at once (TCP_NODELAY, on by default). Does nothing on other sockets than TCP's. */
  setNoDelay(on: boolean): void;
  /**
   * Whether an idle connection is probed (SO_KEEPALIVE). Does nothing on other sockets than TCP's.
   */
  setKeepAlive(on: boolean): void;
  /**
   * Closes the socket; what `send` took is still sent, and calls that wait for the socket reject with an OSError "EBADF".
   * Does nothing the second time.
   *
   * @throws {RuntimeError} if it is a view: close the transport or the server instead
   */
  close(): void;
  /** Whether it is closed; of a view, whether what it shows is. */
  readonly closed: boolean;
  /** `close()` */
  [Symbol.dispose](): void;
  /** `<Socket AF_INET SOCK_STREAM connected 127.0.0.1:80>`, for messages. */
  toString(): string;
}

/** What `getaddrinfo` is asked for. */
export interface AddressInfoOptions {
  /** 4 or 6; 0: both. @default {0} */
  family?: 0 | 4 | 6;
  /** For which kind of socket. @default {"SOCK_DGRAM" for IPPROTO_UDP, else "SOCK_STREAM"} */
  type?: "SOCK_STREAM" | "SOCK_DGRAM";
  /** IPPROTO_TCP (6) or IPPROTO_UDP (17); 0: the one of the type. @default {0} */
  proto?: 0 | 6 | 17;
  /** AI_PASSIVE and the like, joined by `|`. @default {0} */
  flags?: number;
}

/** One of the addresses that `getaddrinfo` finds. */
export interface AddressInfo {
  /** 4 or 6. */
  family: 4 | 6;
  /** Where to connect, to send or to listen. */
  address: NetAddress;
  /** With AI_CANONNAME, of the first one: the host's official name. */
  canonicalName?: string;
}
