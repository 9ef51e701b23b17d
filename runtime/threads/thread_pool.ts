import { type Delay, toSeconds } from "../base/durations.ts";
import { describeType, showAs, staysInThread } from "../base/format.ts";
import { builtin } from "../base/platform.ts";
import {
  anything,
  count,
  duration,
  flag,
  func,
  listOf,
  type OptionsOf,
  optionsOf,
  orNull,
  text,
} from "../base/options.ts";
import { waitFor } from "../combinators/wait_for.ts";
import type { Executor, ShutdownOptions } from "../../loop_interface.ts";
import type { ConcurrentFuture } from "../tasks/concurrent_future.ts";
import { currentLoop } from "../tasks/task_options.ts";
import type { Callable } from "../base/functions.ts";
import { contextValues, type Submission, workOf } from "./job.ts";
import type { WorkerKind } from "./pool_worker.ts";
import { type Initializer, WorkerPool } from "./worker_pool.ts";

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
  /** Runs in each worker before its first job. If it fails, so does all work that waits, and no more is taken. */
  initializer?: (...args: never[]) => unknown;
  /** What the initializer is called with. @default {[]} */
  initargs?: unknown[];
}

/** How a pool maps. */
export interface MapOptions {
  /** Seconds from the call of `map` until the last result has to be there. @default {for ever} */
  timeout?: Delay | null;
  /** How many calls make one job: many small ones go faster together. @default {1} */
  chunkSize?: number;
}

const MAP: OptionsOf<MapOptions> = optionsOf("{ timeout: 5 }", {
  timeout: orNull(duration),
  chunkSize: count,
}, { chunksize: "write chunkSize" });

/** What is checked of {@linkcode ThreadPoolExecutorOptions}. */
const poolOptions: OptionsOf<ThreadPoolExecutorOptions> = optionsOf("{ maxWorkers: 4 }", {
  maxWorkers: count,
  threadNamePrefix: text,
  idleTimeout: duration,
  initializer: func(),
  initargs: listOf(anything(), "a list of arguments"),
}, {
  initArgs: "write initargs",
  name: "write threadNamePrefix",
  mpContext: "children are always started anew",
  maxTasksPerChild: "children end after idleTimeout without work",
});

/** Where a subclass says where its workers live. A symbol, so that it is not one of the public options. */
const WORKER_KIND: unique symbol = Symbol("where workers live");

interface InternalExecutorOptions {
  readonly [WORKER_KIND]?: WorkerKind;
}

/** Submits for the loop's side: to a loop of its choice, with context variables. */
export let submitToPool: (
  executor: ThreadPoolExecutor,
  call: { fn: Callable } & Omit<Submission, "work">,
) => ConcurrentFuture<unknown>;
/** Whether an executor takes no more work; a user's own one is not asked. */
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
 *   the arguments stay here: called in the worker, they run on the loop that submitted the work.
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
   * @throws {RangeError} if `maxWorkers` is not a whole number above 0
   * @throws {TypeError} if an option is of the wrong type
   */
  constructor(options: ThreadPoolExecutorOptions = {}) {
    poolOptions.check(options, new.target.name);
    const { [WORKER_KIND]: kind = "thread" } = options as InternalExecutorOptions;
    this.#pool = new WorkerPool({
      maxWorkers: limitOf(options.maxWorkers),
      idleTimeout: toSeconds(options.idleTimeout ?? 60),
      kind,
      initializer: initializerOf(options),
      prefix: options.threadNamePrefix ?? `${new.target.name}-${++counter}`,
    });
  }

  /**
   * Starts `fn(...args)` in a worker, or queues it until one is free.
   *
   * @throws {RuntimeError} if it was shut down
   * @throws {TypeError} if `fn` is not a function, or has no source (built in, bound, a class)
   */
  submit<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...args: A
  ): ConcurrentFuture<Awaited<R>> {
    const loop = currentLoop();
    const future = submitToPool(this, { fn, args, values: contextValues(), loop });
    return future as ConcurrentFuture<Awaited<R>>;
  }

  /**
   * Runs `fn` once for each item, or with one item of each iterable, as far as all of them reach. All calls are submitted at
   * once. Calls of one chunk run one after the other, and fail together.
   *
   * asyncio: `concurrent.futures.Executor.map()`
   *
   * @returns the results, in the order of the items; the iteration throws what a call threw when it is that call's turn.
   * Leaving it early cancels what has not started
   * @throws {TypeError} if `fn` can't be sent, or what follows is not iterable
   * @throws {TimeoutError} in the iteration, if a result is not there in time
   *
   * @example
   * ```ts
   * import { run, ThreadPoolExecutor } from "@asyncio/asyncio";
   * import assert from "node:assert/strict";
   *
   * await run(async () => {
   *   const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
   *   const results: number[] = [];
   *   for await (const power of pool.map((a: number, b: number) => a ** b, [2, 3], [5, 2])) {
   *     results.push(power);
   *   }
   *   assert.deepEqual(results, [32, 9]);
   *   await pool.shutdown();
   * });
   * ```
   */
  map<A extends unknown[], R>(
    fn: (...args: A) => R,
    ...iterables: [...{ [K in keyof A]: Iterable<A[K]> }, options?: MapOptions]
  ): AsyncGenerator<Awaited<R>, void, undefined> {
    const given: unknown[] = [...iterables];
    const options = isIterable(given[given.length - 1]) ? undefined : given.pop();
    MAP.check(options === undefined ? {} : options, "map()");
    const { timeout = null, chunkSize = 1 } = (options ?? {}) as MapOptions;
    if (chunkSize < 1) {
      throw new RangeError(
        `Cannot map: chunkSize must be a whole number above 0, received ${chunkSize}`,
      );
    }
    const calls = zip(given);
    const end = timeout === null ? Infinity : performance.now() / 1000 + toSeconds(timeout);
    const loop = currentLoop();
    const values = contextValues();
    const chunks: ConcurrentFuture<unknown[]>[] = [];
    for (let at = 0; at < calls.length; at += chunkSize) {
      const args = [calls.slice(at, at + chunkSize)];
      const chunk = submitToPool(this, { fn, args, shape: "chunk", values, loop });
      chunks.push(chunk as ConcurrentFuture<unknown[]>);
    }
    return resultsOf(chunks, end) as AsyncGenerator<Awaited<R>, void, undefined>;
  }

  /**
   * Takes no more work. What was submitted still runs, unless `cancelFutures` cancels what has not started; the workers end
   * after it.
   *
   * @returns resolves when all workers have ended, with `wait: false` at once
   * @throws {TypeError} if the options are not an object
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
          `Cannot run in a worker: a function is expected, received ${describeType(fn)}. ` +
            "Write the function and its arguments apart, as in toThread(work, ...args)",
        );
      }
      return executor.#pool.submit({ work: workOf(fn), ...rest });
    };
    isShutDown = (executor) =>
      !(executor instanceof ThreadPoolExecutor) || executor.#pool.isShutDown;
  }
}

/** @throws {TypeError} if one of them is not iterable, or there is none */
function zip(iterables: readonly unknown[]): unknown[][] {
  const wrong = iterables.findIndex((iterable) => !isIterable(iterable));
  if (wrong >= 0 || iterables.length === 0) {
    throw new TypeError(
      `Cannot map: what follows fn must be iterable, received ${describeType(iterables[wrong])}. ` +
        "Write map(fn, items)",
    );
  }
  const lists = iterables.map((iterable) => [...iterable as Iterable<unknown>]);
  const length = Math.min(...lists.map((list) => list.length));
  return Array.from({ length }, (_, at) => lists.map((list) => list[at]));
}

