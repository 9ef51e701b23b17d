import { type Coroutine, isThenable, requireCoroutine } from "../base/functions.ts";
import {
  asCancellation,
  cancelledError,
  isCancelled,
  isFatal,
  noteReason,
} from "../core/cancelled.ts";
import { ContextCell } from "../core/context_cell.ts";
import { cellOf, type Context, contextOf } from "../core/context.ts";
import { InvalidStateError, RuntimeError } from "../errors/exceptions.ts";
import { enterScope, runInScope, storedCell, storedScope } from "../core/frame.ts";
import {
  coreOf,
  Future,
  markRetrieved,
  settleCancelled,
  settleError,
  settleResult,
  siteOf,
} from "./future.ts";
import { type OptionsOf, optionsOf, whole, writable } from "../base/options.ts";
import { nameOf } from "../base/format.ts";
import { framesOf } from "../base/stack.ts";
import { StuckReport, warnOfSwallowed } from "../core/debug_warnings.ts";
import { currentWait } from "../core/wait.ts";
import { type CancelRequest, Request, Scope } from "../core/scope.ts";
import { starting, TaskStart, trouble } from "./task_start.ts";
import { checkTaskOptions, type TaskOptions } from "./task_options.ts";

export type { TaskOptions } from "./task_options.ts";

const STACK: OptionsOf<{ limit?: number }> = optionsOf("{ limit: 5 }", { limit: whole });
const PRINTED_STACK: OptionsOf<{ limit?: number; file?: { write(text: string): void } }> =
  optionsOf("{ limit: 5 }", { limit: whole, file: writable });

export { isThenable, requireCoroutine } from "../base/functions.ts";

let counter = 0;

let firstStep: (task: Task<unknown>) => void;
/** How a coroutine's promise ends its task. It runs inside the task's scope, which so need not be closed over per task. */
let returned: (value: unknown) => void;
let threw: (error: unknown) => void;
/** The root scope of a task, for the other files of this folder. */
export let scopeOf: (task: Task<unknown>) => Scope;
/** Cancels a task with a request that carries a cause. False when it is done. */
export let cancelTask: (task: Task<unknown>, request: CancelRequest) => boolean;

/**
 * A coroutine at work on the loop. It starts in the next iteration of the loop, ends when the coroutine ends, and can be
 * cancelled while it waits in an asyncio call.
 *
 * asyncio: `asyncio.Task`
 *
 * @example
 * ```ts
 * import { CancelledError, createTask, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(3600), { name: "sleeper" });
 *   await sleep(0);
 *   task.cancel("no time");
 *   await assert.rejects(task, CancelledError);
 *   assert.ok(task.cancelled());
 * });
 * ```
 */
export class Task<T> extends Future<T> {
  #coro: Coroutine<T> | null;
  /** The number of a task without a name of its own; its name is made when it is asked for. */
  #name: string | number;
  readonly #scope: Scope;
  #started = false;
  #stopListening: (() => void) | null = null;

