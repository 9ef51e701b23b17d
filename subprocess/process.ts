import type { StreamReader } from "../net/streams/stream_reader.ts";
import type { StreamWriter } from "../net/streams/stream_writer.ts";
import { type BytesLike, toBytes } from "../runtime/base/bytes.ts";
import type { Delay } from "../runtime/base/durations.ts";
import { showAs, staysInThread } from "../runtime/base/format.ts";
import { duration, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { waitFor } from "../runtime/combinators/wait_for.ts";
import { isCancelled } from "../runtime/core/cancelled.ts";
import { currentScope } from "../runtime/core/frame.ts";
import { Request } from "../runtime/core/scope.ts";
import {
  BrokenPipeError,
  ConnectionResetError,
  ProcessLookupError,
  TimeoutError,
} from "../runtime/errors/exceptions.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import type { Signal } from "../runtime/base/signal_names.ts";
import type { SubprocessTransport } from "../runtime/contract/subprocesses.ts";
import type { ProcessTransport } from "./transport/process_transport.ts";

let transportOf: (process: Process) => ProcessTransport;

/**
 * A child process (`asyncio.subprocess.Process`), as `createSubprocessExec` and `createSubprocessShell` start it.
 *
 * - `wait()` waits for the end of the process alone; what it wrote can be read afterwards. The end of its pipes is the end of
 *   `stdout` and `stderr`, which a grandchild may hold open longer.
 * - Output that is not read holds the child back: read it, or use `communicate()`.
 * - The end of a run leaves a child that still runs alone, as in asyncio. `await using` ends it with its block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSubprocessExec, PIPE, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const process = await createSubprocessExec("sort", [], { stdin: PIPE, stdout: PIPE });
 *   const [stdout] = await process.communicate("pear\napple\n");
 *   assert.equal(new TextDecoder().decode(stdout!), "apple\npear\n");
 *   assert.equal(process.returncode, 0);
 * });
 * ```
 */
export class Process implements AsyncDisposable {
  /** The number of the process. */
  readonly pid: number;
  /** Its standard input; null unless it was started with `stdin: PIPE`. */
  readonly stdin: StreamWriter | null;
  /** Its standard output; null unless it was started with `stdout: PIPE`. */
  readonly stdout: StreamReader | null;
  /** Its standard error; null unless it was started with `stderr: PIPE`. */
  readonly stderr: StreamReader | null;
  readonly #transport: ProcessTransport;

  /** Made by `createSubprocessExec` and `createSubprocessShell`, not by hand. */
  constructor(
    transport: SubprocessTransport,
    stdin: StreamWriter | null,
    stdout: StreamReader | null,
    stderr: StreamReader | null,
  ) {
    this.#transport = transport as ProcessTransport;
    this.pid = transport.getPid();
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** null while it runs; its exit code, or -N when signal N ended it. */
  get returncode(): number | null {
    return this.#transport.getReturncode();
  }

  /**
   * Waits for the end of the process, also while its pipes are held open. A cancellation leaves the process alone. A process that
   * writes more than its pipe takes does not end before its output is read: use `communicate()` there.
   *
   * @returns the returncode
   */
  wait(): Promise<number> {
    return this.#transport.wait();
  }

  /**
   * Feeds the input, reads both outputs to their end, and waits for the end of the process. All three at once, so that no pipe
   * fills up and blocks the others. An input that the process does not read to its end is not an error.
   *
   * A cancellation leaves the process running.
   *
   * @param input what to write to stdin; it is closed afterwards, also without an input. Ignored when stdin is not piped
   * @returns the outputs, null for one that is not piped
   * @throws {TypeError} if the input is neither a Uint8Array nor a string
   */
  communicate(
    input: BytesLike | null = null,
  ): Promise<[stdout: Uint8Array | null, stderr: Uint8Array | null]> {
    return inOwnScope(() => this.#communicate(input));
  }

  async #communicate(
    input: BytesLike | null,
  ): Promise<[stdout: Uint8Array | null, stderr: Uint8Array | null]> {
    // Before anything is read: a second call must find the outputs untouched.
    const data = input === null ? null : toBytes(input, "the input");
    const scope = currentScope();
    const parts = [this.#feed(data), this.#readAll(1), this.#readAll(2)] as const;
    let outputs: [unknown, Uint8Array | null, Uint8Array | null];
    try {
      outputs = await Promise.all(parts);
    } catch (error) {
      if (isCancelled(error)) {
        // A request that was pending before the call has met the first wait only. The readers must be free afterwards.
        scope.cancel(new Request({ message: undefined }, scope));
        await Promise.allSettled(parts);
      }
      throw error;
    }
    await this.wait();
    return [outputs[1], outputs[2]];
  }

  /**
   * Sends a signal.
   *
   * @param signal its name: "SIGHUP"; on Linux also "SIGRTMIN+1"
   * @throws {ProcessLookupError} if the process has ended
   * @throws {PermissionError} if it runs as another user
   * @throws {RangeError} if the platform has no such signal
   */
  sendSignal(signal: Signal): void {
    this.#transport.sendSignal(signal);
  }

  /**
   * Asks the process to end: SIGTERM. `terminateProcess` also kills a process that does not.
   *
   * @throws {ProcessLookupError} if the process has ended
   */
  terminate(): void {
    this.#transport.terminate();
  }

  /**
   * Ends the process: SIGKILL.
   *
   * @throws {ProcessLookupError} if the process has ended
   */
  kill(): void {
    this.#transport.kill();
  }

  /** Kills it if it still runs, closes its pipes, then waits for its end. */
  [Symbol.asyncDispose](): Promise<void> {
    return inOwnScope(async () => {
      this.#transport.close();
      await this.#transport.finished();
    });
  }

  /** `<Process 1234>` */
  toString(): string {
    return `<Process ${this.pid}>`;
  }

  async #feed(input: Uint8Array | null): Promise<void> {
    const { stdin } = this;
    if (stdin === null) return;
    try {
      if (input !== null) stdin.write(input);
      await stdin.drain();
    } catch (error) {
      const unread = error instanceof BrokenPipeError || error instanceof ConnectionResetError;
      if (!unread) throw error;
    }
    stdin.close();
  }

  async #readAll(fd: 1 | 2): Promise<Uint8Array | null> {
    const stream = fd === 1 ? this.stdout : this.stderr;
    if (stream === null) return null;
    const output = await stream.read();
    this.#transport.getPipeTransport(fd)?.close();
    return output;
  }

  static {
    showAs(this.prototype);
    transportOf = (process) => process.#transport;
  }
}

staysInThread("pass functions that use it: toThread(work, () => process.kill())", Process);

// ── terminateProcess

/** How to end a process. */
export interface TerminateOptions {
  /**
   * How long it may take to end by itself. Zero: it is killed at once.
   * @default {5}
   */
  grace?: Delay;
}

const OPTIONS: OptionsOf<TerminateOptions> = optionsOf("{ grace: 5 }", { grace: duration }, {
  timeout: "write grace",
});

/**
 * Ends a process for certain: SIGTERM, then, after a grace period, SIGKILL.
 *
 * - A process started with `startNewSession: true` is ended with all that it has started and that is still in its group: SIGTERM goes
 *   to the whole group, and SIGKILL to the rest of it when the process has ended or the grace period is over. Otherwise
 *   only the process itself is meant, as its group is ours.
 * - A process that has ended already is not an error. Its output can still be read.
 * - A cancellation during the grace period kills at once.
 *
 * This function has no counterpart in asyncio.
 *
 * @param process what to end
 * @param options `grace`: how long it may take to end by itself, default 5 seconds
 * @throws {TypeError} if there is no such option, or it is not a duration
 * @returns its returncode, once it has ended; grandchildren that hold its pipes are not waited for
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSubprocessShell, PIPE, run, terminateProcess } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const stubborn = await createSubprocessShell(
 *     "trap '' TERM; echo ready; while :; do sleep 1; done",
 *     { stdout: PIPE, startNewSession: true },
 *   );
 *   await stubborn.stdout!.readline();
 *   assert.equal(await terminateProcess(stubborn, { grace: 0.05 }), -9);
 * });
 * ```
 */
export function terminateProcess(
  process: Process,
  options: TerminateOptions = {},
): Promise<number> {
  return inOwnScope(() => terminate(process, options));
}

async function terminate(process: Process, options: TerminateOptions): Promise<number> {
  OPTIONS.check(options, "terminateProcess()");
  const { grace = 5 } = options;
  const transport = transportOf(process);
  signal(transport, "SIGTERM");
  try {
    await waitFor(() => transport.wait(), grace);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  } finally {
    signal(transport, "SIGKILL");
  }
  return await transport.wait();
}

/** To the group where the process leads one, also when it has itself ended. */
function signal(transport: ProcessTransport, name: "SIGTERM" | "SIGKILL"): void {
  if (transport.leadsGroup) {
    transport.signalGroup(name);
    return;
  }
  try {
    transport.sendSignal(name);
  } catch (error) {
    if (!(error instanceof ProcessLookupError)) throw error;
  }
}
