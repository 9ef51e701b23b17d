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
