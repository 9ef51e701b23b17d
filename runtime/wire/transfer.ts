import { isSharedBuffer } from "../base/bytes.ts";
import { describeType } from "../base/format.ts";
import { threadSlot } from "./worker_slot.ts";
import type { TransferMarks } from "./wire.ts";

/** What `transfer` was told in this thread; in a worker its program looks at it too. */
export const transferMarks: TransferMarks = threadSlot?.marks ?? { of: new WeakMap(), used: false };

// The parameter is no `Transferable[]`: that is a type of the DOM, and without its library, as programs for Node are
// compiled, the package's declarations would not compile.
/**
 * Marks an argument, or a result, so that its buffers are moved to the other thread instead of copied. Here they are empty
 * afterwards. A child process gets a copy all the same.
 *
 * @param value the object that is passed; also within arrays and plain objects
 * @param transferables what moves with it: the buffers behind it, message ports
 * @returns the value itself
 * @throws {TypeError} when the value is not an object
 *
 * @example
 * ```ts
 * import { run, toThread, transfer } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pixels = new Uint8Array(1024).fill(7);
 *   const sum = await toThread(
 *     (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0),
 *     transfer(pixels, [pixels.buffer]),
 *   );
 *   assert.equal(sum, 7168);
 *   assert.equal(pixels.byteLength, 0);
 * });
 * ```
 */
export function transfer<T>(value: T, transferables: readonly object[]): T {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    throw new TypeError(`transfer() takes an object with buffers: got ${describeType(value)}`);
  }
  if (!Array.isArray(transferables)) {
    throw new TypeError(
      `transfer() takes a list, as in transfer(bytes, [bytes.buffer]): got ${
        describeType(transferables)
      }`,
    );
  }
  // What lies in a shared buffer is copied: the bytes of others may not move with it.
  const items = transferables as readonly Transferable[];
  transferMarks.of.set(value, items.filter((item) => !isSharedBuffer(item)));
  transferMarks.used = true;
  return value;
}
