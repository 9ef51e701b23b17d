import type { FutureEntry } from "./_future_entry.ts";
import type { SoonHandle } from "./_handle.ts";
import type { LoopCore } from "./_loop_core.ts";
import { nameOf } from "./_printing.ts";

/** A user's callback. */
export class DoneCallback implements FutureEntry {
  readonly callback: unknown;
  readonly awaiter = null;
  readonly #handle: SoonHandle;
  readonly #loop: LoopCore;

  constructor(callback: unknown, handle: SoonHandle, loop: LoopCore) {
    this.callback = callback;
    this.#handle = handle;
    this.#loop = loop;
  }

  notify(): void {
    this.#loop.scheduler.enqueue(this.#handle);
  }
}

/** Names of the users' callbacks among the entries. */
export function callbackNames(entries: readonly FutureEntry[]): string[] {
  return entries.filter((entry) => entry instanceof DoneCallback)
    .map(({ callback }) => nameOf(callback as { name: string }));
}
