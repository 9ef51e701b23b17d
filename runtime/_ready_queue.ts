/** First in, first out, in a circular buffer: both ends cost the same whatever the length. */
export class ReadyQueue<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined);
  #mask = 15;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length > this.#mask) this.#grow();
    this.#slots[(this.#head + this.#length) & this.#mask] = item;
    this.#length++;
  }

  /** The caller has looked at `length`. */
  shift(): T {
    const item = this.#slots[this.#head] as T;
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#length--;
    return item;
  }

  /** Puts those of the first `count` items that may move into an order of the testing loop's choice. */
  permute(count: number, random: () => number, mayMove: (item: T) => boolean): void {
    const places: number[] = [];
    for (let i = 0; i < count; i++) {
      const place = (this.#head + i) & this.#mask;
      if (mayMove(this.#slots[place] as T)) places.push(place);
    }
    for (let last = places.length - 1; last > 0; last--) {
      const a = places[last]!;
      const b = places[Math.floor(random() * (last + 1))]!;
      const kept = this.#slots[a];
      this.#slots[a] = this.#slots[b];
      this.#slots[b] = kept;
    }
  }

  #grow(): void {
    const size = (this.#mask + 1) * 2;
    const slots = new Array<T | undefined>(size).fill(undefined);
    for (let i = 0; i < this.#length; i++) slots[i] = this.#slots[(this.#head + i) & this.#mask];
    this.#slots = slots;
    this.#mask = size - 1;
    this.#head = 0;
  }
}
