// What the library knows of its own protocols beyond what every protocol has. Weak maps, so that nothing of it shows.

import type { WriterGate } from "./flow_control.ts";
import type { BaseProtocol, Transport } from "./transports.ts";

const direct: WeakSet<BaseProtocol> = new WeakSet();

/**
 * Marks a protocol of the library whose callbacks run no code of users: transports call it at once,
 * without waiting for the loop's turn and without entering a context, which a stream's every read
 * would pay for.
 */
export function markDirect(protocol: BaseProtocol): void {
  direct.add(protocol);
}

/** Whether the protocol was marked. */
export function isDirect(protocol: BaseProtocol): boolean {
  return direct.has(protocol);
}

const gates: WeakMap<BaseProtocol, WriterGate> = new WeakMap();

/** Tells where the writers of a protocol wait. */
export function setGate(protocol: BaseProtocol, gate: WriterGate): void {
  gates.set(protocol, gate);
}

/** Where the writers of a protocol wait; null when it has no such place. */
export function gateOf(protocol: BaseProtocol): WriterGate | null {
  return gates.get(protocol) ?? null;
}

/** What a writer needs of its protocol to start TLS. */
export interface StreamUpgrade {
  /** Which side of the handshake is ours. */
  readonly serverSide: boolean;
  /** The connection goes on in this transport. */
  replaced(transport: Transport): void;
}

const upgrades: WeakMap<BaseProtocol, StreamUpgrade> = new WeakMap();

/** Tells how the writers of a protocol start TLS. */
export function setUpgrade(protocol: BaseProtocol, upgrade: StreamUpgrade): void {
  upgrades.set(protocol, upgrade);
}

/** How the writers of a protocol start TLS; null when they can't. */
export function upgradeOf(protocol: BaseProtocol): StreamUpgrade | null {
  return upgrades.get(protocol) ?? null;
}
