import { OSError } from "./os_error_family.ts";
import { countAsOperation } from "./_operation.ts";
import { runInRoot } from "./_root.ts";
import { Waiter } from "./_wait.ts";

/** Descriptors that must be free for a load: Deno ends the process where it finds none for what it reads. */
const FREE_TO_LOAD = 4;

/** Those that are loaded with the first of them, as far as they are not. */
const together: Set<LazyModule<unknown>> = new Set();

/**
 * A module that is loaded when it is first needed: a program that opens no socket and starts no child does not pay for
 * what those take. Only what returns a promise can wait for one; what must be there synchronously is imported as usual.
 *
 * - Once it is loaded, `call` is nothing but the call: no promise, no turn of the loop comes between.
 * - The first call waits for the load as asyncio waits: a cancellation wins, and `use` is then never called. The load
 *   counts as an operation of the host, so the testing clock stands still for it.
 * - Calls that come while it loads share the load and go on in their order; a later one does not overtake them.
 * - A load that fails fails the calls that wait for it; the next one tries again. While the process is out of descriptors
 *   that is an OSError EMFILE, and nothing is tried.
 */
export class LazyModule<M> {
  readonly #what: string;
  readonly #load: () => Promise<M>;
  #module: M | null = null;
  #loading: Promise<M> | null = null;

  /**
   * @param what for reports of what a task waits for
   * @param load `() => import("./it.ts")`, with the path written out: bundlers, `deno compile` and Deno's permissions go by
   * what they can read there
   * @param early to be loaded as soon as another one of these is: a program that holds sockets may be out of descriptors
   * when it comes to need it
   */
  constructor(what: string, load: () => Promise<M>, early = false) {
    this.#what = what;
    this.#load = load;
    if (early) together.add(this);
  }

  /** Calls `use` with the module, and gives what that gives. */
  call<R>(use: (module: M) => Promise<R>): Promise<R> {
    const module = this.#module;
    return module === null ? this.#callLater(use) : use(module);
  }

  /** The module, once somebody has it; for those who can go on without it. */
  get loaded(): M | null {
    return this.#module;
  }

  /** Loads it, on behalf of no task: whoever waits for what comes of it keeps the testing clock from moving on. */
  async load(): Promise<M> {
    return this.#module = await this.#startLoading();
  }

  async #callLater<R>(use: (module: M) => Promise<R>): Promise<R> {
    // Only from here on calls go straight through, so that none passes those that wait in the ready queue.
    const module = this.#module = await this.#loaded();
    return await use(module);
  }

  #loaded(): Promise<M> {
    const waiter = new Waiter<M>(`${this.#what} to be loaded`);
    countAsOperation(waiter);
    this.#startLoading().then(
      (module) => waiter.wakeWith(module),
      (error) => waiter.failWith(error),
    );
    return waiter.promise;
  }

  /** In the root context: a module belongs to nobody, so it must not keep the first caller's context alive. */
  #startLoading(): Promise<M> {
    return this.#loading ??= runInRoot(() => this.#loadNow()).catch((error) => {
      this.#loading = null;
      throw isExhaustion(error) ? exhausted(`load ${this.#what}`, error) : error;
    });
  }

  async #loadNow(): Promise<M> {
    requireDescriptors(FREE_TO_LOAD, `load ${this.#what}`);
    const module = await this.#load();
    if (together.delete(this)) loadTogether();
    return module;
  }
}

function loadTogether(): void {
  const rest = [...together];
  together.clear();
  // A load that fails now is tried again by the call that needs it, which is told why.
  Promise.allSettled(rest.map((lazy) => lazy.load())).then(readyToPrint);
}

interface Runtime {
  readonly Deno?: {
    openSync(path: string): { close(): void };
    readonly permissions: {
      querySync(asked: { name: "read"; path: string }): { state: string };
    };
  };
  readonly process: { getBuiltinModule(name: string): never };
}

const { Deno, process } = globalThis as unknown as Runtime;

/**
 * Deno turns a stack into lines of the TypeScript source when somebody looks at it, by its parser, whose first use of the
 * stack's limit opens a file and ends the process if no descriptor is free: the report of the first EMFILE would do that.
 * So it is used before; only an `if` asks for the limit.
 */
function readyToPrint(): void {
  if (Deno === undefined) return;
  const { stripTypeScriptTypes } = process.getBuiltinModule("node:module") as {
    stripTypeScriptTypes?(code: string): string;
  };
  stripTypeScriptTypes?.("if (true) {}");
}

/**
 * For what a runtime does not survive without them: Deno and Bun end the process for a worker or an import that finds no
 * descriptor. Where Deno does not permit to look, nothing is known.
 *
 * @param what what they are needed for, in the error
 * @throws {OSError} EMFILE when fewer than `count` are free
 */
export function requireDescriptors(count: number, what: string): void {
  const opened: (() => void)[] = [];
  try {
    const open = opener();
    while (open !== null && opened.length < count) opened.push(open());
  } catch (error) {
    if (isExhaustion(error)) throw exhausted(what, error);
    // A system without that file has other limits.
  } finally {
    for (const close of opened) close();
  }
}

const NOTHING = "/dev/null";

/** What opens a descriptor and gives what closes it; null where that is not permitted. */
function opener(): (() => () => void) | null {
  if (Deno !== undefined) {
    const { state } = Deno.permissions.querySync({ name: "read", path: NOTHING });
    if (state !== "granted") return null;
    return () => {
      const file = Deno.openSync(NOTHING);
      return () => file.close();
    };
  }
  const { openSync, closeSync } = process.getBuiltinModule("node:fs") as {
    openSync(path: string): number;
    closeSync(fd: number): void;
  };
  return () => {
    const fd = openSync(NOTHING);
    return () => closeSync(fd);
  };
}

/** Bun says which module it could not read, Deno what the system said, and both in words only. */
function isExhaustion(error: unknown): boolean {
  return /EMFILE|ENFILE|too many open files/i.test(String(error));
}

function exhausted(what: string, cause: unknown): OSError {
  if (cause instanceof OSError) return cause;
  const code = String(cause).includes("ENFILE") ? "ENFILE" : "EMFILE";
  return new OSError(`Cannot ${what}: too many open files (${code})`, { code, cause });
}

/** Makes of what a call throws what an async function would make of it, without a promise of its own. */
export function rejecting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
