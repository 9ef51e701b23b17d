import type * as tls from "node:tls";
import { builtin } from "./_builtins.ts";
import type { UpgradeTls } from "./host.ts";

/** So many servers without a handshake under way are kept for one set of options. */
const MAX_IDLE = 8;

/** So many certificates of clients are remembered for one set of options. */
const MAX_PROVEN = 10_000;

/** Servers of one origin: they were made of the same options. */
interface Shelf {
  readonly options: UpgradeTls;
  readonly idle: tls.Server[];
  /** Fingerprints of the certificates that were verified by these authorities, the latest last. */
  readonly proven: Set<string>;
}

const shelves: WeakMap<object, Shelf> = new WeakMap();

/**
 * Servers that listen nowhere, for one handshake each at a time: who speaks on which connection
 * they do not tell. Making one reads certificate and key, which is half of what a handshake costs,
 * so it is used again; the options may have changed by then, as when a certificate is renewed.
 */
export function borrowServer(options: UpgradeTls): tls.Server {
  return shelfOf(options)?.idle.pop() ?? makeServer(options);
}

/** Gives back a server whose handshake ended well; others may still report about it and are dropped. */
export function returnServer(server: tls.Server, options: UpgradeTls): void {
  // Bun's take no stream of ours after a socket of its own.
  if ("Bun" in globalThis) return;
  const idle = shelfOf(options)?.idle;
  if (idle !== undefined && idle.length < MAX_IDLE) idle.push(server);
}

/**
 * Whether a client that has to have a certificate really has one that these options trust.
 *
 * All servers of a Deno process take each other's tickets, and verify nothing when a session is resumed. Without this, who has
 * once spoken with a server that asks for no certificate, or trusts another authority, could come in. A certificate that was
 * verified under these options in a full handshake is as good in a session of another server: its ticket proves the same key.
 */
export function clientIsProven(socket: tls.TLSSocket, options: UpgradeTls): boolean {
  if (!options.verifyPeer || !("Deno" in globalThis)) return true;
  const { fingerprint256 } = socket.getPeerCertificate();
  if (fingerprint256 === undefined) return false;
  const proven = shelfOf(options)?.proven ?? new Set();
  const known = proven.delete(fingerprint256);
  if (socket.isSessionReused() && !known) return false;
  proven.add(fingerprint256);
  if (proven.size > MAX_PROVEN) proven.delete(proven.values().next().value!);
  return true;
}

function shelfOf(options: UpgradeTls): Shelf | null {
  const { origin } = options;
  if (origin === undefined) return null;
  const shelf = shelves.get(origin);
  if (shelf !== undefined && sameMaterial(shelf.options, options)) return shelf;
  const { caCerts = [], alpnProtocols = [] } = options;
  // The arrays are the user's, who may change them.
  const kept = { ...options, caCerts: [...caCerts], alpnProtocols: [...alpnProtocols] };
  // A certificate of the server's that is renewed changes nothing about whom it trusts.
  const trustsTheSame = shelf !== undefined && sameTexts(shelf.options.caCerts, caCerts);
  const fresh = {
    options: kept,
    idle: [],
    proven: trustsTheSame ? shelf.proven : new Set<string>(),
  };
  shelves.set(origin, fresh);
  return fresh;
}

function sameMaterial(one: UpgradeTls, other: UpgradeTls): boolean {
  return one.cert === other.cert && one.key === other.key && one.verifyPeer === other.verifyPeer &&
    sameTexts(one.caCerts, other.caCerts) && sameTexts(one.alpnProtocols, other.alpnProtocols);
}

function sameTexts(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

function makeServer(options: UpgradeTls): tls.Server {
  const { verifyPeer = false } = options;
  return builtin("node:tls").createServer({
    ...material(options),
    allowHalfOpen: true,
    requestCert: verifyPeer,
    rejectUnauthorized: verifyPeer,
    // The caller has its own. 0 stands for node:tls's default of two minutes, for which Deno's timer
    // would hold all that a failed handshake was made with.
    handshakeTimeout: -1,
  });
}

/** What node:tls is to prove itself with, and to trust. */
export function material(
  options: UpgradeTls,
): tls.SecureContextOptions & { ALPNProtocols?: string[] } {
  const { cert, key, caCerts, alpnProtocols } = options;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(caCerts === undefined ? {} : { ca: [...caCerts] }),
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
  };
}
