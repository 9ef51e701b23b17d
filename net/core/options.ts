/**
 * The options of the net: their types, and below each of them what is checked at a call.
 *
 * @module
 */

import type { Delay } from "../../runtime/base/durations.ts";
import {
  abortSignal,
  anything,
  count,
  duration,
  flag,
  type Instead,
  type Kind,
  listOf,
  oneOf,
  type OptionsOf,
  optionsOf,
  orNull,
  plainNumber,
  text,
} from "../../runtime/base/options.ts";
import { certificatesByName, family, localEnd, protocolNames } from "./arguments.ts";
import { IPPROTO_TCP } from "./addresses.ts";
import { kindOf, type Socket } from "../sockets/sockets.ts";

/** What has its own error. */
export const socket: Kind<Socket> = {
  wanted: "a Socket",
  accepts: () => true,
  verify: (value) => void kindOf(value as Socket),
};

// ── what other libraries call it

const HOST_FIRST =
  "host and port come before the options, as in openConnection(host, port, options)";
const SERVER_HOST_FIRST =
  "host and port come before the options, as in startServer(clientConnected, host, port, options)";
/** Said for `loop`. */
export const LOOP = "it is the running loop's";

const forTls: Instead = {
  ca: "write caCerts: [pem]",
  cafile: "write caCerts: [pem], with the text of the file",
  cadata: "write caCerts: [pem]",
  certfile: "write cert, with the text of the file",
  keyfile: "write key, with the text of the file",
  password: "write passphrase",
  minVersion: "write minimumVersion",
  maxVersion: "write maximumVersion",
  cipherList: "write ciphers",
  sniCallback: "write serverNames: { [name]: { cert, key } }",
  checkHostname: 'write serverHostname: "" beside ssl to check no name',
  rejectUnauthorized: "write verifyPeer",
  requestCert: "write verifyPeer: true",
  verifyMode: "write verifyPeer",
  servername: "write serverHostname beside ssl",
};

const forConnections: Instead = {
  context: "write ssl: { ... }",
  sslContext: "write ssl: { ... }",
  tls: "write ssl: true, or ssl: { caCerts: [pem] }",
  servername: "write serverHostname",
  serverName: "write serverHostname",
  rejectUnauthorized: "write ssl: { verifyPeer: false }",
  caCerts: "it belongs in ssl: { caCerts: [pem] }",
  cert: "it belongs in ssl: { cert, key }",
  key: "it belongs in ssl: { cert, key }",
  alpnProtocols: "it belongs in ssl: { alpnProtocols: [...] }",
  verifyPeer: "it belongs in ssl: { verifyPeer: false }",
  host: HOST_FIRST,
  hostname: HOST_FIRST,
  port: HOST_FIRST,
  localAddress: 'write localAddr: { hostname: "127.0.0.1" }',
  localPort: 'write localAddr: { hostname: "127.0.0.1", port }',
  timeout: "put the call into timeout(5).with(...), or pass a signal",
  connectTimeout: "put the call into timeout(5).with(...), or pass a signal",
  allErrors: "the error of several addresses tells each one's",
  noDelay: "it is on always",
  highWaterMark: "write limit",
  loop: LOOP,
};

const forServers: Instead = {
  ...forConnections,
  host: SERVER_HOST_FIRST,
  hostname: SERVER_HOST_FIRST,
  port: SERVER_HOST_FIRST,
  signal: "close the server, or cancel the task that serves",
  exclusive: "write reusePort: true to share the port",
  maxConnections: "count the connections in a Semaphore",
};

/** A certificate chain and its key, as PEM text. */
export interface TlsCertificate {
  /** The certificate chain to show. */
  cert: string;
  /** The private key of `cert`. */
  key: string;
  /** The password of a `key` that is encrypted. */
  passphrase?: string;
}

