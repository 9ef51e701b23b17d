import { inOwnScope } from "../runtime/scopes/known.ts";
import type { StreamReader } from "../net/streams/stream_reader.ts";
import type { StreamWriter } from "../net/streams/stream_writer.ts";
import { type BytesLike, toBytes } from "../runtime/base/bytes.ts";
import { BrokenPipeError, ConnectionResetError } from "../runtime/errors/exceptions.ts";
import { gather } from "../runtime/combinators/gather.ts";
import type { Signal } from "../runtime/base/signal_names.ts";
import type { ProcessTransport } from "./transport/process_transport.ts";
import type { SubprocessTransport } from "../runtime/contract/subprocesses.ts";
import { showAs, staysInThread } from "../runtime/base/format.ts";

/** The transport of a process. */
export let transportOf: (process: Process) => ProcessTransport;

/**
 * A child process (`asyncio.subprocess.Process`), as `createSubprocessExec` and `createSubprocessShell` start it.
 *
 * - `wait()` waits for the end of the process alone; what it wrote can be read afterwards. The end of its pipes is the end of
 *   `stdout` and `stderr`, which a grandchild may hold open longer.
 * - Output that nobody reads holds the child back: read it, or use `communicate()`.
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
   * Waits for the end of the process, whoever still holds its pipes. A cancellation leaves the process alone. A process that
   * writes more than its pipe takes does not end before somebody reads: use `communicate()` there.
   *
   * @returns the returncode
   */
  wait(): Promise<number> {
    return this.#transport.wait();
  }

  /**
   * Feeds the input, reads both outputs to their end, and waits for the end of the process. All three at once, so that no pipe
   * fills up and blocks the others. An input that the process does not read to its end is no error.
   *
   * A cancellation leaves the process running.
   *
   * @param input what to write to stdin; it is closed afterwards, also without an input. Ignored when stdin is not piped
   * @returns the outputs, null for one that is not piped
   * @throws {TypeError} when the input is neither a Uint8Array nor a string
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
    const [, stdout, stderr] = await gather([
      () => this.#feed(data),
      () => this.#readAll(1),
      () => this.#readAll(2),
    ]);
    await this.wait();
    return [stdout, stderr];
  }

  /**
   * Sends a signal.
   *
   * @param signal its name: "SIGHUP"; on Linux also "SIGRTMIN+1"
   * @throws {ProcessLookupError} when the process has ended
   * @throws {PermissionError} when it runs as another user
   * @throws {RangeError} when the platform has no such signal
   */
  sendSignal(signal: Signal): void {
    this.#transport.sendSignal(signal);
  }

  /**
   * Asks the process to end: SIGTERM. `terminateProcess` also sees to it that it does.
   *
   * @throws {ProcessLookupError} when the process has ended
   */
  terminate(): void {
    this.#transport.terminate();
  }

  /**
   * Ends the process: SIGKILL.
   *
   * @throws {ProcessLookupError} when the process has ended
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
