import { storedScope } from "../runtime/core/frame.ts";
import { placeOf, Site } from "../runtime/base/stack.ts";

/** A set that remembers where each member was added. */
export class RecordedSet<T extends object> extends Set<T> {
  readonly #sites: WeakMap<object, { site: Site; task: string | null }> = new WeakMap();
  /** Off where many runs are to be fast and none is reported. */
  recording = true;

  override add(value: T): this {
    if (this.recording && !this.has(value)) {
      const task = storedScope()?.task?.getName() ?? null;
      this.#sites.set(value, { site: new Site(this.add), task });
    }
    return super.add(value);
  }

  /**
   * Where it was made, for the end of a sentence; "" when that is not known. Many are made after an await, and not every
   * engine tells whose; then the task says most.
   */
  placeOf(value: T): string {
    const found = this.#sites.get(value);
    if (found === undefined) return "";
    const place = placeOf(found.site);
    if (place !== "") return `made at ${place}`;
    return found.task === null ? "" : `made by task "${found.task}"`;
  }
}
