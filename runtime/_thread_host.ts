import { childCommand } from "./_child_command.ts";
import { runInRoot } from "./_root.ts";
import { type Envelope, makeEnvelope } from "./_thread_envelope.ts";
import type { JobMessage, PokeMessage, UrgentMessage, WorkerMessage } from "./_thread_protocol.ts";
import { programSource, type WorkerChannel } from "./_thread_program.ts";

/**
 * What pools need of a runtime. This file is the only one here that knows worker threads and child processes; it takes them
 * from `process.getBuiltinModule`, when the first worker starts and not before.
 */
export interface ThreadHost {
  startThread(name: string, events: WorkerEvents): WorkerLink;
  startProcess(events: WorkerEvents): WorkerLink;
  /** Calls back after that many seconds unless the returned function is called; does not keep the process alive. */
  after(seconds: number, callback: () => void): () => void;
}

/** What a pool hears of a worker. */
export interface WorkerEvents {
  message(message: WorkerMessage): void;
  /** It has ended, by itself or on demand; called once. `cause` is null when there was no error. */
  ended(how: string, cause: unknown): void;
}

/** A worker as its pool sees it. */
export interface WorkerLink {
  post(message: JobMessage, transfer: readonly Transferable[]): void;
  /** Also reaches a worker that blocks, or that polls its signal. */
  notify(message: UrgentMessage, transfer: readonly Transferable[]): void;
  /** While held, the worker keeps the process alive. It starts unheld. */
  hold(): void;
  release(): void;
  stop(): void;
}

type Listener = (...args: never[]) => void;

interface Emitter {
  on(event: string, listener: Listener): unknown;
}

interface Port extends Emitter {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  close(): void;
}

interface ThreadWorker extends Emitter {
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

interface WorkerThreads {
  readonly Worker: new (source: string, options: object) => ThreadWorker;
  readonly MessageChannel: new () => { readonly port1: Port; readonly port2: Port };
  readonly parentPort: Port;
  readonly workerData: { readonly urgent: Port; readonly flags: Int32Array };
  receiveMessageOnPort(port: Port): { readonly message: unknown } | undefined;
}

interface Child extends Emitter {
  readonly channel?: { ref?(): void; unref?(): void };
  readonly connected: boolean;
  send(message: unknown): boolean;
  ref(): void;
  unref(): void;
  disconnect(): void;
}

interface ChildProcesses {
  spawn(program: string, args: readonly string[], options: object): Child;
}

interface Serializer {
  serialize(value: unknown): Uint8Array;
  deserialize(bytes: Uint8Array): unknown;
}

interface Process extends Emitter {
  send(message: unknown): void;
  exit(): void;
  getBuiltinModule(name: "node:worker_threads"): WorkerThreads;
  getBuiltinModule(name: "node:child_process"): ChildProcesses;
  getBuiltinModule(name: "node:v8"): Serializer;
}

interface Globals {
  readonly process: Process;
  setTimeout(callback: () => void, milliseconds: number): { unref(): void };
  clearTimeout(timer: unknown): void;
}

const globals = globalThis as unknown as Globals;
const envelope = makeEnvelope();

/** Waits longer than this are taken for endless, as host timers are. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Place in the flags of the counter that wakes a blocking worker, and of the number of the last cancelled job. */
const WAKE = 0;
const CANCELLED = 1;

/** The channel of a thread's program; sent as source text, so it uses nothing from outside of itself. */
function threadChannel(envelope: Envelope): WorkerChannel {
  const { process } = globalThis as unknown as Globals;
  const threads = process.getBuiltinModule("node:worker_threads");
  const { parentPort, workerData, receiveMessageOnPort } = threads;
  // The pool writes to a port that nobody listens to, then counts up. A port with a listener may have given a message
  // away to the thread's event loop already, where a thread that blocks never finds it.
  const { urgent, flags } = workerData;
  let handler: (message: JobMessage | PokeMessage | UrgentMessage) => void = () => {};

  const drain = (): void => {
    for (;;) {
      const received = receiveMessageOnPort(urgent);
      if (received === undefined) return;
      handler(envelope.open(received.message) as UrgentMessage);
    }
  };
  return {
    post: (message, transfer) => {
      parentPort.postMessage(envelope.around(message, transfer), transfer);
    },
    listen: (given) => {
      handler = given;
      parentPort.on("message", (received: unknown) => {
        given(envelope.open(received) as JobMessage | PokeMessage);
      });
    },
    drain,
    cancelledJob: () => Atomics.load(flags, 1),
    sleep: (done, milliseconds) => {
      const end = performance.now() + milliseconds;
      for (;;) {
        const seen = Atomics.load(flags, 0);
        drain();
        const left = end - performance.now();
        if (done() || left <= 0) return;
        Atomics.wait(flags, 0, seen, left);
      }
    },
  };
}

/** The channel of a child process's program; the same holds. */
function processChannel(): WorkerChannel {
  const { process } = globalThis as unknown as Globals;
  const v8 = process.getBuiltinModule("node:v8");
  process.on("disconnect", () => process.exit());
  return {
    // What can't be copied has to throw here and now; left to `send`, it ends the child on Deno.
    post: (message) => process.send(v8.serialize(message)),
    listen: (handler) => {
      process.on("message", (bytes: Uint8Array) => handler(v8.deserialize(bytes) as JobMessage));
    },
    drain: () => {},
    cancelledJob: () => 0,
    sleep: null,
  };
}

class RuntimeThreadHost implements ThreadHost {
  #threadProgram: string | null = null;
  #processProgram: string | null = null;

