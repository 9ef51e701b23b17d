import { ignore } from "../../runtime/base/functions.ts";
import type { Done, RawWritable } from "../../net/core/host.ts";
import { PulledReader } from "../../net/pipes/pulled_reader.ts";
import { WebSource } from "../../net/pipes/web_pipes.ts";
import { bunNamespace, theProcess } from "../../runtime/base/platform.ts";
import { BrokenPipeError } from "../../runtime/errors/exceptions.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { signalNumber } from "../../runtime/base/signal_names.ts";
import type { RawChild, SpawnRequest, SubprocessHost } from "../core/host.ts";
import { checkProgram, explainSpawn, findOnPath } from "./find_program.ts";
import { nodeStream } from "./node.ts";
import { sendSignal } from "./spawn_errors.ts";

/** `Bun.spawn`, since Bun's node:child_process does not report that a child has closed its standard input. */
export const bunHost: SubprocessHost = {
  spawn: async (request) => await spawn(request),
  check: async (request) => await checkProgram(request),
};

/** What is used of Bun's Subprocess. */
interface BunSubprocess {
  readonly pid: number;
  readonly stdin: FileSink;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  unref(): void;
}

interface BunSpawnOptions {
  cmd: string[];
  argv0?: string;
  stdin: ReturnType<typeof nodeStream>;
  stdout: ReturnType<typeof nodeStream>;
  stderr: ReturnType<typeof nodeStream>;
  /** Undocumented; without it Bun reads all of the output into memory, read or not. */
  lazy: true;
  detached: boolean;
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  uid?: number;
  gid?: number;
  onExit(child: BunSubprocess, code: number | null, signal: string | number | null): void;
}

function spawn(request: SpawnRequest): RawChild {
  const bun = bunNamespace as { spawn(options: BunSpawnOptions): BunSubprocess };
  const found = findOnPath(request);
  let exited: (returncode: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    exited = resolve;
  });
  const options: BunSpawnOptions = {
    cmd: [found ?? request.program, ...request.args],
    stdin: nodeStream(request.stdin),
    stdout: nodeStream(request.stdout),
    stderr: nodeStream(request.stderr),
    lazy: true,
    detached: request.newSession,
    onExit: (_child, code, signal) => exited(returncode(code, signal)),
  };
  if (found !== null) options.argv0 = request.program;
  if (request.cwd !== null) options.cwd = request.cwd;
  // Without one Bun gives the child the environment that this process was started with, and searches its PATH.
  options.env = request.env ?? theProcess().env;
  if (request.uid !== null) options.uid = request.uid;
  if (request.gid !== null) options.gid = request.gid;
  try {
    return new BunChild(bun.spawn(options), request, ended);
  } catch (error) {
    throw explainSpawn(error, request);
  }
}

class BunChild implements RawChild {
  readonly pid: number;
  readonly stdin: BunPipeWriter | null;
  readonly stdout: PulledReader | null;
  readonly stderr: PulledReader | null;
  readonly native: BunSubprocess;
  readonly #ended: Promise<number>;

  constructor(child: BunSubprocess, request: SpawnRequest, ended: Promise<number>) {
    this.native = child;
    this.pid = child.pid;
    this.#ended = ended;
    this.stdin = request.stdin === "pipe" ? new BunPipeWriter(child.stdin) : null;
    this.stdout = request.stdout === "pipe" ? reader(child.stdout) : null;
    this.stderr = request.stderr === "pipe" ? reader(child.stderr) : null;
  }

  onExit(callback: (returncode: number) => void): void {
    this.#ended.then(callback);
  }

  kill(signal: number): void {
    sendSignal(this.pid, signal);
  }

  killGroup(signal: number): void {
    sendSignal(-this.pid, signal);
  }

  unref(): void {
    this.native.unref();
  }
}

function reader(stream: ReadableStream<Uint8Array>): PulledReader {
  return new PulledReader(new WebSource(stream, false));
}

function returncode(code: number | null, signal: string | number | null): number {
  if (signal === null) return code ?? 255;
  // Bun names no real-time signals.
  return typeof signal === "number" ? -signal : -signalNumber(signal);
}

/** What is used of Bun's FileSink. Its results are promises only where it has to wait. */
export interface FileSink {
  /** How much was taken; a promise when the pipe is full; `true` once the sink has ended. */
  write(chunk: Uint8Array): number | true | Promise<unknown>;
  flush(): unknown;
  end(): unknown;
  unref(): void;
}

/**
 * The writing end of a child's pipe on Bun. A write under way can't be called off there: `close()` keeps the descriptor until
 * the child has read that chunk or has ended.
 */
class BunPipeWriter implements RawWritable {
  readonly #sink: FileSink;
  #ended = false;
  #closed = false;

  constructor(sink: FileSink) {
    this.#sink = sink;
  }

  get closed(): boolean {
    return this.#closed;
  }

  write(chunk: Uint8Array, done: Done): boolean {
    return this.#run(done, () => {
      const written = this.#sink.write(chunk);
      // Bun ends the sink itself when the child has ended, without another sign.
      if (written === true) throw new BrokenPipeError("write: broken pipe (EPIPE)");
      return [written, this.#sink.flush()];
    });
  }

  shutdownWrite(done: Done): void {
    this.#ended = true;
    if (this.#run(done, () => [this.#sink.end()])) {
      queueMicrotask(() => this.#settle(done, null));
    }
  }

  close(): void {
    if (this.#closed) return;
    if (!this.#ended) this.shutdownWrite(ignore);
    this.#closed = true;
    // A write under way must not keep the process from ending either.
    this.#sink.unref();
  }

  /** The child holds the process, not its pipes. */
  ref(): void {}

  unref(): void {}

  /** True when the operation is complete already; false when `done` will be called. */
  #run(done: Done, operation: () => unknown[]): boolean {
    let waits: unknown[];
    try {
      waits = operation().filter((result) => result instanceof Promise);
    } catch (error) {
      waits = [Promise.reject(error)];
    }
    if (waits.length === 0) return true;
    Promise.all(waits).then(
      () => this.#settle(done, null),
      (error) => this.#settle(done, error),
    );
    return false;
  }

  #settle(done: Done, error: unknown): void {
    if (!this.#closed) done(error === null ? null : toOSError(error, "write"));
  }
}
