import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  gather,
  run,
  RuntimeError,
  sleep,
  ThreadPoolExecutor,
  timeout,
  TimeoutError,
  toThread,
} from "../../../mod.ts";
import { runProgram } from "../../_support/programs.ts";
import { rejection, runs, sharedFlags } from "../../_support/threads.ts";

const threadId = () => process.getBuiltinModule("node:worker_threads").threadId;

test("THR-03: a free worker is used again before another one starts", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 4 });
    const ids = new Set<number>();
    for (let n = 0; n < 5; n++) ids.add(await pool.submit(threadId));
    assert.equal(ids.size, 1);
    await pool.shutdown();
  });
});

test("THR-03: no more workers start than allowed", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
    const slowId = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return process.getBuiltinModule("node:worker_threads").threadId;
    };
    const ids = await gather(Array.from({ length: 6 }, () => pool.submit(slowId)));
    assert.equal(new Set(ids).size, 2);
    await pool.shutdown();
  });
});

test("THR-03: work starts in the order in which it was submitted", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const log = new Int32Array(new SharedArrayBuffer(44));
    const append = (shared: Int32Array, n: number) => {
      shared[Atomics.add(shared, 0, 1) + 1] = n;
    };
    await gather(Array.from({ length: 10 }, (_, n) => pool.submit(append, log, n)));
    assert.deepEqual([...log.subarray(1)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await pool.shutdown();
  });
});

test("THR-03: 10,000 small jobs through 2 workers all come back, and nothing is kept", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
    const add = (a: number, b: number) => a + b;
    let sum = 0;
    for (let round = 0; round < 10; round++) {
      const futures = Array.from({ length: 1000 }, (_, n) => pool.submit(add, n, 1));
      for (const value of await gather(futures)) sum += value;
    }
    assert.equal(sum, 10 * 500_500);
    await pool.shutdown();
  });
});

test("THR-01: workers are named after the prefix", async () => {
  // Node alone shows a worker its own name, from 24 on.
  await run(async () => {
    const pool = new ThreadPoolExecutor({ threadNamePrefix: "hasher", maxWorkers: 1 });
    const name = await pool.submit(() =>
      Reflect.get(process.getBuiltinModule("node:worker_threads"), "threadName") as unknown
    );
    assert.ok(name === undefined || name === "" || name === "hasher_0", String(name));
    await pool.shutdown();
  });
});

test("THR-01: options are checked", () => {
  assert.throws(() => new ThreadPoolExecutor({ maxWorkers: 0 }), RangeError);
  assert.throws(() => new ThreadPoolExecutor({ maxWorkers: 1.5 }), RangeError);
  assert.throws(() => new ThreadPoolExecutor({ maxWorkers: "2" as unknown as number }), TypeError);
  assert.throws(() => new ThreadPoolExecutor({ idleTimeout: NaN }), RangeError);
});

test("THR-01: a worker without work ends after the idle timeout, and a later job starts a new one", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1, idleTimeout: { milliseconds: 20 } });
    const first = await pool.submit(threadId);
    await sleep(0.2);
    const second = await pool.submit(threadId);
    assert.notEqual(first, second);
    await pool.shutdown();
  });
});

test("THR-01: of idle workers the one that was used last is the last to end", async () => {
  await run(async () => {
    const idleTimeout = 0.5;
    const busyId = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return process.getBuiltinModule("node:worker_threads").threadId;
    };
    // A machine that stands still for as long as an idle worker lives proves nothing: another attempt then.
    for (let attempt = 0; attempt < 5; attempt++) {
      const pool = new ThreadPoolExecutor({ maxWorkers: 2, idleTimeout });
      await gather([pool.submit(busyId), pool.submit(busyId)]);
      const ids = new Set<number>();
      const start = performance.now();
      let longest = 0;
      for (let last = start; performance.now() - start < 1.5 * idleTimeout * 1000;) {
        await sleep(0.02);
        ids.add(await pool.submit(threadId));
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
      await pool.shutdown();
      if (longest > idleTimeout * 800) continue;
      assert.equal(ids.size, 1);
      return;
    }
    assert.fail("the machine is too slow for this test");
  });
});

test("LOOP-43: shutdown waits for all work, running and queued", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const counter = new Int32Array(new SharedArrayBuffer(4));
    const slow = async (shared: Int32Array) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      Atomics.add(shared, 0, 1);
    };
    for (let n = 0; n < 3; n++) pool.submit(slow, counter);
    await pool.shutdown();
    assert.equal(counter[0], 3);
  });
});

test("LOOP-43: shutdown with wait: false resolves at once and lets the work end", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const future = pool.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "ended";
    });
    await pool.shutdown({ wait: false });
    assert.equal(future.done(), false);
    assert.equal(await future, "ended");
  });
});

test("LOOP-43: shutdown with cancelFutures cancels what has not started", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const flags = sharedFlags();
    const running = pool.submit((gate: Int32Array) => {
      Atomics.wait(gate, 0, 0, 10_000);
      return "ran";
    }, flags);
    const queued = pool.submit(() => "never");
    const ended = pool.shutdown({ cancelFutures: true });
    assert.equal(queued.cancelled(), true);
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
    await ended;
    assert.equal(running.result(), "ran");
  });
});

test("LOOP-43: waiting for a shutdown can be cancelled", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const flags = sharedFlags();
    pool.submit((gate: Int32Array) => void Atomics.wait(gate, 0, 0, 10_000), flags);
    await assert.rejects(timeout(0.02).with(() => pool.shutdown()), TimeoutError);
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
    await pool.shutdown();
  });
});

test("LOOP-43: after a shutdown submit throws RuntimeError; a second shutdown is nothing", async () => {
  const pool = new ThreadPoolExecutor();
  await pool.shutdown();
  assert.throws(() => pool.submit(() => 5), RuntimeError);
  await pool.shutdown();
});

test("LOOP-43: disposing of a pool shuts it down", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const future = pool.submit(() => "done");
    await pool[Symbol.asyncDispose]();
    assert.equal(future.result(), "done");
  });
});

runs("THR-01: timers of the loop fire while a worker computes without a pause", async () => {
  const flags = sharedFlags();
  const spinUntilTold = (flags: Int32Array): string => {
    const end = performance.now() + 20_000;
    while (Atomics.load(flags, 0) === 0) if (performance.now() > end) return "in vain";
    return "told";
  };
  const work = createTask(() => toThread(spinUntilTold, flags));
  for (let n = 0; n < 20; n++) await sleep(0.001);
  Atomics.store(flags, 0, 1);
  assert.equal(await work, "told");
});

test("THR-01: futures of a pool can be awaited in plain code", async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  assert.equal(await pool.submit((n: number) => n + 1, 1), 2);
  const error = await rejection(pool.submit(() => {
    throw new RangeError("here");
  }));
  assert.ok(error instanceof RangeError);
  await pool.shutdown();
});

test("THR-01: idle workers do not keep the process alive, work under way does", async () => {
  const { code, stdout, stderr } = await runProgram(new URL("./_idle_program.ts", import.meta.url));
  assert.deepEqual([code, stdout.trim(), stderr.trim()], [0, "idle\nlast work done", ""]);
});
