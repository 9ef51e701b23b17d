/**
 * The ports of services by name. No runtime can ask the system for them without reading its files;
 * these are the ones that programs do write by name.
 */
const services: ReadonlyMap<string, number> = new Map([
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
export function servicePort(name: string): number | null {
  return services.get(name) ?? null;
}
