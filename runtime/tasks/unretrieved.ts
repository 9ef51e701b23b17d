import { atExit } from "../core/host.ts";
import type { LoopCore, UnretrievedWatch } from "../core/loop_core.ts";
import { runInRoot } from "../base/async_context.ts";
import { framesOf, type Site } from "../base/stack.ts";

interface Watched extends UnretrievedWatch {
  report(): void;
}

const collected: FinalizationRegistry<Watched> = new FinalizationRegistry((watched) =>
  watched.report()
);

/** Loops with such futures, for the end of the process. */
const unreported: Set<UnretrievedExceptions> = new Set();
let exitWatched = false;

function reportAtExit(): void {
  for (const exceptions of [...unreported]) exceptions.sweep();
}

/** Seconds after which an exception on a loop that never ends is looked at, and reported if it was there the last time. */
const PATIENCE = 0.4;

/**
 * The failed futures of one loop whose exception nobody has taken. Each is reported once: when it is collected, and at the
 * latest when the loop or the process ends. The ambient loop never ends, and no runtime promises to collect anything while
 * little happens: there it is reported within a second, whether or not somebody still holds the future.
 */
export class UnretrievedExceptions {
  readonly #loop: LoopCore;
  readonly #open: Set<Watched> = new Set();
  readonly #endless: boolean;
  /** Those that the next look reports. */
  #old: ReadonlySet<Watched> = new Set();
  #looking = false;

  constructor(loop: LoopCore, endless: boolean) {
    this.#loop = loop;
    this.#endless = endless;
  }

  get size(): number {
    return this.#open.size;
  }

  watch(future: object, error: unknown, site: Site | null): UnretrievedWatch {
    const name = future.constructor.name;
    const description = String(future);
    const reference = new WeakRef(future);
    const watched: Watched = {
      retrieved: () => this.#forget(watched),
      report: () => {
        if (!this.#forget(watched)) return;
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
    unreported.add(this);
    if (!exitWatched) {
      exitWatched = true;
      runInRoot(() => atExit(reportAtExit));
    }
    if (this.#endless) this.#lookLater();
    return watched;
  }

  #forget(watched: Watched): boolean {
    const known = this.#open.delete(watched);
    if (known) collected.unregister(watched);
    if (this.#open.size === 0) unreported.delete(this);
    return known;
  }

  #lookLater(): void {
    if (this.#looking) return;
    this.#looking = true;
    runInRoot(() =>
      this.#loop.scheduler.host.alarm(PATIENCE, () => {
        this.#looking = false;
        const due = this.#old;
        this.#old = new Set([...this.#open].filter((watched) => !due.has(watched)));
        if (this.#old.size > 0) this.#lookLater();
        for (const watched of due) watched.report();
      })
    );
  }

  /** Reports all that are still open. */
  sweep(): void {
    for (const watched of [...this.#open]) watched.report();
  }
}
