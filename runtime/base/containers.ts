// What the scheduler keeps its entries in. In one file, since each step of a program passes through both.

/** First in, first out, in a circular buffer that doubles when it is full: both ends cost the same whatever the size. */
export class RingBuffer<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined);
  /** The capacity less one. The capacity is a power of two, so that indices wrap with a mask. */
  #mask = 15;
  #head = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  put(item: T): void {
    if (this.#size > this.#mask) this.#grow();
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

  #grow(): void {
    const capacity = (this.#mask + 1) * 2;
    const slots: (T | undefined)[] = new Array(capacity).fill(undefined);
    for (let index = 0; index < this.#size; index++) slots[index] = this.at(index);
    this.#slots = slots;
    this.#mask = capacity - 1;
    this.#head = 0;
  }
}

/** What a {@linkcode TimerHeap} holds: a sleep, or the handle of a timed callback. */
export interface TimerEntry {
  /** Loop time at which it is due, in seconds. */
  readonly whenDue: number;
  /** Tells entries of equal time apart, in order of arrival. */
  order: number;
  /** False once cancelled; such an entry stays in the heap until it comes up or the heap is rebuilt. */
  readonly live: boolean;
  /** Called when it is due. */
  due(): void;
}

/** Below this size dead entries are not worth a rebuild (the bound asyncio uses). */
const REBUILD_FROM = 100;

/** A binary heap with lazy removal: cancelling costs nothing but a flag and a count. */
export class TimerHeap {
  #entries: TimerEntry[] = [];
  #dead = 0;
  #order = 0;

  get size(): number {
    return this.#entries.length;
  }

  push(entry: TimerEntry): void {
    entry.order = this.#order++;
    const entries = this.#entries;
    let index = entries.length;
    entries.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = entries[parent]!;
      if (!before(entry, above)) break;
      entries[index] = above;
      index = parent;
    }
    entries[index] = entry;
  }

  /** To be called once for each entry that died inside the heap. */
  noteDead(): void {
    this.#dead++;
    const entries = this.#entries;
    if (entries.length <= REBUILD_FROM || this.#dead * 2 <= entries.length) return;
    this.#entries = entries.filter((entry) => entry.live);
    this.#dead = 0;
    for (let i = (this.#entries.length >> 1) - 1; i >= 0; i--) this.#sink(i, this.#entries[i]!);
  }

  /** Time of the next live entry; null when there is none. */
  nextTime(): number | null {
    for (;;) {
      const head = this.#entries[0];
      if (head === undefined) return null;
      if (head.live) return head.whenDue;
      this.#pop();
      if (this.#dead > 0) this.#dead--;
    }
  }

  /** Takes out, in order of time, the live entries that are due at `now`, and tells them. */
  runDue(now: number): void {
    for (;;) {
      const time = this.nextTime();
      if (time === null || time > now) return;
      this.#pop().due();
    }
  }

  #pop(): TimerEntry {
    const entries = this.#entries;
    const head = entries[0]!;
    const last = entries.pop()!;
    if (entries.length > 0) this.#sink(0, last);
    return head;
  }

  #sink(start: number, entry: TimerEntry): void {
    const entries = this.#entries;
    const length = entries.length;
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && before(entries[child + 1]!, entries[child]!)) child++;
      const below = entries[child]!;
      if (!before(below, entry)) break;
      entries[index] = below;
      index = child;
    }
    entries[index] = entry;
  }
}

function before(a: TimerEntry, b: TimerEntry): boolean {
  return a.whenDue < b.whenDue || (a.whenDue === b.whenDue && a.order < b.order);
}
