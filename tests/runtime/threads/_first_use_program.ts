/** Gives work to a pool in a process in which what workers are made of is not loaded yet. The argument says how. */
import assert from "node:assert/strict";
import {
  CancelledError,
  createTask,
  gather,
  getRunningLoop,
  run,
  sleep,
  ThreadPoolExecutor,
  toThread,
  transfer,
} from "../../../mod.ts";
import { runTest } from "../../../testing/mod.ts";

const ways: Record<string, () => Promise<void>> = {
  "arguments": () =>
    run(async () => {
      const list = [1];
      const bytes = new Uint8Array([1, 2, 3]);
      const sum = toThread(
        (values: number[], more: Uint8Array) => values[0]! + more[2]!,
        list,
        bytes,
      );
      const moved = new Uint8Array(8);
      const length = toThread(
        (data: Uint8Array) => data.length,
        transfer(moved, [moved.buffer as ArrayBuffer]),
      );
      assert.equal(moved.length, 0);
      list[0] = 100;
      bytes.fill(100);
      assert.deepEqual([await sum, await length], [4, 8]);
    }),
  "functions": () =>
    run(async () => {
      const told: number[] = [];
      const tell = (value: number): void => {
        told.push(value);
      };
      await toThread(async (fn: typeof tell) => await fn(7), tell);
      assert.deepEqual(told, [7]);
    }),
  "shutdown": () =>
    run(async () => {
      const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
      const results: number[] = [];
      const jobs = [1, 2, 3].map((n) => pool.submit((value: number) => value * 2, n));
      for (const job of jobs) void job.then((value) => results.push(value));
      await pool.shutdown();
      assert.ok(jobs.every((job) => job.done()));
      assert.deepEqual(await gather(jobs), [2, 4, 6]);
      assert.deepEqual(results, [2, 4, 6]);
    }),
  "cancel": () =>
    run(async () => {
      const pool = new ThreadPoolExecutor();
      const task = createTask(async () => await pool.submit(() => 1));
      await sleep(0);
      task.cancel();
      await assert.rejects(async () => await task, CancelledError);
      // It has a worker, so it has begun; it hears of the cancellation, and still tells how it ended.
      const job = pool.submit(async () => {
        const name = Symbol.for("@asyncio/asyncio:thread:1");
        const signal: AbortSignal = Reflect.get(globalThis, name).signal();
        if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done));
        return signal.aborted;
      });
      assert.equal(job.cancel(), false);
      assert.equal(await job, true);
      await pool.shutdown();
    }),
  "cancel futures": () =>
    run(async () => {
      const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
      const jobs = [1, 2].map((n) => pool.submit((value: number) => value, n));
      await pool.shutdown({ cancelFutures: true });
      assert.deepEqual(jobs.map((job) => job.cancelled()), [false, true]);
      assert.equal(jobs[0]!.result(), 1);
    }),
  "cancelled shutdown": () =>
    run(async () => {
      const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
      const jobs = [1, 2].map((n) => pool.submit((value: number) => value, n));
      const ended = pool.shutdown();
      assert.equal(jobs[1]!.cancel(), true);
      await ended;
      assert.equal(jobs[0]!.result(), 1);
    }),
  "virtual time": () =>
    runTest(async () => {
      assert.equal(await toThread(() => 42), 42);
      assert.equal(getRunningLoop().time(), 0);
    }),
};

await ways[process.argv[2]!]!();
console.log("done");
