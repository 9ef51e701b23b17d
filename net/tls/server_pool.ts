import type * as tls from "node:tls";
import { builtin, onBun, onDeno } from "../../runtime/base/platform.ts";
import { byteText, type ClientHello } from "./client_hello.ts";
import type { UpgradeTls } from "../core/host.ts";
import { same, sameOptions, secureContextOptions, snapshot } from "./secure_context.ts";

/** So many servers without a handshake under way are kept for one set of options and one choice. */
const MAX_IDLE = 8;

/** So many certificates of clients are remembered for one set of options. */
const MAX_PROVEN = 10_000;

/** What of a server's options counts for one client. */
export interface Choice {
  /** The key in `serverNames`; null: the default certificate. */
  readonly name: string | null;
  /** Whether protocols are offered by ALPN. */
  readonly alpn: boolean;
}

/** The choice for a client whose hello is not read. */
export const ALL: Choice = { name: null, alpn: true };

/** Idle servers of one origin, made of the same options. */
interface Pool {
  readonly options: UpgradeTls;
  readonly idle: Map<string, tls.Server[]>;
  /** Fingerprints of the certificates that were verified by these authorities, the latest last. */
  readonly proven: Set<string>;
}

const pools: WeakMap<object, Pool> = new WeakMap();

/** Whether the choice depends on the client's hello. */
export function choosesByHello(options: UpgradeTls): boolean {
  const { serverNames, alpnProtocols = [], alpnRequired = false } = options;
  return serverNames !== undefined || (alpnProtocols.length > 0 && !alpnRequired);
}

/**
 * What a client is served with. node:tls would refuse one that offers protocols of which the server has none; CPython's
 * server goes on without a protocol, as one does that knows nothing of them.
 *
 * @param hello null: what the client sent was not a hello
 */
export function choiceFor(options: UpgradeTls, hello: ClientHello | null): Choice {
  if (hello === null) return ALL;
  const { alpnProtocols = [], alpnRequired = false } = options;
  const { serverName, protocols } = hello;
  const own = new Set(alpnProtocols.map((name) => byteText(encoder.encode(name))));
  return {
    name: serverName === null ? null : nameFor(options, serverName),
    alpn: alpnRequired || protocols === null || protocols.some((name) => own.has(name)),
  };
}

const encoder = new TextEncoder();

function nameFor({ serverNames = {} }: UpgradeTls, asked: string): string | null {
  if (Object.hasOwn(serverNames, asked)) return asked;
  const dot = asked.indexOf(".");
  const wild = `*${asked.slice(dot)}`;
  return dot > 0 && Object.hasOwn(serverNames, wild) ? wild : null;
}

/**
 * A server that listens nowhere, for one handshake at a time, since its events do not say to which
 * connection they belong. Making one reads certificate and key, which is half of what a handshake
 * costs, so it is used again; the options may have changed by then, as when a certificate is renewed.
 */
export function acquireServer(options: UpgradeTls, choice: Choice): tls.Server {
  return poolOf(options)?.idle.get(keyOf(choice))?.pop() ?? makeServer(options, choice);
}

/** Returns a server whose handshake ended well; after a failed one a server may still report about it, and is dropped. */
export function releaseServer(server: tls.Server, options: UpgradeTls, choice: Choice): void {
  // Bun's servers take no stream of ours after a socket of its own.
  if (onBun) return;
  const pool = poolOf(options);
  if (pool === null) return;
  const idle = pool.idle.get(keyOf(choice));
  if (idle === undefined) pool.idle.set(keyOf(choice), [server]);
  else if (idle.length < MAX_IDLE) idle.push(server);
}

function keyOf({ name, alpn }: Choice): string {
  return `${alpn} ${name ?? ""}`;
}

/**
 * Whether a client that has to have a certificate really has one that these options trust.
 *
 * All servers of a Deno process take each other's tickets, and verify nothing when a session is resumed. Without this, a client
 * that has once spoken with a server that asks for no certificate, or trusts another authority, could come in. A certificate that was
 * verified under these options in a full handshake is as good in a session of another server: its ticket proves the same key.
 */
export function clientIsProven(socket: tls.TLSSocket, options: UpgradeTls): boolean {
  if (!options.verifyPeer || !onDeno) return true;
  const { fingerprint256 } = socket.getPeerCertificate();
  if (fingerprint256 === undefined) return false;
  const proven = poolOf(options)?.proven ?? new Set();
  const known = proven.delete(fingerprint256);
  if (socket.isSessionReused() && !known) return false;
  proven.add(fingerprint256);
  if (proven.size > MAX_PROVEN) proven.delete(proven.values().next().value!);
  return true;
}

function poolOf(options: UpgradeTls): Pool | null {
  const { origin } = options;
  if (origin === undefined) return null;
  const pool = pools.get(origin);
  if (pool !== undefined && sameOptions(pool.options, options)) return pool;
  const kept = snapshot(options);
  // A renewed certificate of the server changes nothing about the authorities that it trusts.
  const trustsTheSame = pool !== undefined &&
    same(pool.options.caCerts ?? [], options.caCerts ?? []);
  const fresh = {
    options: kept,
    idle: new Map(),
    proven: trustsTheSame ? pool.proven : new Set<string>(),
  };
  pools.set(origin, fresh);
  return fresh;
}

function makeServer(options: UpgradeTls, choice: Choice): tls.Server {
  const { verifyPeer = false } = options;
  const certificate = choice.name === null ? {} : certificateOf(options, choice.name);
  return builtin("node:tls").createServer({
    ...secureContextOptions({ ...options, ...certificate }),
    ...(choice.alpn ? {} : { ALPNProtocols: [] }),
    allowHalfOpen: true,
    requestCert: verifyPeer,
    rejectUnauthorized: verifyPeer,
    // The caller has its own. 0 stands for node:tls's default of two minutes, for which Deno's timer
    // would hold all that a failed handshake was made with.
    handshakeTimeout: -1,
  });
}

/** With its own password, not that of the default certificate. */
function certificateOf({ serverNames = {} }: UpgradeTls, name: string): Partial<UpgradeTls> {
  const { cert, key, passphrase = "" } = serverNames[name]!;
  return { cert, key, passphrase };
}
