import type { Address, AddressLike } from "../../runtime/contract/sockets.ts";

export type {
  Address,
  AddressLike,
  NetAddress,
  UnixAddress,
} from "../../runtime/contract/sockets.ts";

/** An internet address as a caller gives it. */
export type NetPlace = Exclude<AddressLike, { readonly path: string }>;

const MAPPED = "::ffff:";

/**
 * The IPv4 form of an IPv4-mapped IPv6 address (`::ffff:127.0.0.1`). A socket that serves both
 * families shows its IPv4 peers that way; asyncio, which makes one socket per family, never does.
 */
function unmapped(hostname: string): string {
  return hostname.startsWith(MAPPED) && hostname.includes(".")
    ? hostname.slice(MAPPED.length)
    : hostname;
}

/** `host:port` as permissions and messages write it: IPv6 addresses in brackets. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** An address for messages. */
export function describeAddress(
  address: { hostname: string; port: number } | { path: string },
): string {
  return "path" in address
    ? JSON.stringify(address.path)
    : hostPort(address.hostname, address.port);
}

/** The other end for messages; undefined where it has no name, as the client of a unix socket. */
export function describePeer(address: Address | null): string | undefined {
  if (address === null || (address.transport === "unix" && address.path === "")) return undefined;
  return describeAddress(address);
}

/** "Connection lost: nothing more can be sent to 127.0.0.1:80" */
export function cannotSend(why: string, peer: Address | null): string {
  const name = describePeer(peer);
  return `${why}: nothing more can be sent${name === undefined ? "" : ` to ${name}`}`;
}

/** A port or a RangeError. Runtimes differ in what they take and when they complain. */
export function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    const shown = typeof port === "string" ? JSON.stringify(port) : String(port);
    throw new RangeError(`Cannot use port ${shown}: a port is a whole number from 0 to 65535`);
  }
}

/** Whether listening on "::" failed because the machine has no IPv6. */
export function lacksIPv6(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EAFNOSUPPORT" || code === "EADDRNOTAVAIL";
}

/** A TCP address; with `dual`, of a socket that serves both families. */
export function tcpAddress(hostname: string, port: number, dual: boolean): Address {
  return { transport: "tcp", hostname: dual ? unmapped(hostname) : hostname, port };
}

/** The address of a unix socket; an end without a name has "". */
export function unixAddress(path: string | null | undefined): Address {
  return { transport: "unix", path: path ?? "" };
}

/**
 * What a text is the literal of: 4, 6, or 0 for a name. Only the usual forms: "127.1" and the like
 * are the resolver's.
 */
export function ipFamily(host: string): 0 | 4 | 6 {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(host)) return 4;
  // Names have no colons; what is wrong with an IPv6 address the system will say.
  return /^[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%.+)?$/.test(host) ? 6 : 0;
}

/** The zone of an IPv6 address, "eth0" of "fe80::1%eth0"; null without one. */
export function zoneOf(host: string): string | null {
  const at = host.indexOf("%");
  return at === -1 || ipFamily(host) !== 6 ? null : host.slice(at + 1);
}

/** Whether an address is of one link only (fe80::/10), so that it needs its zone. */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}

/** One form for each address: what resolvers and systems give may differ in case and in zeros. Without the zone. */
export function canonicalIp(host: string): string {
  if (ipFamily(host) !== 6) return host;
  const bare = host.split("%", 1)[0]!;
  return URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : bare;
}

// ── sockets

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

/** The IP family of a socket's addresses. */
export function ipFamilyOf(family: SocketFamily): 4 | 6 {
  return family === AF_INET6 ? 6 : 4;
}
