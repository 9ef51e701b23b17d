import type { Callable } from "../base/functions.ts";
import type { EncodedValue } from "./protocol.ts";

/** What is to be moved instead of copied when a value is sent to another thread. */
export interface TransferMarks {
  readonly of: WeakMap<object, readonly Transferable[]>;
  /** Whether anything was ever marked: without marks, values need not be searched for them. */
  used: boolean;
}

/** Makes an error of the class that has this name here; undefined where there is none. */
export type ErrorMaker = (message: string, errors: readonly unknown[]) => Error;

/**
 * What a worker's program offers to the copies of this library that modules load in the worker. It stands under a name in
 * the global scope, because the program is there before any of them and belongs to the pool's copy, which is another one.
 */
export interface ThreadSlot {
  /** The signal of the job at hand; null between jobs. */
  signal(): AbortSignal | null;
  /** The context variables of the caller of the job that this code belongs to, by name; a map of its own for each job. */
  values(): ReadonlyMap<string, unknown> | null;
  /** Whether this is a function that came with a job. */
  isRemote(fn: Callable): boolean;
  /** Calls such a function on its loop; `settle` is null when its result is not wanted. */
  call(fn: Callable, args: readonly unknown[], settle: CallSettlement | null): RemoteCall;
  /** Blocks the thread until `done()` or the time is over; null where a worker can't block. */
  readonly block: ((done: () => boolean, milliseconds: number) => void) | null;
  /** What `transfer` marked, for the results of jobs. */
  readonly marks: TransferMarks;
  readonly libraries: LibraryHooks[];
}

/** How a call into the loop ends. */
export interface CallSettlement {
  resolve(value: unknown): void;
  reject(error: EncodedValue): void;
}

/** A call under way. */
export interface RemoteCall {
  /** Asks the loop to cancel the task in which the function runs. */
  cancel(): void;
}

/** What a copy of the library adds to its worker. */
export interface LibraryHooks {
  findErrorClass(name: string): ErrorMaker | undefined;
  cancelledError(): Error;
  /** Throws when the value belongs to this thread. Missing in copies of older releases. */
  requireFree?(value: unknown): void;
}

/** The number changes with the interface above: a copy of another release finds nothing rather than something else. */
const slotName = Symbol.for("@asyncio/asyncio:thread:1");

/** The slot of this worker; undefined in every other thread. */
export const threadSlot: ThreadSlot | undefined = Reflect.get(globalThis, slotName);

/** The values that the caller's context variables have, by name, inside a job; null elsewhere. */
export function inheritedValues(): ReadonlyMap<string, unknown> | null {
  return threadSlot === undefined ? null : threadSlot.values();
}
