import type { Callable } from "../base/functions.ts";
import type { EncodedValue, JobMessage, PoolMessage, WorkerMessage } from "../wire/protocol.ts";
import { makeWire, type Outgoing, type Wire } from "../wire/wire.ts";
import type {
  CallSettlement,
  ErrorMaker,
  LibraryHooks,
  RemoteCall,
  ThreadSlot,
} from "../wire/worker_slot.ts";
import type { WorkerChannel } from "./pool_worker.ts";

type Module = Readonly<Record<string, unknown>>;

/** The program of a worker as source text, around the source text of an expression that makes its channel. */
export function programSource(channel: string): string {
  // The import is part of the text, so that no bundler rewrites it.
  return `"use strict";(() => {
for (const helper of ["__name", "${nameHelper(String(runWorker))}"]) {
  Object.defineProperty(globalThis, helper, { value: (fn) => fn, configurable: true, writable: true });
}
(${runWorker})((${makeWire})(), ${channel}, (url) => import(url));
})()`;
}

/**
 * What esbuild and tsx call in functions that they have compiled, to keep their names; it has to be there for functions
 * that are sent as source. Minified it has another name, which is found where it is called on a function of this program.
 */
export function nameHelper(program: string): string {
  return /([\p{L}$_][\p{L}\p{N}$_]*)\([^(),]+,\s*["'`]isThenable["'`]\)/u.exec(program)?.[1] ??
    "__name";
}

/**
 * The program of a worker: takes one job after another. Like the wire it uses nothing from outside of itself.
 *
 * - What a job leaves uncaught never leaves the worker as an uncaught error, which Deno would print: it goes to the pool.
 * - Calls of the job's functions and its result travel in the order in which they were made.
 * - Each job runs in an async context of its own, so that nothing that one sets is there for the next.
 */
function runWorker(
  wire: Wire,
  channel: WorkerChannel,
  load: (url: string) => Promise<Module>,
): void {
  interface Job {
    readonly id: number;
    readonly message: JobMessage;
    readonly values: ReadonlyMap<string, unknown>;
    controller: AbortController | null;
    cancelled: boolean;
  }

  const modules: Map<string, Module> = new Map();
  const compiled: Map<string, Callable> = new Map();
  const compiledLimit = 100;
  const evaluate = globalThis.eval;
  /** Where functions that came with a job are kept at the pool. */
  const places: WeakMap<Callable, { job: number; fn: number }> = new WeakMap();
  /** Promises of calls into the loop that are awaited. */
  const observed: WeakSet<object> = new WeakSet();
  const calls: Map<number, CallSettlement> = new Map();
  const aborting: WeakSet<AbortController> = new WeakSet();
  let lastCall = 0;
  let current: Job | null = null;
  let printing = false;

  interface Globals {
    readonly process: {
      on(event: string, listener: (error: unknown) => void): void;
      getBuiltinModule(name: "node:async_hooks"): typeof import("node:async_hooks");
    };
  }
  const { process } = globalThis as unknown as Globals;
  const { AsyncLocalStorage, AsyncResource } = process.getBuiltinModule("node:async_hooks");
  /** The job that code belongs to: code that outlives its job may run during another one. */
  const jobs = new AsyncLocalStorage<Job>();

  const slot: ThreadSlot = {
    signal() {
      const job = jobs.getStore() ?? current;
      return job === null || job !== current ? null : signalOf(job);
    },
    values: () => jobs.getStore()?.values ?? null,
    isRemote: (fn) => places.has(fn),
    call,
    block: channel.sleep,
    marks: { of: new WeakMap(), used: false },
    libraries: [],
  };
  Object.defineProperty(globalThis, Symbol.for("@asyncio/asyncio:thread:1"), { value: slot });

  function run(message: JobMessage): void {
    const job: Job = {
      id: message.job,
      message,
      values: new Map(message.values),
      controller: null,
      cancelled: false,
    };
    current = job;
    const args = [...message.args];
    wire.restore(args, message.functions, (fn) => makeRemote(job.id, fn));
    const ended = (value: unknown): void => finish(job, value);
    const failed = (error: unknown): void => fail(job, explain(error, message));
    const call = (fn: Callable): unknown =>
      message.shape === "chunk" ? callEach(fn, args[0] as unknown[][]) : fn(...(args as never[]));
    // The resource is there for Node before 24, where `enterWith` of any storage would otherwise last until the next job.
    const start = (fn: Callable): unknown =>
      message.shape === "initializer"
        ? call(fn)
        : new AsyncResource("job").runInAsyncScope(() => jobs.run(job, () => call(fn)));
    try {
      // Only a promise is awaited, which saves a microtask for each of many small jobs. A module is loaded outside of the
      // job: what the module starts does not belong to the job that came first.
      const fn = findWork(message);
      const result = fn instanceof Promise ? fn.then(start) : start(fn);
      if (isThenable(result)) Promise.resolve(result).then(ended, failed);
      else ended(result);
    } catch (error) {
      failed(error);
    }
  }

  async function callEach(fn: Callable, calls: readonly unknown[][]): Promise<unknown[]> {
    const results: unknown[] = [];
    for (const args of calls) results.push(await fn(...(args as never[])));
    return results;
  }

  function isThenable(value: unknown): boolean {
    return typeof value === "object" && value !== null &&
      typeof Reflect.get(value, "then") === "function";
  }

  function findWork({ work }: JobMessage): Callable | Promise<Callable> {
    if ("source" in work) return compile(work.source);
    const { url, name } = work;
    const known = modules.get(url);
    if (known !== undefined) return exportOf(known, url, name);
    return load(url).then((module) => {
      modules.set(url, module);
      return exportOf(module, url, name);
    });
  }

  function exportOf(module: Module, url: string, name: string): Callable {
    const found = module[name];
    if (typeof found === "function") return found as Callable;
    throw new TypeError(
      `Cannot run "${name}" of ${url}: it must export a function of this name, received ${typeof found}`,
    );
  }

  function compile(source: string): Callable {
    const known = compiled.get(source);
    if (known !== undefined) return known;
    // Functions of modules and classes are strict; one of a sloppy script may not compile as strict code. The source of a
    // method is not an expression.
    const method = (text: string): unknown => Object.values(evaluate(text) as object)[0];
    const fn = tryEach([
      () => evaluate(`"use strict"; (${source}\n)`),
      () => method(`"use strict"; ({${source}\n})`),
      () => evaluate(`(${source}\n)`),
      () => method(`({${source}\n})`),
    ]);
    if (compiled.size >= compiledLimit) compiled.clear();
    compiled.set(source, fn as Callable);
    return fn as Callable;
  }

  /** The value of the first way that compiles. */
  function tryEach(ways: readonly (() => unknown)[]): unknown {
    let failure: unknown;
    for (const way of ways) {
      try {
        return way();
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  /** Explains the errors that are met most: a name that does not exist in the thread, a module that can't be loaded. */
  function explain(error: unknown, { work }: JobMessage): unknown {
    if (!("source" in work) && isNotFound(error)) {
      return new TypeError(
        `Cannot load ${work.url} in a thread: ${Reflect.get(error, "message")}. ` +
          'Name a file that is there, as in threadModule(new URL("./work.ts", import.meta.url))',
        { cause: error },
      );
    }
    if (!(error instanceof Error)) return error;
    if ("source" in work) {
      const free = /^(?:Can't find variable: )?([\p{L}$_][\p{L}\p{N}$_]*)(?: is not defined)?$/u
        .exec(error.message);
      if (!(error instanceof ReferenceError) || free === null || free[1] === error.message) {
        return error;
      }
      error.message =
        `${free[1]} is not defined in the thread: a function that is sent there can use ` +
        "its arguments and globals only. Pass the value as an argument, or put the function in a module: " +
        'threadModule<typeof import("./work.ts")>(new URL("./work.ts", import.meta.url))';
    } else if (Reflect.get(error, "code") === "ERR_UNKNOWN_FILE_EXTENSION") {
      return new TypeError(
        `Cannot load ${work.url} in a thread: this runtime does not load TypeScript. ` +
          "Compile it to JavaScript, or use Node 22.18 or later, Deno or Bun",
        { cause: error },
      );
    }
    return error;
  }

  /** Bun's is not an Error, Deno's has no code on some paths. */
  function isNotFound(error: unknown): error is object {
    return typeof error === "object" && error !== null &&
      (Reflect.get(error, "code") === "ERR_MODULE_NOT_FOUND" ||
        /^(Module not found|Cannot find module)/.test(String(Reflect.get(error, "message"))));
  }

  function finish(job: Job, value: unknown): void {
    try {
      requireFree(value);
    } catch (error) {
      fail(job, error);
      return;
    }
    try {
      const { values, transfer } = outgoing([value]);
      post({ kind: "done", job: job.id, value: values[0] }, transfer, job);
    } catch (error) {
      const text = `Cannot send the result of the job: ${error}. Return data that can be copied`;
      fail(job, new TypeError(text, { cause: error }));
    }
  }

  function fail(job: Job, error: unknown): void {
    post({ kind: "failed", job: job.id, error: wire.encodeThrown(error) }, [], job);
  }

  function post(
    message: WorkerMessage,
    transfer: readonly Transferable[],
    ended: Job | null,
  ): void {
    if (!printing && channel.unwritten()) {
      printing = true;
      channel.post({ kind: "printing" }, []);
      channel.flush(false, () => {
        printing = false;
        channel.post({ kind: "printed" }, []);
      });
    }
    channel.post(message, transfer);
    if (ended === current) current = null;
  }

  function outgoing(values: readonly unknown[]): Outgoing {
    if (!slot.marks.used) return { values, functions: [], transfer: [] };
    return wire.serialize(values, slot.marks, null);
  }

  /** @throws {TypeError} if the value belongs to this thread, which only copies of the library know */
  function requireFree(value: unknown): void {
    for (const library of slot.libraries) library.requireFree?.(value);
  }

  /** A computation that never yields sees no message, so asking the signal looks at the shared flag first. */
  function signalOf(job: Job): AbortSignal {
    if (job.controller !== null) return job.controller.signal;
    const controller = new AbortController();
    job.controller = controller;
    const { signal } = controller;
    const look = (): void => {
      if (job.cancelled || channel.cancelledJob() === job.id) abort(job);
    };
    const native = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted");
    Object.defineProperty(signal, "aborted", {
      get: (): boolean => {
        look();
        return native?.get?.call(signal);
      },
    });
    Object.defineProperty(signal, "throwIfAborted", {
      value: (): void => {
        look();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    });
    look();
    return signal;
  }

  function abort(job: Job): void {
    job.cancelled = true;
    // Deno's own abort looks at `aborted`, which leads back here.
    if (job.controller === null || aborting.has(job.controller)) return;
    aborting.add(job.controller);
    const library: LibraryHooks | undefined = slot.libraries[slot.libraries.length - 1];
    job.controller.abort(library?.cancelledError());
  }

  /**
   * The promise of a call into the loop. The job must not fail with a callback that is not awaited, so the promise is never an
   * unhandled rejection; instead it notes whether it is awaited. Awaiting a subclass calls its `then`.
   */
  class RemotePromise extends Promise<unknown> {
    static override get [Symbol.species](): PromiseConstructor {
      return Promise;
    }

    override then<A = unknown, B = never>(
      onfulfilled?: ((value: unknown) => A | PromiseLike<A>) | null,
      onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
    ): Promise<A | B> {
      observed.add(this);
      return super.then(onfulfilled, onrejected);
    }
  }

  function makeRemote(job: number, fn: number): Callable {
    const remote = (...args: unknown[]): Promise<unknown> => {
      const promise: Promise<unknown> = new RemotePromise((resolve, reject) => {
        call(remote, args, {
          resolve,
          reject: (encoded) => {
            const error = decode(encoded);
            reject(error);
            if (!observed.has(promise)) stray(error, false);
          },
        });
      });
      Promise.prototype.then.call(promise, undefined, () => {});
      return promise;
    };
    places.set(remote, { job, fn });
    return remote;
  }

  function call(fn: Callable, args: readonly unknown[], settle: CallSettlement | null): RemoteCall {
    const place = places.get(fn);
    if (place === undefined) {
      throw new TypeError("Cannot call on the loop's thread: the function did not come with a job");
    }
    requireFree([...args]);
    const id = settle === null ? 0 : ++lastCall;
    const { values, transfer } = outgoing(args);
    channel.post({ kind: "call", ...place, call: id, args: values }, transfer);
    if (settle !== null) calls.set(id, settle);
    return { cancel: () => channel.post({ kind: "cancelCall", call: id }, []) };
  }

  function decode(error: EncodedValue): unknown {
    return wire.decodeThrown(error, (name) => {
      let found: ErrorMaker | undefined;
      for (const library of slot.libraries) found = library.findErrorClass(name) ?? found;
      return found;
    });
  }

  function receive(message: PoolMessage): void {
    if (message.kind === "job") run(message);
    else if (message.kind === "poke") channel.drain();
    else if (message.kind === "end") {
      channel.post({ kind: "ending" }, []);
      channel.flush(true, () => channel.post({ kind: "over" }, []));
    } else if (message.kind === "cancel") {
      if (current?.id === message.job) abort(current);
    } else {
      const settle = calls.get(message.call);
      calls.delete(message.call);
      if (message.kind === "reply") settle?.resolve(message.value);
      else settle?.reject(message.error);
    }
  }

  function stray(error: unknown, fatal: boolean): void {
    channel.post({ kind: "stray", error: wire.encodeThrown(error), fatal }, []);
  }

  process.on("uncaughtException", (error) => stray(error, true));
  process.on("unhandledRejection", (error) => stray(error, true));
  channel.listen(receive);
}
