/**
 * Protocols, which users implement as callbacks, and transports, which stand between a connection and the protocol that serves
 * it. Transports are made by the loop (`createConnection`, `createServer` and the like), never by hand.
 *
 * @module
 */
import type { BytesLike } from "../base/bytes.ts";
import type { ExtraInfo } from "./extra_info.ts";
import type { Address, AddressLike } from "./sockets.ts";

/**
 * What serves a transport, as a class or as an object: implement the methods you need (`asyncio.BaseProtocol`). Each runs in
 * the context captured when the connection or its server was made; an error it throws is reported to the loop's exception
 * handler and ends this connection only.
 */
export interface BaseProtocol {
  /** Once, before anything else. */
  connectionMade?(transport: BaseTransport): void;
  /**
   * Once, after everything else: with null after a close or an abort, else with what went wrong.
   */
  connectionLost?(error: unknown | null): void;
  /** The write buffer rose above its high-water mark: stop writing. */
  pauseWriting?(): void;
  /** The write buffer fell to its low-water mark: go on writing. */
  resumeWriting?(): void;
}

/**
 * A protocol over a stream (`asyncio.Protocol`).
 *
 * `connectionMade` once, then `dataReceived` any number of times, `eofReceived` at most once,
 * `connectionLost` once.
 */
export interface Protocol extends BaseProtocol {
  /** The connection stands: keep the transport to write to it. */
  connectionMade?(transport: Transport): void;
  /**
   * Bytes arrived, in chunks of any size, never empty. They are the protocol's own. On Deno small
   * chunks of a connection share a buffer: `data.buffer` alone is not the data.
   */
  dataReceived(data: Uint8Array): void;
  /** The peer sends no more. Return true to keep the transport open for writing; else it closes. */
  eofReceived?(): boolean | void;
}

/**
 * A protocol over a stream that brings its own buffers (`asyncio.BufferedProtocol`), so that
 * nothing is allocated or copied for it. An object with a `getBuffer` method is taken for one.
 */
export interface BufferedProtocol extends BaseProtocol {
  /** The connection stands: keep the transport to write to it. */
  connectionMade?(transport: Transport): void;
  /**
   * A buffer to receive into, not empty, which the protocol leaves alone until `bufferUpdated`.
   *
   * @param sizehint how many bytes would be welcome; -1: any number
   */
  getBuffer(sizehint: number): Uint8Array;
  /** `nbytes` bytes now stand at the beginning of the buffer. */
  bufferUpdated(nbytes: number): void;
  /** The peer sends no more. Return true to keep the transport open for writing; else it closes. */
  eofReceived?(): boolean | void;
}

/** What every transport can do (`asyncio.BaseTransport`). */
export interface BaseTransport {
  /**
   * Stops reading, flushes what is queued, then calls `connectionLost(null)`. Does nothing the
   * second time.
   */
  close(): void;
  /** Whether the transport is closing or closed. */
  isClosing(): boolean;
  /**
   * What is known about the connection: "peername", "sockname", "socket", ...; null when that is
   * unknown or does not apply.
   */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;
  /** Hands the connection to another protocol, whose `connectionMade` is not called. */
  setProtocol(protocol: BaseProtocol | Protocol | BufferedProtocol | DatagramProtocol): void;
  /** The protocol that serves the connection. */
  getProtocol(): BaseProtocol;
}

/** A transport that can be read from (`asyncio.ReadTransport`). */
export interface ReadTransport extends BaseTransport {
  /** Whether data is delivered: neither paused nor closing. */
  isReading(): boolean;
  /**
   * No data is delivered until `resumeReading`; the peer has to wait. Does nothing when paused or
   * closing already.
   */
  pauseReading(): void;
  /** Undoes `pauseReading`. Does nothing when not paused, or closing. */
  resumeReading(): void;
}

/** A transport that can be written to (`asyncio.WriteTransport`). */
export interface WriteTransport extends BaseTransport {
  /**
   * Sends bytes: at once where the system takes them, else in the background. Never waits;
   * `pauseWriting` is called when it is too much. After a close or a lost connection the bytes are
   * dropped.
   *
   * The array belongs to the transport until it has been sent: changing it earlier may change what
   * is sent.
   *
   * @throws {TypeError} if the data is neither a Uint8Array nor a string
   * @throws {RuntimeError} after `writeEof`
   */
  write(data: BytesLike): void;
  /** Sends several pieces as if they were one. */
  writelines(data: Iterable<BytesLike>): void;
  /** Whether `writeEof` works: false under TLS. */
  canWriteEof(): boolean;
  /** Ends the writing direction once all is sent; reading goes on. */
  writeEof(): void;
  /** Closes at once; what is not sent yet is lost. Calls `connectionLost(null)`. */
  abort(): void;
  /** Bytes that the system has not taken yet. */
  getWriteBufferSize(): number;
  /** The water marks in bytes, as `[low, high]`. */
  getWriteBufferLimits(): [low: number, high: number];
  /**
   * Sets the water marks in bytes. Above `high` the protocol's `pauseWriting` is called, at `low`
   * its `resumeWriting`. Default: `high` 65536, or four times `low`; `low` a quarter of `high`.
   *
   * @throws {RangeError} unless high >= low >= 0
   */
  setWriteBufferLimits(options?: { high?: number; low?: number }): void;
}

/** A connected stream (`asyncio.Transport`). */
export interface Transport extends ReadTransport, WriteTransport {}

/** A protocol over datagrams (`asyncio.DatagramProtocol`). */
export interface DatagramProtocol extends BaseProtocol {
  /** The endpoint stands: keep the transport to send with it. */
  connectionMade?(transport: DatagramTransport): void;
  /** A datagram arrived, perhaps an empty one. The array is the protocol's own. */
  datagramReceived(data: Uint8Array, addr: Address): void;
  /** Sending or receiving one failed; the endpoint stays open. */
  errorReceived?(error: unknown): void;
}

/** A datagram socket (`asyncio.DatagramTransport`). */
export interface DatagramTransport extends BaseTransport {
  /**
   * Sends one datagram. Its bytes are copied when they can't be sent at once.
   *
   * @param addr where to; left out on an endpoint with a remote address
   * @throws {RangeError} if the endpoint has a remote address and this is another one
   */
  sendto(data: BytesLike, addr?: AddressLike): void;
  /** Closes at once; datagrams in the queue are lost. */
  abort(): void;
  /** Bytes in the queue. */
  getWriteBufferSize(): number;
}
