import type { Address } from "./addresses.ts";

const MAPPED = "::ffff:";

/**
 * The IPv4 form of an IPv4 address in IPv6 clothes (`::ffff:127.0.0.1`). A socket that serves both
 * families shows its IPv4 peers that way; asyncio, which makes one socket per family, never does.
 */
export function unmapped(hostname: string): string {
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
