import type { Address } from "./addresses.ts";
import type { ConnectedSocket } from "./_connected_socket.ts";
import type { DatagramSocket } from "./_datagram_socket.ts";
import type { ListeningSocket } from "./_listening_socket.ts";
import { Turns } from "./_wait_list.ts";

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

/** `proto` of TCP. */
export const IPPROTO_TCP = 6;
/** `proto` of UDP. */
export const IPPROTO_UDP = 17;
/** Flag of `getaddrinfo`: without a host, the addresses to listen on instead of those to connect to. */
export const AI_PASSIVE = 1;
/** Flag of `getaddrinfo`: the canonical name too, which is there for literals only. */
export const AI_CANONNAME = 2;
/** Flag of `getaddrinfo`: the host is an address, and no resolver is asked. */
export const AI_NUMERICHOST = 4;
/** Flag of `getaddrinfo`, with family 6: where there is no IPv6 address, IPv4's in the form `::ffff:127.0.0.1`. */
export const AI_V4MAPPED = 8;
/** Flag of `getaddrinfo`, with AI_V4MAPPED: IPv4 addresses in that form beside those of IPv6. */
export const AI_ALL = 16;
/** Flag of `getaddrinfo`: only families in which this machine has an address. */
export const AI_ADDRCONFIG = 32;
/** Flag of `getaddrinfo`: the port is a number, or its text. */
export const AI_NUMERICSERV = 1024;

/** One of the address families. */
export type SocketFamily = typeof AF_UNIX | typeof AF_INET | typeof AF_INET6;
/** One of the socket types. */
export type SocketType = typeof SOCK_STREAM | typeof SOCK_DGRAM;

/** What a socket was made for. */
export interface SocketKind {
  readonly family: SocketFamily;
  readonly type: SocketType;
}

/** What a view of a socket shows: a transport's channel, a server's listener. */
export interface Viewed {
  readonly closed: boolean;
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
}

/** A bind or a connect under way. */
export interface Opening {
  /** The address that the socket had before; null when it had none. */
  readonly localAddr: Address | null;
  /** Calls it off: whoever opens the socket learns that it was closed. */
  close(): void;
}

/**
 * What a socket is at present.
 *
 * - `fresh` → `opening` → `listening` (bound, for streams) or `connected` or `datagram`; an opening that fails or is
 *   cancelled goes back to `fresh`. A bound socket that connects goes through `opening` once more.
 * - Each of them → `view`, when a transport or a server takes it over.
 * - Each of them → `closed`, and nothing follows.
 *
 * Only who has the turn in `openings` moves it along this way; `close()` may come at any time.
 */
export type SocketBody =
  | { readonly kind: "fresh" }
  | { readonly kind: "opening"; readonly it: Opening }
  | { readonly kind: "listening"; readonly it: ListeningSocket }
  | { readonly kind: "connected"; readonly it: ConnectedSocket }
  | { readonly kind: "datagram"; readonly it: DatagramSocket }
  | { readonly kind: "view"; readonly it: Viewed }
  | { readonly kind: "closed" };

export const FRESH: SocketBody = { kind: "fresh" };
export const CLOSED: SocketBody = { kind: "closed" };

/** The inside of a Socket. */
export class SocketState {
  body: SocketBody = FRESH;
  /** Those who bind, connect, or bind by sending. */
  readonly openings: Turns = new Turns();
  /** Those who send a whole, which nothing may come in between of. */
  readonly sends: Turns = new Turns();
}
