import type { EventLoop } from "../event_loop.ts";
import type { Completion } from "./_completion.ts";
import { type ConcurrentFuture, concurrentFuture } from "./_concurrent_future.ts";
import { describeType, staysInThread } from "./_describe.ts";
import { type Delay, toSeconds } from "./durations.ts";
import { currentScope } from "./_frame.ts";
import { contextValues, type Submission } from "./_job.ts";
import { count, duration, flag, type OptionsOf, optionsOf, text } from "./_options.ts";
import { workOf } from "./thread_module.ts";
import type { WorkerKind } from "./_worker_code.ts";
import { WorkerPool } from "./_worker_pool.ts";
import { showAs } from "./_printing.ts";

/** Runs calls elsewhere. What `loop.runInExecutor` and `loop.setDefaultExecutor` take; write your own if you like. */
export interface Executor {
  /** Starts `fn(...args)` or queues it. If what it returns has a `cancel` method, cancelling the caller calls that. */
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): PromiseLike<Awaited<R>>;
  /** Takes no more calls; resolves at once, or, with `wait` (the default), when all that was submitted has ended. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** How an executor is shut down. */
export interface ShutdownOptions {
  /** Whether to wait until the workers have ended. @default {true} */
  wait?: boolean;
  /** Whether to cancel what has not started. @default {false} */
  cancelFutures?: boolean;
}

const SHUTDOWN: OptionsOf<ShutdownOptions> = optionsOf("{ wait: false }", {
  wait: flag,
  cancelFutures: flag,
});

/** How a pool is made. */
export interface ThreadPoolExecutorOptions {
  /** How many workers there are at most. @default {the number of cores + 4, at most 32} */
  maxWorkers?: number;
  /** The workers are called this, "_" and a number; debuggers show it. @default {"ThreadPoolExecutor-N"} */
  threadNamePrefix?: string;
  /** After so long without work a worker ends; Infinity: never. @default {60 seconds} */
  idleTimeout?: Delay;
}

/** What is checked of {@linkcode ThreadPoolExecutorOptions}. */
export const poolOptions: OptionsOf<ThreadPoolExecutorOptions> = optionsOf("{ maxWorkers: 4 }", {
  maxWorkers: count,
  threadNamePrefix: text,
  idleTimeout: duration,
}, {
  name: "write threadNamePrefix",
  mpContext: "children are always started anew",
  maxTasksPerChild: "children end after idleTimeout without work",
});

/** Under this name a subclass tells where its workers live. A symbol, so that it is no part of the public options. */
export const WORKER_KIND: unique symbol = Symbol("where workers live");

/** What the constructors of executors tell each other. */
export interface InternalExecutorOptions {
  readonly [WORKER_KIND]?: WorkerKind;
}

type Callable = (...args: never[]) => unknown;

/** Submits for the loop's side: to a loop of its choice, with context variables. */
export let submitToPool: (
  executor: ThreadPoolExecutor,
  call: { fn: Callable } & Omit<Submission, "work">,
) => Completion<unknown>;
/** Whether an executor takes no more work; one of somebody else's making is not asked. */
export let isShutDown: (executor: Executor) => boolean;

let counter = 0;

/**
 * Runs functions in a pool of worker threads.
 *
 * - A worker starts when work comes and none is free; it stays for the next work and ends after a minute without any. Only
 *   work under way keeps the process alive.
 * - Work is a function of a `threadModule`, or a self-contained function: it is sent as source and sees its arguments and
 *   the globals only. It may be async.
 * - Arguments and results are copied (structured clone) as they are at the call, or moved with `transfer`. Functions among
 *   the arguments stay here: called in the worker, they run on the loop of whoever submitted the work.
 * - Each job runs in a context of its own, with the caller's context variables, by name, if their values can be copied.
 * - An error comes back with its name, message, stack, cause and fields. A worker that dies fails its work with
 *   BrokenExecutor and is replaced.
 *
 * asyncio: `concurrent.futures.ThreadPoolExecutor`
 *
 * @example
 * ```ts
 * import { gather, run, ThreadPoolExecutor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const sumTo = (n: number) => {
 *   let sum = 0;
 *   for (let i = 1; i <= n; i++) sum += i;
 *   return sum;
 * };
 * await run(async () => {
 *   const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
 *   const sums = await gather([pool.submit(sumTo, 10), pool.submit(sumTo, 1000)]);
 *   assert.deepEqual(sums, [55, 500500]);
 *   await pool.shutdown();
 * });
 * ```
 */
export class ThreadPoolExecutor implements Executor, AsyncDisposable {
  readonly #pool: WorkerPool;

  /**
   * No worker starts yet.
   *
   * @throws {RangeError} when `maxWorkers` is no whole number above 0
   * @throws {TypeError} when an option is of the wrong type
   */
  constructor(options: ThreadPoolExecutorOptions = {}) {
    poolOptions.check(options, new.target.name);
    const { [WORKER_KIND]: kind = "thread" } = options as InternalExecutorOptions;
    this.#pool = new WorkerPool({
      maxWorkers: limitOf(options.maxWorkers),
      idleTimeout: toSeconds(options.idleTimeout ?? 60),
      kind,
      prefix: options.threadNamePrefix ?? `${new.target.name}-${++counter}`,
    });
  }

  /**
   * Starts `fn(...args)` in a worker, or queues it until one is free.
   *
   * @throws {RuntimeError} after a shutdown
   * @throws {TypeError} when `fn` is no function, or one that has no source (built in, bound, a class)
   */
  submit<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: A
  ): ConcurrentFuture<Awaited<R>> {
    const loop = currentScope().loop as unknown as EventLoop;
    const completion = submitToPool(this, { fn, args, values: contextValues(), loop });
    return concurrentFuture(completion as Completion<Awaited<R>>);
  }

  /**
   * Takes no more work. What was submitted still runs, unless `cancelFutures` cancels what has not started; the workers end
   * after it.
   *
   * @returns resolves when all workers have ended, with `wait: false` at once
   * @throws {TypeError} when the options are no object
   */
  shutdown(options: ShutdownOptions = {}): Promise<void> {
    try {
      SHUTDOWN.check(options, "shutdown()");
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#pool.shutdown(options.wait ?? true, options.cancelFutures ?? false);
  }

  /** Shuts down and waits. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** `<ThreadPoolExecutor>`, `<ThreadPoolExecutor shutdown>` */
  toString(): string {
    return `<${this.constructor.name}${this.#pool.isShutDown ? " shutdown" : ""}>`;
  }

  static {
    showAs(this.prototype);
    submitToPool = (executor, { fn, ...rest }) => {
      if (typeof fn !== "function") {
        throw new TypeError(
          `A function was expected to run in a worker: got ${describeType(fn)}. ` +
            "Pass it and its arguments apart, as in toThread(work, ...args)",
        );
      }
      return executor.#pool.submit({ work: workOf(fn), ...rest });
    };
    isShutDown = (executor) =>
      !(executor instanceof ThreadPoolExecutor) || executor.#pool.isShutDown;
  }
}

function limitOf(maxWorkers: number | undefined): number {
  if (maxWorkers === undefined) return Math.min(32, cores() + 4);
  if (maxWorkers < 1) {
    throw new RangeError(`maxWorkers is a whole number above 0: got ${maxWorkers}`);
  }
  return maxWorkers;
}

/** How many threads the machine runs at a time. */
function cores(): number {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: "node:os"): { availableParallelism(): number } };
  };
  return process.getBuiltinModule("node:os").availableParallelism();
}

staysInThread("pass a function that submits to it, or make one in the worker", ThreadPoolExecutor);
