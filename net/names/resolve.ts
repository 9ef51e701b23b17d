import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { OSError } from "../../runtime/errors/exceptions.ts";
import { checkFamily } from "../core/arguments.ts";
import {
  ipFamily,
  ipFamilyOf,
  type NetAddress,
  type NetPlace,
  SOCK_DGRAM,
  SOCK_STREAM,
  type SocketKind,
} from "../core/addresses.ts";
import type { AddressInfoOptions } from "../../runtime/contract/sockets.ts";
import { lookup } from "./dns.ts";
import { waitForHost } from "../core/operations.ts";
import { hasNet } from "../platform/permissions.ts";

/** 4, 6, or 0 for either. */
export type Family = 0 | 4 | 6;

/** What else a caller may ask the resolver for. */
export interface Hints {
  readonly proto?: AddressInfoOptions["proto"] | undefined;
  readonly flags?: number | undefined;
}

/** Only what was asked for: a replaced `loop.getaddrinfo` gets nothing else. */
function hintsOf({ proto, flags }: Hints): Pick<AddressInfoOptions, "proto" | "flags"> {
  return {
    ...(proto === undefined ? {} : { proto }),
    ...(flags === undefined ? {} : { flags }),
  };
}

/**
 * The addresses of a host, in the resolver's order. An IP address of the wanted family needs no
 * resolver (LOOP-46).
 *
 * @param host null: this machine
 * @param type for which kind of socket
 */
export async function resolve(
  loop: EventLoop,
  host: string | null,
  port: number | null,
  family: Family,
  type: typeof SOCK_STREAM | typeof SOCK_DGRAM = SOCK_STREAM,
  hints: Hints = {},
): Promise<NetAddress[]> {
  checkFamily(family);
  const transport = type === SOCK_DGRAM ? "udp" : "tcp";
  const inner = loop[core];
  const what = `the addresses of ${host ?? "this machine"}`;
  if (host !== null) {
    const literal = ipFamily(host);
    if (literal !== 0 && (family === 0 || family === literal)) {
      return [{ transport, hostname: host, port: port ?? 0 }];
    }
    // Deno's grants by name cover no lookup; its own connect takes the name as it is.
    if (!hasNet()) {
      const names = await waitForHost(inner, lookup(host, port ?? 0, family), what);
      return names.map(({ hostname }) => ({ transport, hostname, port: port ?? 0 }));
    }
  }
  // Through the loop's method, which a program may have replaced.
  const found = await waitForHost(
    inner,
    loop.getaddrinfo(host, port, { family, type, ...hintsOf(hints) }),
    what,
  );
  return found.map(({ address }) => address);
}

/** The address itself, or the first one of its name, for a socket's family and type (FD-06). */
export async function resolveOne(
  loop: EventLoop,
  address: NetPlace,
  { family, type }: SocketKind,
): Promise<{ hostname: string; port: number }> {
  const { hostname, port } = address;
  const found = await resolve(loop, hostname, port, ipFamilyOf(family), type);
  const first = found[0];
  if (first === undefined) {
    throw new OSError(`getaddrinfo(${JSON.stringify(hostname)}) returned empty list`);
  }
  return { hostname: first.hostname, port: first.port };
}

/** Takes turns between the families, after `first` addresses of the first one (RFC 8305). */
export function interleave(addresses: readonly NetAddress[], first: number): NetAddress[] {
  const byFamily = new Map<Family, NetAddress[]>();
  for (const address of addresses) {
    const family = ipFamily(address.hostname);
    const same = byFamily.get(family);
    if (same === undefined) byFamily.set(family, [address]);
    else same.push(address);
  }
  const lists = [...byFamily.values()];
  const ordered = lists[0]?.splice(0, first - 1) ?? [];
  while (lists.some((list) => list.length > 0)) {
    for (const list of lists) {
      const next = list.shift();
      if (next !== undefined) ordered.push(next);
    }
  }
  return ordered;
}
