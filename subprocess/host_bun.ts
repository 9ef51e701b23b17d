import { signalNumber } from "../runtime/_signal_names.ts";
import { BunPipeSource, BunPipeWriter, type FileSink } from "./_bun_pipes.ts";
import { ExitNotice } from "./_exit_notice.ts";
import { checkProgram, explainSpawn, findOnPath } from "./_find_program.ts";
import { sendSignal, thisProcess } from "./_node_children.ts";
import { PulledReader } from "./_pulled_reader.ts";
import type { RawChild, SpawnRequest, StreamUse, SubprocessHost } from "./host.ts";

/** `Bun.spawn`, since Bun's node:child_process never tells that a child has closed its standard input. */
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

type BunStream = "pipe" | "ignore" | "inherit" | number;

interface BunSpawnOptions {
  cmd: string[];
  argv0?: string;
  stdin: BunStream;
  stdout: BunStream;
  stderr: BunStream;
  /** Undocumented; without it Bun reads all of the output into memory, whether or not anybody wants it. */
  lazy: true;
  detached: boolean;
  cwd?: string;
  env?: Readonly<Record<string, string | undefined>>;
  uid?: number;
  gid?: number;
  onExit(child: BunSubprocess, code: number | null, signal: string | number | null): void;
}

const STREAMS: Readonly<Record<Exclude<StreamUse, number>, "pipe" | "ignore" | "inherit">> = {
  pipe: "pipe",
  null: "ignore",
  inherit: "inherit",
};

function stream(use: StreamUse): BunStream {
  return typeof use === "number" ? use : STREAMS[use];
}

function spawn(request: SpawnRequest): RawChild {
  const { Bun } = globalThis as unknown as {
    Bun: { spawn(options: BunSpawnOptions): BunSubprocess };
  };
  const exit = new ExitNotice();
  const found = findOnPath(request);
  const options: BunSpawnOptions = {
    cmd: [found ?? request.program, ...request.args],
    stdin: stream(request.stdin),
    stdout: stream(request.stdout),
    stderr: stream(request.stderr),
    lazy: true,
    detached: request.newSession,
    onExit: (_child, code, signal) => exit.tell(returncode(code, signal)),
  };
  if (found !== null) options.argv0 = request.program;
  if (request.cwd !== null) options.cwd = request.cwd;
  // Without one Bun gives the child the environment that this process was started with, and searches that one's PATH.
  options.env = request.env ?? thisProcess().env;
  if (request.uid !== null) options.uid = request.uid;
  if (request.gid !== null) options.gid = request.gid;
  try {
    return new BunChild(Bun.spawn(options), request, exit);
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
  readonly #exit: ExitNotice;

  constructor(child: BunSubprocess, request: SpawnRequest, exit: ExitNotice) {
    this.native = child;
    this.pid = child.pid;
    this.#exit = exit;
    this.stdin = request.stdin === "pipe" ? new BunPipeWriter(child.stdin) : null;
    this.stdout = request.stdout === "pipe" ? reader(child.stdout) : null;
    this.stderr = request.stderr === "pipe" ? reader(child.stderr) : null;
  }

  onExit(callback: (returncode: number) => void): void {
    this.#exit.listen(callback);
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
  return new PulledReader(new BunPipeSource(stream));
}

function returncode(code: number | null, signal: string | number | null): number {
  if (signal === null) return code ?? 255;
  // Bun names no real-time signals.
  return typeof signal === "number" ? -signal : -signalNumber(signal);
}
