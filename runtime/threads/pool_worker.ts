import { BrokenExecutor, RuntimeError } from "../errors/exceptions.ts";
import { rejectConcurrent, resolveConcurrent } from "../tasks/concurrent_future.ts";
import { addEntry, type Future } from "../tasks/future.ts";
import { InternalCallback } from "../tasks/handles.ts";
import { type Job, type JobHolder, requireFree } from "./job.ts";
import { runInRoot } from "../base/async_context.ts";
import { markForeign } from "../base/stack.ts";
import { findErrorClass, transferMarks, wire } from "../wire/wire.ts";
import type {
  EncodedValue,
  JobMessage,
  PoolMessage,
  UrgentMessage,
  WorkerMessage,
} from "../wire/protocol.ts";

type CallMessage = Extract<WorkerMessage, { kind: "call" }>;

/** A worker's pool. */
export interface WorkerOwner {
  /** The worker has done its job and can take the next one. */
  workerIsFree(worker: PoolWorker): void;
  /** The worker takes no more jobs. */
  workerIsLost(worker: PoolWorker): void;
  /** The worker has ended. */
  workerHasEnded(worker: PoolWorker): void;
  /** An error was left uncaught while no job ran. */
  report(message: string, error: unknown): void;
}

/**
 * The pool's side of one worker. The worker has one job at a time; it keeps the process alive while it has a job or output to
 * write. What ends the worker fails that job only.
 */
export class PoolWorker implements JobHolder {
  readonly #owner: WorkerOwner;
  readonly #link: WorkerLink;
  #job: Job | null = null;
  /** The calls into the loop that the worker waits for. */
  readonly #calls: Map<number, Future<unknown>> = new Map();
  /** Its output is not yet written. */
  #printing = false;
  #stopping = false;
  #ended = false;
  /** When it became free, on the host's clock. */
  idleSince = 0;

  constructor(owner: WorkerOwner, start: (events: WorkerEvents) => WorkerLink) {
    this.#owner = owner;
    this.#link = start({
      message: (message) => this.#receive(message),
      ended: (how, cause) => this.#end(how, cause),
    });
  }

  /** @throws {TypeError} if the arguments can't be sent */
  run(job: Job): void {
    job.send((message, transfer) => this.#link.post(message, transfer));
    this.#job = job;
    job.holder = this;
    this.#link.hold();
  }

  /** Aborts the signal of the current job. */
  cancel(job: Job): boolean {
    if (this.#job === job && !this.#ended) this.#link.notify({ kind: "cancel", job: job.id }, []);
    return false;
  }

  runs(job: Job): boolean {
    return this.#job === job;
  }

  /** Ends the worker, and keeps the process alive until it has ended. */
  stop(): void {
    if (this.#ended) return;
    this.#stopping = true;
    this.#link.hold();
    this.#link.stop();
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === "call") this.#call(message);
    else if (message.kind === "cancelCall") this.#calls.get(message.call)?.cancel();
    else if (message.kind === "printing") this.#printing = true;
    else if (message.kind === "printed") {
      this.#printing = false;
      this.#releaseIfIdle();
    } else if (message.kind === "stray") this.#stray(decode(message.error), message.fatal);
    else if (message.kind !== "done" && message.kind !== "failed") return;
    else if (this.#job?.id === message.job) {
      const { future } = this.#job;
      this.#job = null;
      this.#releaseIfIdle();
      if (message.kind === "done") resolveConcurrent(future, message.value);
      else rejectConcurrent(future, decode(message.error));
      this.#owner.workerIsFree(this);
    }
  }

  #releaseIfIdle(): void {
    if (this.#job === null && !this.#printing && !this.#stopping) this.#link.release();
  }

  /** Calls a function of the job: as a task, so that it may wait and be cancelled; as a callback if its result is not wanted. */
  #call({ job: id, fn, call, args }: CallMessage): void {
    const job = this.#job;
    if (job === null || job.id !== id || job.loop.isClosed()) {
      const late = job?.id !== id;
      const error = new RuntimeError(
        late
          ? "Cannot call this function: the job that it was passed to has ended"
          : "Cannot call this function: its loop is closed",
      );
      if (call !== 0) this.#refuse(call, error);
      else if (late) this.#owner.report("A function of a job was called too late", error);
      return;
    }
    const callable = job.callable(fn) as (...args: unknown[]) => unknown;
    const context = job.context();
    if (call === 0) {
      job.asSubmitted(() => job.loop.callSoonThreadsafe(context.bind(callable), ...args));
      return;
    }
    let task: Future<unknown>;
    try {
      task = job.asSubmitted(() => job.loop.createTask(() => callable(...args), { context }));
    } catch (error) {
      this.#refuse(call, error);
      if (!job.loop.isClosed()) {
        const message = `Cannot run ${callable.name || "a function"} for a worker`;
        job.loop.callExceptionHandler({ message, exception: error });
      }
      return;
    }
    this.#calls.set(call, task);
    addEntry(task, new InternalCallback(task, () => this.#answer(call, task)));
  }

  #answer(call: number, task: Future<unknown>): void {
    this.#calls.delete(call);
    let value: unknown;
    try {
      value = task.result();
    } catch (error) {
      this.#refuse(call, error);
      return;
    }
    this.#reply(call, value);
  }

  #reply(call: number, value: unknown): void {
    if (this.#ended) return;
    try {
      requireFree(value, "the result to the worker", 2);
    } catch (error) {
      this.#refuse(call, error);
      return;
    }
    try {
      const { values, transfer } = transferMarks.used
        ? wire.serialize([value], transferMarks, null)
        : { values: [value], transfer: [] };
      this.#link.notify({ kind: "reply", call, value: values[0] }, transfer);
    } catch (error) {
      this.#refuse(
        call,
        new TypeError(
          `Cannot send the result to the worker: ${error}. Return data that can be copied`,
        ),
      );
    }
  }

  #refuse(call: number, error: unknown): void {
    if (this.#ended) return;
    this.#link.notify({ kind: "refusal", call, error: wire.encodeThrown(error) }, []);
  }

  /**
   * What would have ended a thread of its own ends this worker: its job may wait for something that will not happen any
   * more.
   */
  #stray(error: unknown, fatal: boolean): void {
    const job = this.#job;
    if (job !== null && fatal) {
      this.#breakJob("left an error uncaught", error);
      this.#owner.workerIsLost(this);
      this.stop();
    } else if (fatal || job === null) this.#owner.report("Unhandled error in a worker", error);
    else if (!job.loop.isClosed()) {
      // A closed loop refuses a job's calls, and its exception handler is not called any more.
      const message =
        "A function failed on the loop, and the worker that called it did not wait for it";
      job.loop.callExceptionHandler({ message, exception: error });
    }
  }

  #end(how: string, cause: unknown): void {
    this.#ended = true;
    if (this.#job !== null) this.#breakJob(how, cause);
    else if (cause !== null) this.#owner.report("Unhandled error in a worker", cause);
    this.#owner.workerIsLost(this);
    this.#owner.workerHasEnded(this);
  }

  #breakJob(how: string, cause: unknown): void {
    const { future } = this.#job!;
    this.#job = null;
    const options = cause === null || cause === undefined ? undefined : { cause };
    rejectConcurrent(
      future,
      new BrokenExecutor(`The worker ${how} before its job was done`, options),
    );
  }
}

