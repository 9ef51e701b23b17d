/**
 * Sockets, for `sockRecv` and friends and for `addReader`: the low level below transports.
 *
 * @module
 */

import type { Address } from "./addresses.ts";
import type { RawChannel, RawListener } from "./host.ts";
import { RuntimeError } from "../runtime/exceptions.ts";

/** Address family of unix sockets. */
export const AF_UNIX = 1;
/** Address family of IPv4. */
export const AF_INET = 4;
/** Address family of IPv6. */
export const AF_INET6 = 6;
/** Socket type of byte streams. */
export const SOCK_STREAM = "SOCK_STREAM";
/** Socket type of datagrams. */
export const SOCK_DGRAM = "SOCK_DGRAM";

/** What a view of a socket shows. */
export interface Viewed {
  readonly closed: boolean;
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
}

/** What a transport takes over from a socket. */
export function takeChannel(_sock: Socket): RawChannel {
  throw new RuntimeError("not yet");
}

/** What a server takes over from a socket. */
export function takeListener(_sock: Socket, _backlog: number): Promise<RawListener> {
  throw new RuntimeError("not yet");
}

let makeView: (viewed: Viewed) => Socket;

/** A non-blocking socket. */
export class Socket {
  #viewed: Viewed | null = null;
  readonly family: 1 | 4 | 6 = 4;

  /** This end's address; null while it has none. */
  getsockname(): Address | null {
    return this.#viewed?.localAddr ?? null;
  }

  /** The other end's address; null when not connected. */
  getpeername(): Address | null {
    return this.#viewed?.remoteAddr ?? null;
  }

  /** Whether small writes are sent at once (TCP_NODELAY). */
  setNoDelay(on: boolean): void {
    this.#viewed?.setNoDelay?.(on);
  }

  /** Whether an idle connection is probed (SO_KEEPALIVE). */
  setKeepAlive(on: boolean): void {
    this.#viewed?.setKeepAlive?.(on);
  }

  /** Whether the socket is closed. */
  get closed(): boolean {
    return this.#viewed?.closed ?? true;
  }

  /** Closes the socket. */
  close(): void {
    if (this.#viewed !== null) {
      throw new RuntimeError(
        "Cannot close a socket that a transport or server owns: close that instead",
      );
    }
  }

  static {
    makeView = (viewed) => {
      const socket = new Socket();
      socket.#viewed = viewed;
      return socket;
    };
  }
}

/** The read-only socket that a transport or a server shows. */
export function socketView(viewed: Viewed): Socket {
  return makeView(viewed);
}