  /**
   * A task that starts in the next iteration of its loop; `createTask()` is the usual way to make one.
   *
   * @throws {TypeError} if `coro` is not a function: a promise has already started; or when there is no such option, or it is
   * of the wrong type
   * @throws {RuntimeError} if the loop is closed
   */
  constructor(coro: Coroutine<T>, options: TaskOptions = {}) {
    if (typeof coro !== "function") requireCoroutine(coro);
    super(options);
    const loop = coreOf(this);
    if (options !== loop.ownOptions) {
      checkTaskOptions(options, new.target.name);
    }
    const cell = options.context === undefined
      ? new ContextCell(storedCell().bindings)
      : cellOf(options.context);
    this.#coro = coro;
    this.#name = options.name === undefined ? ++counter : String(options.name);
    if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
    this.#scope = Scope.ofTask(loop.rootScope, this, cell);
    const current = options.eagerStart === true ? storedScope() : undefined;
    try {
      if (current !== undefined && current.loop === loop) {
        runInScope(this.#scope, firstStep, this as Task<unknown>);
        if (this.done()) this.#coro = null;
      } else loop.scheduler.enqueue(new TaskStart(this, this.#scope));
    } catch (error) {
      // The stack has run out. Assignments come first, since a call may fail here too.
      trouble.scopeLost = true;
      const note = trouble.spare ?? { task: null, result: null, failed: false, next: null };
      trouble.spare = note.next;
      note.task = this;
      note.result = error;
      note.failed = true;
      if (this.#started) {
        note.next = trouble.dropped;
        trouble.dropped = note;
      } else {
        note.next = trouble.starts;
        trouble.starts = note;
      }
      if (current !== undefined && storedScope() !== current) enterScope(current);
      throw error;
    }
    if (options.signal !== undefined) this.#listen(options.signal);
  }

  /** Its name: the one it was given, else "Task-N". */
  getName(): string {
    return typeof this.#name === "number" ? `Task-${this.#name}` : this.#name;
  }

  /** Renames it; other values become strings. */
  setName(name: string): void {
    this.#name = String(name);
  }

  /** The function it runs; null once an eager task ended in its first step. */
  getCoro(): Coroutine<T> | null {
    return this.#coro;
  }

  /** The context it runs in. */
  getContext(): Context {
    return contextOf(this.#scope.cell);
  }

  /**
   * Asks the task to end: `CancelledError(message)` is thrown at the asyncio wait where it now is, or at the next one. False
   * when it is done. A task in a foreign await (`await fetch()`) ends when that ends: hand such calls `currentSignal()`.
   */
  override cancel(message?: string): boolean {
    return cancelTask(this as Task<unknown>, { message });
  }

  /** How many requests to cancel have not been taken back with {@linkcode Task.uncancel}. */
  cancelling(): number {
    return this.#scope.requestsBelow();
  }

  /** Takes one request back and returns how many are left. At 0, what has not become effective is forgotten. */
  uncancel(): number {
    const scope = this.#scope;
    if (scope.requests > 0) scope.requests--;
    const left = scope.requestsBelow();
    if (left === 0) scope.withdraw();
    return left;
  }

  /** Aborts, with the CancelledError as its reason, when the task is asked to cancel. */
  get signal(): AbortSignal {
    return this.#scope.signal(storedScope()?.task === this);
  }

  /**
   * Where the task waits or, where that is not known, where it was made: stack frames, innermost last. Recorded in debug mode
   * only; empty once it is done. Some engines do not show the code that awaits a bare future.
   *
   * @throws {TypeError} if there is no such option, or it is not a number
   */
  getStack(options: { limit?: number } = {}): string[] {
    STACK.check(options, "getStack()");
    if (this.done()) return [];
    const frames = framesOf(currentWait(this.#scope)?.site?.text || siteOf(this));
    const { limit } = options;
    return limit === undefined ? frames : limit > 0 ? frames.slice(-limit) : [];
  }

  /**
   * Prints {@linkcode Task.getStack} to `file`, by default to standard error.
   *
   * @throws {TypeError} if there is no such option, or it is of the wrong type
   */
  printStack(options: { limit?: number; file?: { write(text: string): void } } = {}): void {
    PRINTED_STACK.check(options, "printStack()");
    const stack = this.getStack(options.limit === undefined ? {} : { limit: options.limit });
    const text = stack.length === 0
      ? `No stack for ${this}\n`
      : `Stack for ${this} (most recent call last):\n${stack.join("\n")}\n`;
    if (options.file === undefined) console.error(text.trimEnd());
    else options.file.write(text);
  }

  /** Not for tasks: they end with their coroutine. @throws {RuntimeError} always */
  override setResult(_value: T): void {
    throw new RuntimeError(
      "Task does not support setResult operation: its coroutine returns the result",
    );
  }

  /** Not for tasks: they end with their coroutine. @throws {RuntimeError} always */
  override setException(_error: unknown): void {
    throw new RuntimeError(
      "Task does not support setException operation: its coroutine throws the error",
    );
  }

  /** The state, name, coroutine and what the task waits for, for `toString()`. */
  protected override describeState(state: string): string {
    const word = state === "pending" && this.cancelling() > 0 ? "cancelling" : state;
    const coro = this.#coro === null ? "" : ` coro=<${nameOf(this.#coro)}()>`;
    const wait = this.done() ? null : currentWait(this.#scope);
    return `${word} name=${JSON.stringify(this.getName())}${coro}${
      wait === null ? "" : ` wait_for=${wait.describe()}`
    }`;
  }

  #listen(signal: AbortSignal): void {
    const abort = (): void => {
      cancelTask(this as Task<unknown>, { message: undefined, cause: noteReason(signal.reason) });
    };
    if (signal.aborted) abort();
    else if (!this.done()) {
      signal.addEventListener("abort", abort, { once: true });
      this.#stopListening = () => signal.removeEventListener("abort", abort);
    }
  }

  /** The coroutine returned. */
  #return(value: unknown): void {
    const { undelivered } = this.#scope;
    const swallowed = undelivered === null ? this.#scope.requests : 0;
    undelivered?.take();
    this.#leave(undelivered);
    if (this.done()) reportForced(this);
    else if (undelivered === null) {
      if (swallowed > 0) warnOfSwallowed(this, coreOf(this));
      settleResult(this, value);
    } else {
      settleCancelled(this, undelivered.message, cancelledError(coreOf(this), undelivered));
    }
  }

  /** The coroutine returned a future that is done: no turn of the loop is needed to learn its outcome. */
  #adopt(future: Future<unknown>): void {
    let value: unknown;
    try {
      value = future.result();
    } catch (error) {
      this.#throw(error);
      return;
    }
    this.#return(value);
  }

  /** The coroutine threw. */
  #throw(error: unknown): void {
    const asked = this.#scope.ending;
    const cancelled = asked !== null
      ? asCancellation(error, coreOf(this).getDebug())
      : isCancelled(error)
      ? error
      : null;
    this.#leave(cancelled === null ? null : asked);
    if (this.done()) reportForced(this);
    else {
      if (cancelled !== null) settleCancelled(this, undefined, cancelled);
      else {
        settleError(this, error);
        if (isFatal(error)) coreOf(this).scheduler.fail(error);
      }
    }
  }

  /** `doom`: the request that ended it. */
  #leave(doom: Request | null): void {
    this.#stopListening?.();
    this.#stopListening = null;
    this.#scope.close(doom);
  }

  static {
    scopeOf = (task) => task.#scope;
    cancelTask = (task, request) => {
      markRetrieved(task);
      if (task.done()) return false;
      const scope = task.#scope;
      const asked = new Request(request, scope);
      if (!task.#started) scope.cancelUnstarted(asked);
      else if (!scope.cancel(asked)) StuckReport.watch(asked);
      return true;
    };
    starting.endedBefore = (start) => {
      const task = start.task as Task<unknown>;
      task.#started = true;
      const { undelivered } = task.#scope;
      if (undelivered === null && !task.done()) return false;
      if (undelivered === null) {
        task.#leave(null);
        reportForced(task);
        return true;
      }
      undelivered.take();
      task.#throw(cancelledError(coreOf(task), undelivered));
      return true;
    };
    returned = (value) => (storedScope()!.task as Task<unknown>).#return(value);
    threw = (error) => (storedScope()!.task as Task<unknown>).#throw(error);
    starting.enter = (start) => runInScope(start.scope, firstStep, start.task as Task<unknown>);
    firstStep = (task) => {
      task.#started = true;
      let result: unknown;
      let failed = false;
      try {
        const coro = task.#coro!;
        result = coro();
      } catch (error) {
        result = error;
        failed = true;
      }
      try {
        // A promise first: it needs the least of a stack that is nearly full.
        if (failed || !(result instanceof Promise)) conclude(task, result, failed);
        else if (trouble.scopeLost) follow(task, result);
        else result.then(returned, threw);
      } catch (error) {
        trouble.scopeLost = true;
        const note = trouble.spare ?? { task: null, result: null, failed: false, next: null };
        trouble.spare = note.next;
        note.task = task;
        note.result = result;
        note.failed = failed;
        note.next = trouble.starts;
        trouble.starts = note;
        throw error;
      }
      if (trouble.starts === null) return;
      try {
        starting.mend();
      } catch {
        // Not enough of the stack is free: the start around this one tries again.
        trouble.scopeLost = true;
      }
    };
    const conclude = (task: Task<unknown>, result: unknown, failed: boolean): void => {
      if (failed) task.#throw(result);
      else if (result instanceof Future && result.done()) task.#adopt(result);
      else if (isThenable(result)) follow(task, result);
      else task.#return(result);
    };
    // A thenable may call back from anywhere, so the scope does not tell whose it is (TASK-18).
    const follow = (task: Task<unknown>, result: PromiseLike<unknown>): void => {
      result.then((value) => task.#return(value), (error) => task.#throw(error));
    };
    starting.mend = () => {
      for (let start = trouble.starts; start !== null; start = trouble.starts) {
        const task = start.task as Task<unknown>;
        if (!task.done()) conclude(task, start.result, start.failed);
        // The call that made it has thrown.
        const told = (): void => markRetrieved(task);
        if (start.failed) told();
        else if (start.result instanceof Promise) start.result.then(undefined, told);
        // Only now: this, too, may find no room. Others may have been noted meanwhile.
        if (trouble.starts !== start) continue;
        trouble.starts = start.next;
        start.task = null;
        start.result = undefined;
        start.next = trouble.spare;
        trouble.spare = start;
      }
    };
  }
}

/** A setter of Future was called on a task: what its coroutine came to is reported, not lost. */
function reportForced(task: Task<unknown>): void {
  coreOf(task).callExceptionHandler({
    message: `The coroutine of ${task} has ended, but the task was done already`,
    exception: new InvalidStateError(`step(): already done: ${task}`),
    task,
  });
}

/** Whether a value is a Task. */
export function isTask(value: unknown): value is Task<unknown> {
  return value instanceof Task;
}
