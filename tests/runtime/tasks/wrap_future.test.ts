import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  type ConcurrentFuture,
  createTask,
  EventLoop,
  Future,
  getEventLoop,
  setEventLoop,
  ThreadPoolExecutor,
  wrapFuture,
} from "../../../mod.ts";
import {
  cancelConcurrent,
  openConcurrent,
  rejectConcurrent,
  resolveConcurrent,
} from "../../../runtime/tasks/concurrent_future.ts";
import {
  assertCancelled,
  outcome,
  runs,
  runsInRealTime,
  ticks,
  Trouble,
} from "../../_support/tasks.ts";

/** Settles a ConcurrentFuture. */
interface Completion {
  resolve(value: string): void;
  reject(error: unknown): void;
  markCancelled(): void;
  readonly cancelled: boolean;
}

/** A ConcurrentFuture and what settles it. `underWay`: it can't be cancelled any more. */
function source(
  options: { underWay?: boolean } = {},
): [Completion, ConcurrentFuture<string>] {
  const future = openConcurrent<string>({
    cancel: () => options.underWay !== true,
    block: null,
  });
  const completion: Completion = {
    resolve: (value) => resolveConcurrent(future, value),
    reject: (error) => rejectConcurrent(future, error),
    markCancelled: () => cancelConcurrent(future),
    get cancelled() {
      return future.cancelled();
    },
  };
  return [completion, future];
}

runsInRealTime("FUT-16: wrapFuture() brings a thread's result into a future", async (loop) => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  const future = wrapFuture(pool.submit((a: number, b: number) => a + b, 1, 2));
  assert.ok(future instanceof Future);
  assert.equal(future.getLoop(), loop);
  assert.equal(await future, 3);
  await pool.shutdown();
});

runs("FUT-16: { loop } decides where the future belongs", async () => {
  const other = new EventLoop();
  const [, foreign] = source();
  const future = wrapFuture(foreign, { loop: other });
  assert.equal(future.getLoop(), other);
  other.close();
  await ticks();
});

test("FUT-16: in plain code the loop is the set one, else the ambient one", () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  try {
    assert.equal(wrapFuture(source()[1]).getLoop(), loop);
  } finally {
    setEventLoop(null);
    loop.close();
  }
  assert.equal(wrapFuture(source()[1]).getLoop(), getEventLoop());
});

runs("FUT-16: wrapFuture() of what is no promise is a TypeError", () => {
  for (const wrong of [1, null, undefined, {}]) {
    assert.throws(() => wrapFuture(wrong as unknown as Promise<void>), TypeError);
  }
});

runs("FUT-17: cancelling the future cancels the source", async () => {
  const [completion, foreign] = source();
  const future = wrapFuture(foreign);
  assert.equal(future.cancel(), true);
  await ticks(2);
  assert.equal(future.cancelled(), true);
  assert.equal(completion.cancelled, true);
  assert.equal(foreign.cancelled(), true);
});

runs("FUT-17: a source that has its result already keeps it", async () => {
  const [completion, foreign] = source();
  const future = wrapFuture(foreign);
  completion.resolve("kept");
  future.cancel();
  await ticks(2);
  assert.equal(foreign.cancelled(), false);
  assert.equal(foreign.result(), "kept");
});

runs(
  "FUT-17: a source that is under way keeps what it comes to, the future stays cancelled",
  async () => {
    const [completion, foreign] = source({ underWay: true });
    const future = wrapFuture(foreign);
    assert.equal(future.cancel(), true);
    completion.resolve("kept");
    await ticks(2);
    assert.equal(future.cancelled(), true);
    assert.equal(foreign.result(), "kept");
  },
);

runs("FUT-17: cancelling a task that awaits the source cancels it", async () => {
  const [, foreign] = source();
  const task = createTask(async () => await foreign);
  await ticks();
  task.cancel();
  await assertCancelled(task);
  await ticks();
  assert.equal(foreign.cancelled(), true);
});

runs("FUT-18: result, error and cancellation arrive in the future", async () => {
  const ends: Record<string, (completion: Completion) => void> = {
    "result there": (completion) => completion.resolve("there"),
    "error Trouble: no": (completion) => completion.reject(new Trouble("no")),
    cancelled: (completion) => completion.markCancelled(),
  };
  for (const [expected, end] of Object.entries(ends)) {
    for (const early of [true, false]) {
      const [completion, foreign] = source();
      if (early) end(completion);
      const future = wrapFuture(foreign);
      if (!early) end(completion);
      await ticks();
      assert.equal(outcome(future), expected);
    }
  }
});

runs("FUT-18: the very error object arrives", async () => {
  const [completion, foreign] = source();
  const error = new Trouble();
  const future = wrapFuture(foreign);
  completion.reject(error);
  await assert.rejects(async () => await future, (thrown) => thrown === error);
});

runs("FUT-18: a future cancelled before is left alone", async () => {
  for (const end of ["resolve", "cancel"] as const) {
    const [completion, foreign] = source({ underWay: true });
    const future = wrapFuture(foreign);
    future.cancel("early");
    if (end === "resolve") completion.resolve("late");
    else completion.markCancelled();
    await ticks(2);
    await assertCancelled(future, "early");
  }
});

runs("FUT-18: a cancelled source awaited is a CancelledError", async () => {
  const [completion, foreign] = source();
  completion.markCancelled();
  await assert.rejects(async () => await foreign, CancelledError);
});
