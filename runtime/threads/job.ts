import type { Callable } from "../base/functions.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { captureAsyncContext, type EnterContext } from "../base/async_context.ts";
import { ownBytes } from "../base/bytes.ts";
import { adviceAgainstPassing, describeType } from "../base/format.ts";
import { type Context, contextOf } from "../core/context.ts";
import { type Bindings, ContextCell } from "../core/context_cell.ts";
import { storedCell } from "../core/frame.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import {
  type ConcurrentFuture,
  openConcurrent,
  type WorkSource,
} from "../tasks/concurrent_future.ts";
import type { FunctionPlace, JobMessage, JobShape, Work } from "../wire/protocol.ts";
import { transferMarks, wire } from "../wire/wire.ts";
import { threadSlot } from "../wire/worker_slot.ts";

type Post = (message: JobMessage, transfer: readonly Transferable[]) => void;

/** A call for a worker. */
export interface Submission {
  readonly work: Work;
  /** @default {"call"} */
  readonly shape?: JobShape;
  readonly args: readonly unknown[];
  /** The caller's context variables. */
  readonly values: readonly (readonly [name: string, value: unknown])[];
  /** The loop that runs the functions among the arguments, and to which uncaught errors are reported. */
  readonly loop: EventLoop;
}

/** What has a job: the pool's queue, then a worker. */
export interface JobHolder {
  /** True: the job will not run. False: it runs already, and its signal was aborted. */
  cancel(job: Job): boolean;
  /** Whether the job has begun. */
  runs(job: Job): boolean;
}

let lastId = 0;

/** One call on its way to a worker, and the future of its result. */
export class Job implements WorkSource {
  readonly id: number = ++lastId;
  readonly future: ConcurrentFuture<unknown> = openConcurrent(this);
  /** The thread that has made the job runs the loop, which must not block. */
  readonly block: null = null;
  holder: JobHolder;
  readonly loop: EventLoop;
  readonly #submission: Submission;
  #args: readonly unknown[];
  #functions: readonly FunctionPlace[] = [];
  #transfer: readonly Transferable[] = [];
  #callables: Callable[] | null = null;
  #restore: EnterContext | null = null;
  readonly #bindings: Bindings = storedCell().bindings;

  constructor(submission: Submission, holder: JobHolder) {
    this.#submission = submission;
    this.holder = holder;
    this.loop = submission.loop;
    for (const value of submission.args) requireFree(value, "the arguments to a worker", 2);
    const args = submission.args.map(withOwnBuffer);
    this.#args = args;
    if (transferMarks.used || args.some((value) => typeof value === "function")) this.#serialize();
  }

  cancel(): boolean {
    return this.holder.cancel(this);
  }

  running(): boolean {
    return this.holder.runs(this);
  }

  /** A function that was among the arguments. */
  callable(id: number): Callable {
    return this.#callables![id]!;
  }

  /** Runs `start` in the async context in which the job was submitted, for other libraries' stores. */
  asSubmitted<R>(start: () => R): R {
    return this.#restore === null ? start() : this.#restore(start, undefined);
  }

