import { runInRoot } from "../base/async_context.ts";
import { atExit } from "../core/host.ts";
import { core, type LoopCore, type UnretrievedWatch } from "../core/loop_core.ts";
import type { EventLoop, ExceptionContext, ExceptionHandler } from "../../loop_interface.ts";
import { contextOf } from "../core/context.ts";
import { describeType, describeValue } from "../base/format.ts";
import { siteOf } from "../tasks/future.ts";
import { isFuture } from "../tasks/task_functions.ts";
import { Handle } from "../tasks/handles.ts";
import { framesOf, type Site } from "../base/stack.ts";
import { isTask, scopeOf } from "../tasks/task.ts";
import { printError } from "../base/warnings.ts";

/** Keys whose text is a stack, and how the default handler introduces it. */
const STACKS: Readonly<Record<string, string>> = {
  sourceTraceback: "Object created at",
  handleTraceback: "Handle created at",
};

/** Where the exception handler of one loop is kept and called. */
export class ExceptionReporter {
  readonly unretrieved: UnretrievedExceptions;
  readonly #loop: EventLoop;
  #handler: ExceptionHandler | null = null;

  /** @param endless whether the loop never closes */
  constructor(loop: EventLoop, endless: boolean) {
    this.unretrieved = new UnretrievedExceptions(loop[core], endless);
    this.#loop = loop;
  }

  get handler(): ExceptionHandler | null {
    return this.#handler;
  }

  set handler(handler: ExceptionHandler | null) {
    if (handler !== null && typeof handler !== "function") {
      throw new TypeError(
        `Cannot call setExceptionHandler(): the handler must be a function or null, received ${
          describeType(handler)
        }`,
      );
    }
    this.#handler = handler;
  }

  report(told: ExceptionContext): void {
    const handler = this.#handler;
    const context = this.#loop.getDebug() ? withSite(told) : told;
    if (handler === null) {
      this.#reportByDefault(context, (error) => {
        printError("Exception in default exception handler\n", error);
      });
      return;
    }
    try {
      const result: unknown = inContextOf(context, () => handler(this.#loop, context));
      if (result instanceof Promise) {
        result.then(undefined, (error) => this.#handlerFailed(error, context));
      }
    } catch (error) {
      this.#handlerFailed(error, context);
    }
  }

  #handlerFailed(exception: unknown, context: ExceptionContext): void {
    this.#reportByDefault(
      { message: "Unhandled error in exception handler", exception, context },
      (error) => {
        printError(
          "Exception in default exception handler while handling an unexpected error in custom exception handler\n",
          exception,
          "\n",
          error,
        );
      },
    );
  }

  #reportByDefault(context: ExceptionContext, otherwise: (error: unknown) => void): void {
    try {
      this.#loop.defaultExceptionHandler(context);
    } catch (error) {
      otherwise(error);
    }
  }
}

/** Message, then each other key in order, then the error with its stack. */
export function printContext(context: ExceptionContext): void {
  const lines = [context.message || "Unhandled exception in event loop"];
  for (const key of Object.keys(context).sort()) {
    if (key === "message" || key === "exception") continue;
    const value = context[key];
    if (key in STACKS && Array.isArray(value)) {
      lines.push(`${STACKS[key]} (most recent call last):`, ...value.map((frame) => `  ${frame}`));
    } else lines.push(`${key}: ${describe(value)}`);
  }
  if ("exception" in context) printError(lines.join("\n"), "\n", context.exception);
  else printError(lines.join("\n"));
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(describe).join(", ")}]`;
  if (Object.getPrototypeOf(value) === Object.prototype) {
    const facts = Object.entries(value).map(([key, value]) => `${key}: ${describeValue(value)}`);
    return `{ ${facts.join(", ")} }`;
  }
  // An object without a text of its own is named by its class.
  return value.toString === Object.prototype.toString ? describeType(value) : String(value);
}

/** In debug mode a report tells where its future or task was made. */
function withSite(context: ExceptionContext): ExceptionContext {
  const maker = context.task ?? context.future;
  if (maker === undefined || "sourceTraceback" in context || !isFuture(maker)) return context;
  const frames = framesOf(siteOf(maker));
  return frames.length === 0 ? context : { ...context, sourceTraceback: frames };
}

/** The handler sees the context variables of the task, future or handle that failed. */
function inContextOf(context: ExceptionContext, call: () => unknown): unknown {
  const { task, future, handle } = context;
  const owner = task ?? (isTask(future) ? future : undefined);
  if (owner !== undefined && isTask(owner)) {
    return contextOf(scopeOf(owner).cell).bind(call)();
  }
  return handle instanceof Handle ? handle.getContext().bind(call)() : call();
}

interface Watched extends UnretrievedWatch {
  report(): void;
}

const collected: FinalizationRegistry<Watched> = new FinalizationRegistry((watched) =>
  watched.report()
);

/** Loops with such futures, for the end of the process. */
const unreported: Set<UnretrievedExceptions> = new Set();
let exitWatched = false;

function reportAtExit(): void {
  for (const exceptions of [...unreported]) exceptions.sweep();
}

/** Seconds after which an exception on a loop that never ends is looked at, and reported if it was there the last time. */
const PATIENCE = 0.4;

/**
 * The failed futures of one loop whose exception no code has taken. Each is reported once: when it is collected, and at the
 * latest when the loop or the process ends. The ambient loop never ends, and no runtime promises to collect anything while
 * little happens: there it is reported within a second, whether or not other code still holds the future.
 */
class UnretrievedExceptions {
  readonly #loop: LoopCore;
  readonly #open: Set<Watched> = new Set();
  readonly #endless: boolean;
  /** Those that the next look reports. */
  #old: ReadonlySet<Watched> = new Set();
  #looking = false;

  constructor(loop: LoopCore, endless: boolean) {
    this.#loop = loop;
    this.#endless = endless;
  }

  get size(): number {
    return this.#open.size;
  }

  watch(future: object, error: unknown, site: Site | null): UnretrievedWatch {
    const name = future.constructor.name;
    const description = String(future);
    const reference = new WeakRef(future);
    const watched: Watched = {
      retrieved: () => this.#forget(watched),
      report: () => {
        if (!this.#forget(watched)) return;
        const found = reference.deref();
        this.#loop.callExceptionHandler({
          message: `${name} exception was never retrieved`,
          exception: error,
          // A collected future can only be described.
          ...(found === undefined ? { description } : { future: found }),
          ...(site === null ? {} : { sourceTraceback: framesOf(site) }),
        });
      },
    };
    this.#open.add(watched);
    collected.register(future, watched, watched);
    unreported.add(this);
    if (!exitWatched) {
      exitWatched = true;
      runInRoot(() => atExit(reportAtExit));
    }
    if (this.#endless) this.#lookLater();
    return watched;
  }

  #forget(watched: Watched): boolean {
    const known = this.#open.delete(watched);
    if (known) collected.unregister(watched);
    if (this.#open.size === 0) unreported.delete(this);
    return known;
  }

  #lookLater(): void {
    if (this.#looking) return;
    this.#looking = true;
    runInRoot(() =>
      this.#loop.scheduler.host.alarm(PATIENCE, () => {
        this.#looking = false;
        const due = this.#old;
        this.#old = new Set([...this.#open].filter((watched) => !due.has(watched)));
        if (this.#old.size > 0) this.#lookLater();
        for (const watched of due) watched.report();
      })
    );
  }

  /** Reports all that are still open. */
  sweep(): void {
    for (const watched of [...this.#open]) watched.report();
  }
}
