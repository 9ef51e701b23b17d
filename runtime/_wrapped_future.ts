import { Future } from "./_future.ts";

/** The future of a promise that asyncio knows nothing of: what ends it comes from outside. */
export class WrappedFuture<T> extends Future<T> {
  static {
    Object.defineProperty(this, "name", { value: "Future" });
  }
}
