import { requireCallback } from "../base/functions.ts";
import { type Bindings, ContextCell } from "./context_cell.ts";
import { describeType, showAs, staysInThread } from "../base/format.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import {
  enterPlainCell,
  enterScope,
  plainHome,
  runInPlainCell,
  runInScope,
  storedCell,
  storedScope,
} from "./frame.ts";
import { anything, instanceOf, type Kind, type OptionsOf, optionsOf } from "../base/options.ts";
import { Scope } from "./scope.ts";
import { inheritedValues } from "../wire/worker_slot.ts";

const OPTIONS: OptionsOf<{ default?: unknown }> = optionsOf('{ default: "nobody" }', {
  default: anything(),
});

const NOTHING: unique symbol = Symbol("no value");

/**
 * A variable whose value belongs to the current context: each task and each callback has its own, taken as a copy when it
 * was made. Outside tasks and callbacks a value follows the async context, as with `AsyncLocalStorage.enterWith`: what a
 * request handler sets, other requests don't see, and what the top of a program sets, servers and tasks that it starts
 * afterwards do.
 *
 * asyncio: `contextvars.ContextVar`
 *
 * @example
 * ```ts
 * import { ContextVar, createTask, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const user = new ContextVar("user", { default: "nobody" });
 * await run(async () => {
 *   user.set("ada");
 *   await createTask(async () => {
 *     assert.equal(user.get(), "ada");
 *     user.set("bob");
 *   });
 *   assert.equal(user.get(), "ada");
 * });
 * ```
 */
export class ContextVar<T> {
  /** For messages and debugging. */
  readonly name: string;
  readonly #default: T | typeof NOTHING;

  /**
   * `default` is what {@linkcode ContextVar.get} gives where nothing was set.
   *
   * @throws {TypeError} if the name is not a string, or there is another option
   */
  constructor(name: string, options: { default?: T } = {}) {
    if (typeof name !== "string") {
      throw new TypeError(
        `Cannot make ContextVar: its name must be a string, received ${describeType(name)}`,
      );
    }
    OPTIONS.check(options, "ContextVar");
    this.name = name;
    this.#default = "default" in options ? options.default as T : NOTHING;
  }

  /**
   * The value in the current context, else `fallback` if one is given, else the default.
   *
   * @throws {ReferenceError} if there is none of them
   */
  get(...fallback: [fallback?: T]): T {
    const bindings = currentBindings();
    const value = bindings.get(this);
    if (value !== undefined || bindings.has(this)) return value as T;
    // In a worker the caller's variables are other objects with the same names.
    const inherited = inheritedValues();
    if (inherited !== null && inherited.has(this.name)) return inherited.get(this.name) as T;
    if (fallback.length > 0) return fallback[0] as T;
    if (this.#default !== NOTHING) return this.#default as T;
    throw new ReferenceError(
      `ContextVar "${this.name}" has no value in this context: set it, or give it a default`,
    );
  }

  /** Sets the value in the current context; the token takes it back with {@linkcode ContextVar.reset}, or with `using`. */
  set(value: T): Token<T> {
    const cell = writableCell();
    const had = cell.bindings.has(this);
    const old = cell.bindings.get(this) as T | undefined;
    cell.set(this, value);
    return new BindingToken<T>(this, contextHere() ?? cell, had, old);
  }

  /**
   * Takes back what `set` did.
   *
   * @throws {RuntimeError} if the token was used already
   * @throws {RangeError} if the token is another variable's or was made in another context
   */
  reset(token: Token<T>): void {
    if (!(token instanceof BindingToken)) {
      throw new TypeError(
        `Cannot call reset(): the Token that set() returned is needed, received ${
          describeType(token)
        }`,
      );
    }
    if (token.var !== this) {
      throw new RangeError(`Cannot reset "${this.name}": the token belongs to "${token.var.name}"`);
    }
    restore(token as BindingToken<T>);
  }

  /** `<ContextVar name>` */
  toString(): string {
    return `<ContextVar ${this.name}>`;
  }

  static {
    showAs(this.prototype);
  }
}

/** What `ContextVar.set` returns. `using _ = variable.set(x)` resets the variable at the end of the block. */
export interface Token<T> extends Disposable {
  /** The variable that was set. */
  readonly var: ContextVar<T>;
  /** Whether the variable had a value in this context before. */
  readonly hadValue: boolean;
  /** That value. */
  readonly oldValue: T | undefined;
}

let restore: <T>(token: BindingToken<T>) => void;

class BindingToken<T> implements Token<T> {
  readonly var: ContextVar<T>;
  readonly hadValue: boolean;
  readonly oldValue: T | undefined;
  readonly #context: object;
  #used = false;

  constructor(variable: ContextVar<T>, context: object, had: boolean, old: T | undefined) {
    this.var = variable;
    this.#context = context;
    this.hadValue = had;
    this.oldValue = old;
  }

  [Symbol.dispose](): void {
    if (!this.#used) this.var.reset(this);
  }

  static {
    restore = (token) => {
      if (token.#used) {
        throw new RuntimeError(`Token of "${token.var.name}" has already been used once`);
      }
      if (token.#context !== contextHere()) {
        throw new RangeError(
          `Cannot reset "${token.var.name}": the token was created in a different Context`,
        );
      }
      token.#used = true;
      const cell = writableCell();
      if (token.hadValue) cell.set(token.var, token.oldValue);
      else cell.delete(token.var);
    };
  }
}

/** The public object over a cell. */
export let contextOf: (cell: ContextCell) => Context;
/** The cell of a context that was given as an option. @throws {TypeError} if it is not a Context */
export let cellOf: (context: Context) => ContextCell;

/**
 * Variables and their values: a read-only Map that code can be run in.
 *
 * asyncio: `contextvars.Context`
 *
 * @example
 * ```ts
 * import { ContextVar, copyContext } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const level = new ContextVar("level", { default: 0 });
 * const context = copyContext();
 * context.run(() => level.set(5));
 * assert.equal(context.get(level), 5);
 * assert.equal(level.get(), 0);
 * ```
 */
export class Context {
  #cell: ContextCell = new ContextCell();

