import type { Store } from "./stores.ts";

/** How the subclasses of Queue bring a store of their own, since its field is private. queue.ts provides it. */
export const storeAccess: { replace: (queue: object, store: Store<unknown>) => void } = {
  replace() {
    throw new Error("queue.ts is not loaded");
  },
};
