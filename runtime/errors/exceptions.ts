/**
 * The error classes of asyncio. Those of the operating system are in `os_error_family.ts`, groups of errors in
 * `exception_group.ts`, those of streams in `stream_errors.ts`; all of them are exported from here.
 */
import { nameError } from "../base/format.ts";

export { type ErrorMatch, ExceptionGroup } from "./exception_group.ts";
export {
  BlockingIOError,
  BrokenPipeError,
  ConnectionAbortedError,
  ConnectionError,
  ConnectionRefusedError,
  ConnectionResetError,
  FileNotFoundError,
  GaiError,
  OSError,
  type OSErrorOptions,
  PermissionError,
  ProcessLookupError,
  SSLCertVerificationError,
  type SSLCertVerificationErrorOptions,
  SSLError,
} from "./os_error.ts";
export { IncompleteReadError, LimitOverrunError } from "./stream_errors.ts";

/**
 * Thrown into a task at its current asyncio wait when it is cancelled (`asyncio.CancelledError`). Clean up in `finally`,
 * or catch it and throw it on; a task that swallows it was not cancelled.
 *
 * `message` is what `cancel(message)` was given, "" without one; `cause` is an abort signal's reason, where one asked.
 * Outside debug mode those the library makes have no stack frames.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { CancelledError, createTask, run, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const task = createTask(() => sleep(3600));
 *   await sleep(0);
 *   task.cancel("not needed any more");
 *   await assert.rejects(async () => await task, new CancelledError("not needed any more"));
 * });
 * ```
 */
export class CancelledError extends Error {
  static {
    nameError(this, "CancelledError");
  }

  /**
   * Made by the library; make one yourself to end a task as cancelled.
   *
   * @param message what the canceller has to say
   * @param options `cause`: why, as a value
   */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * What a deadline became (`TimeoutError`, also `asyncio.TimeoutError`); `cause` is the CancelledError that unwound the
 * body. A connection that the operating system gave up is an `OSError` with code "ETIMEDOUT" instead.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { run, sleep, timeout, TimeoutError } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   await assert.rejects(timeout(0.001).with(() => sleep(3600)), TimeoutError);
 * });
 * ```
 */
export class TimeoutError extends Error {
  static {
    nameError(this, "TimeoutError");
  }

  /**
   * Made by the library; make one yourself for a deadline of your own.
   *
   * @param message what took too long
   * @param options `cause`: the CancelledError that unwound the body
   */
  constructor(message?: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * A future is not in the state that the call needs (`asyncio.InvalidStateError`): a second result, or a result that is
 * asked for too early.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Future, InvalidStateError } from "@asyncio/asyncio";
 *
 * const future = new Future<number>();
 * assert.throws(() => future.result(), InvalidStateError);
 * future.setResult(1);
 * assert.throws(() => future.setResult(2), InvalidStateError);
 * ```
 */
export class InvalidStateError extends Error {
  static {
    nameError(this, "InvalidStateError");
  }
}

/**
 * A call that is wrong at this time or in this place (Python's `RuntimeError`): a closed loop, a lock that is not held,
 * `run` inside `run`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Lock, RuntimeError } from "@asyncio/asyncio";
 *
 * assert.throws(() => new Lock().release(), RuntimeError);
 * ```
 */
export class RuntimeError extends Error {
  static {
    nameError(this, "RuntimeError");
  }
}

/**
 * A call that must not wait could not do its work at once: `acquireNowait` of what is taken (`anyio.WouldBlock`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Lock, WouldBlock } from "@asyncio/asyncio";
 *
 * const lock = new Lock();
 * using _ = lock.acquireNowait();
 * assert.throws(() => lock.acquireNowait(), WouldBlock);
 * ```
 */
export class WouldBlock extends RuntimeError {
  static {
    nameError(this, "WouldBlock");
  }
}

/**
 * Base of what no task may absorb (Python's BaseException beside Exception, such as SystemExit): a TaskGroup rethrows it
 * bare instead of grouping it, and a loop that meets it stops running. Derive your own from it to end a program from
 * within a task.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { FatalError, run, TaskGroup } from "@asyncio/asyncio";
 *
 * class Shutdown extends FatalError {}
 *
 * const main = () =>
 *   new TaskGroup().with((group) => {
 *     group.createTask(() => {
 *       throw new Shutdown("the disk is full");
 *     });
 *   });
 * await assert.rejects(run(main), Shutdown);
 * ```
 */
