import type * as tls from "node:tls";
import { builtin } from "./_builtins.ts";
import type { UpgradeTls } from "./host.ts";

/** So many servers without a handshake under way are kept for one set of options. */
const MAX_IDLE = 8;

/** Servers of one origin: they were made of the same options. */
interface Shelf {
  readonly options: UpgradeTls;
  readonly idle: tls.Server[];
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

function shelfOf(options: UpgradeTls): Shelf | null {
  const { origin } = options;
  if (origin === undefined) return null;
  const shelf = shelves.get(origin);
  if (shelf !== undefined && sameMaterial(shelf.options, options)) return shelf;
  const { caCerts = [], alpnProtocols = [] } = options;
  // The arrays are the user's, who may change them.
  const kept = { ...options, caCerts: [...caCerts], alpnProtocols: [...alpnProtocols] };
  const fresh = { options: kept, idle: [] };
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
    // The caller has its own.
    handshakeTimeout: 0,
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
