import { builtin, bunNamespace, denoNamespace, isGranted, theProcess } from "../base/platform.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import type { PoolMessage, WorkerMessage } from "../wire/protocol.ts";
import {
  after,
  asWorkerMessage,
  once,
  type WorkerChannel,
  type WorkerEvents,
  type WorkerLink,
  WorkerStop,
} from "./pool_worker.ts";
import { programSource } from "./worker_program.ts";

type Listener = (...args: never[]) => void;

interface Emitter {
  on(event: string, listener: Listener): unknown;
}

interface Child extends Emitter {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly channel?: { ref?(): void; unref?(): void };
  readonly connected: boolean;
  /** Missing when it could not be started. */
  send?(message: unknown): boolean;
  ref(): void;
  unref(): void;
  disconnect(): void;
  kill(signal: string): boolean;
}

interface ChildProcesses {
  spawn(program: string, args: readonly string[], options: object): Child;
}

interface Serializer {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Uint8Array): unknown;
}

interface Stream extends Emitter {
  end(written: () => void): void;
  write(text: string, written: () => void): void;
  readonly writableLength: number;
}

interface Process extends Emitter {
  readonly connected?: boolean;
  readonly stdout: Stream;
  readonly stderr: Stream;
  send(message: unknown): void;
  exit(): void;
  getBuiltinModule(name: "node:child_process"): ChildProcesses;
  getBuiltinModule(name: "node:v8"): Serializer;
}

const { process } = globalThis as unknown as { readonly process: Process };

/** Seconds by which the event of a child's end may come later than an error that the end causes. */
const END_DELAY = 1;

let program: string | null = null;

/** The channel of a child process's program; sent as source text, so it uses nothing from outside of itself. */
function processChannel(): WorkerChannel {
  const { process } = globalThis as unknown as { readonly process: Process };
  const v8 = process.getBuiltinModule("node:v8");
  // Deno writes at once. On Bun only the end of a stream shows that all of it is written; on Node an end would close the
  // other processes' end as well, where standard output is a socket.
  const streams = (): Stream[] => "Deno" in globalThis ? [] : [process.stdout, process.stderr];

  const flush = (last: boolean, written: () => void): void => {
    let open = 1;
    const closed = (): void => {
      if (--open === 0) written();
    };
    for (const stream of last ? streams() : []) {
      let waiting = true;
      const done = (): void => {
        if (waiting) closed();
        waiting = false;
      };
      open++;
      // Its reader has closed it.
      stream.on("error", done);
      if ("Bun" in globalThis) stream.end(done);
      else stream.write("", done);
    }
    closed();
  };
  process.on("disconnect", () => flush(true, () => process.exit()));
  return {
    // What can't be copied has to throw here and now; left to `send`, it ends the child on Deno.
    post: (message) => {
      const bytes = v8.serialize(message);
      if (process.connected !== false) process.send(bytes);
    },
    listen: (handler) => {
      process.on("message", (bytes: Uint8Array) => handler(v8.deserialize(bytes) as PoolMessage));
    },
    drain: () => {},
    cancelledJob: () => 0,
    // What it printed does not depend on the life of the pool's process.
    unwritten: () => false,
    flush,
    sleep: null,
  };
}