  /** An empty context. For one with the current values see {@linkcode copyContext}. */
  constructor() {
    this.#cell.wrapper = this;
  }

  /**
   * Runs `fn(...args)` with this context as the current one, across the awaits of an async `fn` too, and returns what it
   * returns.
   *
   * @throws {RuntimeError} if the context is entered already
   */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
    requireCallback(fn, "context.run");
    const cell = this.#cell;
    if (cell.entered) {
      throw new RuntimeError(
        "Cannot enter context: it is already entered. Run a copy: context.copy().run(fn)",
      );
    }
    cell.entered = true;
    let result: R;
    try {
      result = runIn(cell, () => fn(...args));
    } catch (error) {
      cell.entered = false;
      throw error;
    }
    if (!(result instanceof Promise)) {
      cell.entered = false;
      return result;
    }
    const leave = (): void => {
      cell.entered = false;
    };
    result.then(leave, leave);
    return result;
  }

  /**
   * A function that runs in this very context each time it is called (Python's `context=` argument of callbacks).
   *
   * @throws {TypeError} if `fn` is not a function
   */
  bind<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
    requireCallback(fn, "context.bind");
    const cell = this.#cell;
    return (...args) => runIn(cell, () => fn(...args));
  }

  /** How many variables have a value here. */
  get size(): number {
    return this.#cell.bindings.size;
  }

  /** The variable's value here, else `fallback`, else undefined. The variable's own default does not count. */
  get<T>(variable: ContextVar<T>): T | undefined;
  /** The variable's value here, else `fallback`. */
  get<T>(variable: ContextVar<T>, fallback: T): T;
  get<T>(variable: ContextVar<T>, fallback?: T): T | undefined {
    return this.has(variable) ? this.#cell.bindings.get(variable) as T : fallback;
  }

  /** Whether the variable has a value here. */
  has(variable: ContextVar<unknown>): boolean {
    return this.#cell.bindings.has(variable);
  }

  /** An independent copy. Costs the same whatever the size. */
  copy(): Context {
    return contextOf(new ContextCell(this.#cell.bindings));
  }

  /** The variables that have a value here. */
  keys(): IterableIterator<ContextVar<unknown>> {
    return this.#cell.bindings.keys() as IterableIterator<ContextVar<unknown>>;
  }

  /** Their values. */
  values(): IterableIterator<unknown> {
    return this.#cell.bindings.values();
  }

  /** Pairs of variable and value; Python's `items()`. */
  entries(): IterableIterator<[ContextVar<unknown>, unknown]> {
    return this[Symbol.iterator]();
  }

  /** Pairs of variable and value, as of a Map; Python iterates over the variables alone. */
  [Symbol.iterator](): IterableIterator<[ContextVar<unknown>, unknown]> {
    return this.#cell.bindings.entries() as IterableIterator<[ContextVar<unknown>, unknown]>;
  }

  /** `<Context user, request>`: which variables are set. Their values may be secrets. */
  toString(): string {
    const names = [...this.#cell.bindings.keys()].map((variable) => {
      return (variable as ContextVar<unknown>).name;
    });
    return `<${["Context", names.join(", ")].join(" ").trim()}>`;
  }

  static {
    showAs(this.prototype);
    cellOf = (context) => {
      if (context instanceof Context) return context.#cell;
      throw new TypeError(
        `Cannot use the context: it must be a Context, received ${
          describeType(context)
        }; make one with copyContext() or new Context()`,
      );
    };
    contextOf = (cell) => {
      if (cell.wrapper !== null) return cell.wrapper as Context;
      const context = new Context();
      context.#cell = cell;
      cell.wrapper = context;
      return context;
    };
  }
}

/**
 * A copy of the current context, for instance to try something out in it: what is set there stays there.
 *
 * asyncio: `contextvars.copy_context()`
 *
 * @example
 * ```ts
 * import { ContextVar, copyContext } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const request = new ContextVar("request", { default: "none" });
 * const handle = (id: string): string => {
 *   request.set(id);
 *   return request.get();
 * };
 * assert.equal(copyContext().run(handle, "first"), "first");
 * assert.equal(request.get(), "none");
 * ```
 */
export function copyContext(): Context {
  return contextOf(new ContextCell(currentBindings()));
}

/** The values that code here sees. */
export function currentBindings(): Bindings {
  return storedCell().bindings;
}

/** A cell that may be changed: callbacks that share a frame get their own with the first change. */
function writableCell(): ContextCell {
  const scope = storedScope();
  if (scope === undefined) return enterPlainCell();
  if (!scope.shared) return scope.cell;
  const own = Scope.transparent(scope.parent!, new ContextCell(scope.cell.bindings), null);
  enterScope(own);
  return own.cell;
}

/** What tokens are compared by. */
function contextHere(): object | undefined {
  return storedScope()?.cell ?? plainHome();
}

function runIn<R>(cell: ContextCell, fn: () => R): R {
  const scope = storedScope();
  if (scope === undefined) return runInPlainCell(cell, fn);
  return runInScope(Scope.transparent(scope, cell, scope.task), fn, undefined);
}

/** `context` among options. */
export const contextKind: Kind<Context> = instanceOf("a Context", () => Context);

staysInThread(
  "the variables of the caller go along by themselves and are read by their names: work in a module makes its own ContextVar of the same name",
  ContextVar,
  Context,
);