function decode(error: EncodedValue): unknown {
  const decoded = wire.decodeThrown(error, findErrorClass);
  markForeign(decoded);
  return decoded;
}

// ── what a host gives

/** Where a worker lives. */
export type WorkerKind = "thread" | "process";

/** What happens to a worker, for its pool. */
export interface WorkerEvents {
  message(message: WorkerMessage): void;
  /** The worker has ended, by itself or on demand; called once. `cause` is null when there was no error. */
  ended(how: string, cause: unknown): void;
}

/** A worker as its pool sees it. */
export interface WorkerLink {
  post(message: JobMessage, transfer: readonly Transferable[]): void;
  /** Sends what also reaches a worker that blocks, or that polls its signal. */
  notify(message: UrgentMessage, transfer: readonly Transferable[]): void;
  /** While held, the worker keeps the process alive. It starts unheld. */
  hold(): void;
  release(): void;
  /** Ends the worker when all that it printed is written. */
  stop(): void;
}

/** How a worker reaches the pool. A host makes it, and it too is sent as source text. */
export interface WorkerChannel {
  post(message: WorkerMessage, transfer: readonly Transferable[]): void;
  listen(handler: (message: PoolMessage) => void): void;
  /** Calls the handler with the urgent messages that are there. */
  drain(): void;
  /** The last job that was cancelled, also visible to one that never yields; 0 where that can't be known. */
  cancelledJob(): number;
  /** Whether something that was printed has still to be written. */
  unwritten(): boolean;
  /** Calls back when all that was printed is written; `last`: nothing will be printed any more. */
  flush(last: boolean, written: () => void): void;
  /** Blocks until an urgent message is there or the time is over; null where a worker can't. */
  readonly sleep: ((done: () => boolean, milliseconds: number) => void) | null;
}

interface Globals {
  setTimeout(callback: () => void, milliseconds: number): { unref(): void };
  clearTimeout(timer: unknown): void;
}

const globals = globalThis as unknown as Globals;

/** Longer waits count as endless, as with host timers. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Seconds after which a worker that does not answer, since it computes or is stuck, is ended by force. */
const PATIENCE = 2;

/** Calls back after that many seconds unless the returned function is called; does not keep the process alive. */
export function after(seconds: number, callback: () => void): () => void {
  const milliseconds = Math.max(0, seconds * 1000);
  if (milliseconds > LONGEST_TIMER) return () => {};
  const timer = runInRoot(() => globals.setTimeout(callback, milliseconds));
  timer.unref();
  return () => globals.clearTimeout(timer);
}

export function once<A extends unknown[]>(fn: (...args: A) => void): (...args: A) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    fn(...args);
  };
}

/**
 * The end of a worker on demand. Output that is still inside the worker is lost if the worker is ended before it is written:
 * so the worker is asked to end, answers "ending" at once, and "over" when all is written.
 */
export class WorkerStop {
  readonly #ask: () => void;
  readonly #kill: () => void;
  #stopWaiting: (() => void) | null = null;

  constructor(ask: () => void, kill: () => void) {
    this.#ask = ask;
    this.#kill = kill;
  }

  begin(): void {
    if (this.#stopWaiting !== null) return;
    this.#stopWaiting = after(PATIENCE, this.#kill);
    this.#ask();
  }

  /** Takes the worker's answers; false for any other message. */
  takes({ kind }: WorkerMessage): boolean {
    if (kind !== "ending" && kind !== "over") return false;
    this.#stopWaiting?.();
    if (kind === "over") this.#kill();
    return true;
  }

  /** The worker has ended. */
  over(): void {
    this.#stopWaiting?.();
  }
}

/** Null for what a job posted by itself, as libraries do that expect a parent process of their own. */
export function asWorkerMessage(received: unknown): WorkerMessage | null {
  const isMessage = typeof received === "object" && received !== null && "kind" in received;
  return isMessage ? received as WorkerMessage : null;
}
