import { coreOf, type Future } from "./future.ts";
import type { FutureEntry } from "./future_wait.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";

/** A callback of the library's own: no context, no carried stores. */
export class InternalCallback<F extends Future<unknown>> implements FutureEntry, ReadyEntry {
  readonly #future: F;
  readonly #callback: (future: F) => void;
  readonly awaiter: object | null;

  constructor(future: F, callback: (future: F) => void, awaiter: object | null = null) {
    this.#future = future;
    this.#callback = callback;
    this.awaiter = awaiter;
  }

  notify(): void {
    coreOf(this.#future).scheduler.enqueue(this);
  }

  run(): Turn | null {
    this.#callback(this.#future);
    return null;
  }
}
