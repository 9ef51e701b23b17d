import { RuntimeError } from "../runtime/exceptions.ts";
import { checkBuffer } from "./_arguments.ts";
import type { BufferedProtocol } from "./protocols.ts";

/** Asks a protocol for a buffer, and insists that something fits in. */
export function bufferOf(protocol: BufferedProtocol, sizehint: number): Uint8Array {
  const buffer = protocol.getBuffer(sizehint);
  checkBuffer(buffer);
  if (buffer.length === 0) throw new RuntimeError("getBuffer() returned an empty buffer");
  return buffer;
}

/** Hands over data that was read elsewhere, in as many buffers as it takes (PROTO-06). */
export function feedBuffered(protocol: BufferedProtocol, data: Uint8Array): void {
  let rest = data;
  while (rest.length > 0) {
    const buffer = bufferOf(protocol, rest.length);
    const count = Math.min(buffer.length, rest.length);
    buffer.set(rest.subarray(0, count));
    protocol.bufferUpdated(count);
    rest = rest.subarray(count);
  }
}
