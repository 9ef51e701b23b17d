import { runInRoot } from "../../runtime/base/async_context.ts";
import { bunNamespace } from "../../runtime/base/platform.ts";

/** Milliseconds until the runtime is asked to collect, for the first time and at most. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 60_000;

/**
 * Watches objects that keep a resource open, such as a reader and a writer, and calls back when all
 * of them have been collected. The callback must not lead to any of them.
 */
export class CollectionWatch {
  readonly #callback: () => void;
  readonly #isReleased: () => boolean;
  /** Objects that have not been collected. */
  #alive: number;

  /** `isReleased` tells that nothing is kept open any more, since the end of a loop notifies no one. */
  constructor(objects: readonly object[], callback: () => void, isReleased: () => boolean) {
    this.#alive = objects.length;
    this.#callback = callback;
    this.#isReleased = isReleased;
    for (const object of objects) registry.register(object, this, this);
  }

  /** Whether one of the objects may still be in use. */
  get inUse(): boolean {
    return this.#alive > 0;
  }

  /** From now on the answer matters: the runtime is asked to collect. */
  look(): void {
    if (this.#alive === 0) return;
    urgent.add(this);
    collectSoon();
  }

  get released(): boolean {
    return this.#isReleased();
  }

  /** Ends the watch: there is no callback any more. */
  end(): void {
    registry.unregister(this);
    withdraw(this);
  }

  /** One of the objects was collected. */
  objectCollected(): void {
    if (--this.#alive > 0) return;
    if (urgent.has(this)) verdicts++;
    withdraw(this);
    this.#callback();
  }
}

/** The watches whose answer matters. */
const urgent: Set<CollectionWatch> = new Set();

const registry: FinalizationRegistry<CollectionWatch> = new FinalizationRegistry((watch) =>
  watch.objectCollected()
);

function withdraw(watch: CollectionWatch): void {
  urgent.delete(watch);
  if (urgent.size > 0) return;
  delay = FIRST_DELAY;
  if (timer !== null) clearTimeout(timer);
  timer = null;
}

// ── when the runtime is asked

// A program that makes little garbage is not collected for a long time, and what is kept open until then uses up its
// descriptors. So a collection is asked for: soon at first, and twice as late each time that nothing was found, as where a
// program keeps its writers.

let verdicts = 0;
let delay = FIRST_DELAY;
let collecting = false;
let timer: ReturnType<typeof setTimeout> | null = null;

function collectSoon(): void {
  if (timer === null && !collecting) schedule();
}

function schedule(): void {
  // In the root context: the timer serves the watches of every loop and task.
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
  for (const watch of urgent) if (watch.released) watch.end();
  if (urgent.size > 0) schedule();
}

// ── how it is asked

/** V8 collects when so much more lies outside its heap. The memory is never touched, so it costs none. */
const PRESSURE = 2 ** 28;

/** Two are enough on V8; the others are for a collection that was already under way. */
const ATTEMPTS = 4;

/**
 * Asks the runtime, which collects when memory asks for it, to collect garbage soon, without any
 * flag. Ends when it has collected, or would not.
 */
async function requestCollection(): Promise<void> {
  const bun = bunNamespace as { gc(force: boolean): void } | undefined;
  const witness = new WeakRef({});
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Without force Bun looks at young objects only.
    if (bun !== undefined) bun.gc(true);
    else if (!press()) break;
    // A weakly held object stays until the turn ends in which it was made or looked at.
    await nextTurn();
    if (witness.deref() === undefined) break;
  }
  // The registry's callbacks run in turns that follow.
  await nextTurn();
}

/** False where there is no memory for it: a program that short of memory collects by itself. */
function press(): boolean {
  try {
    return new ArrayBuffer(PRESSURE).byteLength > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