/** A version of TLS, as `getExtraInfo("cipher")` names it. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How to speak TLS: what Python's `ssl.SSLContext` holds. Certificates and keys are PEM text. */
export interface TlsOptions {
  /** The certificate chain to show. Servers need one, clients only for mutual TLS. */
  cert?: string;
  /** The private key of `cert`. */
  key?: string;
  /** The password of a `key` that is encrypted. */
  passphrase?: string;
  /**
   * Server: other certificates, by the name that the client asks for (SNI), in lower case: "shop.example", or
   * "*.example" for the names with one label before that. Clients that ask for none of them, or for nothing, get `cert`.
   */
  serverNames?: Record<string, TlsCertificate>;
  /**
   * The certificate authorities to trust.
   * @default {the system's}
   */
  caCerts?: string[];
  /** Application protocols to offer by ALPN, the most wanted first. */
  alpnProtocols?: string[];
  /**
   * Refuse a connection on which none of `alpnProtocols` is agreed on; else it goes on without one.
   * @default {false}
   */
  alpnRequired?: boolean;
  /**
   * Server: ask clients for a certificate. Client: false accepts any server certificate.
   * @default {false on servers, true on clients}
   */
  verifyPeer?: boolean;
  /**
   * The oldest version to speak.
   * @default {"TLSv1.2"}
   */
  minimumVersion?: TlsVersion;
  /**
   * The newest version to speak.
   * @default {"TLSv1.3"}
   */
  maximumVersion?: TlsVersion;
  /**
   * The ciphers of TLS 1.2, in OpenSSL's form, "ECDHE+AESGCM:!aNULL"; those of TLS 1.3 are always there. Not on Deno.
   * @default {the runtime's}
   */
  ciphers?: string;
}

const forCertificates: Instead = {
  certfile: "write cert, with the text of the file",
  keyfile: "write key, with the text of the file",
  password: "write passphrase",
};

const certificate: OptionsOf<TlsCertificate> = optionsOf("{ cert, key }", {
  cert: text,
  key: text,
  passphrase: text,
}, forCertificates);

const version: Kind<TlsVersion> = oneOf("TLSv1.2", "TLSv1.3");

/** What `ssl` may hold. */
export const tlsOptions: OptionsOf<TlsOptions> = optionsOf("{ cert, key }", {
  cert: text,
  key: text,
  passphrase: text,
  serverNames: certificatesByName(certificate),
  caCerts: listOf(text, "a list of PEM texts"),
  alpnProtocols: protocolNames,
  alpnRequired: flag,
  verifyPeer: flag,
  minimumVersion: version,
  maximumVersion: version,
  ciphers: text,
}, forTls);

/** Checked where it is used, as it may be a boolean for some. */
const ssl: Kind<TlsOptions> = anything();

/** Options of `openConnection`, `createConnection` and their unix relatives. */
export interface ConnectOptions {
  /**
   * Streams only: the longest line, and half of what is buffered before the peer is held back, in
   * bytes.
   * @default {65536}
   */
  limit?: number;
  /** TLS: true for the system's certificate authorities, or what to use. */
  ssl?: boolean | TlsOptions;
  /**
   * The name the server's certificate has to be for; "" does not check it.
   * @default {the host}
   */
  serverHostname?: string;
  /**
   * How long the TLS handshake may take.
   * @default {60 seconds}
   */
  sslHandshakeTimeout?: Delay;
  /**
   * How long the end of TLS may take.
   * @default {30 seconds}
   */
  sslShutdownTimeout?: Delay;
  /**
   * 4 or 6: addresses of this family only.
   * @default {0}
   */
  family?: 0 | 4 | 6;
  /**
   * What the resolver is asked for, as in `loop.getaddrinfo()`: IPPROTO_TCP, or 0 for any.
   * @default {0}
   */
  proto?: 0 | typeof IPPROTO_TCP;
  /**
   * What else the resolver is asked for: AI_ADDRCONFIG and the like, joined by `|`.
   * @default {0}
   */
  flags?: number;
  /** The local end to bind; without a port the system chooses one. */
  localAddr?: { hostname: string; port?: number };
  /** A connected socket, in the place of host and port. */
  sock?: Socket;
  /**
   * RFC 8305: start the attempt at the next address after this long; null tries them one after the
   * other.
   * @default {0.25 seconds, when several addresses are found}
   */
  happyEyeballsDelay?: Delay | null;
  /**
   * How many addresses of the first family come before the families take turns; 0 leaves the
   * resolver's order.
   * @default {1 with a happyEyeballsDelay, else 0}
   */
  interleave?: number;
  /** Gives up connecting when it aborts, with the signal's reason. */
  signal?: AbortSignal;
}

