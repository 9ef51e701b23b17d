import type { Awaitable } from "./coroutines.ts";
import { type Delay, toSeconds } from "./durations.ts";
import { ensureFuture, wrapPromise } from "./ensure_future.ts";
import { CancelledError, TimeoutError } from "./exceptions.ts";
import { currentScope } from "./_frame.ts";
import type { Future } from "./_future.ts";
import type { EventLoop } from "../event_loop.ts";
import { isFuture } from "./futures.ts";
import { isThenable, requireCoroutine } from "./tasks.ts";
import { Timeout } from "./timeouts.ts";
import type { LoopCore } from "./_loop_core.ts";
import { WaitUntilDone } from "./_wait_until_done.ts";

/**
 * Waits for `aw`, but no longer than `timeout` (null: without limit): then cancels it, waits until it has unwound, and
 * rejects. A coroutine runs inside the caller's task; with a timeout of zero or less it never starts.
 *
 * asyncio: `asyncio.wait_for()`
 *
 * @throws {TimeoutError} when the time is over
 *
 * @example
 * ```ts
 * import { run, sleep, TimeoutError, waitFor } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   assert.equal(await waitFor(() => sleep(0, "in time"), 1), "in time");
 *   await assert.rejects(waitFor(() => sleep(3600), { milliseconds: 5 }), TimeoutError);
 * });
 * ```
 */
export async function waitFor<T>(aw: Awaitable<T>, timeout: Delay | null): Promise<T> {
  if (!isThenable(aw)) requireCoroutine(aw, "waitFor");
  if (timeout === null) return await start(aw);
  const seconds = toSeconds(timeout);
  if (seconds <= 0) return await onlyIfDone(ensureFuture(aw));
  const loop = currentScope().loop as LoopCore;
  return await new Timeout(loop.time() + seconds).with(() => startInBody(aw));
}

function startInBody<T>(aw: Awaitable<T>): T | PromiseLike<T> {
  return typeof aw === "function" ? aw() : aw;
}

/** Without a limit nothing could leave a foreign promise behind, so the wait for it is made one that can be cancelled. */
function start<T>(aw: Awaitable<T>): T | PromiseLike<T> {
  if (typeof aw === "function") return aw();
  if (isFuture(aw)) return aw as Future<T>;
  return wrapPromise(aw, currentScope().loop as unknown as EventLoop);
}

async function onlyIfDone<T>(future: Future<T>): Promise<T> {
  if (!future.done()) {
    future.cancel();
    await new WaitUntilDone(future).promise;
  }
  try {
    return future.result();
  } catch (error) {
    if (error instanceof CancelledError) throw new TimeoutError("", { cause: error });
    throw error;
  }
}
