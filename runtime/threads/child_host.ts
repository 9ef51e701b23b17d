import { childCommand } from "./child_command.ts";
import type { PoolMessage, WorkerMessage } from "../wire/protocol.ts";
import type { WorkerChannel } from "./worker_program.ts";
import {
  after,
  asWorkerMessage,
  Farewell,
  once,
  type WorkerEvents,
  type WorkerLink,
} from "./worker_link.ts";

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

/** Seconds that the news of a child's end may come later than an error that it causes. */
const NEWS_DELAY = 1;

/** The channel of a child process's program; sent as source text, so it uses nothing from outside of itself. */
export function processChannel(): WorkerChannel {
  const { process } = globalThis as unknown as { readonly process: Process };
  const v8 = process.getBuiltinModule("node:v8");
  // Deno writes at once. In Bun only the end of a stream tells that all of it is written; in Node that would close the
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
      // Nobody reads it any more.
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
export function startProcess(program: string, events: WorkerEvents): WorkerLink {
  const { spawn } = process.getBuiltinModule("node:child_process");
  const v8 = process.getBuiltinModule("node:v8");
  const { command, args, env } = childCommand();
  const child = spawn(command, args, {
    env,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  // One that could not be started has nothing to hold, which is an error on Deno.
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
  let gone = false;
  let failure: unknown = null;
  const end = once((how: string, cause: unknown) => {
    gone = true;
    farewell.over();
    // A channel that is held keeps the process on Deno although nobody is at its other end.
    release();
    disconnect();
    events.ended(how, cause);
  });
  const kill = (): void => {
    if (!gone) child.kill("SIGKILL");
  };
  /** A child that can't be reached is as good as dead, and then its end says more than the failure. */
  const fail = (error: unknown): void => {
    if (gone || failure !== null) return;
    failure = error;
    if (child.pid === undefined) {
      end("could not be started", error);
      return;
    }
    kill();
    after(NEWS_DELAY, () => end("failed", error));
  };
  const send = (bytes: unknown): void => {
    if (gone || child.send === undefined) return;
    try {
      child.send(bytes);
    } catch (error) {
      // Later, as the runtimes do where they do not throw: whoever gives it a job has first to note that.
      after(0, () => fail(error));
    }
  };
  const farewell = new Farewell(() => send(v8.serialize({ kind: "end" })), () => {
    disconnect();
    after(NEWS_DELAY, kill);
  });
  child.on("message", (bytes: unknown) => {
    const message = bytes instanceof Uint8Array ? read(v8, bytes) : null;
    if (message !== null && !farewell.hears(message)) events.message(message);
  });
  child.on("error", fail);
  child.on("disconnect", () => after(NEWS_DELAY, kill));
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
    stop: () => farewell.begin(),
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
