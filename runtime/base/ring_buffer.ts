const LEAST_CAPACITY = 16;

/** First in, first out, in a circular buffer that doubles when it is full: both ends cost the same whatever the size. */
export class RingBuffer<T> implements Iterable<T> {
  #slots: (T | undefined)[] = [];
  /** The capacity less one. The capacity is a power of two, so that indices wrap with a mask. */
  #mask = -1;
  #head = 0;
  #size = 0;
  /** A smaller size halves the capacity. */
  #leastSize = 0;
  readonly #shrinks: boolean;

  /** @param shrinks whether it halves when three quarters are empty */
  constructor(shrinks: boolean) {
    this.#shrinks = shrinks;
  }

  get size(): number {
    return this.#size;
  }

  put(item: T): void {
    if (this.#size > this.#mask) this.#resize(Math.max(LEAST_CAPACITY, this.#size * 2));
    this.#slots[(this.#head + this.#size) & this.#mask] = item;
    this.#size++;
  }

  /** Only when `size > 0`. */
  take(): T {
    const item = this.#slots[this.#head] as T;
    // The buffer must not keep what was taken alive.
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size--;
    if (this.#size < this.#leastSize) this.#resize((this.#mask + 1) >> 1);
    return item;
  }

  /** The item that `take` gives after `index` others. */
  at(index: number): T {
    return this.#slots[(this.#head + index) & this.#mask] as T;
  }

  swap(index: number, other: number): void {
    const item = this.at(index);
    this.#slots[(this.#head + index) & this.#mask] = this.at(other);
    this.#slots[(this.#head + other) & this.#mask] = item;
  }

  clear(): void {
    this.#slots = [];
    this.#mask = -1;
    this.#head = 0;
    this.#size = 0;
    this.#leastSize = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#size; index++) yield this.at(index);
  }

  #resize(capacity: number): void {
    const slots: (T | undefined)[] = new Array(capacity).fill(undefined);
    for (let index = 0; index < this.#size; index++) slots[index] = this.at(index);
    this.#slots = slots;
    this.#mask = capacity - 1;
    this.#head = 0;
    this.#leastSize = this.#shrinks && capacity > LEAST_CAPACITY ? (capacity >> 2) + 1 : 0;
  }
}