  startThread(name: string, events: WorkerEvents): WorkerLink {
    this.#threadProgram ??= programSource(threadChannel);
    const program = this.#threadProgram;
    // What the worker's events call must not run in the task that happened to start it.
    return runInRoot(() => startThread(program, name, events));
  }

  startProcess(events: WorkerEvents): WorkerLink {
    this.#processProgram ??= programSource(processChannel);
    const program = this.#processProgram;
    return runInRoot(() => startProcess(program, events));
  }

  after(seconds: number, callback: () => void): () => void {
    const milliseconds = Math.max(0, seconds * 1000);
    if (milliseconds > LONGEST_TIMER) return () => {};
    const timer = runInRoot(() => globals.setTimeout(callback, milliseconds));
    timer.unref();
    return () => globals.clearTimeout(timer);
  }
}

function startThread(program: string, name: string, events: WorkerEvents): WorkerLink {
  const { Worker, MessageChannel } = globals.process.getBuiltinModule("node:worker_threads");
  const { port1, port2 } = new MessageChannel();
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(program, {
    eval: true,
    name,
    workerData: { urgent: port2, flags },
    transferList: [port2],
  });
  worker.unref();
  const end = once((how: string, cause: unknown) => {
    port1.close();
    events.ended(how, cause);
  });
  worker.on("message", (received: unknown) => {
    events.message(envelope.open(received) as WorkerMessage);
  });
  worker.on("messageerror", (error: unknown) => {
    end("sent what can't be read here", error);
    void worker.terminate(); // settles; the pool has let go of the worker
  });
  worker.on("error", (error: unknown) => end("failed", error));
  worker.on("exit", (code: number) => end(`exited with code ${code}`, null));
  const notify = (message: UrgentMessage, transfer: readonly Transferable[]): void => {
    if (message.kind === "cancel") Atomics.store(flags, CANCELLED, message.job);
    port1.postMessage(envelope.around(message, transfer), transfer);
    Atomics.add(flags, WAKE, 1);
    Atomics.notify(flags, WAKE);
    worker.postMessage({ kind: "poke" } satisfies PokeMessage);
  };
  return {
    post: (message, transfer) => {
      worker.postMessage(envelope.around(message, transfer), transfer);
    },
    notify,
    hold: () => worker.ref(),
    release: () => worker.unref(),
    stop: () => void worker.terminate(), // its end comes as an event
  };
}

function startProcess(program: string, events: WorkerEvents): WorkerLink {
  const { spawn } = globals.process.getBuiltinModule("node:child_process");
  const v8 = globals.process.getBuiltinModule("node:v8");
  const { command, args, env } = childCommand();
  const child = spawn(command, args, {
    env,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  const hold = (): void => {
    child.ref();
    child.channel?.ref?.();
  };
  const release = (): void => {
    child.unref();
    child.channel?.unref?.();
  };
  const end = once((how: string, cause: unknown) => events.ended(how, cause));
  child.on(
    "message",
    (bytes: Uint8Array) => events.message(v8.deserialize(bytes) as WorkerMessage),
  );
  child.on("error", (error: unknown) => end("failed", error));
  child.on("exit", (code: number | null, signal: string | null) => {
    end(signal === null ? `exited with code ${code}` : `was ended by ${signal}`, null);
  });
  child.send(program);
  release();
  return {
    post: (message) => void child.send(v8.serialize(message)),
    notify: (message) => void child.send(v8.serialize(message)),
    hold,
    release,
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

function once<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    fn(...args);
  };
}

/** The host of this runtime. */
export const threadHost: ThreadHost = new RuntimeThreadHost();
