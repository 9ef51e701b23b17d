import type { EventLoop } from "../event_loop.ts";
import { currentScope, storedScope } from "./_frame.ts";
import { openScope } from "./_scope.ts";
import type { Task } from "./tasks.ts";

/**
 * The task that runs this code; null outside tasks.
 *
 * asyncio: `asyncio.current_task()`
 *
 * @example
 * ```ts
 * import { createTask, currentTask, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.equal(currentTask(), null);
 * await run(async () => {
 *   const task = createTask(() => currentTask()?.getName(), { name: "worker" });
 *   assert.equal(await task, "worker");
 * });
 * ```
 */
export function currentTask(loop?: EventLoop): Task<unknown> | null {
  const scope = storedScope();
  if (scope === undefined || scope.task === null || scope.task.done()) return null;
  if (loop !== undefined && (loop as unknown) !== scope.loop) return null;
  return scope.task as Task<unknown>;
}

/**
 * Aborts when what encloses this call is cancelled: the innermost timeout, waitFor, group body, `withSignal` or task. It is
 * how a wait outside asyncio is stopped too: `timeout(2).with(() => fetch(url, { signal: currentSignal() }))`. Never aborts
 * where nothing encloses.
 *
 * @example
 * ```ts
 * import { setTimeout as delay } from "node:timers/promises";
 * import { currentSignal, run, timeout, TimeoutError } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const body = () => delay(3_600_000, null, { signal: currentSignal() });
 *   await assert.rejects(timeout(0.01).with(body), TimeoutError);
 * });
 * ```
 */
export function currentSignal(): AbortSignal {
  return openScope(currentScope()).signal;
}
