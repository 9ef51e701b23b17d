import { BrokenExecutor, RuntimeError } from "../errors/exceptions.ts";
import { addEntry, type Future } from "../tasks/future.ts";
import { InternalCallback } from "../tasks/internal_callback.ts";
import { type Job, type JobHolder, requireFree } from "./job.ts";
import { markForeign } from "../base/stack.ts";
import { findErrorClass, wire } from "../wire/wire.ts";
import type { EncodedValue, WorkerMessage } from "../wire/protocol.ts";
import { transferMarks } from "../wire/transfer.ts";
import type { WorkerEvents, WorkerLink } from "./worker_link.ts";

type CallMessage = Extract<WorkerMessage, { kind: "call" }>;

/** What a pool hears of its workers. */
export interface WorkerOwner {
  /** The worker has done its job and takes the next one. */
  workerIsFree(worker: PoolWorker): void;
  /** It takes no more jobs. */
  workerIsLost(worker: PoolWorker): void;
  /** It is gone. */
  workerHasEnded(worker: PoolWorker): void;
  /** Something was left uncaught while no job ran. */
  report(message: string, error: unknown): void;
}

/**
 * The pool's side of one worker. It has one job at a time, and holds the process while it has one or has
 * something to print. Whatever happens to the
 * worker happens to that job only.
 */
export class PoolWorker implements JobHolder {
  readonly #owner: WorkerOwner;
  readonly #link: WorkerLink;
  #job: Job | null = null;
  /** The calls into the loop that the worker waits for. */
  readonly #calls: Map<number, Future<unknown>> = new Map();
  /** What it printed is still in it. */
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

  /** @throws {TypeError} when the arguments can't be sent */
  run(job: Job): void {
    job.send((message, transfer) => this.#link.post(message, transfer));
    this.#job = job;
    job.holder = this;
    this.#link.hold();
  }

  /** Tells the job at hand that nobody waits for it any more. */
  cancel(job: Job): boolean {
    if (this.#job === job && !this.#ended) this.#link.notify({ kind: "cancel", job: job.id }, []);
    return false;
  }

  runs(job: Job): boolean {
    return this.#job === job;
  }

  /** Ends it; its owner hears when it is gone. The process waits for that. */
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
      const { completion } = this.#job;
      this.#job = null;
      this.#releaseIfIdle();
      if (message.kind === "done") completion.resolve(message.value);
      else completion.reject(decode(message.error));
      this.#owner.workerIsFree(this);
    }
  }

  #releaseIfIdle(): void {
    if (this.#job === null && !this.#printing && !this.#stopping) this.#link.release();
  }

  /** A function of the job is called: as a task, so that it may wait and be cancelled; a plain callback if nobody waits. */
  #call({ job: id, fn, call, args }: CallMessage): void {
    const job = this.#job;
    if (job === null || job.id !== id || job.loop.isClosed()) {
      const late = job?.id !== id;
      const error = new RuntimeError(
        late
          ? "The job that was given this function has ended"
          : "The loop of this function is closed",
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
        ? wire.takeApart([value], transferMarks, null)
        : { values: [value], transfer: [] };
      this.#link.notify({ kind: "reply", call, value: values[0] }, transfer);
    } catch (error) {
      this.#refuse(call, new TypeError(`Cannot send the result to the worker: ${error}`));
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
      // A job that goes on after its loop was closed finds all its calls refused; there is nobody left to tell.
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
    const { completion } = this.#job!;
    this.#job = null;
    const options = cause === null || cause === undefined ? undefined : { cause };
    completion.reject(new BrokenExecutor(`The worker ${how} before its job was done`, options));
  }
}

function decode(error: EncodedValue): unknown {
  const decoded = wire.decodeThrown(error, findErrorClass);
  markForeign(decoded);
  return decoded;
}
