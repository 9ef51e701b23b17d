/**
 * Which runtime this program runs on, and what that has built in. All other files ask here. The programs of workers and of
 * child processes are the exception: they are sent as source text, which can't import anything.
 *
 * @module
 */
import type * as childProcess from "node:child_process";
import type * as crypto from "node:crypto";
import type * as dgram from "node:dgram";
import type * as dns from "node:dns";
import type * as fs from "node:fs";
import type * as module from "node:module";
import type * as net from "node:net";
import type * as os from "node:os";
import type * as stream from "node:stream";
import type * as tls from "node:tls";
import type * as tty from "node:tty";
import type * as workerThreads from "node:worker_threads";

interface Builtins {
  "node:child_process": typeof childProcess;
  "node:crypto": typeof crypto;
  "node:dgram": typeof dgram;
  "node:dns": typeof dns;
  "node:fs": typeof fs;
  "node:module": typeof module;
  "node:net": typeof net;
  "node:os": typeof os;
  /** Node only, and not in the first releases of Node 20. */
  "node:sea": { isSea(): boolean } | undefined;
  "node:stream": typeof stream;
  "node:tls": typeof tls;
  "node:tty": typeof tty;
  "node:worker_threads": typeof workerThreads;
}

/** What the library uses of Deno's namespace outside `net/` and `subprocess/`. */
export interface DenoNamespace {
  readonly build: { readonly os: string; readonly standalone?: boolean };
  readonly env: { get(name: string): string | undefined };
  readonly stdin: { isTerminal(): boolean };
  /** Missing on hosts that know no permissions. */
  readonly permissions?: DenoPermissions;
  openSync(path: string): { close(): void };
  addSignalListener(signal: string, listener: () => void): void;
  removeSignalListener(signal: string, listener: () => void): void;
}

/** What is asked of `Deno.permissions`. */
export interface DenoPermission {
  readonly name: string;
  readonly [detail: string]: string;
}

/** `querySync` looks only; `requestSync` asks the user where Deno has a terminal for that. */
export interface DenoPermissions {
  querySync(asked: DenoPermission): { readonly state: string };
  requestSync(asked: DenoPermission): { readonly state: string };
}

/** What the library uses of the global `process`. */
export interface Process {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
  readonly execPath: string;
  readonly platform: string;
  readonly stderr: {
    on(event: "error", listener: () => void): void;
    listeners(event: "error"): readonly unknown[];
  };
  readonly versions: { readonly node: string };
  emit(event: "warning", warning: Error): void;
  emitWarning(message: string, category: string): void;
  getBuiltinModule<Name extends keyof Builtins>(name: Name): Builtins[Name];
  kill(pid: number, signal: number): void;
  listenerCount(event: string): number;
  nextTick(callback: () => void): void;
  off(event: string, listener: () => void): void;
  on(event: string, listener: () => void): void;
}

interface Globals {
  readonly Deno?: DenoNamespace;
  readonly Bun?: object;
  readonly process: Process;
}

const globals = globalThis as unknown as Globals;

/** Deno's namespace; undefined on other runtimes. */
export const denoNamespace: DenoNamespace | undefined = globals.Deno;
/** Bun's namespace; undefined on other runtimes. */
export const bunNamespace: object | undefined = globals.Bun;

export const onDeno: boolean = denoNamespace !== undefined;
export const onBun: boolean = bunNamespace !== undefined;
export const onNode: boolean = !onDeno && !onBun;

/** The global `process`. A function, because the mere look at `process` costs Deno 10 ms at the start. */
export function theProcess(): Process {
  return globals.process;
}

/**
 * A built-in module, loaded when it is first needed: `node:net` alone costs Deno 15 ms at the start, and most programs never
 * need it. Built-in modules are there synchronously on Deno, Bun and Node, so no promise stands between a call and its system
 * call.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  return globals.process.getBuiltinModule(name);
}

/** Whether this code runs in the main thread, not in a worker. */
export function isMainThread(): boolean {
  return builtin("node:worker_threads").isMainThread;
}

/** "linux", "darwin", "win32" or "windows", ... */
export function operatingSystem(): string {
  return denoNamespace?.build.os ?? globals.process?.platform ?? "linux";
}

/** Major and minor number of Node's version. */
export function nodeVersion(): readonly [major: number, minor: number] {
  const [major = 0, minor = 0] = globals.process.versions.node.split(".").map(Number);
  return [major, minor];
}

/** Whether Deno grants a permission; it does not ask the user. True on runtimes without permissions. */
export function isGranted(permission: DenoPermission): boolean {
  if (denoNamespace === undefined) return true;
  return denoNamespace.permissions?.querySync?.(permission).state === "granted";
}

/** An environment variable; undefined when it is not set. On Deno also where `--allow-env` was not given for it. */
export function environmentVariable(name: string): string | undefined {
  if (denoNamespace === undefined) return globals.process?.env[name];
  return isGranted({ name: "env", variable: name }) ? denoNamespace.env.get(name) : undefined;
}

/** Calls the listener whenever the signal comes, until the returned function is called. */
export function onSignal(name: string, listener: () => void): () => void {
  const deno = denoNamespace;
  if (deno !== undefined) {
    deno.addSignalListener(name, listener);
    return () => deno.removeSignalListener(name, listener);
  }
  const process = theProcess();
  process.on(name, listener);
  return () => process.off(name, listener);
}

// ── file descriptors

const NOTHING = "/dev/null";

/** Whether that many descriptors are free, as far as it is permitted to look. */
export function areFree(count: number): boolean {
  return lack(count) === null;
}

/** What the system says when that many are to be opened, or null. */
export function lack(count: number): unknown {
  const opened: (() => void)[] = [];
  try {
    const open = opener();
    while (open !== null && opened.length < count) opened.push(open());
  } catch (error) {
    // A system without that file has other limits.
    if (isExhaustion(error)) return error;
  } finally {
    for (const close of opened) close();
  }
  return null;
}

/** What opens a descriptor and gives what closes it; null where that is not permitted. */
function opener(): (() => () => void) | null {
  if (denoNamespace !== undefined) {
    const deno = denoNamespace;
    if (!isGranted({ name: "read", path: NOTHING })) return null;
    return () => {
      const file = deno.openSync(NOTHING);
      return () => file.close();
    };
  }
  const { openSync, closeSync } = builtin("node:fs");
  return () => {
    const fd = openSync(NOTHING, "r");
    return () => closeSync(fd);
  };
}

/** Bun says which module it could not read, Deno what the system said, and both in words only. */
export function isExhaustion(error: unknown): boolean {
  return /EMFILE|ENFILE|too many open files/i.test(String(error));
}
