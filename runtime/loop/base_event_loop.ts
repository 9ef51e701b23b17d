import { isFatal } from "../core/cancelled.ts";
import {
  type Awaitable,
  type Coroutine,
  requireCallback,
  requireTaskOptions,
  requireTime,
} from "../base/functions.ts";
import { type Bindings, ContextCell, threadCell } from "../core/context_cell.ts";
import { debugByDefault, DebugMode } from "../debug/debug_mode.ts";
import { describeType } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { asFuture } from "../combinators/ensure_future.ts";
import * as executors from "../threads/to_thread.ts";
import type {
  EventLoop,
  ExceptionContext,
  ExceptionHandler,
  Executor,
  TaskFactory,
} from "../../loop_interface.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import { ExceptionReporter, printContext } from "../debug/exception_reporter.ts";
import { addEntry, Future, markRetrieved, removeEntry } from "../tasks/future.ts";
import {
  Handle,
  InternalCallback,
  SoonHandle,
  TimedHandle,
  type TimerHandle,
} from "../tasks/handles.ts";
import { storedScope } from "../core/frame.ts";
import { type Host, RuntimeHost } from "../core/host.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { LoopEnd } from "../core/shutdown.ts";
import {
  core,
  type LoopCore,
  type LoopResource,
  type UnretrievedWatch,
} from "../core/loop_core.ts";
import { Scheduler } from "../core/scheduler.ts";
import { Scope } from "../core/scope.ts";
import type { Site } from "../base/stack.ts";
import { isTask, requireCoroutine, Task } from "../tasks/task.ts";
import { optionsOnLoop, type TaskOptions } from "../tasks/task_options.ts";
import { AsyncGenerators } from "./async_generators.ts";
import { HOUR, warnOfHours } from "../core/debug_warnings.ts";

type Args = readonly unknown[];

/** How a loop is made. */
export interface BaseLoopOptions {
  /** Drives itself whenever something is ready, and never closes. */
  ambient?: boolean;
  /** @default {that of the runtime} */
  host?: Host;
}

/** Declared beside the class, which must not infer names that are computed. */
export interface BaseEventLoop {
  [core]: LoopCore;
}

/**
 * The portable part of the event loop: callbacks, timers, tasks, futures, running and stopping, error reports. It knows no
 * socket, no child and no runtime.
 */
export class BaseEventLoop implements LoopCore {
  readonly scheduler: Scheduler;
  readonly rootScope: Scope;
  slowCallbackDuration = 0.1;
  recordsSites: boolean = debugByDefault();
  over = false;
  ownedByRun = false;
  /** The classes above this folder complete it: every loop that is made is a whole one. */
  readonly publicLoop: EventLoop = this as object as EventLoop;
  readonly states: Map<object, unknown> = new Map();
  /** What closes with the loop, and what the testing loop reports as leaked. */
  readonly resources: Set<LoopResource> = new Set();
  readonly operations: Set<object> = new Set();

  readonly #ambient: boolean;
  readonly #reporter: ExceptionReporter;
  readonly #asyncGenerators: AsyncGenerators;
  readonly #debugMode: DebugMode;
  #sharedFrame: Scope;
  #debug: boolean = debugByDefault();
  #closed = false;
  readonly #end: LoopEnd = new LoopEnd(this, () => this.#reporter.unretrieved.sweep());
  #run: { resolve(): void; reject(error: unknown): void; release(): void } | null = null;
  #fatal: { error: unknown } | null = null;
  #taskFactory: TaskFactory | null = null;
  readonly ownOptions: { loop: EventLoop } = { loop: this.publicLoop };

