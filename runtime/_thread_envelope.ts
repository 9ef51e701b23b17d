/** What a message between two threads travels in. */
export interface Envelope {
  around(message: unknown, transfer: readonly Transferable[]): unknown;
  open(received: unknown): unknown;
}

/**
 * Deno's `node:worker_threads` searches each message that arrives for ports, in all that has keys, and every element of a
 * typed array is a key: 16 MiB took more than a second. It does not look into a map, so messages travel in one. Those that
 * bring a port, or anything else but buffers, go bare: Deno gives a port the methods that Node's has when it finds it.
 *
 * It is also sent to workers as source text, therefore it uses nothing from outside of itself.
 */
export function makeEnvelope(): Envelope {
  const searched = "Deno" in globalThis;
  return {
    around(message, transfer) {
      if (!searched || !transfer.every((item) => item instanceof ArrayBuffer)) return message;
      return new Map([[0, message]]);
    },
    // No message of a pool is a map by itself.
    open: (received) => received instanceof Map ? received.get(0) : received,
  };
}
