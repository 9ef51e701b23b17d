/**
 * What the portable core needs of a runtime: a clock, two ways to come back later, and timers. Everything else the outside
 * world has to offer enters through the hosts of `net/` and `subprocess/`.
 *
 * @module
 */

import { onBun, onDeno, onNode } from "../base/platform.ts";

/** The narrow door between the scheduler and a runtime. The testing loop brings its own. */
export interface Host {
  /** Monotonic time in seconds. */
  now(): number;
  /** A cheap millisecond count that tells whether it is worth reading {@linkcode Host.now}. */
  tick(): number;
  /** Runs the callback in a later macrotask, after pending I/O had its turn. */
  hop(callback: () => void): void;
  /** Runs the callback as a microtask. */
  microtask(callback: () => void): void;
  /** Runs the callback once the microtask queue is empty. */
  afterMicrotasks(callback: () => void): void;
  /** Nothing is ready: come back by `wake` at `deadline` (seconds on {@linkcode Host.now}'s clock; null: not by time). */
  park(deadline: number | null, wake: () => void): void;
  /** Takes back the last {@linkcode Host.park}. */
  unpark(): void;
  /** Runs the callback once after so many seconds of real time; never keeps the process alive. */
  alarm(seconds: number, callback: () => void): void;
  /** Keeps the process alive until the returned function is called. */
  keepAlive(): () => void;
}

/** Longest delay a runtime's timer takes; longer ones fire at once on all three, so they are re-armed in steps. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The parts of the global scope that are used here and that not every type library declares. */
interface Globals {
  readonly process?: {
    nextTick(callback: () => void): void;
    on(event: "exit", callback: () => void): void;
  };
  addEventListener?(event: "unload", callback: () => void): void;
  setImmediate(callback: () => void): unknown;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
  setInterval(callback: () => void, milliseconds: number): unknown;
  clearInterval(timer: unknown): void;
}

const globals = globalThis as unknown as Globals;
const settled: Promise<void> = Promise.resolve();

/**
 * Deno's executor looks for I/O only every 61st time that it runs the event loop without a pause: after fewer hops a busy
 * program would see each step of a connection 61 slices later. A hop costs half a microsecond.
 */
const DENO_HOPS = 62;

function hopSeveral(callback: () => void, left: number): void {
  globals.setImmediate(left > 1 ? () => hopSeveral(callback, left - 1) : callback);
}

/** Calls the callback when the process, or this worker, ends of itself or by `exit()`; only what is done at once is done. */
export function atExit(callback: () => void): void {
  // On Deno the mere look at `process` costs 10 ms.
  if (onDeno) globals.addEventListener!("unload", callback);
  else globals.process?.on("exit", callback);
}

/** The host of a real runtime. One object per loop, since each arms a timer of its own. */
export class RuntimeHost implements Host {
  #timer: unknown = null;
  #deadline = Infinity;
  #wake: (() => void) | null = null;

  now(): number {
    return performance.now() / 1000;
  }

  tick(): number {
    return Date.now();
  }

  hop(callback: () => void): void {
    if (onDeno) hopSeveral(callback, DENO_HOPS);
    else globals.setImmediate(callback);
  }

  microtask(callback: () => void): void {
    // Node's queueMicrotask wraps each callback in an async resource; a bare reaction costs a quarter of it.
    if (onNode) settled.then(callback);
    else queueMicrotask(callback);
  }

  afterMicrotasks(callback: () => void): void {
    globals.process!.nextTick(callback);
  }

  park(deadline: number | null, wake: () => void): void {
    this.#wake = wake;
    if (deadline === null) {
      this.#disarm();
      return;
    }
    // A timer that is armed for an earlier time stays: it wakes in vain once, which is cheaper than arming anew.
    if (this.#timer !== null && this.#deadline <= deadline) return;
    this.#disarm();
    this.#arm(deadline);
  }

  unpark(): void {
    this.#wake = null;
    this.#disarm();
  }

  alarm(seconds: number, callback: () => void): void {
    (globals.setTimeout(callback, seconds * 1000) as { unref?(): void }).unref?.();
  }

  keepAlive(): () => void {
    const timer = globals.setInterval(() => {}, 2 ** 30);
    return () => globals.clearInterval(timer);
  }

  #arm(deadline: number): void {
    const milliseconds = Math.max(0, (deadline - this.now()) * 1000);
    // Deno fires a millisecond after the whole milliseconds asked for, Bun and Node at once after them.
    const whole = onDeno ? Math.floor(milliseconds) : Math.ceil(milliseconds);
    this.#deadline = deadline;
    this.#timer = globals.setTimeout(this.#fire, Math.min(whole, LONGEST_TIMER));
  }

  #fire = (): void => {
    this.#timer = null;
    this.#deadline = Infinity;
    this.#wake?.();
  };

  #disarm(): void {
    if (this.#timer === null) return;
    globals.clearTimeout(this.#timer);
    this.#timer = null;
    this.#deadline = Infinity;
  }
}

/** Bun runs the very first nextTick of a process too early; one taken now makes the later ones come in their place. */
if (onBun) globals.process?.nextTick(() => {});
