import type { BaseProtocol, Transport } from "./transports.ts";

/** What a writer needs of its protocol to start TLS. */
export interface StreamUpgrade {
  /** Which side of the handshake is ours. */
  readonly serverSide: boolean;
  /** The connection goes on in this transport. */
  replaced(transport: Transport): void;
}

let find: (protocol: BaseProtocol) => StreamUpgrade | null = () => null;

/** Tells how to find out how the writers of a protocol start TLS; as for `provideGates`, no WeakMap. */
export function provideUpgrades(finder: typeof find): void {
  find = finder;
}

/** How the writers of a protocol start TLS; null when they can't. */
export function upgradeOf(protocol: BaseProtocol): StreamUpgrade | null {
  return find(protocol);
}
