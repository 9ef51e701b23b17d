import type { EventLoop } from "../event_loop.ts";
import type { NetAddress } from "./addresses.ts";
import { waitForHost } from "./_host_wait.ts";
import { netLoop } from "./_net_loop.ts";
import { SOCK_STREAM } from "./sockets.ts";

/** 4, 6, or 0 for either. */
export type Family = 0 | 4 | 6;

/** The family of an address in text form; 0 when it is a name. */
export function familyOf(hostname: string): Family {
  if (isIPv4(hostname)) return 4;
  return isIPv6(hostname) ? 6 : 0;
}

/**
 * The addresses of a host for streams, in the resolver's order. An IP address of the wanted family needs no resolver (LOOP-46).
 *
 * @param host null: this machine
 */
export async function resolve(
  loop: EventLoop,
  host: string | null,
  port: number | null,
  family: Family,
): Promise<NetAddress[]> {
  if (host !== null) {
    const literal = familyOf(host);
    if (literal !== 0 && (family === 0 || family === literal)) {
      return [{ transport: "tcp", hostname: host, port: port ?? 0 }];
    }
  }
  const found = await waitForHost(
    netLoop(loop),
    loop.getaddrinfo(host, port, { family, type: SOCK_STREAM }),
    `the addresses of ${host ?? "this machine"}`,
  );
  return found.map(({ address }) => address);
}

/** Takes turns between the families, after `first` addresses of the first one (RFC 8305). */
export function interleave(addresses: readonly NetAddress[], first: number): NetAddress[] {
  const byFamily = new Map<Family, NetAddress[]>();
  for (const address of addresses) {
    const family = familyOf(address.hostname);
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

function isIPv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

/** Addresses with a zone ("fe80::1%eth0") don't count: the resolver knows what zones there are. */
function isIPv6(text: string): boolean {
  return text.includes(":") && /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}
