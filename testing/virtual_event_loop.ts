import { FullEventLoop } from "../event_loop.ts";
import type { LoopResource } from "../runtime/core/loop_core.ts";
import type { Awaitable, Coroutine } from "../runtime/base/functions.ts";
import { type Delay, toSeconds } from "../runtime/base/durations.ts";
import type { Future } from "../runtime/tasks/future.ts";
import { allTasks, isFuture } from "../runtime/tasks/task_functions.ts";
import { runningLoop } from "../runtime/loop/policies.ts";
import { TimeoutError } from "../runtime/errors/exceptions.ts";
import { sleep } from "../runtime/combinators/sleep.ts";
import type { Task } from "../runtime/tasks/task.ts";
import type { EventLoop, ExceptionContext, Executor } from "../loop_interface.ts";
import { isShutDown } from "../runtime/threads/thread_pool.ts";
import { Waiter } from "../runtime/core/wait.ts";
import { storedScope } from "../runtime/core/frame.ts";
import { duration, flag, number, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { placeOf, Site } from "../runtime/base/stack.ts";
import { checkDeadlock } from "./deadlock.ts";
import { Outside } from "./outside.ts";
import { describeTasks } from "./task_report.ts";
import { type ClockOwner, type Hold, VirtualHost } from "./virtual_host.ts";

/** How a testing loop behaves. */
export interface TestOptions {
  /** Shuffles the order in which ready callbacks run, repeatably. @default {FIFO, as in production} */
  seed?: number;
  /** Loop time at the start, in seconds. @default {0} */
  startTime?: number;
  /** Fails the test when this much virtual time has passed. @default {no limit} */
  timeout?: Delay;
  /** Also wait for sockets, subprocesses and threads before moving the clock. @default {true} */
  realIo?: boolean;
}

/** What is checked of {@linkcode TestOptions}. */
export const testOptions: OptionsOf<TestOptions> = optionsOf("{ seed: 5 }", {
  seed: number,
  startTime: number,
  timeout: duration,
  realIo: flag,
});

/**
 * A loop whose clock jumps to the next timer as soon as nothing else can run. {@linkcode runTest} makes one for a whole test;
 * this is for the low-level API and for `run(main, { loopFactory: () => new TestLoop() })`.
 *
 * - While an operation of the host is under way (a connect, a child, a job in a thread) the clock stands still for up to a
 *   real second, and after that runs as the wall's does. While transports are open it jumps when they have been silent for
 *   some real milliseconds.
 * - A task in an await that is not asyncio's (`await fetch(url)`) gets 200 real milliseconds before the clock moves on.
 * - A run in which nothing can ever happen again rejects with {@linkcode DeadlockError}.
 *
 * @example
 * ```ts
 * import { EventLoop, sleep } from "@asyncio/asyncio";
 * import { TestLoop } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * const loop: EventLoop = new TestLoop({ startTime: 100 });
 * await loop.runUntilComplete(() => sleep(3600));
 * assert.equal(loop.time(), 3700);
 * loop.close();
 * ```
 */
export interface TestLoop extends EventLoop {
  /**
   * Moves the clock by hand and runs what becomes due, in order; the clock does not wait for the outside meanwhile.
   *
   * @throws {RangeError} if the delay is negative, infinite or NaN
   * @throws {TypeError} if it is not a delay
   */
  advance(delay: Delay): Promise<void>;
  /** Runs everything that can run without moving the clock. */
  settle(): Promise<void>;
}

/** A call that waits until all that can run has run. */
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

  /** @throws {RangeError | TypeError} if an option makes no sense */
  constructor(options: TestOptions = {}) {
    testOptions.check(options, "TestLoop");
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
      if (!(seconds >= 0) || seconds === Infinity) {
        throw new RangeError(
          `Cannot move the clock: the delay must be finite and not negative, received ${seconds} s`,
        );
      }
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
    // A cancelled one is not woken.
    return woken.map(({ wait }) => wait.wakeWith(undefined)).includes(true);
  }

  stuck(milliseconds: number): number | null {
    if (this.#awaited === null) return null;
    const verdict = checkDeadlock({
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
    const tasks = [...allTasks(this.publicLoop)];
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
  const wrong = `Cannot make a testing loop: ${name} must be a finite number, received ${value}`;
  if (typeof value !== "number") throw new TypeError(wrong);
  if (!Number.isFinite(value)) throw new RangeError(wrong);
}

function isPromise(aw: Awaitable<unknown>): boolean {
  return typeof aw !== "function" && !isFuture(aw);
}

/** See the interface of the same name. */
export const TestLoop: { new (options?: TestOptions): TestLoop } = VirtualEventLoop as {
  new (options?: TestOptions): TestLoop;
};

/** A set that remembers where each member was added. */
class RecordedSet<T extends object> extends Set<T> {
  readonly #sites: WeakMap<object, { site: Site; task: string | null }> = new WeakMap();
  /** Off where many runs are to be fast and none is reported. */
  recording = true;

  override add(value: T): this {
    if (this.recording && !this.has(value)) {
      const task = storedScope()?.task?.getName() ?? null;
      this.#sites.set(value, { site: new Site(this.add), task });
    }
    return super.add(value);
  }

  /**
   * Where it was made, for the end of a sentence; "" when that is not known. Many are made after an await, and not every
   * engine tells whose; then the task says most.
   */
  placeOf(value: T): string {
    const found = this.#sites.get(value);
    if (found === undefined) return "";
    const place = placeOf(found.site);
    if (place !== "") return `made at ${place}`;
    return found.task === null ? "" : `made by task "${found.task}"`;
  }
}

/**
 * Mulberry32: a random source of 32 bits of state, in integer operations only, so that a seed gives the same numbers on every
 * runtime. Returns numbers from 0 up to 1.
 */
function randomFrom(seed: number): () => number {
  let state = mix(seed | 0) ^ mix(Math.floor(seed / 2 ** 32) ^ 0x5bd1e995);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return mix(state) / 2 ** 32;
  };
}

function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 15), bits | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
