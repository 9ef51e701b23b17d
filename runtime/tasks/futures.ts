import { type Future, Future as FutureClass } from "./future.ts";
import { staysInThread } from "../base/format.ts";

export { Future } from "./future.ts";

/**
 * Whether `value` is a Future or Task.
 *
 * asyncio: `asyncio.isfuture()`
 *
 * @example
 * ```ts
 * import { Future, isFuture } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.ok(isFuture(new Future()));
 * assert.ok(!isFuture(Promise.resolve()));
 * ```
 */
export function isFuture(value: unknown): value is Future<unknown> {
  return value instanceof FutureClass;
}

staysInThread(
  "await it here and pass its value, or pass a function that does: toThread(work, () => task)",
  FutureClass,
);
