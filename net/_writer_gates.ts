import type { WriterGate } from "./flow_control.ts";
import type { BaseProtocol } from "./transports.ts";

const gates: WeakMap<BaseProtocol, WriterGate> = new WeakMap();

/** Tells where the writers of a protocol wait. */
export function setGate(protocol: BaseProtocol, gate: WriterGate): void {
  gates.set(protocol, gate);
}

/** Where the writers of a protocol wait; null when it has no such place. */
export function gateOf(protocol: BaseProtocol): WriterGate | null {
  return gates.get(protocol) ?? null;
}
