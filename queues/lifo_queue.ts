import { Queue, replaceStore } from "./queue.ts";
import type { Store } from "./stores.ts";

/**
 * A queue from which the newest item leaves first (`asyncio.LifoQueue`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { LifoQueue } from "@asyncio/asyncio";
 *
 * const stack = new LifoQueue<string>();
 * stack.putNowait("first");
 * stack.putNowait("second");
 * assert.equal(stack.getNowait(), "second");
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  /**
   * An empty queue.
   *
   * @param maxsize how many items it holds at most; 0 or less: as many as come
   * @throws {TypeError} when it is not a number
   * @throws {RangeError} when it is NaN
   */
  constructor(maxsize: number = 0) {
    super(maxsize);
    replaceStore(this, new Stack<T>());
  }
}

/** Last in, first out. */
class Stack<T> implements Store<T> {
  #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  put(item: T): void {
    this.#items.push(item);
  }

  take(): T {
    return this.#items.pop() as T;
  }

  clear(): void {
    this.#items = [];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
