import { isCancelled, noteReason } from "../core/cancelled.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { ContextCell } from "../core/context_cell.ts";
import { cellOf, Context, contextKind, contextOf, currentBindings } from "../core/context.ts";
import {
  abortSignal,
  anything,
  duration,
  flag,
  type Kind,
  type OptionsOf,
  optionsOf,
  orNull,
} from "../base/options.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { signalNumber } from "../base/signal_names.ts";
import type { Coroutine } from "../base/functions.ts";
import { describeType, showAs, staysInThread } from "../base/format.ts";
import { KeyboardInterrupt, RuntimeError } from "../errors/exceptions.ts";
import { BaseEventLoop } from "./base_event_loop.ts";
import { gather } from "../combinators/gather.ts";
import { askToStop, StopListener } from "./interrupts.ts";
import { leftBehind } from "../scopes/deadline.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import { getEventLoopPolicy, newEventLoop, runningLoop } from "./policies.ts";
import { Request, type Scope, type ScopeWait } from "../core/scope.ts";
import { placeOf, type Site } from "../base/stack.ts";
import { allTasks } from "../tasks/task_functions.ts";
import { cancelTask, requireCoroutine, Task } from "../tasks/task.ts";

/** How a program is asked to stop. */
export interface StopOptions {
  /**
   * Signals that ask the run to stop. The first one aborts `shutdownSignal()`; main has `grace` to drain and return, then it
   * is cancelled. A further signal cancels at once, the next one ends the process as the platform does. SIGINT that is not
   * among them cancels at once.
   *
   * @default {["SIGINT"]}
   */
  stopSignals?: readonly string[];
  /** The time between the first signal and the cancellation; null: no limit. Without it the first signal cancels. */
  grace?: Delay | null;
}

/** How a run is set up. */
export interface RunOptions extends StopOptions {
  /** Debug mode; null: as the environment variable ASYNCIO_DEBUG says. @default {null} */
  debug?: boolean | null;
  /** Makes the loop. @default {newEventLoop} */
  loopFactory?: (() => EventLoop) | null;
  /** Cancels the main task when it aborts. */
  signal?: AbortSignal;
}

/** Names of signals that can be caught. */
const signalNames: Kind<readonly string[]> = {
  wanted: 'a list of signals, such as ["SIGTERM", "SIGINT"]',
  accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === "string"),
  verify: (value, name) => {
    for (const signal of value as string[]) {
      signalNumber(signal);
      if (signal !== "SIGKILL" && signal !== "SIGSTOP") continue;
      throw new RangeError(`Cannot use ${signal} in ${name}: no program can catch it`);
    }
  },
};

const RUN: OptionsOf<RunOptions> = optionsOf("{ debug: true }", {
  stopSignals: signalNames,
  grace: orNull(duration),
  debug: orNull(flag),
  // Its error comes from `makeLoop`, which names the value.
  loopFactory: anything(),
  signal: abortSignal,
}, {
  loop: "write loopFactory: () => loop",
  name: "name the function",
  context: "write runner.run(main, { context })",
});
const RUN_ONCE: OptionsOf<{ context?: Context }> = optionsOf("{ context: copyContext() }", {
  context: contextKind,
});

/** Seconds that the default executor gets to finish at the end of a run. */
const EXECUTOR_PATIENCE = 300;

/**
 * Runs several main functions one after the other on one loop, in one context.
 *
 * asyncio: `asyncio.Runner`
 *
 * @example
 * ```ts
 * import { Runner, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await new Runner().with(async (runner) => {
 *   assert.equal(await runner.run(() => sleep(0, 1)), 1);
 *   assert.equal(await runner.run(() => sleep(0, 2)), 2);
 * });
 * ```
 */
export class Runner implements AsyncDisposable {
  #state: "created" | "initialized" | "closed" = "created";
  readonly #options: RunOptions;
  #loop: EventLoop | null = null;
  #cell: ContextCell | null = null;
  #setAsCurrent = false;

  /**
   * Nothing happens before the first {@linkcode Runner.run} or {@linkcode Runner.getLoop}.
   *
   * @throws {TypeError} if the options are not an object, or their signal is none
   */
  constructor(options: RunOptions = {}) {
    RUN.check(options, "Runner");
    this.#options = options;
  }

