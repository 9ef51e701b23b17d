import type { LockCore } from "./_lock_core.ts";

/** How condition.ts reaches the core of a Lock, whose field is private. lock.ts provides it. */
export const lockAccess: { coreOf: (lock: object) => LockCore } = {
  coreOf() {
    throw new Error("lock.ts is not loaded");
  },
};
