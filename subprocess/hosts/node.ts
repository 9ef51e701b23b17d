import type * as childProcess from "node:child_process";
import type { Socket } from "node:net";
import { NodeChannel } from "../../net/channels/node_channel.ts";
import { builtin, operatingSystem } from "../../runtime/base/platform.ts";
import { signalNumber } from "../../runtime/base/signal_names.ts";
import type { RawChild, SpawnRequest, StreamUse, SubprocessHost } from "../core/host.ts";
import { checkProgram, explainSpawn } from "./find_program.ts";
import { sendSignal } from "./spawn_errors.ts";

/** node:child_process, on Node. */
export const nodeHost: SubprocessHost = {
  spawn,
  check: async (request) => await checkProgram(request),
};

const STREAMS: Readonly<Record<Exclude<StreamUse, number>, "pipe" | "ignore" | "inherit">> = {
  pipe: "pipe",
  null: "ignore",
  inherit: "inherit",
};

/** The use of a stream as Node and Bun name it. */
export function nodeStream(use: StreamUse): "pipe" | "ignore" | "inherit" | number {
  return typeof use === "number" ? use : STREAMS[use];
}

/**
 * Where a child without piped output has one more pipe, whose end is the child's (see {@linkcode WaitStatus}): descriptors that
 * shell scripts don't use. It takes one that is open in this process at the time of the spawn, as Node's own first ones always
 * are; any other could be the one by which libuv reports that the program could not be started.
 */
const END_FDS = [10, 11, 12, 13, 14] as const;

function spawn(request: SpawnRequest): Promise<RawChild> {
  return new Promise((resolve, reject) => {
    const stdio = [request.stdin, request.stdout, request.stderr].map(nodeStream);
    const needsEnd = request.stdout !== "pipe" && request.stderr !== "pipe" && hidesSignals();
    const endFd = needsEnd ? END_FDS.find(isOpen) : undefined;
    if (endFd !== undefined) {
      while (stdio.length < endFd) stdio.push("ignore");
      stdio.push("pipe");
    }
    const options: childProcess.SpawnOptions = { stdio, detached: request.newSession };
    if (request.cwd !== null) options.cwd = request.cwd;
    if (request.env !== null) options.env = { ...request.env };
    if (request.uid !== null) options.uid = request.uid;
    if (request.gid !== null) options.gid = request.gid;
    try {
      // Node refuses the empty name with an error of its own.
      if (request.program === "") checkProgram(request);
      const child = builtin("node:child_process").spawn(
        request.program,
        [...request.args],
        options,
      );
      child.on("error", (error) => {
        // Where the child could not be started its pipes are there all the same.
        if (child.pid === undefined) child.stdio?.forEach((stream) => stream?.destroy());
        reject(explainSpawn(error, request));
      });
      // All listeners are there before this turn ends: output of a child that has ended by then would be lost.
      if (child.pid !== undefined) resolve(new NodeChild(child, child.pid));
    } catch (error) {
      reject(explainSpawn(error, request));
    }
  });
}

class NodeChild implements RawChild {
  readonly pid: number;
  readonly stdin: NodeChannel | null;
  readonly stdout: NodeChannel | null;
  readonly stderr: NodeChannel | null;
  readonly native: childProcess.ChildProcess;
  readonly #waitStatus: WaitStatus;
  readonly #ended: Promise<number>;

  constructor(child: childProcess.ChildProcess, pid: number) {
    this.native = child;
    this.pid = pid;
    this.#waitStatus = new WaitStatus(pid);
    const [stdin, stdout, stderr] = child.stdio as (Socket | null)[];
    this.stdin = stdin ? channel(stdin) : null;
    this.stdout = stdout ? this.#reader(stdout) : null;
    this.stderr = stderr ? this.#reader(stderr) : null;
    this.#watchEnd();
    this.#ended = new Promise((resolve) => {
      child.on("exit", (code, signal) => resolve(this.#returncode(code, signal)));
    });
  }

