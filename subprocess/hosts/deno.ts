import { ignore } from "../../runtime/base/functions.ts";
import { FileNotFoundError, OSError, ProcessLookupError } from "../../runtime/errors/exceptions.ts";
import { missingPermission } from "../../runtime/errors/native_errors.ts";
import { signalName } from "../../runtime/base/signal_names.ts";
import { PulledReader, type PullSource } from "../../net/pipes/pulled_reader.ts";
import { StreamPipeWriter } from "../../net/pipes/web_pipes.ts";
import { descriptorError, killError, posixCode, spawnError } from "./spawn_errors.ts";
import type { RawChild, SpawnRequest, StreamUse, SubprocessHost } from "../core/host.ts";

/** `Deno.Command`: needs `--allow-run` only. */
export const denoHost: SubprocessHost = {
  spawn: async (request) => await spawn(request),
  check,
};

const STREAMS: Readonly<Record<Exclude<StreamUse, number>, "piped" | "null" | "inherit">> = {
  pipe: "piped",
  null: "null",
  inherit: "inherit",
};

/** Descriptors are taken as well, though the types don't say so: what Deno's node:child_process has behind it. */
function stream(use: StreamUse): "piped" | "null" | "inherit" {
  return typeof use === "number" ? use as unknown as "inherit" : STREAMS[use];
}

function spawn(request: SpawnRequest): RawChild {
  const { env, cwd, uid, gid } = request;
  const options: Deno.CommandOptions & { detached: boolean } = {
    args: [...request.args],
    stdin: stream(request.stdin),
    stdout: stream(request.stdout),
    stderr: stream(request.stderr),
    detached: request.newSession,
  };
  if (env !== null) Object.assign(options, { env: { ...env }, clearEnv: true });
  if (cwd !== null) options.cwd = cwd;
  if (uid !== null) options.uid = uid;
  if (gid !== null) options.gid = gid;
  try {
    return new DenoChild(new Deno.Command(request.program, options).spawn(), request);
  } catch (error) {
    // `--allow-run=sh` means the shell on the PATH, for Deno another program than /bin/sh.
    if (error instanceof Deno.errors.NotCapable && request.program === "/bin/sh") {
      return spawn({ ...request, program: "sh" });
    }
    const directories = unsearched(error, request);
    if (directories.length === 0) throw translate(error, request);
    return spawnFrom(directories, request, error);
  }
}

/**
 * The directories that a child's PATH stands for and Deno did not search: the C library's own ones where the child has no PATH,
 * and entries that count from the child's directory, for Deno looks at them from ours.
 */
function unsearched(error: unknown, { program, env, cwd }: SpawnRequest): string[] {
  if (program.includes("/")) return [];
  if ((error as Error).message.includes("no path to search")) return ["/bin", "/usr/bin"];
  if (cwd === null || !(error instanceof Deno.errors.NotFound)) return [];
  const path = env === null ? ownPath() : env["PATH"] ?? "";
  const relative = path.split(":").filter((directory) => !directory.startsWith("/"));
  // A path, other than a name, does count from the child's directory.
  return relative.map((directory) => `./${directory || "."}`);
}

/** "" where the program may not read its environment. */
function ownPath(): string {
  try {
    return Deno.env.get("PATH") ?? "";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "";
    throw error;
  }
}

function spawnFrom(
  directories: readonly string[],
  request: SpawnRequest,
  notFound: unknown,
): RawChild {
  for (const directory of directories) {
    try {
      return spawn({ ...request, program: `${directory}/${request.program}` });
    } catch (error) {
      if (!(error instanceof FileNotFoundError)) throw error;
    }
  }
  const missing = new Deno.errors.NotFound((notFound as Error).message, { cause: notFound });
  throw translate(missing, request);
}

/**
 * A shell looks, with the child's own PATH, directory and user: what Deno itself could find out would need the permissions to
 * read files and the environment.
 */
async function check(request: SpawnRequest): Promise<void> {
  const child = spawn({
    ...request,
    program: "/bin/sh",
    args: ["-c", FIND, "sh", request.program],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  });
  const found = await new Promise<number>((resolve) => child.onExit(resolve));
  if (found === 0) return;
  throw spawnError(found === 126 ? "EACCES" : "ENOENT", request, "program", null);
}

/** Exits with 0 when `$1` can be executed, 126 when it is there only, 127 when it is not. */
const FIND = `
status=127
try() {
  [ -f "$1" ] && [ -x "$1" ] && exit 0
  [ -e "$1" ] && status=126
}
case $1 in
  "") ;;
  */*) try "$1" ;;
  *) IFS=:; set -f; for directory in $PATH; do try "\${directory:-.}/$1"; done ;;
esac
exit $status
`;

