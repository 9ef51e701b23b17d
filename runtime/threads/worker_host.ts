import { processChannel, startProcess } from "./child_host.ts";
import { runInRoot } from "../base/async_context.ts";
import { type Envelope, makeEnvelope } from "../wire/wire.ts";
import { programSource, type WorkerChannel } from "./worker_program.ts";
import type { EndMessage, PokeMessage, PoolMessage, UrgentMessage } from "../wire/protocol.ts";
import {
  asWorkerMessage,
  Farewell,
  once,
  type WorkerEvents,
  type WorkerLink,
} from "./worker_link.ts";

/**
 * What pools need of a runtime. This file knows worker threads, `runtime/threads/child_host.ts` child processes, and nothing else here
 * does; they are taken from `process.getBuiltinModule`, when the first worker starts and not before.
 */
export interface ThreadHost {
  startThread(name: string, events: WorkerEvents): WorkerLink;
  startProcess(events: WorkerEvents): WorkerLink;
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

interface Stream {
  write(text: string, written: () => void): void;
  readonly writableLength: number;
}

interface Process {
  readonly stdout: Stream;
  readonly stderr: Stream;
  getBuiltinModule(name: "node:worker_threads"): WorkerThreads;
}

const { process } = globalThis as unknown as { readonly process: Process };
const envelope = makeEnvelope();

/** Place in the flags of the counter that wakes a blocking worker, and of the number of the last cancelled job. */
const WAKE = 0;
const CANCELLED = 1;

/** The channel of a thread's program; sent as source text, so it uses nothing from outside of itself. */
function threadChannel(envelope: Envelope): WorkerChannel {
  const { process } = globalThis as unknown as { readonly process: Process };
  const threads = process.getBuiltinModule("node:worker_threads");
  const { parentPort, workerData, receiveMessageOnPort } = threads;
  // The pool writes to a port that nobody listens to, then counts up. A port with a listener may have given a message
  // away to the thread's event loop already, where a thread that blocks never finds it.
  const { urgent, flags } = workerData;
  let handler: (message: PoolMessage) => void = () => {};
  // Deno writes at once; elsewhere a worker's output goes through the thread that started it.
  const unwritten = (): Stream[] =>
    "Deno" in globalThis
      ? []
      : [process.stdout, process.stderr].filter((stream) => stream.writableLength > 0);

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
        given(envelope.open(received) as PoolMessage);
      });
    },
    drain,
    cancelledJob: () => Atomics.load(flags, 1),
    unwritten: () => unwritten().length > 0,
    flush(_last, written) {
      let open = 1;
      const closed = (): void => {
        if (--open === 0) written();
      };
      for (const stream of unwritten()) {
        open++;
        stream.write("", closed);
      }
      closed();
    },
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
}

function startThread(program: string, name: string, events: WorkerEvents): WorkerLink {
  const { Worker, MessageChannel } = process.getBuiltinModule("node:worker_threads");
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
    farewell.over();
    events.ended(how, cause);
  });
  const farewell = new Farewell(
    () => worker.postMessage({ kind: "end" } satisfies EndMessage),
    () => void worker.terminate(), // its end comes as an event
  );
  worker.on("message", (received: unknown) => {
    const message = asWorkerMessage(envelope.open(received));
    if (message !== null && !farewell.hears(message)) events.message(message);
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
    stop: () => farewell.begin(),
  };
}

/** The host of this runtime. */
export const threadHost: ThreadHost = new RuntimeThreadHost();