/** What is checked of {@linkcode ConnectOptions}. */
export const connectOptions: OptionsOf<ConnectOptions> = optionsOf("{ limit: 65536 }", {
  limit: plainNumber,
  ssl: anything(),
  serverHostname: text,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
  family,
  proto: oneOf(0, IPPROTO_TCP),
  flags: count,
  localAddr: localEnd,
  sock: socket,
  happyEyeballsDelay: orNull(duration),
  interleave: count,
  signal: abortSignal,
}, forConnections);

/** Options of `startServer`, `createServer` and their unix relatives. */
export interface ServeOptions {
  /**
   * Streams only: the longest line, and half of what is buffered before the peer is held back, in
   * bytes.
   * @default {65536}
   */
  limit?: number;
  /** TLS with this certificate and key. */
  ssl?: TlsOptions;
  /**
   * How long the TLS handshake of a connection may take.
   * @default {60 seconds}
   */
  sslHandshakeTimeout?: Delay;
  /**
   * How long the end of TLS may take.
   * @default {30 seconds}
   */
  sslShutdownTimeout?: Delay;
  /**
   * 4 or 6: listen on addresses of this family only.
   * @default {0}
   */
  family?: 0 | 4 | 6;
  /**
   * What the resolver is asked for beside the addresses of the hosts, as in `loop.getaddrinfo()`: AI_ADDRCONFIG and the
   * like, joined by `|`.
   * @default {0}
   */
  flags?: number;
  /**
   * Connections that wait to be accepted; Bun always takes 512.
   * @default {100}
   */
  backlog?: number;
  /**
   * Listen although old connections of the same port linger; every runtime does that anyway.
   * @default {true}
   */
  reuseAddress?: boolean;
  /**
   * Share the port with other servers that ask for the same. Not on Node 20.
   * @default {false}
   */
  reusePort?: boolean;
  /**
   * Probe idle connections (SO_KEEPALIVE), so that those whose peer has vanished end.
   * @default {false}
   */
  keepAlive?: boolean;
  /** A bound socket, in the place of host and port, or path. */
  sock?: Socket;
  /**
   * Unix servers: remove the socket file on close.
   * @default {true}
   */
  cleanupSocket?: boolean;
  /**
   * Accept connections at once; else with `startServing()` or `serveForever()`.
   * @default {true}
   */
  startServing?: boolean;
}

/** What is checked of {@linkcode ServeOptions}. */
export const serveOptions: OptionsOf<ServeOptions> = optionsOf("{ backlog: 100 }", {
  limit: plainNumber,
  ssl,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
  family,
  flags: count,
  backlog: count,
  reuseAddress: flag,
  reusePort: flag,
  keepAlive: flag,
  sock: socket,
  cleanupSocket: flag,
  startServing: flag,
}, forServers);

/** Options of `connectAcceptedSocket`. */
export type AcceptedOptions = Pick<
  ServeOptions,
  "ssl" | "sslHandshakeTimeout" | "sslShutdownTimeout"
>;

/** What is checked of {@linkcode AcceptedOptions}. */
export const acceptedOptions: OptionsOf<AcceptedOptions> = optionsOf("{ ssl: { cert, key } }", {
  ssl,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
}, forServers);

/** How `startTls` upgrades a connection. */
export interface StartTlsOptions {
  /** Which side of the handshake this is. @default {false} */
  serverSide?: boolean;
  /** The name the server's certificate must carry. */
  serverHostname?: string;
  /** How long the handshake may take. @default {60} */
  sslHandshakeTimeout?: Delay;
  /** How long the shutdown may take. @default {30} */
  sslShutdownTimeout?: Delay;
}

/** What is checked of the options of `writer.startTls`, which knows its side. */
export const upgradeOptions: OptionsOf<Omit<StartTlsOptions, "serverSide">> = optionsOf(
  '{ serverHostname: "example.com" }',
  { serverHostname: text, sslHandshakeTimeout: duration, sslShutdownTimeout: duration },
  { ...forConnections, serverSide: "the writer of a startServer callback is the server" },
);

/** What is checked of {@linkcode StartTlsOptions}. */
export const startTlsOptions: OptionsOf<StartTlsOptions> = optionsOf(
  '{ serverHostname: "example.com" }',
  { ...upgradeOptions.kinds, serverSide: flag },
  forConnections,
);
