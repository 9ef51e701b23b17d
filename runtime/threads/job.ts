import type { EventLoop } from "../../loop_interface.ts";
import { captureAsyncContext, type EnterContext } from "../base/async_context.ts";
import { ownBytes } from "../base/bytes.ts";
import { Completion } from "../concurrent/completion.ts";
import { type Bindings, ContextCell } from "../core/context_cell.ts";
import { adviceAgainstPassing, describeType } from "../base/format.ts";
import { type Context, contextOf, currentBindings } from "../core/context.ts";
import { wire } from "../wire/wire.ts";
import type { FunctionPlace, JobMessage, JobShape, Work } from "../wire/protocol.ts";
import { inheritedValues } from "../wire/worker_slot.ts";
import { transferMarks } from "../wire/transfer.ts";

type Callable = (...args: never[]) => unknown;
type Post = (message: JobMessage, transfer: readonly Transferable[]) => void;

/** A call for a worker. */
export interface Submission {
  readonly work: Work;
  /** "call" unless it says something else. */
  readonly shape?: JobShape;
  readonly args: readonly unknown[];
  /** The caller's context variables. */
  readonly values: readonly (readonly [name: string, value: unknown])[];
  /** Where its functions run, and where what it leaves uncaught is reported. */
  readonly loop: EventLoop;
}

/** Who has a job: the pool's queue, then a worker. */
export interface JobHolder {
  /** True: it will not run. False: it runs already, and has been told. */
  cancel(job: Job): boolean;
  /** Whether it has begun. */
  runs(job: Job): boolean;
}

let lastId = 0;

/** One call on its way to a worker. */
export class Job {
  readonly id: number = ++lastId;
  readonly completion: Completion<unknown> = new Completion({
    cancel: () => this.holder.cancel(this),
    running: () => this.holder.runs(this),
    block: null,
  });
  holder: JobHolder;
  readonly loop: EventLoop;
  readonly #submission: Submission;
  #args: readonly unknown[];
  #functions: readonly FunctionPlace[] = [];
  #transfer: readonly Transferable[] = [];
  #callables: Callable[] | null = null;
  #restore: EnterContext | null = null;
  readonly #bindings: Bindings = currentBindings();

  constructor(submission: Submission, holder: JobHolder) {
    this.#submission = submission;
    this.holder = holder;
    this.loop = submission.loop;
    for (const value of submission.args) requireFree(value, "the arguments to a worker", 2);
    const args = submission.args.map(alone);
    this.#args = args;
    if (transferMarks.used || args.some((value) => typeof value === "function")) this.#takeApart();
  }

  /** A function that was among the arguments. */
  callable(id: number): Callable {
    return this.#callables![id]!;
  }

  /** Runs `start` in the async context of whoever submitted the job, for other libraries' stores. */
  asSubmitted<R>(start: () => R): R {
    return this.#restore === null ? start() : this.#restore(start, undefined);
  }

  /** A copy of the context in which the job was submitted, for one call of its functions. */
  context(): Context {
    return contextOf(new ContextCell(this.#bindings));
  }

  /** Takes the arguments as they are now: the job has to wait, and what the caller does meanwhile is not meant for it. */
  snapshot(): void {
    if (this.#args.every(isPlainValue)) return;
    const copy = (): void => {
      const transfer = [...this.#transfer];
      const copied = structuredClone({ args: this.#args, transfer }, { transfer });
      this.#args = copied.args;
      this.#transfer = copied.transfer;
    };
    try {
      this.#whole(copy);
    } catch (_notCloneable) {
      // What can't be copied now can't be sent later: that is when its caller is told.
      return;
    }
  }

  /** Hands it to a worker. @throws {TypeError} when the arguments can't be sent */
  send(post: Post): void {
    try {
      this.#whole(() => {
        const { work, shape = "call", values } = this.#submission;
        const args = this.#args;
        const functions = this.#functions;
        post({ kind: "job", job: this.id, work, shape, args, functions, values }, this.#transfer);
      });
    } catch (error) {
      throw new TypeError(
        `Cannot send the arguments to a worker: ${error} Pass data that can be copied`,
        { cause: error },
      );
    }
  }

  /** Searching the arguments for functions costs time, so they are searched when copying them has failed. */
  #whole(copy: () => void): void {
    try {
      copy();
    } catch (error) {
      if (this.#callables !== null) throw error;
      this.#takeApart();
      if (this.#functions.length === 0) throw error;
      copy();
    }
  }

  #takeApart(): void {
    const callables: Callable[] = [];
    const outgoing = wire.takeApart(this.#args, transferMarks, (fn) => callables.push(fn) - 1);
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
  for (const [name, value] of inheritedValues() ?? []) values.set(name, value);
  for (const [variable, value] of currentBindings()) {
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

/** How many members of an array or object are looked at: real data may be large, what is passed by mistake is not. */
const SEARCHED = 16;

/**
 * Copying takes most objects apart without a word: a lock would arrive as `{}`.
 *
 * @throws {TypeError} when it is, or holds in plain objects and arrays, an object of this library that belongs to its thread
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

/** A chunk that shares its buffer would take the bytes of other connections along. */
function alone(value: unknown): unknown {
  return value instanceof Uint8Array && !transferMarks.of.has(value) ? ownBytes(value) : value;
}

function isPlainValue(value: unknown): boolean {
  return value === null || !["object", "function", "symbol"].includes(typeof value);
}
