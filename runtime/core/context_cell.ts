import { inheritedValues } from "../wire/worker_slot.ts";

/** Variables to values; never changed once made, so that copying a context is copying a reference. */
export type Bindings = ReadonlyMap<object, unknown>;

const NO_BINDINGS: Bindings = new Map();

/**
 * The mutable holder of the bindings that one task, callback or `Context` sees. The public `Context` object is made only
 * when it is asked for.
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

/** The values of plain code where none was set. Only in a worker it changes: by what its modules set while they are loaded. */
export const threadCell: ContextCell = new ContextCell();

const jobCells: WeakMap<ReadonlyMap<string, unknown>, ContextCell> = new WeakMap();

/** With what plain code here begins: with nothing, in a worker with the context of the job. */
export function plainCell(): ContextCell {
  const inherited = inheritedValues();
  if (inherited === null) return threadCell;
  let cell = jobCells.get(inherited);
  if (cell === undefined) {
    cell = new ContextCell(without(threadCell.bindings, inherited));
    jobCells.set(inherited, cell);
  }
  return cell;
}

/** What modules set while they were loaded counts less than what the caller of a job brings. */
function without(bindings: Bindings, inherited: ReadonlyMap<string, unknown>): Bindings {
  const names = [...bindings.keys()].map((variable) => (variable as { name: string }).name);
  if (!names.some((name) => inherited.has(name))) return bindings;
  return new Map([...bindings].filter((_, index) => !inherited.has(names[index]!)));
}
