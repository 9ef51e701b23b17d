/**
 * What the user of a transport implements: callbacks, as a class or as an object. All of them are
 * called on the loop, one at a time.
 *
 * They are declared beside the transports, since each speaks of the other.
 *
 * @module
 */

export type { BaseProtocol, BufferedProtocol, DatagramProtocol, Protocol } from "./transports.ts";
