import type { WriterGate } from "./flow_control.ts";
import type { BaseProtocol } from "./transports.ts";

type Find = (protocol: BaseProtocol) => WriterGate | null;

const finders: Find[] = [];

/**
 * Tells how to find where the writers of a class of protocols wait. A WeakMap would do, but its
 * entries outlive every young collection of V8, and with them all that a closed connection was.
 */
export function provideGates(find: Find): void {
  finders.push(find);
}

/** Where the writers of a protocol wait; null when it has no such place. */
export function gateOf(protocol: BaseProtocol): WriterGate | null {
  for (const find of finders) {
    const gate = find(protocol);
    if (gate !== null) return gate;
  }
  return null;
}
