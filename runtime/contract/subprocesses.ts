import type { Signal } from "../base/signal_names.ts";
import type { BaseProtocol, BaseTransport, ReadTransport, WriteTransport } from "./transports.ts";

/** A child process as the low-level API sees it (`asyncio.SubprocessTransport`). `loop.subprocessExec` makes one. */
export interface SubprocessTransport extends BaseTransport {
  /** The number of the process; it stays the same after its end. */
  getPid(): number;
  /** The transport of its standard input; null when it is not piped. */
  getPipeTransport(fd: 0): WriteTransport | null;
  /** The transport of its standard output (1) or error (2); null when it is not piped. */
  getPipeTransport(fd: 1 | 2): ReadTransport | null;
  /** null while it runs; its exit code, or -N when signal N ended it. */
  getReturncode(): number | null;
  /**
   * Sends a signal.
   *
   * @throws {ProcessLookupError} if the process has ended and its pipes are closed
   * @throws {RangeError} if the platform has no such signal
   */
  sendSignal(signal: Signal): void;
  /** `sendSignal("SIGTERM")`. */
  terminate(): void;
  /** `sendSignal("SIGKILL")`. */
  kill(): void;
  /** Closes the pipes, and kills the process if it still runs. Does nothing the second time. */
  close(): void;
}

/**
 * What serves a child process (`asyncio.SubprocessProtocol`): implement the methods you need, as a class or as an object. For each
 * stream all data comes before its loss; the process's end comes anywhere among them; `connectionLost` comes last.
 */
export interface SubprocessProtocol extends BaseProtocol {
  /** The process runs: keep the transport. */
  connectionMade?(transport: SubprocessTransport): void;
  /** It wrote to its standard output (1) or error (2). The array is the protocol's own. */
  pipeDataReceived?(fd: 1 | 2, data: Uint8Array): void;
  /** One of its streams was closed, by either side: with null, or with what went wrong. */
  pipeConnectionLost?(fd: 0 | 1 | 2, error: unknown | null): void;
  /** The process has ended; its output may still come. */
  processExited?(): void;
}

/**
 * How to start a child process.
 *
 * A stream can also lead to what this process has open: a file descriptor, or an object that has one as its `fd`, as `open` of
 * `node:fs/promises` gives. The child gets a copy, so it may be closed here once the child has started; until then it must stay
 * open. What is read and written moves one position in the file for both sides. `Deno.open` tells no descriptor.
 */
export interface SubprocessOptions {
  /**
   * Standard input: a pipe, nothing, an open file, or null for our own.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stdin?: "pipe" | "null" | number | { readonly fd: number } | null;
  /**
   * Standard output: a pipe, nowhere, an open file, or null for our own.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stdout?: "pipe" | "null" | number | { readonly fd: number } | null;
  /**
   * Standard error: a pipe, nowhere, an open file, null for our own, or STDOUT for wherever stdout goes. With `stdout: PIPE`, STDOUT
   * starts the program through `/bin/sh`, as no runtime can join two streams; on Deno `sh` must then be allowed to run.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stderr?: "pipe" | "null" | "stdout" | number | { readonly fd: number } | null;
  /**
   * The longest line that `stdout.readline()` accepts, in bytes; the child is held back when twice as much waits to be read.
   * @default {65536}
   */
  limit?: number;
  /**
   * Directory to run in: a path or a file URL.
   * @default {our own}
   */
  cwd?: string | URL;
  /**
   * The whole environment; nothing is inherited beside it.
   * @default {our own}
   */
  env?: Record<string, string>;
  /**
   * User to run as, by name or number. Names are those of `/etc/passwd`, which Deno must be allowed to read.
   * @default {our own}
   */
  user?: string | number;
  /**
   * Group to run as, by name or number. Names are those of `/etc/group`, which Deno must be allowed to read.
   * @default {our own}
   */
  group?: string | number;
  /**
   * User to run as, by number.
   * @default {our own}
   */
  uid?: number;
  /**
   * Group to run as, by number.
   * @default {our own}
   */
  gid?: number;
  /**
   * Run in a session and process group of its own: signals of the terminal (Ctrl-C) don't reach it, and `terminateProcess` ends
   * whatever it has started, too.
   * @default {false}
   */
  startNewSession?: boolean;
}
