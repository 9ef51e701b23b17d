import { storedScope } from "../runtime/_frame.ts";
import { captureStack, placeOf } from "../runtime/_stack.ts";
import { isTask } from "../runtime/tasks.ts";

/** A set that remembers where each member was added. */
export class RecordedSet<T extends object> extends Set<T> {
  readonly #places: WeakMap<object, string> = new WeakMap();
  /** Off where many runs are to be fast and none is reported. */
  recording = true;

  override add(value: T): this {
    if (this.recording && !this.has(value)) this.#places.set(value, this.#place());
    return super.add(value);
  }

  /** Where it was made, for the end of a sentence; "" when that is not known. */
  placeOf(value: T): string {
    return this.#places.get(value) ?? "";
  }

  /** Many are made after an await, and not every engine tells whose; then the task says most. */
  #place(): string {
    const place = placeOf(captureStack(this.add));
    if (place !== "") return `made at ${place}`;
    const task = storedScope()?.task ?? null;
    return isTask(task) ? `made by task "${task.getName()}"` : "";
  }
}
