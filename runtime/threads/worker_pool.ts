import type { EventLoop } from "../../loop_interface.ts";
import type { Completion } from "../concurrent/completion.ts";
import { BrokenExecutor, RuntimeError } from "../errors/exceptions.ts";
import { Job, type JobHolder, type Submission } from "./job.ts";
import { LazyModule } from "../core/lazy_module.ts";
import { countAsOperation } from "../core/operations.ts";
import type { PoolWorker, WorkerOwner } from "./pool_worker.ts";
import { Waiter } from "../core/wait.ts";
import type { Work } from "../wire/protocol.ts";
import type { WorkerKind } from "./worker_code.ts";

/** Loaded when the first worker is to start. */
const workerCode: LazyModule<typeof import("./worker_code.ts")> = new LazyModule(
  "the code for workers",
  () => import("./worker_code.ts"),
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
  /** Those that take jobs. */
  readonly #workers: Set<PoolWorker> = new Set();
  /** Those that take none, whose end is still to come. */
  readonly #leaving: Set<PoolWorker> = new Set();
  /** Those without a job; the one that was used last comes last. */
  #free: PoolWorker[] = [];
  readonly #queue: Set<Job> = new Set();
  #started = 0;
  /** Those that have a worker each as soon as its code is loaded, and whether they have been cancelled meanwhile. */
  readonly #starting: Map<Job, boolean> = new Map();
  #shutDown = false;
  /** Why no worker could be prepared; null while the pool is in order. */
  #broken: BrokenExecutor | null = null;
  /** Workers that are being prepared, or are to be. */
  #preparing = 0;
  #joiners: Waiter<void>[] = [];
  #stopReaper: (() => void) | null = null;
  /** That of the last job: errors that belong to none are reported there. */
  #loop: EventLoop | null = null;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /**
   * @throws {RuntimeError} after a shutdown
   * @throws {BrokenExecutor} when a worker's initializer has failed
   */
  submit(submission: Submission): Completion<unknown> {
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
    return job.completion;
  }

  get isShutDown(): boolean {
    return this.#shutDown;
  }

  cancel(job: Job): boolean {
    // One that has a worker has begun, whether or not that one is there already.
    if (this.#starting.has(job)) this.#starting.set(job, true);
    return this.#queue.delete(job);
  }

  runs(job: Job): boolean {
    return this.#starting.has(job);
  }

  /** Takes no more jobs; workers end as soon as they have none. Resolves when all are gone, if it is to wait for that. */
  shutdown(wait: boolean, cancelFutures: boolean): Promise<void> {
    this.#shutDown = true;
    if (cancelFutures) {
      for (const job of [...this.#queue]) job.completion.cancel();
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
    this.#tellIfOver();
  }

  report(message: string, error: unknown): void {
    this.#loop?.callExceptionHandler({ message, exception: error });
  }

  get #hasRoom(): boolean {
    return this.#workers.size + this.#starting.size < this.#settings.maxWorkers;
  }

  /** No worker is left, and none is to come. */
  get #isOver(): boolean {
    return this.#workers.size + this.#leaving.size + this.#starting.size === 0;
  }

  #tellIfOver(): void {
    if (!this.#isOver) return;
    const joiners = this.#joiners;
    this.#joiners = [];
    for (const joiner of joiners) joiner.wakeWith(undefined);
  }

  #startFor(job: Job): void {
    if (workerCode.loaded !== null && this.#starting.size === 0) {
      this.#runInNewWorker(job);
      return;
    }
    job.snapshot();
    this.#starting.set(job, false);
    if (this.#starting.size > 1) return;
    workerCode.load().then(() => this.#startAll(), (error) => this.#failAll(error));
  }

  #startAll(): void {
    for (const [job, cancelled] of this.#starting) {
      this.#starting.delete(job);
      this.#runInNewWorker(job);
      if (cancelled) job.holder.cancel(job);
    }
    this.#startQueued();
    this.#tellIfOver();
  }

  #failAll(error: unknown): void {
    const jobs = [...this.#starting.keys(), ...this.#queue];
    this.#starting.clear();
    this.#queue.clear();
    for (const job of jobs) job.completion.reject(cannotStart(error));
    this.#tellIfOver();
  }

  /** Starts workers for what waits, each with the initializer as its first job. */
  #prepareWorkers(): void {
    const { initializer } = this.#settings;
    if (initializer === null) return;
    while (this.#hasRoom && this.#preparing < this.#queue.size) {
      const loop = this.#loop!;
      const job = new Job({ ...initializer, shape: "initializer", values: [], loop }, this);
      this.#preparing++;
      job.completion.whenDone(() => {
        this.#preparing--;
        const { failure } = job.completion;
        if (failure !== null) this.#break(failure.error);
      });
      this.#startFor(job);
    }
  }

  #break(cause: unknown): void {
    const message = `A worker's initializer failed, so this executor takes no more work: ${cause}`;
    this.#broken ??= new BrokenExecutor(message, { cause });
    const jobs = [...this.#queue];
    this.#queue.clear();
    for (const job of jobs) job.completion.reject(new BrokenExecutor(message, { cause }));
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
      worker = workerCode.loaded!.startWorker(this, kind, `${prefix}_${this.#started++}`);
    } catch (error) {
      job.completion.reject(cannotStart(error));
      return;
    }
    this.#workers.add(worker);
    this.#runIn(worker, job);
  }

  #runIn(worker: PoolWorker, job: Job): void {
    if (!this.#run(worker, job)) this.workerIsFree(worker);
  }

  /** False when it can't be sent: its caller has been told, and the worker takes another. */
  #run(worker: PoolWorker, job: Job): boolean {
    try {
      worker.run(job);
      return true;
    } catch (error) {
      job.completion.reject(error);
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
    this.#stopReaper = workerCode.loaded!.after(seconds, () => this.#reap());
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
