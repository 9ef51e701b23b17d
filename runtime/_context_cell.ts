/** Variables to values; never changed once made, so that copying a context is copying a reference. */
export type Bindings = ReadonlyMap<object, unknown>;

const NO_BINDINGS: Bindings = new Map();

/**
 * The mutable holder of the bindings that one task, callback or `Context` sees. The public `Context` object is made only
 * when somebody asks for it.
 */
export class ContextCell {
  bindings: Bindings;
  /** The public object over this cell, once there is one. */
  wrapper: object | null = null;
  /** Whether some `Context.run` is inside. */
  entered = false;
  /** Whether a value was set or taken back in it. */
  #changed = false;

  constructor(bindings: Bindings = NO_BINDINGS) {
    this.bindings = bindings;
  }

  /** Whether any other cell with the same bindings would do. */
  get pristine(): boolean {
    return !this.#changed && this.wrapper === null;
  }

  set(key: object, value: unknown): void {
    this.#changed = true;
    const bindings = new Map(this.bindings);
    bindings.set(key, value);
    this.bindings = bindings;
  }

  delete(key: object): void {
    this.#changed = true;
    const bindings = new Map(this.bindings);
    bindings.delete(key);
    this.bindings = bindings;
  }
}

/** The context of all plain code of this thread. */
export const plainCell: ContextCell = new ContextCell();
