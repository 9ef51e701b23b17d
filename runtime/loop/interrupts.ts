import {
  builtin,
  denoNamespace,
  environmentVariable,
  onDeno,
  onSignal,
  theProcess,
} from "../base/platform.ts";

const runs: Set<() => void> = new Set();
let uninstall: (() => void) | null = null;
/** Set between the first signal and the moment from which another one ends the process. */
let echoTimer: unknown = null;
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
    if (runs.size === 0) restore();
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

/** Milliseconds in which a repeated signal is the same Ctrl-C. */
const ECHO = 100;

function interrupted(): void {
  if (echoTimer !== null || isHandledElsewhere()) return;
  if (mayEcho()) {
    const timer = setTimeout(restore, ECHO);
    (timer as unknown as { unref?(): void }).unref?.();
    echoTimer = timer;
  } else restore();
  for (const callback of [...runs]) callback();
}

/** On Deno only now, since asking `process` makes each start 10 ms slower. Deno's own listeners can't be counted. */
function isHandledElsewhere(): boolean {
  return onDeno && theProcess().listenerCount("SIGINT") > 0;
}

/** From now on a signal does what the platform does with it: it ends the process. */
function restore(): void {
  clearTimeout(echoTimer as Parameters<typeof clearTimeout>[0]);
  echoTimer = null;
  uninstall?.();
  uninstall = null;
}

/** A terminal sends Ctrl-C to all its processes, and task runners among them pass it on once more. */
function mayEcho(): boolean {
  if (environmentVariable("INIT_CWD") !== undefined) return true;
  return denoNamespace === undefined
    ? builtin("node:tty").isatty(0)
    : denoNamespace.stdin.isTerminal();
}

function install(): (() => void) | null {
  try {
    if (!onDeno && theProcess().listenerCount("SIGINT") > 0) return null;
    return onSignal("SIGINT", interrupted);
  } catch {
    // A thread that can't have signal handlers runs without them, as CPython's runner does (RUN-16).
    return null;
  }
}
