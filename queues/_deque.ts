import type { Store } from "./_store.ts";

/** Power of two, so that indices wrap with a mask. */
const LEAST_CAPACITY = 16;

/** First in, first out: a ring buffer that doubles when full and halves when three quarters empty. */
export class Deque<T> implements Store<T> {
  #slots: (T | undefined)[] = [];
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  put(item: T): void {
    if (this.#size === this.#slots.length) {
      this.#resize(Math.max(LEAST_CAPACITY, this.#size * 2));
    }
    this.#slots[(this.#head + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  take(): T {
    const slots = this.#slots;
    const head = this.#head;
    const item = slots[head] as T;
    // The buffer must not keep what has left.
    slots[head] = undefined;
    this.#head = (head + 1) & (slots.length - 1);
    this.#size--;
    if (slots.length > LEAST_CAPACITY && this.#size <= slots.length >> 2) {
      this.#resize(slots.length >> 1);
    }
    return item;
  }

  clear(): void {
    this.#slots = [];
    this.#head = 0;
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#size; index++) {
      yield this.#slots[(this.#head + index) & (this.#slots.length - 1)] as T;
    }
  }

  #resize(capacity: number): void {
    const old = this.#slots;
    const slots: (T | undefined)[] = new Array(capacity).fill(undefined);
    for (let index = 0; index < this.#size; index++) {
      slots[index] = old[(this.#head + index) & (old.length - 1)];
    }
    this.#slots = slots;
    this.#head = 0;
  }
}
