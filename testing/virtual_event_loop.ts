import { type EventLoop, type ExceptionContext, FullEventLoop } from "../event_loop.ts";
import type { LoopResource } from "../runtime/core/loop_core.ts";
import type { Awaitable, Coroutine } from "../runtime/base/coroutines.ts";
import { type Delay, toSeconds } from "../runtime/base/durations.ts";
import type { Future } from "../runtime/tasks/future.ts";
import { isFuture } from "../runtime/tasks/futures.ts";
import { runningLoop } from "../runtime/loop/policies.ts";
import { TimeoutError } from "../runtime/errors/exceptions.ts";
import { sleep } from "../runtime/combinators/sleep.ts";
import { allTasks } from "../runtime/tasks/task_functions.ts";
import type { Task } from "../runtime/tasks/task.ts";
import { type Executor, isShutDown } from "../runtime/threads/thread_pool.ts";
import { Waiter } from "../runtime/core/wait.ts";
import { judgeStuck } from "./deadlock.ts";
import { Outside } from "./outside.ts";
import { randomFrom } from "./random.ts";
import { RecordedSet } from "./recorded_set.ts";
import { describeTasks } from "./task_report.ts";
import { type TestOptions, testOptions } from "./test_options.ts";
import { type ClockOwner, type Hold, VirtualHost } from "./virtual_host.ts";

/** Somebody who waits until all that can run has run. */
interface Settling {
  readonly wait: Waiter<void>;
  /** Waits for what is outside, too. */
  readonly thoroughly: boolean;
}

/** Seconds on the clock in which what is left has to end: a task that takes no cancellation would go on without end. */
const CLEANUP_LIMIT = 3600;

/** The loop behind the interface TestLoop. */
export class VirtualEventLoop extends FullEventLoop implements ClockOwner {
  override readonly resources: RecordedSet<LoopResource> = new RecordedSet();
  override readonly operations: RecordedSet<object> = new RecordedSet();
  /** What reached the default exception handler; null: it is printed. */
  reports: ExceptionContext[] | null = null;
  readonly #host: VirtualHost;
  readonly #outside: Outside;
  readonly #executors: RecordedSet<Executor> = new RecordedSet();
  #settling: Settling[] = [];
  /** What the run under way waits for. */
  #awaited: { readonly aw: Awaitable<unknown> } | null = null;
  #recordsSites = true;
  /** The run only cleans up: it need not wait for what can't be cancelled. */
  #closing = false;

  /** @throws {RangeError | TypeError} when an option makes no sense */
  constructor(options: TestOptions = {}) {
    testOptions.check(options, "a test");
    const { seed, startTime = 0, timeout, realIo = true } = options;
    requireFinite("startTime", startTime);
    const limit = timeout === undefined ? Infinity : startTime + toSeconds(timeout);
    const host = new VirtualHost(startTime, limit);
    super({ host });
    this.#host = host;
    this.#outside = new Outside(this, realIo);
    host.owner = this;
    if (seed !== undefined) {
      requireFinite("seed", seed);
      this.scheduler.random = randomFrom(seed);
    }
    this.setDebug(this.getDebug());
  }

