import type { LoopCore, UnretrievedWatch } from "./_loop_core.ts";
import { framesOf, type Site } from "./_stack.ts";

interface Watched extends UnretrievedWatch {
  report(): void;
}

const collected: FinalizationRegistry<Watched> = new FinalizationRegistry((watched) =>
  watched.report()
);

/**
 * The failed futures of one loop whose exception nobody has taken. Each is reported once: when it is collected, and at the
 * latest when the loop ends.
 */
export class UnretrievedExceptions {
  readonly #loop: LoopCore;
  readonly #open: Set<Watched> = new Set();

  constructor(loop: LoopCore) {
    this.#loop = loop;
  }

  get size(): number {
    return this.#open.size;
  }

  watch(future: object, error: unknown, site: Site | null): UnretrievedWatch {
    const name = future.constructor.name;
    const description = String(future);
    const reference = new WeakRef(future);
    const watched: Watched = {
      retrieved: () => {
        this.#open.delete(watched);
        collected.unregister(watched);
      },
      report: () => {
        if (!this.#open.delete(watched)) return;
        collected.unregister(watched);
        const found = reference.deref();
        this.#loop.callExceptionHandler({
          message: `${name} exception was never retrieved`,
          exception: error,
          // A collected future can only be described.
          ...(found === undefined ? { description } : { future: found }),
          ...(site === null ? {} : { sourceTraceback: framesOf(site) }),
        });
      },
    };
    this.#open.add(watched);
    collected.register(future, watched, watched);
    return watched;
  }

  /** Reports all that are still open. */
  sweep(): void {
    for (const watched of [...this.#open]) watched.report();
  }
}
