import type * as childProcess from "node:child_process";
import type { Socket } from "node:net";
import { NodeChannel } from "../../net/channels/node_channel.ts";
import { signalNumber } from "../../runtime/base/signal_names.ts";
import {
  ExitNotice,
  type RawChild,
  type SpawnRequest,
  type StreamUse,
  type SubprocessHost,
} from "../core/host.ts";
import { checkProgram, explainSpawn } from "./find_program.ts";
import { sendSignal } from "./spawn_errors.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { hidesSignals, WaitStatus } from "./wait_status.ts";

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

function stream(use: StreamUse): "pipe" | "ignore" | "inherit" | number {
  return typeof use === "number" ? use : STREAMS[use];
}

/**
 * Where a child without piped output has one more pipe, that tells of its end (see {@linkcode WaitStatus}): descriptors that no
 * shell script names. One that is open in this process at the time of the spawn, as Node's own first ones always are; another
 * could be the one by which libuv hears that the program could not be started, and would silence it.
 */
const END_FDS = [10, 11, 12, 13, 14] as const;

function spawn(request: SpawnRequest): Promise<RawChild> {
  return new Promise((resolve, reject) => {
    const stdio = [request.stdin, request.stdout, request.stderr].map(stream);
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
      // Everything that listens is there before this turn ends: output of a child that is gone by then would be lost.
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
  readonly #exit = new ExitNotice();

  constructor(child: childProcess.ChildProcess, pid: number) {
    this.native = child;
    this.pid = pid;
    this.#waitStatus = new WaitStatus(pid);
    const [stdin, stdout, stderr] = child.stdio as (Socket | null)[];
    this.stdin = stdin ? channel(stdin) : null;
    this.stdout = stdout ? this.#reader(stdout) : null;
    this.stderr = stderr ? this.#reader(stderr) : null;
    this.#watchEnd();
    child.on("exit", this.#onExit);
  }

  onExit(callback: (returncode: number) => void): void {
    this.#exit.listen(callback);
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
    // Nobody needs what comes through it, and its failure could tell nothing.
    end.on("error", () => end.destroy());
    end.resume();
    end.unref();
    this.native.on("exit", () => end.destroy());
  }

  readonly #onExit = (code: number | null, signal: string | null): void => {
    const realTime = code === 0 && signal === null ? this.#waitStatus.realTimeSignal : null;
    if (realTime !== null) this.#exit.tell(-realTime);
    else this.#exit.tell(signal === null ? code ?? 255 : -signalNumber(signal));
  };
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
