interface Runtime {
  readonly Deno?: {
    addSignalListener(signal: string, listener: () => void): void;
    removeSignalListener(signal: string, listener: () => void): void;
  };
  readonly process?: {
    listenerCount(event: string): number;
    on(event: string, listener: () => void): void;
    off(event: string, listener: () => void): void;
  };
}

const runtime = globalThis as unknown as Runtime;
const runs: Set<() => void> = new Set();
let uninstall: (() => void) | null = null;
let heard = false;
/** Handlers of loops that stand in for ours, and whether ours is to come back after them. */
let overrides = 0;
let displaced = false;

/**
 * Calls back on the first SIGINT; the platform's own action is restored before, so that a second one ends the process. Not
 * where the program handles SIGINT itself, nor where signals can't be handled at all (a worker). Returns what ends it.
 */
export function onInterrupt(callback: () => void): () => void {
  runs.add(callback);
  if (overrides === 0) uninstall ??= install();
  else displaced = true;
  return () => {
    runs.delete(callback);
    if (runs.size > 0 || uninstall === null) return;
    uninstall();
    uninstall = null;
  };
}

/** A loop handles SIGINT itself from now on, until the returned function is called: no run is interrupted by it. */
export function overrideInterrupts(): () => void {
  overrides++;
  if (uninstall !== null) {
    displaced = true;
    uninstall();
    uninstall = null;
  }
  return () => {
    if (--overrides > 0 || !displaced) return;
    displaced = false;
    if (runs.size > 0) uninstall = install();
  };
}

/** Milliseconds in which a repeated signal is the same Ctrl-C: task runners pass on what the terminal has sent already. */
const ECHO = 100;

function interrupted(): void {
  if (heard) return;
  heard = true;
  const timer = setTimeout(restore, ECHO) as unknown as { unref?(): void };
  timer.unref?.();
  for (const callback of [...runs]) callback();
}

/** From now on a signal does what the platform does with it: it ends the process. */
function restore(): void {
  heard = false;
  uninstall?.();
  uninstall = null;
}

function install(): (() => void) | null {
  const { Deno, process } = runtime;
  try {
    if (Deno !== undefined) {
      Deno.addSignalListener("SIGINT", interrupted);
      return () => Deno.removeSignalListener("SIGINT", interrupted);
    }
    if (process === undefined || process.listenerCount("SIGINT") > 0) return null;
    process.on("SIGINT", interrupted);
    return () => process.off("SIGINT", interrupted);
  } catch {
    // A thread that can't have signal handlers runs without them, as CPython's runner does (RUN-16).
    return null;
  }
}
