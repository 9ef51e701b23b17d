import { runInRoot } from "../../runtime/base/async_context.ts";
import { requestCollection } from "./collection.ts";

/** Milliseconds until the runtime is asked to collect, for the first time and at most. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 60_000;

/**
 * Things that somebody may have forgotten, with what they hold open: tells when all of them have been collected. The callback must
 * not lead to any of them.
 */
export class Forgotten {
  readonly #callback: () => void;
  readonly #over: () => boolean;
  #held: number;

  /** `over` says that nothing is held open any more, which the end of a loop tells nobody. */
  constructor(things: readonly object[], callback: () => void, over: () => boolean) {
    this.#held = things.length;
    this.#callback = callback;
    this.#over = over;
    for (const thing of things) collected.register(thing, this, this);
  }

  /** Whether one of them may still be in use. */
  get held(): boolean {
    return this.#held > 0;
  }

  /** It matters from now on: the runtime is asked to collect. */
  look(): void {
    if (this.#held === 0) return;
    watched.add(this);
    collectSoon();
  }

  get over(): boolean {
    return this.#over();
  }

  /** Nobody needs to know any more. */
  end(): void {
    collected.unregister(this);
    unwatch(this);
  }

  /** One of them was collected. */
  released(): void {
    if (--this.#held > 0) return;
    if (watched.has(this)) verdicts++;
    unwatch(this);
    this.#callback();
  }
}

/** Those that matter. */
const watched: Set<Forgotten> = new Set();

const collected: FinalizationRegistry<Forgotten> = new FinalizationRegistry((things) =>
  things.released()
);

function unwatch(things: Forgotten): void {
  watched.delete(things);
  if (watched.size > 0) return;
  delay = FIRST_DELAY;
  if (timer !== null) clearTimeout(timer);
  timer = null;
}

// What waits for the next collection would use up the descriptors of a program that makes little garbage, so it is
// asked for: soon at first, and twice as late each time that nothing was found, as where a program keeps its writers.

let verdicts = 0;
let delay = FIRST_DELAY;
let collecting = false;
let timer: ReturnType<typeof setTimeout> | null = null;

function collectSoon(): void {
  if (timer === null && !collecting) schedule();
}

function schedule(): void {
  // In the root context, which belongs to nobody.
  timer = runInRoot(() => setTimeout(collect, delay));
  // It must not keep the process from ending.
  (timer as { unref?(): void }).unref?.();
  if (typeof timer === "number") Deno.unrefTimer(timer);
}

async function collect(): Promise<void> {
  timer = null;
  collecting = true;
  const before = verdicts;
  await requestCollection();
  collecting = false;
  delay = verdicts > before ? FIRST_DELAY : Math.min(2 * delay, LONGEST_DELAY);
  for (const things of watched) if (things.over) things.end();
  if (watched.size > 0) schedule();
}
