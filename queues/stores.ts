/** Where a queue keeps its items; decides which leaves next. */
export interface Store<T> extends Iterable<T> {
  readonly size: number;
  /** Throws, and changes nothing, if it can't keep the item. */
  put(item: T): void;
  /** Only when `size > 0`. */
  take(): T;
  clear(): void;
  /** Throws if `put` would; called for a putter that has to wait. */
  check?(item: T): void;
}

/** Power of two, so that indices wrap with a mask. */
const LEAST_CAPACITY = 16;

/**
 * First in, first out: a ring buffer that doubles when full and halves when three quarters empty. The scheduler has one of its
 * own: with one class for both, V8 compiled it for both kinds of entries, and putting and taking took twice as long.
 */
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

/** Longest chunk; half of it is moved when one splits. */
const CHUNK = 512;

/**
 * Least first, equal items in order of arrival: chunks that together run from the greatest item down to the least, so that
 * taking is a `pop`.
 *
 * Not a heap, because a heap compares a new item with its ancestors only: `[1, "a"]`, `[2, 0]` and then `[1, 5]` may go in
 * unnoticed and fail on the way out. The binary search here always compares with both neighbours, and whatever can't be
 * compared with some item inside can't be compared with a neighbour either (items that begin alike stand together). So an
 * item that goes in is sure to come out, and `compare` throws, if at all, before anything has changed.
 */
export class SortedList<T> implements Store<T> {
  readonly #compare: (a: T, b: T) => number;
  #chunks: T[][] = [];
  #size = 0;

  /** @param compare may throw for items that have no order */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  put(item: T): void {
    this.#insert(item, true);
  }

  check(item: T): void {
    this.#insert(item, false);
  }

  take(): T {
    const chunks = this.#chunks;
    const chunk = chunks[chunks.length - 1]!;
    const item = chunk.pop() as T;
    if (chunk.length === 0) chunks.pop();
    this.#size--;
    return item;
  }

  clear(): void {
    this.#chunks = [];
    this.#size = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let c = this.#chunks.length - 1; c >= 0; c--) {
      const chunk = this.#chunks[c]!;
      for (let index = chunk.length - 1; index >= 0; index--) yield chunk[index]!;
    }
  }

  #insert(item: T, really: boolean): void {
    const chunks = this.#chunks;
    if (this.#size === 0) {
      // Alone, it must at least be equal to itself, which NaN is not.
      this.#compare(item, item);
      if (really) {
        chunks.push([item]);
        this.#size = 1;
      }
      return;
    }
    // The first chunk that ends with an item not above the new one, else the last chunk: everything in it is above.
    let place = this.#search(item, chunks.length, (index) => {
      const chunk = chunks[index]!;
      return chunk[chunk.length - 1]!;
    });
    if (place === chunks.length) place--;
    const chunk = chunks[place]!;
    const index = this.#search(item, chunk.length, (index) => chunk[index]!);
    if (!really) return;
    if (index === chunk.length) chunk.push(item);
    else chunk.splice(index, 0, item);
    this.#size++;
    if (chunk.length > CHUNK) chunks.splice(place + 1, 0, chunk.splice(CHUNK >> 1));
  }

  /** The first of `count` positions whose item is not above `item`; it and the one before have been compared. */
  #search(item: T, count: number, at: (index: number) => T): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(at(middle), item) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
