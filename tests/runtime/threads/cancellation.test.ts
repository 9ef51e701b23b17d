import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentThreadSignal,
  run,
  sleep,
  ThreadPoolExecutor,
  timeout,
  TimeoutError,
  toThread,
  wrapFuture,
} from "../../../mod.ts";
import {
  recordReports,
  rejection,
  runs,
  sharedFlags,
  until,
  untilSet,
  workModule,
} from "../../_support/threads.ts";

runs(
  "THR-01: cancelling the caller aborts the signal, also of a computation that never yields",
  async () => {
    const flags = sharedFlags();
    const task = createTask(() => toThread(workModule.spinUntilCancelled, flags));
    await untilSet(flags, 0);
    task.cancel();
    await assert.rejects(task, CancelledError);
    assert.equal(await untilSet(flags, 1), 1);
  },
);

runs("THR-01: an async job hears the signal, and its reason is a CancelledError", async () => {
  const flags = sharedFlags();
  const task = createTask(() => toThread(workModule.waitUntilCancelled, flags));
  await untilSet(flags, 0);
  task.cancel();
  await assert.rejects(task, CancelledError);
  assert.equal(await untilSet(flags, 1), 1);
});

runs("THR-01: the caller goes on at once, though the job does not end", async () => {
  const reports = recordReports();
  const flags = sharedFlags();
  await assert.rejects(
    timeout(0.1).with(() => toThread(workModule.ignoreCancellation, flags)),
    TimeoutError,
  );
  Atomics.store(flags, 1, 1);
  await until(() => reports.length > 0);
  assert.equal(reports.length, 1, "its late error is reported");
  assert.match(reports[0]!.message, /after the wait for it had been cancelled/);
  assert.ok(reports[0]!.exception instanceof RangeError);
});

test("THR-01: a job that waits for a worker never starts when it is cancelled", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const flags = sharedFlags();
    const blocker = pool.submit((gate: Int32Array) => void Atomics.wait(gate, 0, 0, 10_000), flags);
    const started = sharedFlags();
    const mark = (shared: Int32Array) => Atomics.store(shared, 0, 1);
    const waiting = createTask(async () => await pool.submit(mark, started));
    const direct = pool.submit(mark, started);
    await sleep(0);
    assert.equal(waiting.cancel(), true);
    await assert.rejects(waiting, CancelledError);
    assert.equal(direct.cancel(), true);
    assert.equal(direct.cancelled(), true);
    assert.throws(() => direct.result(), CancelledError);
    Atomics.store(flags, 0, 1);
    Atomics.notify(flags, 0);
    await blocker;
    await pool.submit(() => {});
    assert.equal(started[0], 0);
    await pool.shutdown();
  });
});

test("THR-01: cancel() of a running job is false, yet asks it to end, and its outcome still arrives", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const flags = sharedFlags();
    const future = pool.submit(workModule.spinUntilCancelled, flags);
    await untilSet(flags, 0);
    assert.equal(future.cancel(), false);
    assert.equal(await future, "cancelled");
    await pool.shutdown();
  });
});

test("THR-01: a job's signal does not outlive it: the next job has one of its own", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const first = sharedFlags();
    const cancelled = pool.submit(workModule.spinUntilCancelled, first);
    await untilSet(first, 0);
    cancelled.cancel();
    await cancelled;
    assert.equal(await pool.submit(workModule.hasParentLoop), true);
    const second = sharedFlags();
    const future = pool.submit(workModule.waitUntilCancelled, second);
    await untilSet(second, 0);
    assert.equal(await untilSetBriefly(second, 1), 0);
    future.cancel();
    assert.ok(await rejection(future) instanceof CancelledError);
    await pool.shutdown();
  });
});

/** Gives a wrong abort some time to show. */
async function untilSetBriefly(flags: Int32Array, index: number): Promise<number> {
  for (let round = 0; round < 20; round++) await sleep(0.001);
  return Atomics.load(flags, index);
}

test("THR-01: outside a worker there is no thread signal", () => {
  assert.equal(currentThreadSignal(), null);
});

test("FUT-16: wrapFuture carries a worker's result into a Future, and a cancellation back", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await wrapFuture(pool.submit((n: number) => n + 1, 1)), 2);
    const flags = sharedFlags();
    const source = pool.submit(workModule.spinUntilCancelled, flags);
    const future = wrapFuture(source);
    await untilSet(flags, 0);
    future.cancel();
    await assert.rejects(future, CancelledError);
    assert.equal(await source, "cancelled");
    await pool.shutdown();
  });
});