  constructor(options: BaseLoopOptions = {}) {
    this[core] = this;
    this.#ambient = options.ambient === true;
    this.scheduler = new Scheduler(options.host ?? new RuntimeHost());
    this.scheduler.onStop = () => this.#stopped();
    this.scheduler.onFatal = (error) => this.#metFatal(error);
    this.rootScope = new Scope(this, null, null, threadCell);
    this.#sharedFrame = this.#makeSharedFrame(threadCell.bindings);
    this.#reporter = new ExceptionReporter(this.publicLoop, this.#ambient);
    this.#asyncGenerators = new AsyncGenerators(this);
    this.#debugMode = new DebugMode(this);
    if (this.#debug) this.#debugMode.set(true);
    if (this.#ambient) this.scheduler.start();
  }

  // ── running

  async runUntilComplete<T>(aw: Awaitable<T>): Promise<T> {
    this.#requireRunnable();
    const given = isFuture(aw);
    const future = asFuture(aw, this.publicLoop);
    let over = false;
    const stop = new InternalCallback(future, () => {
      // It may be in the ready queue still when a fatal error has ended the run: the next run is none of its business.
      if (!over && this.#fatal === null) this.stop();
    });
    addEntry(future, stop);
    this.#debugMode.stalled.main = future as Future<unknown>;
    try {
      await this.runForever();
    } catch (error) {
      // The run throws it: it needs no second report.
      if (!given && future.done() && !future.cancelled()) markRetrieved(future);
      throw error;
    } finally {
      over = true;
      removeEntry(future, stop);
      this.#debugMode.stalled.main = null;
    }
    if (!future.done()) throw new RuntimeError("Event loop stopped before Future completed.");
    return future.result();
  }

  runForever(): Promise<void> {
    try {
      this.#requireRunnable();
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#run = { resolve, reject, release: this.scheduler.host.keepAlive() };
      this.scheduler.start();
    });
  }

  stop(): void {
    if (this.#ambient) {
      throw new RuntimeError("The ambient loop can't be stopped: it ends with the thread");
    }
    this.scheduler.requestStop();
  }

  isRunning(): boolean {
    return this.#ambient || this.#run !== null;
  }

  isClosed(): boolean {
    return this.#closed;
  }

  close(): void {
    if (this.#ambient) {
      throw new RuntimeError("The ambient loop can't be closed: it ends with the thread");
    }
    if (this.isRunning()) throw new RuntimeError("Cannot close a running event loop");
    if (this.#closed) return;
    for (const resource of [...this.resources]) resource.closeWithLoop();
    executors.closeDefaultExecutor(this.publicLoop);
    this.#closed = true;
    this.#end.begin();
    this.#reporter.unretrieved.sweep();
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  refusesWaitIn(scope: object): boolean {
    return this.#closed && this.#end.refusesWaitIn(scope);
  }

  shutdownAsyncgens(): Promise<void> {
    return this.#asyncGenerators.closeAll();
  }

  trackAsyncgen<G extends AsyncGenerator<unknown, unknown, unknown>>(gen: G): G {
    return this.#asyncGenerators.track(gen);
  }

  // ── callbacks

  callSoon<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle {
    return this.#soon("callSoon", callback, args);
  }

  callSoonThreadsafe<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle {
    return this.#soon("callSoonThreadsafe", callback, args);
  }

  callLater<A extends unknown[]>(
    delay: Delay,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    const now = this.time();
    const seconds = toSeconds(delay);
    if (seconds > HOUR) warnOfHours("callLater", delay, this);
    return this.#at("callLater", now + seconds, now, callback, args);
  }

  callAt<A extends unknown[]>(
    when: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle {
    requireTime(when);
    return this.#at("callAt", when, this.time(), callback, args);
  }

  time(): number {
    return this.scheduler.host.now();
  }

  #soon(caller: string, callback: unknown, args: Args): Handle {
    this.requireOpen();
    requireCallback(callback, caller);
    const handle = new SoonHandle(callback, args, this.publicLoop);
    this.scheduler.enqueue(handle);
    return handle;
  }

  #at(caller: string, when: number, now: number, callback: unknown, args: Args): TimerHandle {
    this.requireOpen();
    requireCallback(callback, caller);
    const handle = new TimedHandle(when, callback, args, this.publicLoop);
    this.scheduler.addTimer(handle, now);
    return handle;
  }

  callbackFrame(bindings: Bindings, cell: ContextCell | null): Scope {
    if (cell !== null) return Scope.transparent(this.rootScope, cell, null);
    if (this.#sharedFrame.cell.bindings !== bindings) {
      this.#sharedFrame = this.#makeSharedFrame(bindings);
    }
    return this.#sharedFrame;
  }

  /** One frame serves all callbacks with the same values; a variable set in it forks it. */
  #makeSharedFrame(bindings: Bindings): Scope {
    return Scope.transparent(this.rootScope, new ContextCell(bindings), null, true);
  }

  // ── executors

  runInExecutor<A extends unknown[], R>(
    executor: Executor | null,
    fn: (...args: A) => R,
    ...args: A
  ): Future<Awaited<R>> {
    return executors.runInExecutor(this.publicLoop, executor, fn, ...args);
  }

  setDefaultExecutor(executor: Executor): void {
    executors.setDefaultExecutor(this.publicLoop, executor);
  }

  shutdownDefaultExecutor(timeout: Delay | null = null): Promise<void> {
    return executors.shutdownDefaultExecutor(this.publicLoop, timeout);
  }

  // ── tasks and futures

  createFuture<T>(): Future<T> {
    return new Future<T>(this.ownOptions);
  }

  createTask<T>(coro: Coroutine<T>, options?: Omit<TaskOptions, "loop">): Task<T> {
    const factory = this.#taskFactory;
    if (factory === null) {
      if (options === undefined) return new Task(coro, this.ownOptions);
      return new Task(coro, optionsOnLoop(options, this.publicLoop));
    }
    // A factory may have options of its own; those that it passes on to a Task are checked there.
    if (options !== undefined) requireTaskOptions(options);
    this.requireOpen();
    requireCoroutine(coro);
    const task = factory(this.publicLoop, coro, options ?? {}) as Task<T>;
    if (options?.name !== undefined && isTask(task)) task.setName(options.name);
    return task;
  }

  setTaskFactory(factory: TaskFactory | null): void {
    if (factory !== null && typeof factory !== "function") {
      throw new TypeError(
        `Cannot call setTaskFactory(): the task factory must be a function or null, received ${
          describeType(factory)
        }`,
      );
    }
    this.#taskFactory = factory;
  }

  getTaskFactory(): TaskFactory | null {
    return this.#taskFactory;
  }

  // ── errors and debugging

  setDebug(enabled: boolean): void {
    this.#debug = this.recordsSites = Boolean(enabled);
    this.#debugMode.set(this.#debug);
  }

  getDebug(): boolean {
    return this.#debug;
  }

  callExceptionHandler(context: ExceptionContext): void {
    this.#reporter.report(context);
  }

  setExceptionHandler(handler: ExceptionHandler | null): void {
    this.#reporter.handler = handler;
  }

  getExceptionHandler(): ExceptionHandler | null {
    return this.#reporter.handler;
  }

  defaultExceptionHandler(context: ExceptionContext): void {
    printContext(context);
  }

  watchUnretrieved(future: object, error: unknown, site: Site | null): UnretrievedWatch {
    return this.#reporter.unretrieved.watch(future, error, site);
  }

  /** Reports the exceptions that no code took so far; the end of a run does it. */
  reportUnretrieved(): void {
    this.#reporter.unretrieved.sweep();
  }

  /** `<EventLoop running=true closed=false debug=false>` */
  toString(): string {
    return `<${this.constructor.name} running=${this.isRunning()} closed=${this.#closed} debug=${this.#debug}>`;
  }

  /** @throws {RuntimeError} if the loop is closed */
  protected requireOpen(): void {
    if (this.#closed) throw new RuntimeError("Event loop is closed");
  }

  #requireRunnable(): void {
    this.requireOpen();
    if (this.isRunning()) throw new RuntimeError("This event loop is already running");
    if (storedScope() !== undefined) {
      throw new RuntimeError("Cannot run the event loop while another loop is running");
    }
  }

  #stopped(): void {
    const run = this.#run;
    if (run === null) {
      this.#end.drained();
      return;
    }
    this.#run = null;
    run.release();
    const fatal = this.#fatal;
    this.#fatal = null;
    if (fatal === null) run.resolve();
    else run.reject(fatal.error);
  }

  /** A fatal error ends a run; plain code has no run to end, so there it is reported. */
  #metFatal(error: unknown): boolean {
    if (isFatal(error) && this.#run !== null) {
      this.#fatal = { error };
      return true;
    }
    this.callExceptionHandler({ message: "Unhandled error in the event loop", exception: error });
    return false;
  }

  /** Ends the run that is under way with this error: a testing loop knows when it can't go on. */
  protected abortRun(error: unknown): void {
    if (this.#run === null) return;
    this.#fatal = { error };
    this.scheduler.requestStop();
  }
}
