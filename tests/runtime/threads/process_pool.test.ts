import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BrokenExecutor,
  gather,
  getRunningLoop,
  ProcessPoolExecutor,
  type RemoteFunction,
  run,
  ThreadPoolExecutor,
  TimeoutError,
} from "../../../mod.ts";
import { rejection, workModule } from "../../_support/threads.ts";

const pid = () => process.pid;
const killed = () => {
  process.kill(process.pid, "SIGKILL");
  return new Promise<void>(() => {});
};

test("THR-01: a process pool runs functions in children of the same runtime", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 2 });
    assert.ok(pool instanceof ThreadPoolExecutor);
    assert.notEqual(await pool.submit(pid), process.pid);
    assert.equal(await pool.submit(() => process.execPath), process.execPath);
    assert.equal(await getRunningLoop().runInExecutor(pool, workModule.add, 1, 2), 3);
    await pool.shutdown();
  });
});

test("THR-03: children work side by side, no more than allowed", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 2 });
    const slowPid = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return process.pid;
    };
    const pids = await gather(Array.from({ length: 5 }, () => pool.submit(slowPid)));
    assert.equal(new Set(pids).size, 2);
    await pool.shutdown();
  });
});

test("THR-04: values keep their types on the way to a child and back", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const rich = {
      map: new Map([["a", new Set([1n])]]),
      bytes: new Uint8Array([1, 2, 3]),
      date: new Date(0),
      list: [undefined, null, NaN],
    };
    assert.deepEqual(await pool.submit((value: typeof rich) => value, rich), rich);
    await pool.shutdown();
  });
});

test("THR-04: functions among the arguments run here", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const seen: number[] = [];
    const work = async (progress: RemoteFunction<[number], number>) => {
      let sum = 0;
      for (let n = 0; n < 3; n++) sum += await progress(n);
      return sum;
    };
    const progress = (n: number) => Promise.resolve(seen.push(n));
    assert.equal(await pool.submit(work, progress), 6);
    assert.deepEqual(seen, [0, 1, 2]);
    await pool.shutdown();
  });
});

test("THR-02: errors come back from a child with class and fields", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const error = await rejection(pool.submit(workModule.fail, "timeout"));
    assert.ok(error instanceof TimeoutError);
    assert.equal(Reflect.get(await rejection(pool.submit(workModule.fail, "odd")), "size"), 7);
    await pool.shutdown();
  });
});

test("THR-04: what can't be sent to a child is a TypeError, and the child goes on", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const error = await rejection(pool.submit((value: unknown) => value, Symbol("x")));
    assert.ok(error instanceof TypeError, String(error));
    const result = await rejection(pool.submit(() => () => 5));
    assert.ok(result instanceof TypeError, String(result));
    assert.equal(await pool.submit((n: number) => n, 5), 5);
    await pool.shutdown();
  });
});

test("THR-02: a child that is killed fails its call only, and is replaced", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const first = await pool.submit(pid);
    const dying = rejection(pool.submit(killed));
    const queued = pool.submit(pid);
    const error = await dying;
    assert.ok(error instanceof BrokenExecutor);
    assert.match(error.message, /SIGKILL/);
    assert.notEqual(await queued, first);
    await pool.shutdown();
  });
});

test("THR-01: a job in a child hears that its caller was cancelled", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const future = pool.submit(workModule.waitForSignal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(future.cancel(), false);
    assert.equal(await future, "heard it");
    await pool.shutdown();
  });
});

test("RCT-01: in a child result() can't block, but the future can be awaited", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const double = (n: number) => Promise.resolve(n * 2);
    const error = await rejection(pool.submit(workModule.callAndBlock, double, 1));
    assert.match(String(error), /RuntimeError: .*blocking/);
    assert.equal(await pool.submit(workModule.awaitFromWorkerTask, double), 40);
    await pool.shutdown();
  });
});