function isIterable(value: unknown): boolean {
  return typeof value === "string" ||
    typeof value === "object" && value !== null && Symbol.iterator in value;
}

async function* resultsOf(
  chunks: readonly ConcurrentFuture<unknown[]>[],
  end: number,
): AsyncGenerator<unknown, void, undefined> {
  try {
    for (const chunk of chunks) {
      const left = end - performance.now() / 1000;
      yield* chunk.done() || end === Infinity ? await chunk : await waitFor(chunk, left);
    }
  } finally {
    for (const chunk of chunks) chunk.cancel();
  }
}

function initializerOf(
  { initializer, initargs = [] }: ThreadPoolExecutorOptions,
): Initializer | null {
  return initializer === undefined ? null : { work: workOf(initializer), args: initargs };
}

function limitOf(maxWorkers: number | undefined): number {
  if (maxWorkers === undefined) return Math.min(32, cores() + 4);
  if (maxWorkers < 1) {
    throw new RangeError(
      `Cannot make a pool: maxWorkers must be a whole number above 0, received ${maxWorkers}`,
    );
  }
  return maxWorkers;
}

/** How many threads the machine runs at a time. */
function cores(): number {
  return builtin("node:os").availableParallelism();
}

staysInThread("pass a function that submits to it, or make one in the worker", ThreadPoolExecutor);

/**
 * A ThreadPoolExecutor over child processes of this runtime: a crash, a leak or a runaway computation stays in the child. The work it
 * had fails with BrokenExecutor, the rest goes on in another child.
 *
 * - All values are copied, buffers too; shared memory can't be passed.
 * - `runCoroutineThreadsafe(...).result()` can't block in a child: await it.
 * - Deno needs `--allow-run` and `--allow-env`. A child is allowed what this process is allowed without limits to certain
 *   paths or hosts.
 * - A program that was compiled into one executable can have children only when Bun compiled it.
 *
 * asyncio: `concurrent.futures.ProcessPoolExecutor`
 *
 * @example
 * ```ts
 * import { ProcessPoolExecutor, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
 *   const child = await pool.submit(async () => (await import("node:process")).pid);
 *   assert.notEqual(child, (await import("node:process")).pid);
 *   await pool.shutdown();
 * });
 * ```
 */
export class ProcessPoolExecutor extends ThreadPoolExecutor {
  /**
   * No child starts yet.
   *
   * @throws {RangeError} if `maxWorkers` is not a whole number above 0
   * @throws {TypeError} if an option is of the wrong type
   */
  constructor(options: ThreadPoolExecutorOptions = {}) {
    const kind: InternalExecutorOptions = { [WORKER_KIND]: "process" };
    poolOptions.check(options, new.target.name);
    super({ ...options, ...kind });
  }
}