  /** A copy of the context in which the job was submitted, for one call of its functions. */
  context(): Context {
    return contextOf(new ContextCell(this.#bindings));
  }

  /** Copies the arguments, for a job that has to wait: what the caller changes later does not belong to the call. */
  snapshot(): void {
    if (this.#args.every(isPlainValue)) return;
    const copy = (): void => {
      const transfer = [...this.#transfer];
      const copied = structuredClone({ args: this.#args, transfer }, { transfer });
      this.#args = copied.args;
      this.#transfer = copied.transfer;
    };
    try {
      this.#tryCopy(copy);
    } catch (_notCloneable) {
      // What can't be copied now can't be sent later, and `send` then fails the job.
      return;
    }
  }

  /** Hands it to a worker. @throws {TypeError} if the arguments can't be sent */
  send(post: Post): void {
    try {
      this.#tryCopy(() => {
        const { work, shape = "call", values } = this.#submission;
        const args = this.#args;
        const functions = this.#functions;
        post({ kind: "job", job: this.id, work, shape, args, functions, values }, this.#transfer);
      });
    } catch (error) {
      throw new TypeError(
        `Cannot send the arguments to a worker: ${error}. Pass data that can be copied`,
        { cause: error },
      );
    }
  }

  /** Copies the arguments; they are searched for functions only after a copy has failed, since the search costs time. */
  #tryCopy(copy: () => void): void {
    try {
      copy();
    } catch (error) {
      if (this.#callables !== null) throw error;
      this.#serialize();
      if (this.#functions.length === 0) throw error;
      copy();
    }
  }

  #serialize(): void {
    const callables: Callable[] = [];
    const outgoing = wire.serialize(this.#args, transferMarks, (fn) => callables.push(fn) - 1);
    this.#args = outgoing.values;
    this.#functions = outgoing.functions;
    this.#transfer = outgoing.transfer;
    this.#callables = callables;
    this.#restore = callables.length === 0 ? null : captureAsyncContext();
  }
}

/** The current context variables by name, without those whose values can't leave the thread. */
export function contextValues(): [name: string, value: unknown][] {
  const values: Map<string, unknown> = new Map();
  for (const [name, value] of threadSlot?.values() ?? []) values.set(name, value);
  for (const [variable, value] of storedCell().bindings) {
    if (isPlainValue(value)) values.set((variable as { name: string }).name, value);
    else if (typeof value === "object") {
      try {
        values.set((variable as { name: string }).name, structuredClone(value));
      } catch (_notCloneable) {
        continue;
      }
    }
  }
  return [...values];
}

/** How many members of an array or object are searched: real data may be large, what is passed by mistake is not. */
const SEARCHED = 16;

/**
 * Refuses what must not be copied: a copied lock would be `{}`.
 *
 * @throws {TypeError} if it is, or holds in plain objects and arrays, an object of this library that belongs to its thread
 */
export function requireFree(value: unknown, what: string, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === Array.prototype) {
    if (depth === 0) return;
    let seen = 0;
    for (const key in value) {
      if (++seen > SEARCHED) return;
      requireFree(Reflect.get(value, key), what, depth - 1);
    }
    return;
  }
  const advice = adviceAgainstPassing(value);
  if (advice === null) return;
  throw new TypeError(
    `Cannot send ${what}: ${
      describeType(value)
    } belongs to the thread in which it was made. Instead, ${advice}`,
  );
}

/** A chunk that shares its buffer is copied: the bytes of other connections must not be sent with it. */
function withOwnBuffer(value: unknown): unknown {
  return value instanceof Uint8Array && !transferMarks.of.has(value) ? ownBytes(value) : value;
}

function isPlainValue(value: unknown): boolean {
  return value === null || !["object", "function", "symbol"].includes(typeof value);
}

// ── what is called

/** The functions that `threadModule` has made. */
const exportsOfModules: WeakMap<Callable, Work> = new WeakMap();

/**
 * A typed view of a module whose functions run in worker threads: hand them to `toThread`, to an executor, or to
 * `loop.runInExecutor`. Each worker loads the module once, when it first needs it. A module may import anything, this library
 * too; on Node before 22.18 it has to be JavaScript.
 *
 * @param url where the module is: `new URL("./work.ts", import.meta.url)` for a file beside this one
 * @returns an object with the module's functions; calling one directly throws
 * @throws {TypeError} if the url is not absolute
 *
 * @example
 * ```ts
 * import { run, threadModule, toThread } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const path = threadModule<{ basename(path: string): string }>("node:path");
 * await run(async () => {
 *   assert.equal(await toThread(path.basename, "/tmp/report.txt"), "report.txt");
 * });
 * ```
 */
export function threadModule<M extends object>(
  url: string | URL,
): { readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K] } {
  const address = absolute(url);
  const known: Map<string, Callable> = new Map();
  return new Proxy(Object.create(null), {
    get(_target, key): Callable | undefined {
      // `then` would make an awaited view look like a promise.
      if (typeof key !== "string" || key === "then") return undefined;
      let fn = known.get(key);
      if (fn === undefined) {
        fn = exportOf(address, key);
        known.set(key, fn);
      }
      return fn;
    },
  });
}

/** What a worker calls for `fn`. @throws {TypeError} if a worker can't call it */
export function workOf(fn: Callable): Work {
  const work = exportsOfModules.get(fn);
  if (work !== undefined) return work;
  const source = Function.prototype.toString.call(fn);
  if (/^class\b/.test(source)) {
    throw new TypeError(
      `Cannot run the class ${fn.name} in a thread: a function is expected. Write () => new ${fn.name}()`,
    );
  }
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new TypeError(
      `Cannot send ${
        fn.name || "the function"
      } to a thread: it is built in or bound and has no source. ` +
        `Write (...args) => ${
          fn.name || "fn"
        }(...args), or put it in a module and use threadModule`,
    );
  }
  return { source };
}

function exportOf(url: string, name: string): Callable {
  const fn = (): never => {
    throw new RuntimeError(
      `Cannot call ${name} here: a function of a threadModule runs in a thread only. ` +
        `Write await toThread(work.${name}, ...args)`,
    );
  };
  Object.defineProperty(fn, "name", { value: name });
  exportsOfModules.set(fn, { url, name });
  return fn;
}

function absolute(url: string | URL): string {
  if (url instanceof URL) return url.href;
  if (typeof url !== "string") {
    throw new TypeError(
      `Cannot make a threadModule: a URL is expected, received ${describeType(url)}`,
    );
  }
  try {
    return new URL(url).href;
  } catch (error) {
    throw new TypeError(
      `Cannot make a threadModule: the URL must be absolute, received "${url}". For a file beside ` +
        `this one write threadModule<typeof import("./work.ts")>(new URL("./work.ts", import.meta.url))`,
      { cause: error },
    );
  }
}
