/** Where a queue keeps its items; decides which leaves next. */
export interface Store<T> extends Iterable<T> {
  readonly size: number;
  /** Throws, and changes nothing, if it can't keep the item. */
  put(item: T): void;
  /** Only when `size > 0`. */
  take(): T;
  clear(): void;
  /** Throws if `put` would; for those who must wait before they can put. */
  check?(item: T): void;
}