  onExit(callback: (returncode: number) => void): void {
    this.#ended.then(callback);
  }

  kill(signal: number): void {
    this.#waitStatus.sending(signal);
    sendSignal(this.pid, signal);
  }

  killGroup(signal: number): void {
    sendSignal(-this.pid, signal);
  }

  unref(): void {
    this.native.unref();
  }

  #reader(stream: Socket): NodeChannel {
    if (hidesSignals()) this.#waitStatus.watch(stream);
    return channel(stream);
  }

  #watchEnd(): void {
    const end = (this.native.stdio as readonly unknown[]).slice(3).at(-1) as Socket | undefined;
    if (!end) return;
    this.#waitStatus.watch(end);
    // Its data and its errors mean nothing.
    end.on("error", () => end.destroy());
    end.resume();
    end.unref();
    this.native.on("exit", () => end.destroy());
  }

  #returncode(code: number | null, signal: string | null): number {
    const realTime = code === 0 && signal === null ? this.#waitStatus.realTimeSignal : null;
    if (realTime !== null) return -realTime;
    return signal === null ? code ?? 255 : -signalNumber(signal);
  }
}

function isOpen(fd: number): boolean {
  try {
    builtin("node:fs").fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

function channel(stream: Socket): NodeChannel {
  const destroy = (): void => void stream.destroy();
  return new NodeChannel(stream, { localAddr: null, remoteAddr: null }, {
    immediate: true,
    close: destroy,
    abort: destroy,
  });
}

/** Linux's mark of a task that is on its way out, in field 9 of /proc/pid/stat. */
const EXITING = 0x4;
const REAL_TIME_FIRST = 32;

/** Whether Node hides something here: only Linux has real-time signals. */
function hidesSignals(): boolean {
  return operatingSystem() === "linux";
}

/**
 * Finds out that a real-time signal ended a child, which Node reports as exit code 0.
 *
 * - The kernel closes a dying process's descriptors after it has set its wait status, and Node's event loop looks at pipes before
 *   it reaps children. So when the end of one of the child's pipes arrives, /proc still knows the status.
 * - That end does not arrive in time when a grandchild holds the pipe, or its reader is held back at that moment. Then a signal
 *   that we have sent ourselves, and that the child did not handle, counts as what ended it.
 */
class WaitStatus {
  readonly #pid: number;
  readonly #fs = builtin("node:fs");
  #status: number | null = null;
  #sent: number | null = null;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Looks at the end of this stream. To be called in the turn of the spawn. */
  watch(stream: Socket): void {
    const push = stream.push;
    // "end" would come too late: a turn later, and only when the reader has taken everything.
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null) this.#look();
      return push.call(stream, chunk, encoding);
    };
  }

  /** The signal is about to be sent. */
  sending(signal: number): void {
    if (signal < REAL_TIME_FIRST || !hidesSignals()) return;
    const status = this.#read("status");
    const bit = 1n << BigInt(signal - 1);
    const handled = ["SigIgn", "SigCgt"].some((name) => {
      const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
      return (BigInt(`0x${mask}`) & bit) !== 0n;
    });
    if (!handled) this.#sent = signal;
  }

  /** The real-time signal that ended a child with Node's exit code 0; null when it did exit with 0, or that can't be known. */
  get realTimeSignal(): number | null {
    if (this.#status === null) return this.#sent;
    const signal = this.#status & 0x7f;
    return signal >= REAL_TIME_FIRST && signal < 0x7f ? signal : null;
  }

  #look(): void {
    if (this.#status !== null) return;
    const stat = this.#read("stat");
    // The program's name comes second, in parentheses, and may contain any of these characters.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if ((Number(fields[6]) & EXITING) !== 0) this.#status = Number(fields[49]);
  }

  /** "" when the child was reaped already, or /proc is not to be seen. */
  #read(name: "stat" | "status"): string {
    try {
      return this.#fs.readFileSync(`/proc/${this.#pid}/${name}`, "latin1");
    } catch {
      return "";
    }
  }
}
