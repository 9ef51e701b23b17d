import { isExhaustion, lack } from "../base/platform.ts";
import { OSError } from "../errors/os_error.ts";
import { runInRoot } from "../base/async_context.ts";
import { readyForStacks } from "../base/stack.ts";
import { countAsOperation, Waiter } from "./wait.ts";

/** Descriptors that must be free for a load: Deno ends the process where it finds none for what it reads. */
const FREE_TO_LOAD = 4;

/** How many a program takes through these modules before it counts as one that may run out of them. */
const MANY = 8;

/** Those that are loaded once a program has taken so many, as far as they are not. */
const together: Set<LazyModule<unknown>> = new Set();

let taken = 0;

/**
 * Says that descriptors were taken; Infinity for a server, whose clients take what they want. Once they are many all the
 * modules are loaded, and no call waits for that. Not before: it takes longer than a program that makes one connection.
 */
export function noteDescriptors(count: number): void {
  if (taken >= MANY) return;
  taken += count;
  if (taken >= MANY) loadTogether();
}

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
   * @param early to be loaded before it is needed by a program that takes many descriptors: it may be out of them when it
   * comes to need it
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

  /** The module; null until it is loaded, for code that can go on without it. */
  get loaded(): M | null {
    return this.#module;
  }

  /** Loads it, on behalf of no task: what waits for the outcome keeps the testing clock from moving on. */
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

  /** In the root context: a module belongs to no caller, so it must not keep the first caller's context alive. */
  #startLoading(): Promise<M> {
    return this.#loading ??= runInRoot(() => this.#loadNow()).catch((error) => {
      this.#loading = null;
      throw isExhaustion(error) ? exhausted(`load ${this.#what}`, error) : error;
    });
  }

  async #loadNow(): Promise<M> {
    requireDescriptors(FREE_TO_LOAD, `load ${this.#what}`);
    return await this.#load();
  }
}

function loadTogether(): void {
  const rest = [...together];
  together.clear();
  // A load that fails now is tried again by the call that needs it, which then gets the error.
  Promise.allSettled(rest.map((lazy) => lazy.load())).then(readyForStacks);
}

/** Makes of what a call throws what an async function would make of it, without a promise of its own. */
export function rejecting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * For what a runtime does not survive without them: Deno and Bun end the process for a worker or an import that finds no
 * descriptor. Where Deno does not permit to look, nothing is known.
 *
 * @param what what they are needed for, in the error
 * @throws {OSError} EMFILE when fewer than `count` are free
 */
export function requireDescriptors(count: number, what: string): void {
  const error = lack(count);
  if (error !== null) throw exhausted(what, error);
}

/** The error of what found no descriptor. */
function exhausted(what: string, cause: unknown): OSError {
  if (cause instanceof OSError) return cause;
  const code = String(cause).includes("ENFILE") ? "ENFILE" : "EMFILE";
  return new OSError(`Cannot ${what}: too many open files (${code})`, { code, cause });
}
