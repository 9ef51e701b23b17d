import type { EventLoop } from "../../loop_interface.ts";
import { LazyModule } from "../core/lazy_module.ts";
import { countAsOperation, Waiter } from "../core/wait.ts";
import { BrokenExecutor, RuntimeError } from "../errors/exceptions.ts";
import {
  type ConcurrentFuture,
  failureOf,
  rejectConcurrent,
  whenDone,
} from "../tasks/concurrent_future.ts";
import type { Work } from "../wire/protocol.ts";
import { Job, type JobHolder, type Submission } from "./job.ts";
import type { PoolWorker, WorkerKind, WorkerOwner } from "./pool_worker.ts";

/** Loaded when the first worker is to start. */
const workerHost: LazyModule<typeof import("./worker_host.ts")> = new LazyModule(
  "the code for workers",
  () => import("./worker_host.ts"),
  true,
);

/** A call that prepares a worker. */
export interface Initializer {
  readonly work: Work;
  readonly args: readonly unknown[];
}

/** How a pool is made. */
export interface PoolSettings {
  readonly maxWorkers: number;
  /** Seconds after which a worker without a job ends; Infinity: never. */
  readonly idleTimeout: number;
  readonly kind: WorkerKind;
  /** What each worker does before its first job. */
  readonly initializer: Initializer | null;
  /** What the workers are called, before "_" and a number. */
  readonly prefix: string;
}

/**
 * Workers and the jobs that wait for one.
 *
 * - A worker starts when a job finds none free and there are fewer than allowed; the one that was used last is used first,
 *   so that those not needed grow old and end.
 * - Jobs start in the order in which they were submitted.
 * - With an initializer a new worker's first job is that one, and the job it was started for waits in the queue. If it fails,
 *   the pool is broken: what waits fails, and nothing more is taken.
 * - Invariant: while jobs wait, no worker is free and as many as allowed are there.
 */
