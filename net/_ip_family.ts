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

/** Whether an address is of one link only (fe80::/10), so that it says where only together with its zone. */
export function isLinkLocal(host: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(host);
}

/** One form for each address: what resolvers and systems give may differ in case and in zeros. Without the zone. */
export function canonicalIp(host: string): string {
  if (ipFamily(host) !== 6) return host;
  const bare = host.split("%", 1)[0]!;
  return URL.canParse(`http://[${bare}]`) ? new URL(`http://[${bare}]`).hostname : bare;
}