function translate(error: unknown, request: SpawnRequest): Error {
  if (error instanceof Deno.errors.NotCapable) {
    // Some environment variables need the permission to run anything.
    const flag = error.message.startsWith("Requires run access")
      ? `--allow-run=${request.program}`
      : `--allow-run (${error.message})`;
    return missingPermission(`start ${JSON.stringify(request.program)}`, flag, {
      code: "EACCES",
      syscall: "spawn",
      cause: error,
    });
  }
  const code = posixCode(error);
  if (code === null) return descriptorError(error, request) ?? error as Error;
  const message = (error as Error).message;
  if (message.includes("cwd is not a directory")) {
    return spawnError("ENOTDIR", request, "cwd", error);
  }
  const culprit = message.includes("No such cwd") ? "cwd" : "program";
  return spawnError(code, request, culprit, error);
}

class DenoChild implements RawChild {
  readonly pid: number;
  readonly stdin: StreamPipeWriter | null;
  readonly stdout: PulledReader | null;
  readonly stderr: PulledReader | null;
  readonly native: Deno.ChildProcess;
  readonly #ended: Promise<number>;

  constructor(child: Deno.ChildProcess, request: SpawnRequest) {
    this.native = child;
    this.pid = child.pid;
    this.stdin = request.stdin === "pipe" ? new StreamPipeWriter(child.stdin) : null;
    this.stdout = request.stdout === "pipe" ? reader(child.stdout) : null;
    this.stderr = request.stderr === "pipe" ? reader(child.stderr) : null;
    this.#ended = child.status.then(returncode, realTimeReturncode);
  }

  onExit(callback: (returncode: number) => void): void {
    this.#ended.then(callback);
  }

  kill(signal: number): void {
    this.#send(this.pid, signal);
  }

  killGroup(signal: number): void {
    this.#send(-this.pid, signal);
  }

  unref(): void {
    this.native.unref();
  }

  #send(pid: number, signal: number): void {
    const name = signalName(signal);
    try {
      if (name.startsWith("SIGRT")) sendByCommand(pid, signal);
      // For a child of one's own Deno asks for no more than was needed to start it.
      else if (pid > 0) this.native.kill(name as Deno.Signal);
      else Deno.kill(pid, name as Deno.Signal);
    } catch (error) {
      throw translateKill(error, pid, signal);
    }
  }
}

function reader(stream: ReadableStream<Uint8Array<ArrayBuffer>>): PulledReader {
  return new PulledReader(new DenoPipeSource(stream));
}

function returncode(status: Deno.CommandStatus): number {
  // Deno's code for a signal is 128 + N.
  return status.signal === null ? status.code : 128 - status.code;
}

/** Deno knows a real-time signal only in the text of the error that it makes of it. */
function realTimeReturncode(error: unknown): number {
  const match = /^Invalid signal: (\d+)$/.exec(String((error as Error).message));
  // Another part of the process has reaped the child: CPython's returncode for an unknown end.
  return match === null ? 255 : -Number(match[1]);
}

/** Deno refuses to send real-time signals. */
function sendByCommand(pid: number, signal: number): void {
  const { success } = new Deno.Command("kill", {
    args: [`-${signal}`, "--", String(pid)],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).outputSync();
  if (!success) throw new ProcessLookupError(`Cannot send signal ${signal} to process ${pid}`);
}

function translateKill(error: unknown, pid: number, signal: number): Error {
  if (error instanceof OSError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return missingPermission(`send ${signalName(signal)} to process ${pid}`, "--allow-run", {
      code: "EACCES",
      syscall: "kill",
      cause: error,
    });
  }
  // What child.kill says of a child that has ended.
  if (error instanceof TypeError && /terminated/.test(error.message)) {
    return killError("ESRCH", pid, signal, error);
  }
  const code = posixCode(error);
  return code === null ? error as Error : killError(code, pid, signal, error);
}

/** The pipe buffer of Linux: what one read can bring. */
const READ_SIZE = 64 * 1024;

/** The reading end of a child's pipe on Deno, read into one buffer as long as little comes at a time. */
class DenoPipeSource implements PullSource {
  readonly #reader: ReadableStreamBYOBReader;
  #buffer: ArrayBuffer | null = null;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader({ mode: "byob" });
  }

  async pull(): Promise<Uint8Array | null> {
    const view = new Uint8Array(this.#buffer ?? new ArrayBuffer(READ_SIZE));
    this.#buffer = null;
    // The stream takes the memory away from `view` and gives it back under the chunk.
    const { done, value } = await this.#reader.read(view);
    if (done || value === undefined) return null;
    // A chunk that fills less than half is copied, so that its keeper keeps no more alive than it.
    if (value.length * 2 > READ_SIZE) return value;
    this.#buffer = value.buffer;
    return value.slice();
  }

  cancel(): void {
    // Fails only where the stream has failed before, which its reader has seen.
    this.#reader.cancel().catch(ignore);
  }
}
