import {
  builtin,
  denoNamespace,
  environmentVariable,
  onDeno,
  onSignal,
  theProcess,
} from "../base/platform.ts";
import { currentScope } from "../core/frame.ts";
import { type LoopCore, LoopState } from "../core/loop_core.ts";
import { InternalTimer } from "../core/timers.ts";

/** What is called when a signal comes: a run that is to end. */
interface SignalListener {
  /** Whether it listens also where the program has listeners of its own. */
  readonly explicit: boolean;
  notify(name: string): void;
}

/** Milliseconds in which a repeated signal is the same Ctrl-C. */
const ECHO = 100;

/** One signal of the process, with the runs that listen for it. While there are none, the platform's own action is in place. */
class WatchedSignal {
  readonly #name: string;
  readonly #listeners: Set<SignalListener> = new Set();
  #uninstall: (() => void) | null = null;
  /** Set between a Ctrl-C and the moment from which another one counts. */
  #echoTimer: unknown = null;
  /** Handlers of loops that stand in for the runs. */
  #overrides = 0;

  constructor(name: string) {
    this.#name = name;
  }

  add(listener: SignalListener): void {
    this.#listeners.add(listener);
    if (this.#overrides === 0) this.#uninstall ??= this.#install();
  }

  remove(listener: SignalListener): void {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    if (this.#echoTimer === null) this.#restore();
  }

  /** A loop handles the signal itself from now on, until the returned function is called: no run is asked to stop by it. */
  override(): () => void {
    this.#overrides++;
    this.#restore();
    return () => {
      if (--this.#overrides > 0 || this.#listeners.size === 0) return;
      this.#uninstall ??= this.#install();
    };
  }

  readonly #arrived = (): void => {
    if (this.#echoTimer !== null) return;
    const elsewhere = this.#isHandledElsewhere();
    const called = [...this.#listeners].filter(({ explicit }) => explicit || !elsewhere);
    if (called.length === 0) return;
    if (this.#name === "SIGINT" && mayEcho()) {
      const timer = setTimeout(() => {
        this.#echoTimer = null;
        if (this.#listeners.size === 0) this.#restore();
      }, ECHO);
      (timer as unknown as { unref?(): void }).unref?.();
      this.#echoTimer = timer;
    }
    for (const listener of called) listener.notify(this.#name);
  };

  /** On Deno only now, since asking `process` makes each start 10 ms slower. Deno's own listeners can't be counted. */
  #isHandledElsewhere(): boolean {
    return onDeno && theProcess().listenerCount(this.#name) > 0;
  }

  /** From now on the signal does what the platform does with it: it ends the process. */
  #restore(): void {
    clearTimeout(this.#echoTimer as Parameters<typeof clearTimeout>[0]);
    this.#echoTimer = null;
    this.#uninstall?.();
    this.#uninstall = null;
  }

  #install(): (() => void) | null {
    const explicit = [...this.#listeners].some((listener) => listener.explicit);
    try {
      if (!explicit && !onDeno && theProcess().listenerCount(this.#name) > 0) return null;
      return onSignal(this.#name, this.#arrived);
    } catch {
      // A thread that can't have signal handlers runs without them, as CPython's runner does (RUN-16).
      return null;
    }
  }
}

const watched: Map<string, WatchedSignal> = new Map();

function watch(name: string): WatchedSignal {
  let signal = watched.get(name);
  if (signal === undefined) watched.set(name, signal = new WatchedSignal(name));
  return signal;
}

/** A loop handles the signal itself from now on, until the returned function is called: no run is asked to stop by it. */
export function overrideInterrupts(name: string): () => void {
  return watch(name).override();
}

/** A terminal sends Ctrl-C to all its processes, and task runners among them pass it on once more. */
function mayEcho(): boolean {
  if (environmentVariable("INIT_CWD") !== undefined) return true;
  return denoNamespace === undefined
    ? builtin("node:tty").isatty(0)
    : denoNamespace.stdin.isTerminal();
}

/** How a run is asked to stop. */
export interface Stop {
  readonly signals: readonly string[];
  /** Whether the program named them: then they count also where it has listeners of its own. */
  readonly explicit: boolean;
  /** Seconds between the first signal and the cancellation; null: no limit; undefined: the first signal cancels. */
  readonly grace: number | null | undefined;
  readonly cancel: () => void;
}

/**
 * The signals of one run: `running → draining → cancelled`. Without a grace period the first signal cancels. A run that was
 * cancelled listens no more, so that the next signal ends the process.
 */
export class StopListener {
  readonly #loop: LoopCore;
  readonly #stop: Stop;
  readonly #listeners: Map<string, SignalListener> = new Map();
  #timer: InternalTimer | null = null;
  #draining = false;
  /** The signal for which the main task was cancelled. */
  cancelledBy: string | null = null;

  constructor(loop: LoopCore, stop: Stop) {
    this.#loop = loop;
    this.#stop = stop;
    const notify = (name: string): void => this.#notify(name);
    // Ctrl-C cancels also where it is not among the signals of the run.
    for (const name of new Set([...stop.signals, "SIGINT"])) {
      const explicit = stop.explicit && stop.signals.includes(name);
      const listener = { explicit, notify };
      this.#listeners.set(name, listener);
      watch(name).add(listener);
    }
    stopStates.set(loop, { asked: null, controller: null });
  }

  /** The run is over. */
  end(): void {
    this.#timer?.cancel();
    this.#leave();
    loopIsOver(this.#loop);
  }

  #notify(name: string): void {
    askToStop(this.#loop, stopReason(name));
    const { grace, signals } = this.#stop;
    const waits = grace !== undefined && signals.includes(name) && !this.#draining;
    if (!waits) {
      this.#cancel(name);
      return;
    }
    this.#draining = true;
    if (grace === null) return;
    this.#timer = InternalTimer.after(this.#loop, grace, () => this.#cancel(name));
  }

  #cancel(name: string): void {
    this.#timer?.cancel();
    this.#leave();
    this.cancelledBy = name;
    this.#stop.cancel();
  }

  #leave(): void {
    for (const [name, listener] of this.#listeners) watch(name).remove(listener);
    this.#listeners.clear();
  }
}

// ── shutdownSignal

interface StopState {
  /** Why, once the run was asked. */
  asked: unknown;
  controller: AbortController | null;
}

/** Of the loops whose run is not over. */
const stopStates: LoopState<StopState | null> = new LoopState(() => null);

function loopIsOver(loop: LoopCore): void {
  stopStates.set(loop, null);
}

/** Aborts the run's `shutdownSignal()`. */
export function askToStop(loop: LoopCore, reason: unknown): void {
  const state = stopStates.peek(loop) ?? null;
  if (state === null || state.asked !== null) return;
  state.asked = reason ?? stopReason("a signal");
  state.controller?.abort(state.asked);
}

/** Not a KeyboardInterrupt, which would end groups and the run as a FatalError. */
function stopReason(by: string): DOMException {
  return new DOMException(`The program was asked to stop by ${by}`, "AbortError");
}

/**
 * Aborts when the running program is asked to stop: by one of the `stopSignals` of its `run`, by Ctrl-C, or by the `signal`
 * of `run`. Servers then take no more connections and workers no more jobs, finish what they have, and main returns. Never
 * aborts outside `run`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { run, shutdownSignal, sleep, withSignal } from "@asyncio/asyncio";
 *
 * const stop = new AbortController();
 * const main = async () => {
 *   setTimeout(() => stop.abort(), 1);
 *   // In a program: run(main, { stopSignals: ["SIGTERM", "SIGINT"], grace: 10 })
 *   await withSignal(shutdownSignal(), () => sleep(3600)).catch(() => "draining");
 * };
 * await run(main, { signal: stop.signal }).catch(() => "cancelled");
 * assert.equal(shutdownSignal().aborted, false);
 * ```
 */
export function shutdownSignal(): AbortSignal {
  const state = stopStates.peek(currentScope().loop as LoopCore) ?? null;
  if (state === null) return new AbortController().signal;
  if (state.controller === null) {
    state.controller = new AbortController();
    if (state.asked !== null) state.controller.abort(state.asked);
  }
  return state.controller.signal;
}
