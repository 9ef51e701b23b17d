// What the library knows of its own protocols beyond what every protocol has, so that nothing of it shows.

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

type FindGate = (protocol: BaseProtocol) => WriterGate | null;

const gateFinders: FindGate[] = [];

/**
 * Tells how to find where the writers of a class of protocols wait. A WeakMap would do, but its
 * entries outlive every young collection of V8, and with them all that a closed connection was.
 */
export function provideGates(find: FindGate): void {
  gateFinders.push(find);
}

/** Where the writers of a protocol wait; null when it has no such place. */
export function gateOf(protocol: BaseProtocol): WriterGate | null {
  for (const find of gateFinders) {
    const gate = find(protocol);
    if (gate !== null) return gate;
  }
  return null;
}

/** What a writer needs of its protocol to start TLS. */
export interface StreamUpgrade {
  /** Which side of the handshake is ours. */
  readonly serverSide: boolean;
  /** Takes what arrived and nobody has read; null when that is nothing. */
  takeUnread(): Uint8Array | null;
  /** The connection goes on in this transport. */
  replaced(transport: Transport): void;
}

let findUpgrade: (protocol: BaseProtocol) => StreamUpgrade | null = () => null;

/** Tells how to find out how the writers of a protocol start TLS; as for `provideGates`, no WeakMap. */
export function provideUpgrades(find: typeof findUpgrade): void {
  findUpgrade = find;
}

/** How the writers of a protocol start TLS; null when they can't. */
export function upgradeOf(protocol: BaseProtocol): StreamUpgrade | null {
  return findUpgrade(protocol);
}
