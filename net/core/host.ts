/**
 * What the net needs of a runtime: connected byte streams, listeners, datagram sockets and TLS.
 *
 * A host knows no loop, no task and no protocol. The transports above it do the buffering, the
 * water marks, the contexts and the order of events, once for every runtime; a host only moves
 * bytes. These rules hold for every implementation:
 *
 * - **Nothing calls back from inside the call that asked for it.** Sinks and `done` callbacks are
 *   called later, from a microtask or an I/O event, one at a time, and in whatever async context
 *   the runtime happens to be: the caller restores its own.
 * - **After `close()` or `abort()` nothing calls back any more**, neither a sink nor the `done` of an
 *   operation under way.
 * - **No byte is lost.** What arrives around `stopReading()` is kept and delivered after the next
 *   `startReading()`, before the end of the stream or an error is reported.
 * - **Errors are `OSError`s** with POSIX codes. An error is reported to the operation that met it:
 *   to the reading sink, to the `done` of a write, or, when nothing was under way, to the next
 *   operation. After an error the owner closes the channel.
 * - A callback that throws is the caller's defect; callers catch everything that users' code may
 *   throw.
 *
 * @module
 */

import type { OSError } from "../../runtime/errors/os_error.ts";
import type { Address, NetAddress } from "./addresses.ts";

/**
 * The size in which transports hand over queued bytes. A write completes as a whole, so bigger ones
 * would let the size of the write buffer fall in coarse steps only.
 */
export const WRITE_SIZE: number = 64 * 1024;

/** Something under way that can be cancelled. */
export interface Operation<T> {
  /**
   * Settles once. A rejection that is not observed does not count as unhandled. After `cancel()` it
   * rejects with an OSError "ECANCELED", unless it had settled before.
   */
  readonly promise: Promise<T>;
  /**
   * Gives up, idempotently. What would have come out (a channel, a listener) is closed, unless the
   * promise had already resolved.
   */
  cancel(): void;
}

/** Called once when an operation has completed: with null, or with what went wrong. */
export type Done = (error: OSError | null) => void;

/** Receives what a channel reads. */
export interface ReadSink {
  /** Small chunks may lie in one buffer with others of the same connection. @default {false} */
  readonly sharesSmallChunks?: boolean;
  /**
   * A chunk of at least one byte. It belongs to the receiver: it is never written into again.
   */
  onData(chunk: Uint8Array): void;
  /** The peer will send no more. Reading has ended; the channel stays open for writing. */
  onEof(): void;
  /** Reading failed, and has ended with that. */
  onError(error: OSError): void;
  /**
   * Called before each read, when present, for a buffer to read into directly (BufferedProtocol): at
   * least one byte, untouched by its owner until `onBuffer` has reported how much was filled in. null:
   * the channel uses a buffer of its own and calls `onData`. A runtime that pulls asks as soon as it
   * starts to wait for data, the others when data has arrived. A buffer asked for before
   * `stopReading()` is still filled; the same sink is notified after its next `startReading`, another
   * sink gets a copy by `onData`.
   */
  readonly getBuffer?: (() => Uint8Array | null) | undefined;
  /**
   * `count` bytes (at least one) now stand at the beginning of `buffer`, the one that `getBuffer`
   * gave last.
   */
  onBuffer?(buffer: Uint8Array, count: number): void;
  /**
   * Called, when present, by runtimes that pull, before the next read where that is likely to find data at once: calls
   * `read` when the code that the last chunk woke has had its turn, so that its answer goes out first.
   */
  afterTurn?(read: () => void): void;
}

/** What holds for every channel. */
export interface RawHandle {
  /** True after `close()` or `abort()`. */
  readonly closed: boolean;
  /**
   * Releases the descriptor at once, idempotently. Bytes whose write has completed still reach the
   * peer (unless arrivals are left unread: then the system resets the connection, in Python too); a
   * write under way is cut anywhere, so an owner that wants to flush waits for its `done` first.
   */
  close(): void;
  /** Let the open channel hold the process (the state at the beginning). */
  ref(): void;
  /** Let the process exit although the channel is open. */
  unref(): void;
}

/** The reading half of a channel, or a pipe's reading end. */
export interface RawReadable extends RawHandle {
  /**
   * Chunks go to the sink until `stopReading()`, the end of the stream, or an error. Called again
   * while reading, it replaces the sink. After the end of the stream or an error was reported, it is
   * reported again.
   */
  startReading(sink: ReadSink): void;
  /**
   * No sink is called until the next `startReading()`. The peer is really stopped: the channel takes
   * at most one more chunk (on Node and Bun: their streams' own read-ahead of 64 KiB or so) out of
   * the kernel.
   */
  stopReading(): void;
}

/** The writing half of a channel, or a pipe's writing end. */
export interface RawWritable extends RawHandle {
  /**
   * Writes the whole chunk (not empty). At most one write may be under way. The chunk must not
   * change until it has completed.
   *
   * @returns true when all of it is with the kernel already: `done` is then never called. false:
   * `done` will be called. Deno
   * always answers false, since its writes complete asynchronously.
   */
  write(chunk: Uint8Array, done: Done): boolean;
  /**
   * Ends the writing direction after the writes that completed; not while one is under way. Reading
   * goes on.
   */
  shutdownWrite(done: Done): void;
  /**
   * Whether it may fail, or take its time, to end the writing direction: it has buffers of its own. Its end is then part of what
   * is to be written. Default: false.
   */
  readonly endsLate?: boolean;
}

