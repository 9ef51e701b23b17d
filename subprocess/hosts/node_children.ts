import type * as childProcess from "node:child_process";
import type * as fs from "node:fs";
import { killError, posixCode } from "./spawn_errors.ts";

interface Builtins {
  "node:child_process": typeof childProcess;
  "node:fs": typeof fs;
}

/** What this folder uses of the global `process`. */
interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  kill(pid: number, signal: number): void;
  getBuiltinModule<Name extends keyof Builtins>(name: Name): Builtins[Name];
}

/** The process itself, on Node and Bun. */
export function thisProcess(): Process {
  return (globalThis as unknown as { process: Process }).process;
}

/** A built-in module, loaded when it is first needed. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return thisProcess().getBuiltinModule(name);
}

/** Sends a signal to a process, or to a group by its negative number, with the errors that the hosts promise. */
export function sendSignal(pid: number, signal: number): void {
  try {
    thisProcess().kill(pid, signal);
  } catch (error) {
    const code = posixCode(error);
    throw code === null ? error : killError(code, pid, signal, error);
  }
}
