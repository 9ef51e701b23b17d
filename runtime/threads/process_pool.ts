import {
  type InternalExecutorOptions,
  poolOptions,
  ThreadPoolExecutor,
  type ThreadPoolExecutorOptions,
  WORKER_KIND,
} from "./thread_pool.ts";

/**
 * The same over child processes of this runtime: a crash, a leak or a runaway computation stays in the child. The work it
 * had fails with BrokenExecutor, the rest goes on in another child.
 *
 * - All values are copied, buffers too; shared memory can't be passed.
 * - `runCoroutineThreadsafe(...).result()` can't block in a child: await it.
 * - Deno needs `--allow-run` and `--allow-env`. A child is allowed what this process is allowed without limits to certain
 *   paths or hosts.
 * - A program that was compiled into one executable can have children only when Bun compiled it.
 *
 * asyncio: `concurrent.futures.ProcessPoolExecutor`
 *
 * @example
 * ```ts
 * import { ProcessPoolExecutor, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
 *   const child = await pool.submit(async () => (await import("node:process")).pid);
 *   assert.notEqual(child, (await import("node:process")).pid);
 *   await pool.shutdown();
 * });
 * ```
 */
export class ProcessPoolExecutor extends ThreadPoolExecutor {
  /**
   * No child starts yet.
   *
   * @throws {RangeError} when `maxWorkers` is no whole number above 0
   * @throws {TypeError} when an option is of the wrong type
   */
  constructor(options: ThreadPoolExecutorOptions = {}) {
    const kind: InternalExecutorOptions = { [WORKER_KIND]: "process" };
    poolOptions.check(options, new.target.name);
    super({ ...options, ...kind });
  }
}
