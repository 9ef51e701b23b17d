import type { BaseProtocol } from "./transports.ts";

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