  /**
   * Runs `coro` as the main task and resolves to what it returns.
   *
   * @throws {RuntimeError} if the runner is closed, or inside a running loop
   * @throws {TypeError} if `coro` is not a function, or a context is given outside an options object
   * @throws {KeyboardInterrupt} after SIGINT, or one of the `stopSignals`, once the main task was cancelled and has unwound
   */
  async run<T>(coro: Coroutine<T>, options: { context?: Context } = {}): Promise<T> {
    requireCoroutine(coro, "run");
    if (options instanceof Context) {
      throw new TypeError("The context goes in an object: runner.run(work, { context })");
    }
    RUN_ONCE.check(options, "run()");
    if (runningLoop() !== null) {
      throw new RuntimeError(
        "Runner.run() cannot be called from a running event loop: await the function itself, or createTask() it",
      );
    }
    this.#initialize();
    const loop = this.#loop!;
    const context = options.context ?? contextOf(this.#cell!);
    cellOf(context);
    const task = loop.createTask(coro, { context });
    const { signal } = this.#options;
    const inner = loop[core];
    const abort = (): void => {
      askToStop(inner, signal!.reason);
      cancelTask(task as Task<unknown>, { message: undefined, cause: noteReason(signal!.reason) });
    };
    const { stopSignals = ["SIGINT"], grace } = this.#options;
    const stop = new StopListener(inner, {
      signals: stopSignals,
      explicit: this.#options.stopSignals !== undefined,
      grace: grace === undefined || grace === null ? grace : toSeconds(grace),
      cancel: () => void (task.done() || task.cancel()),
    });
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
    try {
      return await loop.runUntilComplete(task);
    } catch (error) {
      // A task factory may have made something that cannot count requests.
      const by = stop.cancelledBy;
      if (by !== null && isCancelled(error) && task.uncancel?.() === 0) {
        throw new KeyboardInterrupt(`interrupted by ${by}`, { cause: error, signal: by });
      }
      throw error;
    } finally {
      stop.end();
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * The loop that the runner uses.
   *
   * @throws {RuntimeError} if the runner is closed
   */
  getLoop(): EventLoop {
    this.#initialize();
    return this.#loop!;
  }

  /** Cancels what is left, closes async generators and the executor, closes the loop. The second time it does nothing. */
  async close(): Promise<void> {
    // One that was never used has nothing to close, and may be used still, as in CPython.
    if (this.#state !== "initialized") return;
    const loop = this.#loop!;
    const inner = loop[core];
    try {
      await cancelAllTasks(loop);
      await loop.runUntilComplete(() => loop.shutdownAsyncgens());
      await loop.runUntilComplete(() => loop.shutdownDefaultExecutor(EXECUTOR_PATIENCE));
    } finally {
      if (loop.getDebug()) reportLeftBehind(inner);
      if (this.#setAsCurrent) getEventLoopPolicy().setEventLoop(null);
      loop.close();
      this.#loop = null;
      this.#state = "closed";
      // Hot branches of finished tasks run their cleanup before the code that waits for the run goes on.
      await inner.ended;
    }
  }

  /** Runs the body, then closes the runner. */
  async with<R>(body: (runner: this) => R | PromiseLike<R>): Promise<R> {
    this.#initialize();
    try {
      return await body(this);
    } finally {
      await this.close();
    }
  }

  /** `close()` */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `<Runner created>`, `<Runner initialized>`, `<Runner closed>` */
  toString(): string {
    return `<Runner ${this.#state}>`;
  }

  static {
    showAs(this.prototype);
  }

  #initialize(): void {
    if (this.#state === "closed") throw new RuntimeError("Runner is closed: make a new one");
    if (this.#state === "initialized") return;
    const { loopFactory, debug } = this.#options;
    if (loopFactory !== undefined && loopFactory !== null) this.#loop = makeLoop(loopFactory);
    else {
      this.#loop = newEventLoop();
      this.#loop[core].ownedByRun = true;
      getEventLoopPolicy().setEventLoop(this.#loop);
      this.#setAsCurrent = true;
    }
    if (debug !== undefined && debug !== null) this.#loop.setDebug(debug);
    this.#cell = new ContextCell(currentBindings());
    this.#state = "initialized";
  }
}

function makeLoop(factory: () => EventLoop): EventLoop {
  const loop: EventLoop = typeof factory === "function" ? factory() : factory;
  if ((loop as unknown) instanceof BaseEventLoop) return loop;
  throw new TypeError(
    `Cannot make Runner: loopFactory must be a function that returns an EventLoop, received ${
      typeof factory === "function" ? `one that returned ${describeType(loop)}` : describeType(loop)
    }; write newEventLoop`,
  );
}

async function cancelAllTasks(loop: EventLoop): Promise<void> {
  const left = [...allTasks(loop)];
  for (const task of left) task.cancel();
  cancelHotBranches(loop[core].rootScope);
  if (left.length === 0) return;
  await loop.runUntilComplete(async () => {
    await gather(left, { returnExceptions: true });
  });
  for (const task of left) {
    if (task.cancelled()) continue;
    const exception = task.exception();
    if (exception === null) continue;
    loop.callExceptionHandler({
      message: "unhandled exception during asyncio.run() shutdown",
      exception,
      task,
    });
  }
}

/** What finished tasks left waiting ends with the tasks that are left, one of which may await it. */
function cancelHotBranches(loopScope: Scope): void {
  for (const wait of loopScope.waits()) {
    wait.cancel(new Request({ message: droppedText(wait as ScopeWait & Described) }));
  }
  for (const child of loopScope.children()) {
    if (child.task?.done() !== true) continue;
    const [wait] = child.waits();
    const message = wait === undefined ? undefined : droppedText(wait as ScopeWait & Described);
    const request = new Request({ message }, child);
    child.deliver(request);
    // Without a wait there is nothing to cancel.
    request.withdraw();
  }
}

/** What all waits tell of themselves. */
interface Described {
  readonly site: Site | null;
  describe(): string;
}

/** The error of a dropped promise is printed by the runtime, far from where it was made. */
function droppedText(wait: Described): string {
  const place = placeOf(wait.site);
  return `The run ended before this promise, which waits for ${wait.describe()}` +
    `${place === "" ? "" : `, made at ${place}`}, and which nobody awaited: ` +
    "write createTask(() => work()) instead of work(), and await the task";
}

function reportLeftBehind(loop: LoopCore): void {
  const names = [...leftBehind.peek(loop)?.values() ?? []];
  if (names.length === 0) return;
  loop.callExceptionHandler({
    message: `The run ends while bodies that deadlines left behind still wait: ${names.join(", ")}`,
  });
}

/**
 * Makes a loop, runs `main` in it as a task, and resolves to what it returns; at the end cancels the tasks that are left,
 * closes async generators and the default executor, and closes the loop. Keeps the process alive until then. Several runs
 * started from plain code may overlap: each has its own loop.
 *
 * asyncio: `asyncio.run()`
 *
 * @throws {RuntimeError} inside a running loop
 * @throws {TypeError} if `main` is not a function, or the options are not an object: `run(main, { debug: true })`
 * @throws {KeyboardInterrupt} after SIGINT, or one of the `stopSignals`, for which main was cancelled, once it has unwound;
 * the next signal ends the process as the platform does
 *
 * @example
 * ```ts
 * import { run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.equal(await run(() => sleep(0, "done")), "done");
 * ```
 */
export async function run<T>(main: Coroutine<T>, options: RunOptions = {}): Promise<T> {
  requireCoroutine(main, "run");
  RUN.check(options, "run()");
  if (runningLoop() !== null) {
    throw new RuntimeError(
      "run() cannot be called from a running event loop: await the function itself, or createTask() it",
    );
  }
  return await new Runner(options).with((runner) => runner.run(main));
}

staysInThread("make one in the worker", Runner);
staysInThread(
  "in the worker getParentLoop() is the loop of the thread that gave it its work, and the functions that it is to call go along: toThread(work, report)",
  BaseEventLoop,
);
