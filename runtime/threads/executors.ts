import type { EventLoop } from "../../loop_interface.ts";
import { Completion } from "../concurrent/completion.ts";
import { completionOf, ConcurrentFuture } from "../concurrent/concurrent_future.ts";
import { describeType } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import type { Future } from "../tasks/future.ts";
import { contextValues } from "./job.ts";
import { inOwnScope } from "../scopes/known.ts";
import { loopFuture } from "../concurrent/loop_future.ts";
import { core, LoopState } from "../core/loop_core.ts";
import { countAsOperation } from "../core/operations.ts";
import type { Executor } from "../contract/executors.ts";
import { submitToPool, ThreadPoolExecutor } from "./thread_pool.ts";
import { Waiter } from "../core/wait.ts";
import { warn } from "../base/warnings.ts";

export {
  type MapOptions,
  ThreadPoolExecutor,
  type ThreadPoolExecutorOptions,
} from "./thread_pool.ts";
export { ProcessPoolExecutor } from "./process_pool.ts";

type Callable = (...args: never[]) => unknown;

/** The default executor of a loop. It is made when it is first needed, and none is made any more after a shutdown. */
class DefaultExecutor {
  #executor: Executor | null = null;
  #shutDown = false;

  get(): Executor {
    if (this.#shutDown) throw new RuntimeError("Executor shutdown has been called");
    this.#executor ??= new ThreadPoolExecutor({ threadNamePrefix: "asyncio" });
    return this.#executor;
  }

  set(executor: Executor): void {
    this.#executor = executor;
  }

  /** Null when there is none to shut down, or somebody did it. */
  takeForShutdown(): Executor | null {
    this.#shutDown = true;
    const executor = this.#executor;
    this.#executor = null;
    return executor;
  }
}

const defaults: LoopState<DefaultExecutor> = new LoopState(() => new DefaultExecutor());

/**
 * The loop's `runInExecutor`: runs `fn(...args)` in the executor, null for the loop's default one.
 *
 * @throws {TypeError} when `fn` is no function, or has no source to send
 * @throws {RuntimeError} when the loop is closed or the executor has been shut down
 */
export function runInExecutor<A extends unknown[], R>(
  loop: EventLoop,
  executor: Executor | null,
  fn: (...args: A) => R,
  ...args: A
): Future<Awaited<R>> {
  requireOpen(loop);
  if (typeof fn !== "function") {
    throw new TypeError(
      `a callable object was expected by runInExecutor(), got ${describeType(fn)}: ` +
        "write runInExecutor(null, work, ...args), null being the default executor",
    );
  }
  const completion = submitFor(loop, executor, fn, args, contextValues());
  return loopFuture(completion as Completion<Awaited<R>>, loop);
}

/** Submits to the executor, or the loop's default one, on behalf of the loop. */
export function submitFor(
  loop: EventLoop,
  executor: Executor | null,
  fn: Callable,
  args: readonly unknown[],
  values: readonly (readonly [name: string, value: unknown])[],
): Completion<unknown> {
  const target = executor ?? defaults.of(loop[core]).get();
  const isPool = target instanceof ThreadPoolExecutor &&
    target.submit === ThreadPoolExecutor.prototype.submit;
  if (isPool) return submitToPool(target, { fn, args, values, loop });
  if (typeof target.submit !== "function") {
    throw new TypeError(
      `An executor has submit() and shutdown(): got ${describeType(target)}; ` +
        "null is the default executor",
    );
  }
  const result = target.submit(fn, ...(args as never[]));
  return result instanceof ConcurrentFuture ? completionOf(result) : completionFrom(result);
}

/** @throws {TypeError} when it lacks the methods of an executor */
export function setDefaultExecutor(loop: EventLoop, executor: Executor): void {
  const isExecutor = typeof executor?.submit === "function" &&
    typeof executor.shutdown === "function";
  if (!isExecutor) {
    throw new TypeError(
      `The default executor has submit() and shutdown(): got ${describeType(executor)}`,
    );
  }
  defaults.of(loop[core]).set(executor);
}

/**
 * Shuts the loop's default executor down and waits for its work, at most `timeout`; then it warns and leaves the work
 * behind (LOOP-43).
 */
export function shutdownDefaultExecutor(
  loop: EventLoop,
  timeout: Delay | null = null,
): Promise<void> {
  return inOwnScope(() => shutDownDefault(loop, timeout));
}

async function shutDownDefault(loop: EventLoop, timeout: Delay | null): Promise<void> {
  const seconds = timeout === null ? Infinity : toSeconds(timeout);
  const executor = defaults.of(loop[core]).takeForShutdown();
  if (executor === null) return;
  const ended = new Waiter<boolean>("the shutdown of the default executor");
  countAsOperation(ended);
  executor.shutdown({ wait: true }).then(
    () => ended.wakeWith(true),
    (error) => ended.failWith(error),
  );
  const timer = seconds === Infinity ? null : loop.callLater(seconds, () => ended.wakeWith(false));
  try {
    if (await ended.promise) return;
  } finally {
    timer?.cancel();
  }
  warn(
    "RuntimeWarning",
    `The executor did not finish joining its threads within ${seconds} seconds`,
  );
  letGo(executor, loop);
}

/** What the loop's `close()` does: the workers end after the work they have. */
export function closeDefaultExecutor(loop: EventLoop): void {
  const executor = defaults.peek(loop[core])?.takeForShutdown() ?? null;
  if (executor !== null) letGo(executor, loop);
}

/** Shuts it down without waiting. */
function letGo(executor: Executor, loop: EventLoop): void {
  executor.shutdown({ wait: false }).then(undefined, (error) => {
    loop.callExceptionHandler({
      message: "The shutdown of the default executor failed",
      exception: error,
    });
  });
}

function requireOpen(loop: EventLoop): void {
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
}

/** What a user's executor returned. */
function completionFrom<T>(result: PromiseLike<T>): Completion<T> {
  const completion = new Completion<T>({
    cancel: () => {
      const cancel: unknown = Reflect.get(result, "cancel");
      return typeof cancel === "function" && cancel.call(result) === true;
    },
    running: () => {
      const running: unknown = Reflect.get(result, "running");
      return typeof running === "function" && running.call(result) === true;
    },
    block: null,
  });
  result.then(
    (value) => completion.resolve(value),
    (error) => completion.reject(error),
  );
  return completion;
}
