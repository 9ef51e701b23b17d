import type { LoopCore } from "./_loop_core.ts";

/** The bodies that deadlines have left behind and that have not ended yet, for the report at the end of a run. */
class LeftBehind {
  readonly #bodies: WeakMap<LoopCore, Map<object, string>> = new WeakMap();

  add(loop: LoopCore, key: object, name: string): void {
    let bodies = this.#bodies.get(loop);
    if (bodies === undefined) this.#bodies.set(loop, bodies = new Map());
    bodies.set(key, name || "anonymous");
  }

  delete(loop: LoopCore, key: object): void {
    this.#bodies.get(loop)?.delete(key);
  }

  /** Names of those that have not ended. */
  names(loop: LoopCore): string[] {
    return [...this.#bodies.get(loop)?.values() ?? []];
  }
}

export const leftBehind: LeftBehind = new LeftBehind();
