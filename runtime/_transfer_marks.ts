import { threadSlot } from "./_thread_slot.ts";
import type { TransferMarks } from "./_thread_wire.ts";

/** What `transfer` was told in this thread; in a worker its program looks at it too. */
export const transferMarks: TransferMarks = threadSlot?.marks ?? { of: new WeakMap(), used: false };