/**
 * One connected byte stream. Channels come with reading stopped; those over TCP have TCP_NODELAY
 * on, as asyncio's transports do.
 */
export interface RawChannel extends RawReadable, RawWritable {
  /**
   * Fixed when the channel is made, so it can still be asked after the close. null where the
   * runtime does not know it.
   */
  readonly localAddr: Address | null;
  /** As `localAddr`. */
  readonly remoteAddr: Address | null;
  /**
   * `close()`, by which the peer sees a reset where the runtime can do that (TCP on Node and Bun);
   * else a plain end.
   */
  abort(): void;
  /** Nothing happens on unix sockets and closed channels. */
  setNoDelay(on: boolean): void;
  /** Nothing happens on unix sockets and closed channels. */
  setKeepAlive(on: boolean): void;
}

/** Receives what a listener accepts. */
export interface AcceptSink {
  /** A new connection, reading stopped. */
  onConnection(channel: RawChannel): void;
  /**
   * One accept failed, and not because its peer had left, which is not reported. The listener is open
   * as before and has stopped itself: call `start` again in a while.
   *
   * @param exhausted the system ran out of descriptors or memory
   */
  onError(error: OSError, exhausted: boolean): void;
}

/** A listening socket. */
export interface RawListener extends RawHandle {
  /** Where it listens, with the port the system chose. */
  readonly addr: Address;
  /**
   * Accepts until `stop()`. Called again, it replaces the sink. Connections made earlier wait in
   * the kernel or here.
   */
  start(sink: AcceptSink): void;
  /** Holds back further connections until the next `start`. */
  stop(): void;
  /**
   * Stops listening; channels that were delivered stay open, those that were kept are closed. A unix
   * socket's file is removed or kept as `cleanup` has it.
   */
  close(): void;
}

/** Where to connect to. */
export type ConnectTarget = ConnectTcp | ConnectUnix;
/** One internet address. */
export interface ConnectTcp {
  /**
   * What `lookup` of dns.ts gave: an IP address, or on Deno a name that only the runtime itself may
   * look up.
   */
  hostname: string;
  port: number;
  /** The local end to bind first. */
  localAddr?: { hostname: string; port: number };
}
/** One unix socket. */
export interface ConnectUnix {
  /** A name that begins with "\0" is abstract (Linux). */
  path: string;
}

/** How to listen on an internet address. */
export interface ListenTcp {
  /**
   * What `lookup` of dns.ts gave, or null for every interface. null gives one socket that serves
   * IPv4 and IPv6 (IPv4 only, where the machine has no IPv6); the addresses of its IPv4 peers are
   * in IPv4 form.
   */
  hostname: string | null;
  /** 0: the system chooses. */
  port: number;
  /** @default {511} Bun always uses 512. */
  backlog?: number;
  /**
   * Share the port with other sockets that ask for the same. OSError "ENOTSUP" where the runtime
   * can't (Node 20). @default {false}
   */
  reusePort?: boolean;
  /** Keep IPv4 peers off an IPv6 address. Deno can't, and serves both on "::". @default {true} */
  ipv6Only?: boolean;
}

/** How to listen on a unix socket. */
export interface ListenUnix {
  /** A name that begins with "\0" is abstract (Linux). */
  path: string;
  /** @default {511} Bun always uses 512. */
  backlog?: number;
  /**
   * Remove a socket file that is in the way, as asyncio does. Another kind of file: OSError
   * "EADDRINUSE". @default {true}
   */
  removeStale?: boolean;
  /**
   * Remove the socket file on close, unless another file has taken its place. @default
   * {true}
   */
  cleanup?: boolean;
}

/** How to make a datagram socket. Without any address it is bound when it first sends. */
export interface OpenDatagram {
  /** IP address and port to bind; port 0: the system chooses. */
  local?: { hostname: string; port: number };
  /** The only peer: datagrams of others are dropped. */
  remote?: { hostname: string; port: number };
  /** @default {4} Ignored when there is an address. */
  family?: 4 | 6;
  /** @default {false} */
  reusePort?: boolean;
  /** @default {false} */
  broadcast?: boolean;
}

/** Receives datagrams. */
export interface DatagramSink {
  /** One whole datagram, possibly empty; the receiver's own. */
  onDatagram(data: Uint8Array, addr: NetAddress): void;
  /** An error of the socket (ECONNREFUSED, where the runtime reports it). The socket stays open. */
  onError(error: OSError): void;
}