/** Starts a child that runs the program. */
export function startProcess(events: WorkerEvents): WorkerLink {
  program ??= programSource(`(${processChannel})()`);
  const { spawn } = process.getBuiltinModule("node:child_process");
  const v8 = process.getBuiltinModule("node:v8");
  const { command, args, env } = childCommand();
  const child = spawn(command, args, {
    env,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  // A child that could not be started can't be held: an error on Deno.
  const hold = (): void => {
    if (child.pid === undefined) return;
    child.ref();
    child.channel?.ref?.();
  };
  const release = (): void => {
    if (child.pid === undefined) return;
    child.unref();
    child.channel?.unref?.();
  };
  const disconnect = (): void => {
    if (child.connected) child.disconnect();
  };
  let ended = false;
  let failure: unknown = null;
  const end = once((how: string, cause: unknown) => {
    ended = true;
    stop.over();
    // On Deno a held channel keeps the process alive although its other end is closed.
    release();
    disconnect();
    events.ended(how, cause);
  });
  const kill = (): void => {
    if (!ended) child.kill("SIGKILL");
  };
  /** A child that can't be reached is killed, and the event of its end says more than the failure. */
  const fail = (error: unknown): void => {
    if (ended || failure !== null) return;
    failure = error;
    if (child.pid === undefined) {
      end("could not be started", error);
      return;
    }
    kill();
    after(END_DELAY, () => end("failed", error));
  };
  const send = (bytes: unknown): void => {
    if (ended || child.send === undefined) return;
    try {
      child.send(bytes);
    } catch (error) {
      // Later, as the runtimes do where they do not throw: the pool has first to note that the child has the job.
      after(0, () => fail(error));
    }
  };
  const stop = new WorkerStop(() => send(v8.serialize({ kind: "end" })), () => {
    disconnect();
    after(END_DELAY, kill);
  });
  child.on("message", (bytes: unknown) => {
    const message = bytes instanceof Uint8Array ? read(v8, bytes) : null;
    if (message !== null && !stop.takes(message)) events.message(message);
  });
  child.on("error", fail);
  child.on("disconnect", () => after(END_DELAY, kill));
  child.on("exit", (code: number | null, signal: string | null) => {
    end(signal === null ? `exited with code ${code}` : `was ended by ${signal}`, failure);
  });
  send(program);
  release();
  return {
    post: (message) => send(v8.serialize(message)),
    notify: (message) => send(v8.serialize(message)),
    hold,
    release,
    stop: () => stop.begin(),
  };
}

function read(v8: Serializer, bytes: Uint8Array): WorkerMessage | null {
  try {
    return asWorkerMessage(v8.deserialize(bytes));
  } catch (_notOurs) {
    // Bytes that a job sent to a parent of another kind.
    return null;
  }
}

// ── the command

/** How a child of this runtime is started. */
interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The child gets its program as the first message, since a command line may be too short for it. */
const START = 'process.once("message", (program) => (0, eval)(program));';
/** Makes an executable that Bun compiled behave as Bun itself. The work does not see it, nor what the work starts. */
const BE_BUN = "BUN_BE_BUN";

/**
 * The command that starts this runtime as a child, which waits for its program.
 *
 * In a program that was compiled into one executable the runtime's path is that of the program: started with any arguments,
 * it would run from the beginning, make its pool and start itself again, without an end. Bun alone has a switch that makes
 * such an executable the runtime.
 *
 * @throws {RuntimeError} if this process is such a program
 */
function childCommand(): ChildCommand {
  const { execPath: command, execArgv, env } = theProcess();
  if (denoNamespace !== undefined) {
    if (denoNamespace.build.standalone === true) throw compiled();
    const script = `data:text/javascript,${encodeURIComponent(START)}`;
    return { command, args: ["run", "--no-prompt", ...granted(), script], env };
  }
  if (bunNamespace !== undefined) {
    const { main } = bunNamespace as { readonly main: string | undefined };
    // The switch is set and this still runs the program: a Bun that does not know the switch.
    if (isInBunExecutable(main) && env[BE_BUN] === "1") throw compiled();
    const start = `delete process.env.${BE_BUN};${START}`;
    return { command, args: ["-e", start], env: { ...env, [BE_BUN]: "1" } };
  }
  if (builtin("node:sea")?.isSea() === true) throw compiled();
  return { command, args: [...inherited(execArgv), "-e", START], env };
}

function compiled(): RuntimeError {
  return new RuntimeError(
    "Cannot start a child of this runtime: this program was compiled into one executable, " +
      "which is started as the program always. Use a ThreadPoolExecutor",
  );
}

/** Embedded files have paths below "/$bunfs/", on Windows below "B:\~BUN\". */
function isInBunExecutable(main: string | undefined): boolean {
  return main !== undefined && /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/.test(main);
}

/** A child may do what this process may do without limits; a permission limited to some paths or hosts can't be read. */
function granted(): string[] {
  const names = ["read", "write", "net", "env", "run", "sys", "ffi", "import"];
  return names.filter((name) => isGranted({ name })).map((name) => `--allow-${name}`);
}

/** Node's own options, without those that say what to run or that would run or debug it a second time. */
function inherited(options: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < options.length; index++) {
    const option = options[index]!;
    if (/^(-e|-p|-pe|--eval|--print)$/.test(option)) index++;
    else if (!/^--(test|watch|inspect|input-type)/.test(option)) kept.push(option);
  }
  return kept;
}
