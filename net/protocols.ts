/**
 * What the user of a transport implements: callbacks, as a class or as an object. All of them are
 * called on the loop, one at a time.
 *
 * @module
 */

import type { Address } from "./addresses.ts";
import type { BaseProtocol, DatagramTransport, Transport } from "./transports.ts";

export type { BaseProtocol } from "./transports.ts";

/**
 * A protocol over a stream (`asyncio.Protocol`).
 *
 * `connectionMade` once, then `dataReceived` any number of times, `eofReceived` at most once,
 * `connectionLost` once.
 */
export interface Protocol extends BaseProtocol {
  /** The connection stands: keep the transport to write to it. */
  connectionMade?(transport: Transport): void;
  /** Bytes arrived, in chunks of any size, never empty. The array is the protocol's own. */
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

/** A protocol over datagrams (`asyncio.DatagramProtocol`). */
export interface DatagramProtocol extends BaseProtocol {
  /** The endpoint stands: keep the transport to send with it. */
  connectionMade?(transport: DatagramTransport): void;
  /** A datagram arrived, perhaps an empty one. The array is the protocol's own. */
  datagramReceived(data: Uint8Array, addr: Address): void;
  /** Sending or receiving one failed; the endpoint lives on. */
  errorReceived?(error: unknown): void;
}
