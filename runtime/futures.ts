import type { Future } from "./_future.ts";
import { Future as FutureClass } from "./_future.ts";

export { Future } from "./_future.ts";

/** Whether `value` is a Future or Task. asyncio: `asyncio.isfuture()` */
export function isFuture(value: unknown): value is Future<unknown> {
  return value instanceof FutureClass;
}