export class WorkerPool implements WorkerOwner, JobHolder {
  readonly #settings: PoolSettings;
  /** The workers that take jobs. */
  readonly #workers: Set<PoolWorker> = new Set();
  /** The workers that take none and have not ended. */
  readonly #leaving: Set<PoolWorker> = new Set();
  /** The workers without a job; the one that was used last comes last. */
  #free: PoolWorker[] = [];
  readonly #queue: Set<Job> = new Set();
  #started = 0;
  /** The jobs that get a worker each as soon as the code for workers is loaded, and whether they were cancelled. */
  readonly #starting: Map<Job, boolean> = new Map();
  #shutDown = false;
  /** Why no worker could be prepared; null while the pool is in order. */
  #broken: BrokenExecutor | null = null;
  /** Workers that are being prepared, or are to be. */
  #preparing = 0;
  #joiners: Waiter<void>[] = [];
  #stopReaper: (() => void) | null = null;
  /** The loop of the last job: errors that belong to no job are reported to it. */
  #loop: EventLoop | null = null;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /**
   * @throws {RuntimeError} if the pool was shut down
   * @throws {BrokenExecutor} if a worker's initializer has failed
   */
  submit(submission: Submission): ConcurrentFuture<unknown> {
    if (this.#shutDown) {
      throw new RuntimeError("Cannot submit work: the executor has been shut down");
    }
    if (this.#broken !== null) throw new BrokenExecutor(this.#broken.message, this.#broken);
    this.#loop = submission.loop;
    const job = new Job(submission, this);
    const worker = this.#free.pop();
    if (worker !== undefined) this.#runIn(worker, job);
    else if (this.#hasRoom && this.#settings.initializer === null) this.#startFor(job);
    else {
      job.snapshot();
      this.#queue.add(job);
      this.#prepareWorkers();
    }
    return job.future;
  }

  get isShutDown(): boolean {
    return this.#shutDown;
  }

  cancel(job: Job): boolean {
    // A job that is to have a worker has begun, whether or not the worker is there.
    if (this.#starting.has(job)) this.#starting.set(job, true);
    return this.#queue.delete(job);
  }

  runs(job: Job): boolean {
    return this.#starting.has(job);
  }

  /** Takes no more jobs; workers end as soon as they have none. Resolves with `wait` when all have ended, else at once. */
  shutdown(wait: boolean, cancelFutures: boolean): Promise<void> {
    this.#shutDown = true;
    if (cancelFutures) {
      for (const job of [...this.#queue]) job.future.cancel();
    }
    for (const worker of this.#free) this.#dismiss(worker);
    this.#free = [];
    this.#stopReaper?.();
    this.#stopReaper = null;
    if (!wait || this.#isOver) return Promise.resolve();
    const joiner = new Waiter<void>("the end of an executor's workers");
    countAsOperation(joiner);
    this.#joiners.push(joiner);
    return joiner.promise;
  }

  workerIsFree(worker: PoolWorker): void {
    if (!this.#workers.has(worker)) return;
    for (const job of this.#queue) {
      this.#queue.delete(job);
      if (this.#run(worker, job)) return;
    }
    if (this.#shutDown) this.#dismiss(worker);
    else this.#rest(worker);
  }

  workerIsLost(worker: PoolWorker): void {
    if (!this.#workers.delete(worker)) return;
    this.#leaving.add(worker);
    this.#free = this.#free.filter((other) => other !== worker);
    this.#startQueued();
  }

  workerHasEnded(worker: PoolWorker): void {
    this.#leaving.delete(worker);
    this.#wakeIfOver();
  }

  report(message: string, error: unknown): void {
    this.#loop?.callExceptionHandler({ message, exception: error });
  }

  get #hasRoom(): boolean {
    return this.#workers.size + this.#starting.size < this.#settings.maxWorkers;
  }

  /** No worker lives, and none is to be started. */
  get #isOver(): boolean {
    return this.#workers.size + this.#leaving.size + this.#starting.size === 0;
  }

  #wakeIfOver(): void {
    if (!this.#isOver) return;
    const joiners = this.#joiners;
    this.#joiners = [];
    for (const joiner of joiners) joiner.wakeWith(undefined);
  }

  #startFor(job: Job): void {
    if (workerHost.loaded !== null && this.#starting.size === 0) {
      this.#runInNewWorker(job);
      return;
    }
    job.snapshot();
    this.#starting.set(job, false);
    if (this.#starting.size > 1) return;
    workerHost.load().then(() => this.#startAll(), (error) => this.#failAll(error));
  }

  #startAll(): void {
    for (const [job, cancelled] of this.#starting) {
      this.#starting.delete(job);
      this.#runInNewWorker(job);
      if (cancelled) job.holder.cancel(job);
    }
    this.#startQueued();
    this.#wakeIfOver();
  }

  #failAll(error: unknown): void {
    const jobs = [...this.#starting.keys(), ...this.#queue];
    this.#starting.clear();
    this.#queue.clear();
    for (const job of jobs) rejectConcurrent(job.future, cannotStart(error));
    this.#wakeIfOver();
  }

  /** Starts workers for the waiting jobs, each with the initializer as its first job. */
  #prepareWorkers(): void {
    const { initializer } = this.#settings;
    if (initializer === null) return;
    while (this.#hasRoom && this.#preparing < this.#queue.size) {
      const loop = this.#loop!;
      const job = new Job({ ...initializer, shape: "initializer", values: [], loop }, this);
      this.#preparing++;
      whenDone(job.future, () => {
        this.#preparing--;
        const failure = failureOf(job.future);
        if (failure !== null) this.#break(failure.error);
      });
      this.#startFor(job);
    }
  }

  #break(cause: unknown): void {
    const message =
      `Cannot run work: a worker's initializer failed, so this executor takes no more: ${cause}`;
    this.#broken ??= new BrokenExecutor(message, { cause });
    const jobs = [...this.#queue];
    this.#queue.clear();
    for (const job of jobs) rejectConcurrent(job.future, new BrokenExecutor(message, { cause }));
  }

  /** A replacement that can't be started fails the job it was meant for; the next one tries again. */
  #startQueued(): void {
    if (this.#settings.initializer !== null) {
      this.#prepareWorkers();
      return;
    }
    for (const job of this.#queue) {
      if (!this.#hasRoom) return;
      this.#queue.delete(job);
      this.#runInNewWorker(job);
    }
  }

  #runInNewWorker(job: Job): void {
    let worker: PoolWorker;
    try {
      const { kind, prefix } = this.#settings;
      worker = workerHost.loaded!.startWorker(this, kind, `${prefix}_${this.#started++}`);
    } catch (error) {
      rejectConcurrent(job.future, cannotStart(error));
      return;
    }
    this.#workers.add(worker);
    this.#runIn(worker, job);
  }

  #runIn(worker: PoolWorker, job: Job): void {
    if (!this.#run(worker, job)) this.workerIsFree(worker);
  }

  /** False when the job can't be sent: it has failed, and the worker takes another. */
  #run(worker: PoolWorker, job: Job): boolean {
    try {
      worker.run(job);
      return true;
    } catch (error) {
      rejectConcurrent(job.future, error);
      return false;
    }
  }

  #dismiss(worker: PoolWorker): void {
    this.#workers.delete(worker);
    this.#leaving.add(worker);
    worker.stop();
  }

  #rest(worker: PoolWorker): void {
    worker.idleSince = performance.now() / 1000;
    this.#free.push(worker);
    if (this.#stopReaper === null) this.#reapLater(this.#settings.idleTimeout);
  }

  #reapLater(seconds: number): void {
    this.#stopReaper = workerHost.loaded!.after(seconds, () => this.#reap());
  }

  /** Ends the workers that had no job for too long, the oldest first, and comes back when the next one is due. */
  #reap(): void {
    this.#stopReaper = null;
    const { idleTimeout } = this.#settings;
    const now = performance.now() / 1000;
    while (this.#free.length > 0) {
      const left = this.#free[0]!.idleSince + idleTimeout - now;
      if (left > 0) {
        this.#reapLater(left);
        return;
      }
      this.#dismiss(this.#free.shift()!);
    }
  }
}

function cannotStart(error: unknown): BrokenExecutor {
  return new BrokenExecutor(`Cannot start a worker: ${error}`, { cause: error });
}
