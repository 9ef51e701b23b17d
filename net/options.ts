/**
 * Options shared by the functions that connect and the functions that serve.
 *
 * @module
 */

import type { Delay } from "../runtime/durations.ts";
import type { Socket } from "./sockets.ts";

/** How to speak TLS: what Python's `ssl.SSLContext` holds. Certificates and keys are PEM text. */
export interface TlsOptions {
  /** The certificate chain to show. Servers need one, clients only for mutual TLS. */
  cert?: string;
  /** The private key of `cert`. */
  key?: string;
  /**
   * The certificate authorities to trust.
   * @default {the system's}
   */
  caCerts?: string[];
  /** Application protocols to offer by ALPN, the most wanted first. */
  alpnProtocols?: string[];
  /**
   * Server: ask clients for a certificate. Client: false accepts any server certificate.
   * @default {false on servers, true on clients}
   */
  verifyPeer?: boolean;
}

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
