import { type LoopCore } from "../../runtime/core/loop_core.ts";
import { NotImplementedError } from "../../runtime/errors/exceptions.ts";
import { attemptOf, missingPermission } from "../../runtime/errors/native_errors.ts";
import { GaiError } from "../../runtime/errors/os_error.ts";
import {
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  checkPort,
  hostPort,
  ipFamily,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "../core/addresses.ts";
import { count, oneOf, type OptionsOf, optionsOf } from "../../runtime/base/options.ts";
import { checkAddress, family as addressFamily } from "../core/arguments.ts";
import { builtin } from "../../runtime/base/platform.ts";
import type { AddressInfo, AddressInfoOptions } from "../../runtime/contract/sockets.ts";
import type { ResolvedAddress } from "../core/host.ts";
import { hostOf, netHost } from "../hosts/select.ts";
import { waitForHost } from "../core/operations.ts";
import { grantsSys, hasNet, requireNet } from "../platform/permissions.ts";

/**
 * The addresses to try for a connection or a server, in the resolver's order; at least one. A
 * literal is its own address, and no resolver is asked.
 *
 * Deno knows grants by name (`--allow-net=example.org:443`), which cover neither a lookup nor the
 * addresses it would give. There the name itself is the one address: `connect` and `listenTcp` of
 * Deno's host take it as it is.
 *
 * @throws {GaiError} if the name has no address (of that family)
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function lookup(
  host: string,
  port: number,
  family: 0 | 4 | 6 = 0,
): Promise<ResolvedAddress[]> {
  const literal = literalOf(host, family);
  if (literal !== null) return [literal];
  if (!hasNet()) {
    requireNet(hostPort(host, port), "getaddrinfo", host);
    return [{ family: family === 6 ? 6 : 4, hostname: host }];
  }
  // The runtimes answer an empty name with nothing and a warning.
  const found = host === "" ? [] : await netHost.lookup(host, family);
  if (found.length === 0) throw unknownName(host);
  return found;
}

/** What is checked of {@linkcode AddressInfoOptions}. */
const addressInfoOptions: OptionsOf<AddressInfoOptions> = optionsOf("{ family: 4 }", {
  family: addressFamily,
  type: oneOf(SOCK_STREAM, SOCK_DGRAM),
  proto: oneOf(0, IPPROTO_TCP, IPPROTO_UDP),
  flags: count,
});

/**
 * The addresses of a host (`loop.getaddrinfo()`), in the resolver's order. A lookup can't be cancelled: when the call is
 * cancelled, it goes on by itself.
 *
 * @param host a name, an address, or null for this machine's loopback addresses
 * @param port a number, its text, the name of a service, or null for 0
 * @throws {GaiError} if the host or the service is not known, or neither is given
 * @throws {NotImplementedError} for the canonical name of a name, which no runtime offers
 * @throws {TypeError} if there is no such option, or it is of the wrong type
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function getaddrinfo(
  loop: LoopCore,
  host: string | null,
  port: number | string | null,
  options: AddressInfoOptions = {},
): Promise<AddressInfo[]> {
  addressInfoOptions.check(options, "getaddrinfo()");
  const { family = 0, proto = 0, flags = 0 } = options;
  const { type = proto === IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM } = options;
  const transport = type === SOCK_DGRAM ? "udp" : "tcp";
  if (proto !== 0 && proto !== (transport === "udp" ? IPPROTO_UDP : IPPROTO_TCP)) {
    throw gaiError(
      "EAI_SOCKTYPE",
      String(host),
      `the type ${type} has another proto than ${proto}`,
    );
  }
  checkFlags(host, flags);
  if (host === null && (port === null || port === "")) {
    throw gaiError("EAI_NONAME", "null", "either the host or the port may be null");
  }
  const number = portNumber(port, (flags & AI_NUMERICSERV) !== 0);
  const found = await addressesOf(loop, host, family, flags);
  return found.map(({ family, hostname }, index) => ({
    family,
    address: { transport, hostname, port: number },
    ...(index === 0 && (flags & AI_CANONNAME) !== 0 ? { canonicalName: hostname } : {}),
  }));
}

async function addressesOf(
  loop: LoopCore,
  host: string | null,
  family: 0 | 4 | 6,
  flags: number,
): Promise<readonly ResolvedAddress[]> {
  if (host === null) {
    const all = (flags & AI_PASSIVE) === 0 ? loopback : everywhere;
    return all.filter((address) => family === 0 || address.family === family);
  }
  const mapped = family === 6 && (flags & AI_V4MAPPED) !== 0;
  if (mapped && ipFamily(host) === 4) return [mappedFrom({ family: 4, hostname: host })];
  const literal = literalOf(host, family);
  if (literal !== null) return [literal];
  if (host === "" || (flags & AI_NUMERICHOST) !== 0) throw unknownName(host);
  if ((flags & AI_CANONNAME) !== 0) {
    throw new NotImplementedError(
      `Cannot tell the canonical name of ${host}: no runtime asks the system's resolver for it`,
    );
  }
  const only = (flags & AI_ADDRCONFIG) === 0 ? 0 : configuredFamily(host);
  if (only !== 0 && family !== 0 && family !== only && !mapped) throw unknownName(host);
  const found: ResolvedAddress[] = [];
  if (!mapped) found.push(...await look(loop, host, family || only));
  else {
    const all = (flags & AI_ALL) !== 0;
    if (only !== 4) found.push(...await lookIfAny(loop, host, 6));
    if (only !== 6 && (all || found.length === 0)) {
      found.push(...(await lookIfAny(loop, host, 4)).map(mappedFrom));
    }
  }
  if (found.length === 0) throw unknownName(host);
  return found;
}

/** Waits for the resolver as asyncio waits: a cancellation ends the wait, and the lookup goes on. */
function look(loop: LoopCore, host: string, family: 0 | 4 | 6): Promise<ResolvedAddress[]> {
  return waitForHost(loop, hostOf(loop).lookup(host, family), `the addresses of ${host}`);
}

async function lookIfAny(loop: LoopCore, host: string, family: 4 | 6): Promise<ResolvedAddress[]> {
  try {
    return await look(loop, host, family);
  } catch (error) {
    if (error instanceof GaiError && error.code !== "EAI_AGAIN") return [];
    throw error;
  }
}

function mappedFrom({ hostname }: ResolvedAddress): ResolvedAddress {
  return { family: 6, hostname: `::ffff:${hostname}` };
}

/** The one family in which this machine has addresses beside loopback's; 0: both, or neither. */
function configuredFamily(host: string): 0 | 4 | 6 {
  if (!grantsSys("networkInterfaces")) {
    throw missingPermission(attemptOf("getaddrinfo", host), "--allow-sys=networkInterfaces", {
      syscall: "getaddrinfo",
    });
  }
  const all = Object.values(builtin("node:os").networkInterfaces()).flat();
  const has = (family: string): boolean =>
    all.some((one) => one !== undefined && !one.internal && one.family === family);
  if (has("IPv4") === has("IPv6")) return 0;
  return has("IPv4") ? 4 : 6;
}

function checkFlags(host: string | null, flags: number): void {
  const known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | AI_ADDRCONFIG |
    AI_NUMERICSERV;
  if ((flags & ~known) !== 0 || flags > known) {
    throw gaiError("EAI_BADFLAGS", String(host), `there is no flag in ${flags} but AI_...`);
  }
  if (host === null && (flags & AI_CANONNAME) !== 0) {
    throw gaiError("EAI_BADFLAGS", "null", "AI_CANONNAME needs a host");
  }
}

/**
 * The names of an address and its port (`loop.getnameinfo()`); in numbers, what has no name.
 *
 * @throws {GaiError} if the host is not an IP address, since a name is not looked up here
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function getnameinfo(
  loop: LoopCore,
  address: { readonly hostname: string; readonly port: number },
): Promise<[host: string, service: string]> {
  checkAddress(address);
  const { hostname, port } = address;
  checkPort(port);
  if (ipFamily(hostname) === 0) {
    throw new GaiError(`getnameinfo ${hostname}: the host must be an IP address`, {
      code: "EAI_NONAME",
      syscall: "getnameinfo",
    });
  }
  requireNet(null, "getnameinfo", hostname);
  const host = hostOf(loop);
  const what = `the names of ${hostname}`;
  try {
    return await waitForHost(loop, host.lookupService(hostname, port), what);
  } catch (error) {
    if (!(error instanceof GaiError)) throw error;
    // Without a name the runtimes refuse the whole, and say nothing of the service.
    const service = host.lookupService("127.0.0.1", port).then(
      (found) => found[1],
      () => `${port}`,
    );
    return [hostname, await waitForHost(loop, service, what)];
  }
}

const loopback: readonly ResolvedAddress[] = [
  { family: 6, hostname: "::1" },
  { family: 4, hostname: "127.0.0.1" },
];

const everywhere: readonly ResolvedAddress[] = [
  { family: 4, hostname: "0.0.0.0" },
  { family: 6, hostname: "::" },
];

function portNumber(port: number | string | null, numeric: boolean): number {
  if (port === null || port === "") return 0;
  const isNumber = typeof port === "number" || /^\d+$/.test(port);
  if (!isNumber && numeric) throw gaiError("EAI_NONAME", port, "the port must be a number");
  const number = isNumber ? Number(port) : servicePort(port as string);
  if (number === null) throw gaiError("EAI_SERVICE", String(port), "service not known");
  checkPort(number);
  return number;
}

/** The address that a text is the literal of; null for a name. @throws {GaiError} if it is of the other family */
function literalOf(host: string, family: 0 | 4 | 6): ResolvedAddress | null {
  const own = ipFamily(host);
  if (own === 0) return null;
  if (family === 0 || family === own) return { family: own, hostname: host };
  throw gaiError("EAI_ADDRFAMILY", host, "the address is of the other family");
}

function unknownName(host: string): GaiError {
  return gaiError("ENOTFOUND", JSON.stringify(host), "name not known");
}

function gaiError(code: string, what: string, why: string): GaiError {
  return new GaiError(`getaddrinfo ${what}: ${why} (${code})`, { code, syscall: "getaddrinfo" });
}

/**
 * The ports of services by name. No runtime can ask the system for them without reading its files;
 * these are the ones that programs do write by name.
 */
const wellKnownPorts: ReadonlyMap<string, number> = new Map([
  ["ftp-data", 20],
  ["ftp", 21],
  ["ssh", 22],
  ["telnet", 23],
  ["smtp", 25],
  ["domain", 53],
  ["tftp", 69],
  ["gopher", 70],
  ["finger", 79],
  ["http", 80],
  ["kerberos", 88],
  ["pop3", 110],
  ["sunrpc", 111],
  ["nntp", 119],
  ["ntp", 123],
  ["imap2", 143],
  ["imap", 143],
  ["snmp", 161],
  ["irc", 194],
  ["ldap", 389],
  ["https", 443],
  ["submissions", 465],
  ["submission", 587],
  ["ipp", 631],
  ["ldaps", 636],
  ["domain-s", 853],
  ["rsync", 873],
  ["ftps", 990],
  ["telnets", 992],
  ["imaps", 993],
  ["pop3s", 995],
  ["socks", 1080],
  ["openvpn", 1194],
  ["mysql", 3306],
  ["svn", 3690],
  ["sip", 5060],
  ["xmpp-client", 5222],
  ["postgresql", 5432],
  ["amqp", 5672],
  ["redis", 6379],
  ["http-alt", 8080],
  ["git", 9418],
]);

/** The port of a service; null for one that is not known. */
function servicePort(name: string): number | null {
  return wellKnownPorts.get(name) ?? null;
}
