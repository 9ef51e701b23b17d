import type { BaseProtocol, Transport } from "./transports.ts";

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
