/**
 * The options of the loop's calls for streams, pipes and files. What is checked of them stands with the calls.
 *
 * @module
 */
import type { Delay } from "../base/durations.ts";
import type { Socket } from "./sockets.ts";
import type { TlsOptions } from "./tls_options.ts";

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

/** Which part of a file is sent, and whether it may be copied through memory. */
export interface SendfileOptions {
  /** False: only by the system's own call, which no runtime offers (SendfileNotAvailableError). @default {true} */
  fallback?: boolean;
}

/** What `loop.connectReadPipe` reads from: a path (FIFO, device), a web stream, or an open file of the runtime. */
export type ReadablePipe =
  | string
  | URL
  | ReadableStream<Uint8Array>
  | { readonly readable: ReadableStream<Uint8Array> };

/** What `loop.connectWritePipe` writes to: a path (FIFO, device), a web stream, or an open file of the runtime. */
export type WritablePipe =
  | string
  | URL
  | WritableStream<Uint8Array>
  | { readonly writable: WritableStream<Uint8Array> };
