/**
 * What a text is the literal of: 4, 6, or 0 for a name. Only the usual forms: "127.1" and the like
 * are the resolver's.
 */
export function ipFamily(host: string): 0 | 4 | 6 {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(host)) return 4;
  // Names have no colons; what is wrong with an IPv6 address the system will say.
  return /^[0-9a-fA-F.]*:[0-9a-fA-F:.]*(%.+)?$/.test(host) ? 6 : 0;
}
