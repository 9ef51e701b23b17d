/**
 * Starts workers: threads here, child processes in `child_host.ts`. The runtime's modules for both are taken from
 * `process.getBuiltinModule` when the first worker starts.
 *
 * @module
 */
import { runInRoot } from "../base/async_context.ts";
import { noteDescriptors, requireDescriptors } from "../core/lazy_module.ts";
import type { EndMessage, PokeMessage, PoolMessage, UrgentMessage } from "../wire/protocol.ts";
import { startProcess } from "./child_host.ts";
import {
  asWorkerMessage,
  once,
  PoolWorker,
  type WorkerChannel,
  type WorkerEvents,
  type WorkerKind,
  type WorkerLink,
  type WorkerOwner,
  WorkerStop,
} from "./pool_worker.ts";
import { programSource } from "./worker_program.ts";

export { after } from "./pool_worker.ts";

/** More than a worker opens: six on Deno, five on Node; a child's pipes and its channel are about as many. */
const FREE_TO_START = 12;

/** Starts a worker. What it throws says why that is not possible. */
export function startWorker(owner: WorkerOwner, kind: WorkerKind, name: string): PoolWorker {
  requireDescriptors(FREE_TO_START, "start a worker");
  noteDescriptors(1);
  // In the root context: the worker's events must not run in the task that happened to start it.
  return new PoolWorker(
    owner,
    (events) =>
      runInRoot(() => kind === "thread" ? startThread(name, events) : startProcess(events)),
  );
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

/** What a message between two threads is wrapped in. */
interface Envelope {
  around(message: unknown, transfer: readonly Transferable[]): unknown;
  open(received: unknown): unknown;
}

/**
 * Deno's `node:worker_threads` searches each message that arrives for ports, in all that has keys, and every element of a
 * typed array is a key: 16 MiB took more than a second. It does not look into a map, so messages are sent in one. Those with
 * a port, or anything else but buffers, are sent without: Deno gives a port the methods that Node's has when it finds it.
 *
 * It is also sent to workers as source text, therefore it uses nothing from outside of itself.
 */
function makeEnvelope(): Envelope {
  const searched = "Deno" in globalThis;
  return {
    around(message, transfer) {
      if (!searched || !transfer.every((item) => item instanceof ArrayBuffer)) return message;
      return new Map([[0, message]]);
    },
    // No message of a pool is a map by itself.
    open: (received) => received instanceof Map ? received.get(0) : received,
  };
}

const envelope = makeEnvelope();
let program: string | null = null;

/** Place in the flags of the counter that wakes a blocking worker, and of the number of the last cancelled job. */
const WAKE = 0;
const CANCELLED = 1;

/** The channel of a thread's program; sent as source text, so it uses nothing from outside of itself. */
function threadChannel(envelope: Envelope): WorkerChannel {
  const { process } = globalThis as unknown as { readonly process: Process };
  const threads = process.getBuiltinModule("node:worker_threads");
  const { parentPort, workerData, receiveMessageOnPort } = threads;
  // The pool writes to a port without a listener, then counts up. A port with a listener may have handed a message to the
  // thread's event loop already, where a thread that blocks never finds it.
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

function startThread(name: string, events: WorkerEvents): WorkerLink {
  program ??= programSource(`(${threadChannel})((${makeEnvelope})())`);
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
    stop.over();
    events.ended(how, cause);
  });
  const stop = new WorkerStop(
    () => worker.postMessage({ kind: "end" } satisfies EndMessage),
    () => void worker.terminate(), // its end comes as an event
  );
  worker.on("message", (received: unknown) => {
    const message = asWorkerMessage(envelope.open(received));
    if (message !== null && !stop.takes(message)) events.message(message);
  });
  worker.on("messageerror", (error: unknown) => {
    end("sent what can't be read here", error);
    void worker.terminate(); // the pool has dropped the worker
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
    stop: () => stop.begin(),
  };
}