export class FatalError extends Error {
  static {
    nameError(this, "FatalError");
  }
}

/**
 * `run()` rejects with it after SIGINT (Ctrl-C), or another of its `stopSignals`, once the main task was cancelled and has
 * unwound (`KeyboardInterrupt`). `signal` tells which one it was.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { FatalError, KeyboardInterrupt } from "@asyncio/asyncio";
 *
 * assert.ok(new KeyboardInterrupt() instanceof FatalError);
 * ```
 */
export class KeyboardInterrupt extends FatalError {
  static {
    nameError(this, "KeyboardInterrupt");
  }

  /** The signal that asked the program to end: "SIGINT", or one of `stopSignals`. */
  readonly signal: string;

  /**
   * Made by the library; make one yourself to end a program as Ctrl-C does.
   *
   * @param message what happened
   * @param options `cause`, and `signal`: its name, "SIGINT" without one
   */
  constructor(message?: string, options?: ErrorOptions & { signal?: string }) {
    super(message, options);
    this.signal = options?.signal ?? "SIGINT";
  }
}

/**
 * This runtime, loop or transport can't do that (`NotImplementedError`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { NotImplementedError } from "@asyncio/asyncio";
 *
 * const error = new NotImplementedError("writeEof is not possible under TLS");
 * assert.equal(String(error), "NotImplementedError: writeEof is not possible under TLS");
 * ```
 */
export class NotImplementedError extends Error {
  static {
    nameError(this, "NotImplementedError");
  }
}

/**
 * A barrier was reset or aborted while tasks waited at it (`asyncio.BrokenBarrierError`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Barrier, BrokenBarrierError, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const barrier = new Barrier(2);
 *   await barrier.abort();
 *   await assert.rejects(async () => await barrier.wait(), BrokenBarrierError);
 * });
 * ```
 */
export class BrokenBarrierError extends RuntimeError {
  static {
    nameError(this, "BrokenBarrierError");
  }
}

/**
 * `getNowait()` found nothing in the queue (`asyncio.QueueEmpty`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Queue, QueueEmpty } from "@asyncio/asyncio";
 *
 * assert.throws(() => new Queue<string>().getNowait(), QueueEmpty);
 * ```
 */
export class QueueEmpty extends Error {
  static {
    nameError(this, "QueueEmpty");
  }
}

/**
 * `putNowait()` found no room in the queue (`asyncio.QueueFull`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Queue, QueueFull } from "@asyncio/asyncio";
 *
 * const queue = new Queue<string>(1);
 * queue.putNowait("first");
 * assert.throws(() => queue.putNowait("second"), QueueFull);
 * ```
 */
export class QueueFull extends Error {
  static {
    nameError(this, "QueueFull");
  }
}

/**
 * The queue was shut down: nothing can be put any more, and nothing is left to get (`asyncio.QueueShutDown`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Queue, QueueShutDown } from "@asyncio/asyncio";
 *
 * const queue = new Queue<string>();
 * queue.shutdown();
 * assert.throws(() => queue.putNowait("late"), QueueShutDown);
 * ```
 */
export class QueueShutDown extends Error {
  static {
    nameError(this, "QueueShutDown");
  }
}

/**
 * `sendfile` has no way of its own for this file or transport and the fallback was refused
 * (`asyncio.SendfileNotAvailableError`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { RuntimeError, SendfileNotAvailableError } from "@asyncio/asyncio";
 *
 * assert.ok(new SendfileNotAvailableError("not a regular file") instanceof RuntimeError);
 * ```
 */
export class SendfileNotAvailableError extends RuntimeError {
  static {
    nameError(this, "SendfileNotAvailableError");
  }
}

/**
 * A worker of an executor ended before its call did (`concurrent.futures.BrokenExecutor`); other calls go on.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BrokenExecutor, RuntimeError } from "@asyncio/asyncio";
 *
 * assert.ok(new BrokenExecutor("the worker exited with code 1") instanceof RuntimeError);
 * ```
 */
export class BrokenExecutor extends RuntimeError {
  static {
    nameError(this, "BrokenExecutor");
  }
}
