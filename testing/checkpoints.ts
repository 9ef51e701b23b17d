import { currentScope } from "../runtime/core/frame.ts";
import { openScope } from "../runtime/core/scope.ts";

/** A call did not do what {@linkcode assertCheckpoints} or {@linkcode assertNoCheckpoints} says of it. */
export class CheckpointError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", { value: "CheckpointError", configurable: true });
  }

  /** Made by the assertions. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Asserts that a call passes through the loop at least once, so that others get their turn and a cancellation can come. An
 * await that is not asyncio's does not count.
 *
 * @returns what `fn` returns
 * @throws {CheckpointError} if it does not, also when it throws before it has
 * @throws what `fn` throws
 *
 * @example
 * ```ts
 * import { Lock, sleep } from "@asyncio/asyncio";
 * import { assertCheckpoints, assertNoCheckpoints, runTest } from "@asyncio/asyncio/testing";
 *
 * await runTest(async () => {
 *   await assertCheckpoints(() => sleep(0));
 *   await assertNoCheckpoints(() => new Lock().acquire());
 * });
 * ```
 */
export async function assertCheckpoints<R>(fn: () => R | PromiseLike<R>): Promise<R> {
  return await count(fn, (passes) => passes === 0 ? "it does not pass through the loop" : null);
}

/**
 * Asserts that a call does not pass through the loop: what stands before and after it in the task can't be torn apart.
 *
 * @returns what `fn` returns
 * @throws {CheckpointError} if it does
 * @throws what `fn` throws
 */
export async function assertNoCheckpoints<R>(fn: () => R | PromiseLike<R>): Promise<R> {
  return await count(fn, (passes) => passes > 0 ? "it passes through the loop" : null);
}

/** Passes are the wake-ups of the code that calls; branches beside it that the same task runs count, too. */
async function count<R>(
  fn: () => R | PromiseLike<R>,
  judge: (passes: number) => string | null,
): Promise<R> {
  const { tree } = openScope(currentScope());
  const before = tree.wakeups;
  const fault = (): string | null => {
    const wrong = judge(tree.wakeups - before);
    return wrong === null ? null : `Unexpected: ${wrong}, ${fn.name || "the function"}`;
  };
  let value: R;
  try {
    value = await fn();
  } catch (error) {
    const message = fault();
    if (message === null) throw error;
    throw new CheckpointError(message, { cause: error });
  }
  const message = fault();
  if (message !== null) throw new CheckpointError(message);
  return value;
}