  /** Moves the clock by hand and runs what becomes due. */
  advance(delay: Delay): Promise<void> {
    let seconds: number;
    try {
      seconds = toSeconds(delay);
      if (!(seconds >= 0)) throw new RangeError(`Cannot move the clock back: got ${seconds} s`);
      if (seconds === Infinity) throw new RangeError("Cannot move the clock without end");
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#inside(() => this.#advance(seconds));
  }

  /** Runs everything that can run without moving the clock. */
  settle(): Promise<void> {
    return this.#inside(() => this.#settle(true));
  }

  override setDebug(enabled: boolean): void {
    super.setDebug(enabled);
    this.recordsSites = enabled || this.#recordsSites;
    const { onRan } = this.scheduler;
    this.scheduler.onRan = (entry, seconds) => {
      this.#outside.ran(entry);
      onRan?.(entry, seconds);
    };
  }

  /** Places cost most of the time of a short test; a search over schedules does without. */
  recordNoSites(): void {
    this.#recordsSites = false;
    this.recordsSites = this.getDebug();
    this.resources.recording = false;
    this.operations.recording = false;
    this.#executors.recording = false;
  }

  /** Loop time at which the task's code ran last, as far as known. */
  lastRun(task: Task<unknown>): number | null {
    return this.#outside.lastRun(task);
  }

  /** Executors that jobs of this loop were given to and that have not been shut down. */
  openExecutors(): { executor: Executor; place: string }[] {
    return [...this.#executors].filter((executor) => !isShutDown(executor))
      .map((executor) => ({ executor, place: this.#executors.placeOf(executor) }));
  }

  override runInExecutor<A extends unknown[], R>(
    executor: Executor | null,
    fn: (...args: A) => R,
    ...args: A
  ): Future<Awaited<R>> {
    if (executor !== null) this.#executors.add(executor);
    return super.runInExecutor(executor, fn, ...args);
  }

  /** The test is over, and what follows only cleans up: it has a time limit of its own, and waits for no foreign promise. */
  beginClosing(): void {
    this.#closing = true;
    this.#host.limit = this.time() + CLEANUP_LIMIT;
  }

  override async runUntilComplete<T>(aw: Awaitable<T>): Promise<T> {
    const outer = this.#awaited;
    this.#awaited = { aw };
    try {
      return await super.runUntilComplete(aw);
    } finally {
      this.#awaited = outer;
    }
  }

  override defaultExceptionHandler(context: ExceptionContext): void {
    // What has no exception is advice; it is printed and fails nothing.
    if (this.reports !== null && "exception" in context) this.reports.push(context);
    else super.defaultExceptionHandler(context);
  }

  // ── what the clock asks

  get idle(): boolean {
    return this.scheduler.idle;
  }

  hold(): Hold {
    return this.#outside.hold();
  }

  settled(thoroughly: boolean): boolean {
    const woken = this.#settling.filter((settling) => thoroughly || !settling.thoroughly);
    if (woken.length === 0) return false;
    this.#settling = this.#settling.filter((settling) => !woken.includes(settling));
    // One that was cancelled meanwhile wakes nobody.
    return woken.map(({ wait }) => wait.wakeWith(undefined)).includes(true);
  }

  stuck(milliseconds: number): number | null {
    if (this.#awaited === null) return null;
    const verdict = judgeStuck({
      loop: this,
      outside: this.#outside,
      awaitsPromise: isPromise(this.#awaited.aw),
      closing: this.#closing,
    }, milliseconds);
    if (typeof verdict === "number") return verdict;
    this.abortRun(verdict);
    return null;
  }

  timedOut(): void {
    const tasks = [...allTasks(this as unknown as EventLoop)];
    const text = describeTasks(tasks, (task) => this.lastRun(task));
    const time = this.time().toFixed(3);
    this.abortRun(new TimeoutError(`The test is not done at loop time ${time}\n${text}`));
  }

  // ── moving the clock

  async #advance(seconds: number): Promise<void> {
    const release = this.#host.moveTo(this.time() + seconds);
    try {
      if (seconds > 0) await sleep(seconds);
      await this.#settle(false);
    } finally {
      release();
    }
  }

  #settle(thoroughly: boolean): Promise<void> {
    const wait = new Waiter<void>("all that can run");
    this.#settling.push({ wait, thoroughly });
    this.#host.lookAgain();
    return wait.promise;
  }

  /** Runs it in this loop wherever the call comes from. */
  #inside(work: Coroutine<void>): Promise<void> {
    if (!this.isRunning()) return this.runUntilComplete(work);
    if ((runningLoop() as unknown) === this) return work() as Promise<void>;
    return new Promise((resolve, reject) => {
      const task = this.createTask(work);
      task.addDoneCallback(() => task.then(resolve, reject));
    });
  }

  static {
    Object.defineProperty(this, "name", { value: "TestLoop" });
  }
}

function requireFinite(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`${name} must be a number: got ${value}`);
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be finite: got ${value}`);
}

function isPromise(aw: Awaitable<unknown>): boolean {
  return typeof aw !== "function" && !isFuture(aw);
}
