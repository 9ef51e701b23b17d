import { runInRoot } from "../base/async_context.ts";
import type { JobMessage, UrgentMessage, WorkerMessage } from "../wire/protocol.ts";

/** What a pool hears of a worker. */
export interface WorkerEvents {
  message(message: WorkerMessage): void;
  /** It has ended, by itself or on demand; called once. `cause` is null when there was no error. */
  ended(how: string, cause: unknown): void;
}

/** A worker as its pool sees it. */
export interface WorkerLink {
  post(message: JobMessage, transfer: readonly Transferable[]): void;
  /** Also reaches a worker that blocks, or that polls its signal. */
  notify(message: UrgentMessage, transfer: readonly Transferable[]): void;
  /** While held, the worker keeps the process alive. It starts unheld. */
  hold(): void;
  release(): void;
  /** Lets it write what it printed, then ends it. */
  stop(): void;
}

interface Globals {
  setTimeout(callback: () => void, milliseconds: number): { unref(): void };
  clearTimeout(timer: unknown): void;
}

const globals = globalThis as unknown as Globals;

/** Waits longer than this are taken for endless, as host timers are. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Seconds after which a worker that does not answer, since it computes or is stuck, is ended without any more ado. */
const PATIENCE = 2;

/** Calls back after that many seconds unless the returned function is called; does not keep the process alive. */
export function after(seconds: number, callback: () => void): () => void {
  const milliseconds = Math.max(0, seconds * 1000);
  if (milliseconds > LONGEST_TIMER) return () => {};
  const timer = runInRoot(() => globals.setTimeout(callback, milliseconds));
  timer.unref();
  return () => globals.clearTimeout(timer);
}

export function once<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    fn(...args);
  };
}

/**
 * The end of a worker. What it printed last may still be in it, waiting to be read, and is lost if it is ended before that:
 * so it is asked, says that it has heard, and says when nothing is left.
 */
export class Farewell {
  readonly #ask: () => void;
  readonly #kill: () => void;
  #stopWaiting: (() => void) | null = null;

  constructor(ask: () => void, kill: () => void) {
    this.#ask = ask;
    this.#kill = kill;
  }

  begin(): void {
    if (this.#stopWaiting !== null) return;
    this.#stopWaiting = after(PATIENCE, this.#kill);
    this.#ask();
  }

  /** True when the message was about this. */
  hears({ kind }: WorkerMessage): boolean {
    if (kind !== "ending" && kind !== "over") return false;
    this.#stopWaiting?.();
    if (kind === "over") this.#kill();
    return true;
  }

  /** The worker is gone. */
  over(): void {
    this.#stopWaiting?.();
  }
}

/** Null for what a job posted past the pool, as libraries do that would speak to a parent process of their own kind. */
export function asWorkerMessage(received: unknown): WorkerMessage | null {
  const isMessage = typeof received === "object" && received !== null && "kind" in received;
  return isMessage ? received as WorkerMessage : null;
}