/** A bound (or connected) datagram socket. */
export interface DatagramChannel extends RawHandle {
  readonly localAddr: NetAddress;
  /** null: not connected. */
  readonly remoteAddr: NetAddress | null;
  /**
   * Makes this address its only peer, in the place of another; rejects as `openDatagram` with a `remote` does, and it then
   * has none. One call at a time.
   */
  connect(remote: { hostname: string; port: number }): Promise<void>;
  /** Datagrams go to the sink until `stopReading()`. Called again, it replaces the sink. */
  startReading(sink: DatagramSink): void;
  /**
   * Datagrams that arrive from now on are kept, up to some hundred; more are dropped, as a full
   * kernel buffer would.
   */
  stopReading(): void;
  /**
   * Sends one datagram, which may be empty; any number may be under way, and they leave in the order of the calls. The data
   * must not change before `done`. A connected channel takes null for the address, an unconnected one needs it. What was
   * passed before `close()` is still sent, and no `done` is called for it.
   */
  send(data: Uint8Array, addr: { hostname: string; port: number } | null, done: Done): void;
  setBroadcast(on: boolean): void;
  /** @throws {OSError} if the group is not a multicast address */
  addMembership(group: string, networkInterface?: string): void;
  /** @throws {OSError} as `addMembership`. */
  dropMembership(group: string, networkInterface?: string): void;
  setMulticastTTL(ttl: number): void;
  setMulticastLoopback(on: boolean): void;
}

/** How to put TLS over a channel. Durations and timeouts are the caller's: cancel the operation. */
export interface UpgradeTls {
  isServer: boolean;
  /** PEM: certificate chain and key, with the password of one that is encrypted. */
  cert?: string;
  key?: string;
  passphrase?: string;
  /** Server: others, by the names that clients ask for; "*." stands for one label. */
  serverNames?: Readonly<Record<string, { cert: string; key: string; passphrase?: string }>>;
  /** PEM, in place of the system's. */
  caCerts?: readonly string[];
  alpnProtocols?: readonly string[];
  /** Fail when none is agreed on. @default {false} */
  alpnRequired?: boolean;
  /**
   * Server: ask the client for a certificate and refuse without a valid one. Client: verify the
   * server. @default {!isServer}
   */
  verifyPeer?: boolean;
  /** Bounds, the same on every runtime. @default {"TLSv1.2", "TLSv1.3"} */
  minimumVersion?: "TLSv1.2" | "TLSv1.3";
  maximumVersion?: "TLSv1.2" | "TLSv1.3";
  /** Of TLS 1.2. Deno ignores them. */
  ciphers?: string;
  /**
   * Client: the name that the certificate must be for and that SNI sends; "" does neither, as
   * Python's `server_hostname=""`.
   */
  serverHostname?: string;
  /**
   * Where these options come from: what was made of them may be used again for others of the same
   * origin that say the same. Without it nothing is kept.
   */
  origin?: object;
}

/** What was agreed on in the handshake. */
export interface TlsInfo {
  /**
   * The peer's certificate as node:tls describes it (subject, issuer, valid_from, raw DER, ...);
   * null when it gave none.
   */
  readonly peerCertificate: unknown;
  /** Name, protocol ("TLSv1.3"), secret bits (null where the runtime does not give them). */
  readonly cipher: [name: string, protocol: string, bits: number | null] | null;
  /** null when none was agreed on. */
  readonly alpnProtocol: string | null;
  /** Server: the name the client asked for by SNI. */
  readonly serverName: string | null;
}

/**
 * A channel through TLS. It owns the channel below: closing it closes that too. `shutdownWrite`
 * sends close_notify and then ends the writing direction below; the peer's own comes as `onEof`.
 * Only an end in that order loses nothing: TLS peers send unasked (tickets, for instance), and a
 * close with arrivals unread resets the connection.
 */
export interface TlsChannel extends RawChannel {
  readonly tls: TlsInfo;
}

/** One address of a name. */
export interface ResolvedAddress {
  readonly family: 4 | 6;
  readonly hostname: string;
}

/**
 * What a runtime gives. Every function but the last two checks the permissions first: PermissionError, naming the
 * flag, and nothing has happened.
 */
export interface NetHost {
  /** Rejects with ConnectionRefusedError and the like. */
  connect(target: ConnectTarget): Operation<RawChannel>;
  /**
   * Bound and listening when it resolves; nothing is accepted before `start`. Rejects with OSError
   * "EADDRINUSE" and the like.
   */
  listenTcp(options: ListenTcp): Promise<RawListener>;
  listenUnix(options: ListenUnix): Promise<RawListener>;
  openDatagram(options: OpenDatagram): Promise<DatagramChannel>;
  /**
   * Makes the handshake over any channel whose reading is stopped, TLS channels included. The
   * channel belongs to the operation from the call on: when it fails or is cancelled, the channel
   * is aborted. Rejects with SSLError, SSLCertVerificationError (no trust, wrong name), or
   * ConnectionResetError when the peer leaves in mid-handshake.
   */
  upgradeTls(channel: RawChannel, options: UpgradeTls): Operation<TlsChannel>;
  /** The addresses of a name, in the resolver's order. Rejects with GaiError when it is not known. */
  lookup(name: string, family: 0 | 4 | 6): Promise<ResolvedAddress[]>;
  /** The names of an address and a port. Rejects with GaiError when the address has none. */
  lookupService(hostname: string, port: number): Promise<[host: string, service: string]>;
}
