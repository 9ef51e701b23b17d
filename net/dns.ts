import type { LookupAddress } from "node:dns";
import { GaiError } from "../runtime/os_error_family.ts";
import { toOSError } from "../runtime/os_errors.ts";
import { checkPort, hostPort } from "./_address_forms.ts";
import { oneOf, type OptionsOf, optionsOf } from "../runtime/_options.ts";
import { checkAddress, family as addressFamily } from "./_arguments.ts";
import { builtin } from "./_builtins.ts";
import { ipFamily } from "./_ip_family.ts";
import { hasNet, requireNet } from "./_permissions.ts";
import { servicePort } from "./_services.ts";
import type { NetAddress } from "./addresses.ts";
import { SOCK_DGRAM, SOCK_STREAM } from "./_socket_state.ts";

/** One address of a name. */
export interface ResolvedAddress {
  readonly family: 4 | 6;
  readonly hostname: string;
}

/**
 * The addresses to try for a connection or a server, in the resolver's order; at least one. A
 * literal is its own address, and no resolver is asked.
 *
 * Deno knows grants by name (`--allow-net=example.org:443`), which cover neither a lookup nor the
 * addresses it would give. There the name itself is the one address: `connect` and `listenTcp` of
 * Deno's host take it as it is.
 *
 * @throws {GaiError} when the name has no address (of that family)
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function lookup(
  host: string,
  port: number,
  family: 0 | 4 | 6 = 0,
): Promise<ResolvedAddress[]> {
  const literal = ipFamily(host);
  if (literal !== 0) {
    if (family !== 0 && family !== literal) throw wrongFamily(host);
    return [{ family: literal, hostname: host }];
  }
  if (!hasNet()) {
    requireNet(hostPort(host, port), "getaddrinfo", host);
    return [{ family: family === 6 ? 6 : 4, hostname: host }];
  }
  return await resolve(host, family);
}

/** What `getaddrinfo` is asked for. */
export interface AddressInfoOptions {
  /** 4 or 6; 0: both. @default {0} */
  family?: 0 | 4 | 6;
  /** For which kind of socket. */
  type?: typeof SOCK_STREAM | typeof SOCK_DGRAM;
}

/** What is checked of {@linkcode AddressInfoOptions}. */
const addressInfoOptions: OptionsOf<AddressInfoOptions> = optionsOf("{ family: 4 }", {
  family: addressFamily,
  type: oneOf(SOCK_STREAM, SOCK_DGRAM),
});

/**
 * The addresses of a host (`loop.getaddrinfo()`), in the resolver's order.
 *
 * @param host a name, an address, or null for this machine's loopback addresses
 * @param port a number, its text, the name of a service, or null for 0
 * @throws {GaiError} when the host or the service is not known
 * @throws {TypeError} when there is no such option, or it is of the wrong type
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function getaddrinfo(
  host: string | null,
  port: number | string | null,
  options: AddressInfoOptions = {},
): Promise<{ family: 4 | 6; address: NetAddress }[]> {
  addressInfoOptions.check(options, "getaddrinfo()");
  const { family = 0, type = "SOCK_STREAM" } = options;
  const transport = type === "SOCK_DGRAM" ? "udp" : "tcp";
  const number = portNumber(port);
  const literal = host === null ? 0 : ipFamily(host);
  if (literal !== 0 && family !== 0 && family !== literal) throw wrongFamily(host ?? "");
  const found: ResolvedAddress[] = host === null
    ? loopback
    : literal !== 0
    ? [{ family: literal, hostname: host }]
    : await resolve(host, family);
  return found
    .filter((address) => family === 0 || address.family === family)
    .map((address) => ({
      family: address.family,
      address: { transport, hostname: address.hostname, port: number },
    }));
}

/**
 * The names of an address and its port (`loop.getnameinfo()`); in numbers, what has no name.
 *
 * @throws {GaiError} when the host is no IP address, as a name is not looked up here
 * @throws {PermissionError} on Deno without `--allow-net`
 */
export async function getnameinfo(
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
  try {
    return await names(hostname, port);
  } catch (error) {
    const mapped = toOSError(error, "getnameinfo", hostname);
    if (!(mapped instanceof GaiError)) throw mapped;
    // Without a name the runtimes refuse the whole, and say nothing of the service.
    const service = await names("127.0.0.1", port).then((found) => found[1], () => String(port));
    return [hostname, service];
  }
}

const loopback: ResolvedAddress[] = [
  { family: 6, hostname: "::1" },
  { family: 4, hostname: "127.0.0.1" },
];

async function resolve(host: string, family: 0 | 4 | 6): Promise<ResolvedAddress[]> {
  // The runtimes answer an empty name with nothing and a warning.
  if (host === "") throw unknownName(host);
  const found = await new Promise<LookupAddress[]>((done, fail) => {
    builtin("node:dns").lookup(host, { all: true, family }, (error, all) => {
      if (error === null) done(all);
      else fail(toOSError(error, "getaddrinfo", host));
    });
  });
  if (found.length === 0) throw unknownName(host);
  return found.map(({ address, family }) => ({ hostname: address, family: family === 6 ? 6 : 4 }));
}

function names(hostname: string, port: number): Promise<[host: string, service: string]> {
  return new Promise((resolve, reject) => {
    builtin("node:dns").lookupService(hostname, port, (error, host, service) => {
      if (error === null) resolve([host, service]);
      else reject(error);
    });
  });
}

function portNumber(port: number | string | null): number {
  if (port === null || port === "") return 0;
  const number = typeof port === "number" || /^\d+$/.test(port) ? Number(port) : servicePort(port);
  if (number === null) {
    throw new GaiError(`getaddrinfo ${port}: service not known (EAI_SERVICE)`, {
      code: "EAI_SERVICE",
      syscall: "getaddrinfo",
    });
  }
  checkPort(number);
  return number;
}

function wrongFamily(host: string): GaiError {
  return new GaiError(`getaddrinfo ${host}: the address is of the other family (EAI_ADDRFAMILY)`, {
    code: "EAI_ADDRFAMILY",
    syscall: "getaddrinfo",
  });
}

function unknownName(host: string): GaiError {
  return new GaiError(`getaddrinfo ${JSON.stringify(host)}: name not known (ENOTFOUND)`, {
    code: "ENOTFOUND",
    syscall: "getaddrinfo",
  });
}
