/**
 * The options of the loop's calls for the net. What is checked of them stands with the calls.
 *
 * @module
 */
import type { Delay } from "../base/durations.ts";
import type { AddressLike, NetAddress, Socket } from "./sockets.ts";

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
   * What the resolver is asked for, as in `loop.getaddrinfo()`: IPPROTO_TCP (6), or 0 for any.
   * @default {0}
   */
  proto?: 0 | 6;
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

/** Options of `connectAcceptedSocket`. */
export type AcceptedOptions = Pick<
  ServeOptions,
  "ssl" | "sslHandshakeTimeout" | "sslShutdownTimeout"
>;

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

/** How a datagram endpoint is made. */
export interface DatagramOptions {
  /** Where to receive. */
  localAddr?: AddressLike;
  /** The only peer to send to and to receive from. */
  remoteAddr?: AddressLike;
  /** 4 or 6; 0: either. @default {0} */
  family?: 0 | 4 | 6;
  /** What the resolver is asked for: IPPROTO_UDP (17), or 0 for any. @default {0} */
  proto?: 0 | 17;
  /** What else the resolver is asked for: AI_ADDRCONFIG and the like, joined by `|`. @default {0} */
  flags?: number;
  /** Share the port with other sockets, where the runtime can. @default {false} */
  reusePort?: boolean;
  /** Allow sending to a broadcast address. @default {false} */
  allowBroadcast?: boolean;
  /** A bound datagram socket, in the place of all other options. */
  sock?: Socket;
}

/** What `getaddrinfo` is asked for. */
export interface AddressInfoOptions {
  /** 4 or 6; 0: both. @default {0} */
  family?: 0 | 4 | 6;
  /** For which kind of socket. @default {"SOCK_DGRAM" for IPPROTO_UDP, else "SOCK_STREAM"} */
  type?: "SOCK_STREAM" | "SOCK_DGRAM";
  /** IPPROTO_TCP (6) or IPPROTO_UDP (17); 0: the one of the type. @default {0} */
  proto?: 0 | 6 | 17;
  /** AI_PASSIVE and the like, joined by `|`. @default {0} */
  flags?: number;
}

/** One of the addresses that `getaddrinfo` finds. */
export interface AddressInfo {
  /** 4 or 6. */
  family: 4 | 6;
  /** Where to connect, to send or to listen. */
  address: NetAddress;
  /** With AI_CANONNAME, of the first one: the host's official name. */
  canonicalName?: string;
}

/** Which part of a file is sent, and whether it may be copied through memory. */
export interface SendfileOptions {
  /** False: only by the system's own call, which no runtime offers (SendfileNotAvailableError). @default {true} */
  fallback?: boolean;
}
