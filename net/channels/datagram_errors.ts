import { attemptOf, missingPermission, toOSError } from "../../runtime/errors/native_errors.ts";
import { GaiError, OSError, PermissionError } from "../../runtime/errors/os_error.ts";
import { describeAddress, hostPort, ipFamily, isLinkLocal, zoneOf } from "../core/addresses.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { grantsNet, grantsSys } from "../platform/permissions.ts";

export type Endpoint = { readonly hostname: string; readonly port: number };

/**
 * Refuses addresses that the runtimes do not leave to the system, or for which they have errors of their own: one of the other
 * family, one with a zone that this machine does not have, and, to send to, port 0.
 *
 * @throws {OSError} with the system's code
 * @throws {GaiError} for an unknown zone
 */
export function checkEndpoint(address: Endpoint, family: 4 | 6, syscall: "bind" | "sendto"): void {
  const own = ipFamily(address.hostname);
  if (own !== 0 && own !== family) {
    throw failure(syscall, address, "EAFNOSUPPORT", "the socket is of the other family");
  }
  if (syscall === "sendto" && address.port === 0) {
    throw failure(syscall, address, "EINVAL", "nothing can be sent to port 0");
  }
  const zone = zoneOf(address.hostname);
  if (zone === null || hasZone(zone)) return;
  throw new GaiError(
    `${syscall} ${describeAddress(address)}: there is no network interface ${zone} (EAI_NONAME)`,
    { code: "EAI_NONAME", syscall },
  );
}

/** Whether there is such an interface; true where it may not be looked up. A number is left to the system. */
function hasZone(zone: string): boolean {
  if (/^\d+$/.test(zone) || !grantsSys("networkInterfaces")) return true;
  return zone in builtin("node:os").networkInterfaces();
}

/**
 * The system's checks of a peer to connect to. On Deno the sockets are never connected in the kernel, which so checks nothing;
 * Bun does not report the kernel's error.
 *
 * @throws {OSError} as a connect that fails
 */
export async function checkPeer(remote: Endpoint, broadcast: boolean): Promise<void> {
  const { hostname } = remote;
  if (isLinkLocal(hostname) && zoneOf(hostname) === null) {
    throw failure("connect", remote, "EINVAL", "a link-local address needs its zone, as %eth0");
  }
  // Most broadcast addresses end like this; the first send fails to the others.
  if (!broadcast && hostname.endsWith(".255") && await isBroadcast(hostname)) {
    throw notSwitchedOn("connect", remote);
  }
}

/** The socket of a send that failed. */
export interface Sender {
  readonly hostname: string;
  readonly broadcast: boolean;
}

/**
 * The error of a send, or of a connect. Most errors of sending are "UNKNOWN" on Deno, and all of connecting on Bun; where the
 * cause can be found out, the error becomes the system's.
 */
export async function explained(
  error: unknown,
  syscall: "sendto" | "connect",
  from: Sender,
  target: Endpoint,
): Promise<OSError> {
  const mapped = toOSError(error, syscall, describeAddress(target));
  if (mapped.code !== "UNKNOWN") return mapped;
  const { hostname } = target;
  if (!grantsNet(hostPort(hostname, target.port))) {
    const where = describeAddress(target);
    const flag = `--allow-net=${where}`;
    return missingPermission(attemptOf(syscall, where), flag, { syscall, cause: error });
  }
  if (!from.broadcast && await isBroadcast(hostname)) return notSwitchedOn(syscall, target, error);
  if (zoneOf(hostname) !== null) {
    return failure(syscall, target, "EINVAL", "there is no such zone", error);
  }
  if (isLoopback(from.hostname) && !isLoopback(hostname)) {
    return failure(syscall, target, "EINVAL", "no way leads there from this machine alone", error);
  }
  return mapped;
}

function isLoopback(hostname: string): boolean {
  return hostname === "::1" || (ipFamily(hostname) === 4 && hostname.startsWith("127."));
}

/**
 * Tries to bind a socket to the address: that works for this machine's addresses, for groups and for broadcast addresses, of
 * which only the last need broadcasting switched on.
 */
async function isBroadcast(hostname: string): Promise<boolean> {
  if (ipFamily(hostname) !== 4) return false;
  if (hostname === "255.255.255.255") return true;
  // Without the permission Deno would throw an error that can't be caught.
  if (!grantsNet(hostPort(hostname, 0))) return false;
  const socket = builtin("node:dgram").createSocket("udp4");
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("error", () => resolve(false));
      socket.bind({ address: hostname, port: 0, exclusive: true }, () => resolve(true));
    });
  } finally {
    socket.close();
  }
}

function notSwitchedOn(syscall: string, target: Endpoint, cause?: unknown): PermissionError {
  return new PermissionError(
    `${syscall} ${describeAddress(target)}: broadcasting is not switched on (EACCES)`,
    { code: "EACCES", syscall, ...(cause === undefined ? {} : { cause }) },
  );
}

function failure(
  syscall: string,
  address: Endpoint,
  code: string,
  why: string,
  cause?: unknown,
): OSError {
  const message = `${syscall} ${describeAddress(address)}: ${why} (${code})`;
  return new OSError(message, { code, syscall, ...(cause === undefined ? {} : { cause }) });
}
