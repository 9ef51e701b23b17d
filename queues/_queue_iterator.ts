import type { NextWait, QueueCore } from "./_queue_core.ts";

/**
 * Iterates over a queue. Written out because an async generator would await items that are promises, and would keep a
 * second `next()` waiting for the first.
 */
export class QueueIterator<T> implements AsyncIterableIterator<T, undefined, unknown> {
  readonly #core: QueueCore<T>;
  /** Those whose `next()` has not settled. */
  readonly #waits: Set<NextWait<T>> = new Set();
  #ended = false;

  constructor(core: QueueCore<T>) {
    this.#core = core;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const core = this.#core;
    try {
      if (!this.#ended) {
        if (core.store.size > 0) return Promise.resolve({ value: core.take(), done: false });
        if (!core.isShutDown) return core.waitForNext(this.#waits);
      }
      return Promise.resolve({ value: undefined, done: true });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The loop was left; the queue keeps its items, and a `next()` that waits for one is done. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#ended = true;
    for (const wait of [...this.#waits]) wait.endEarly();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
