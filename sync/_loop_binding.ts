import { RuntimeError } from "../runtime/exceptions.ts";

/**
 * The loop a primitive belongs to: the first on which somebody had to wait (LOCK-12). What need not wait never binds, so a
 * primitive may be made, and used uncontended, anywhere.
 */
export class LoopBinding {
  #loop: object | null = null;

  /** Called when somebody is about to wait on `loop`. */
  enter(loop: object, owner: object): void {
    if (this.#loop === loop) return;
    if (this.#loop !== null) {
      throw new RuntimeError(
        `${owner} is bound to a different event loop: make one for each loop that waits on it`,
      );
    }
    this.#loop = loop;
  }
}
