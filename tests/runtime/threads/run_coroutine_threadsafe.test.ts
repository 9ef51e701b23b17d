import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  Barrier,
  CancelledError,
  createTask,
  currentTask,
  Future,
  getParentLoop,
  getRunningLoop,
  newEventLoop,
  Queue,
  run,
  runCoroutineThreadsafe,
  RuntimeError,
  sleep,
  timeout,
  TimeoutError,
  toThread,
} from "../../../mod.ts";
import { recordReports, rejection, runs, until, workModule } from "../../_support/threads.ts";

const double = async (n: number) => {
  await sleep(0.001);
  return n * 2;
};

runs("RCT-01: a worker calls a coroutine of the loop, blocks, and gets its result", async () => {
  assert.deepEqual(await toThread(workModule.callAndBlock, double, 3), [0, 2, 4]);
});

runs("RCT-01: the loop goes on while a worker blocks for it", async () => {
  const ticks = new Queue<number>();
  const ticker = createTask(async () => {
    for (let tick = 1;; tick++) {
      await sleep(0.001);
      await ticks.put(tick);
    }
  });
  // The worker blocks until another task of the loop has run five times.
  const slow = async (n: number) => {
    while (await ticks.get() < 5);
    return n;
  };
  assert.deepEqual(await toThread(workModule.callAndBlock, slow, 1), [0]);
  ticker.cancel();
});

runs("RCT-01: calls overlap on the loop, and may be waited for in any order", async () => {
  // None comes out before all four are in.
  const together = new Barrier(4);
  const work = async (n: number) => {
    await timeout(20).with(() => together.wait());
    return n;
  };
  assert.deepEqual(await toThread(workModule.startAllThenBlock, work, 4), [0, 1, 2, 3]);
});

runs(
  "RCT-01: the coroutine's error reaches the blocking worker, as an error of its class",
  async () => {
    const fails = async () => {
      await sleep(0);
      throw new TimeoutError("on the loop");
    };
    assert.deepEqual(await toThread(workModule.blockForError, fails), ["on the loop", true, true]);
  },
);

runs("RCT-01: a worker's own tasks can await it", async () => {
  assert.equal(await toThread(workModule.awaitFromWorkerTask, double), 40);
});

test("RCT-01: it works for another loop of the same thread", async () => {
  const other = newEventLoop();
  const running = other.runForever();
  await run(async () => {
    const here = getRunningLoop();
    const future = runCoroutineThreadsafe(
      async (text: string) => {
        await sleep(0.001);
        return [text, getRunningLoop() === other, currentTask() !== null, here !== other];
      },
      other,
      "hello",
    );
    assert.deepEqual(await future, ["hello", true, true, true]);
    assert.deepEqual(future.result()[0], "hello");
  });
  other.stop();
  await running;
  other.close();
});

test("RCT-01: the thread that runs the loop can't block for it", async () => {
  await run(async () => {
    const future = runCoroutineThreadsafe(() => 5, getRunningLoop());
    assert.throws(() => future.result(), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /blocking.*await future/);
      return true;
    });
    assert.throws(() => future.exception(1), RuntimeError);
    assert.equal(await future, 5);
    assert.equal(future.exception(), null);
  });
});

runs("RCT-02: after a timed-out result(), cancelling cancels the task on the loop", async () => {
  let ended = "";
  const endless = async () => {
    try {
      await new Future();
    } catch (error) {
      ended = (error as Error).name;
      throw error;
    }
  };
  const outcome = await toThread(workModule.blockWithTimeout, endless);
  assert.deepEqual(outcome, ["TimeoutError", true, true]);
  await until(() => ended !== "");
  assert.equal(ended, "CancelledError");
  await sleep(0);
  assert.equal(allTasks().size, 1);
});

test("RCT-02: the same on one thread", async () => {
  await run(async () => {
    let cancelled = false;
    const future = runCoroutineThreadsafe(async () => {
      try {
        await new Future();
      } catch (error) {
        cancelled = error instanceof CancelledError;
        throw error;
      }
    }, getRunningLoop());
    await sleep(0);
    await sleep(0);
    assert.equal(future.cancel(), true);
    assert.equal(future.cancelled(), true);
    assert.throws(() => future.result(), CancelledError);
    for (let round = 0; round < 5; round++) await sleep(0);
    assert.equal(cancelled, true);
    assert.equal(allTasks().size, 1);
  });
});

test("RCT-02: cancelled before the loop came to it, the coroutine never starts", async () => {
  await run(async () => {
    let started = false;
    const future = runCoroutineThreadsafe(() => {
      started = true;
    }, getRunningLoop());
    future.cancel();
    await sleep(0);
    await sleep(0);
    assert.equal(started, false);
  });
});

test("RCT-02: cancelling a task that awaits it cancels the coroutine", async () => {
  await run(async () => {
    const future = runCoroutineThreadsafe(() => sleep(3600), getRunningLoop());
    const waiting = createTask(async () => await future);
    await sleep(0.001);
    waiting.cancel();
    await assert.rejects(waiting, CancelledError);
    assert.equal(future.cancelled(), true);
  });
});

runs(
  "RCT-03: a task that is cancelled on the loop makes the worker's future throw CancelledError",
  async () => {
    const cancelsItself = async () => {
      currentTask()!.cancel();
      await sleep(0);
    };
    assert.deepEqual(await toThread(workModule.blockForCancelled, cancelsItself), [true, true]);
  },
);

test("RCT-03: the same on one thread", async () => {
  await run(async () => {
    const future = runCoroutineThreadsafe(async () => {
      currentTask()!.cancel();
      await sleep(0);
    }, getRunningLoop());
    assert.ok(await rejection(future) instanceof CancelledError);
    assert.equal(future.cancelled(), true);
    assert.throws(() => future.exception(), CancelledError);
  });
});

test("RCT-04: a task factory that throws: the future gets the error, the exception handler once", async () => {
  await run(async () => {
    const reports = recordReports();
    const loop = getRunningLoop();
    loop.setTaskFactory(() => {
      throw new RangeError("no task today");
    });
    const future = runCoroutineThreadsafe(() => 5, loop);
    const error = await rejection(future);
    loop.setTaskFactory(null);
    assert.equal(error.message, "no task today");
    assert.deepEqual(reports.map((report) => report.exception), [error]);
  });
});

runs("RCT-04: the same from a worker", async () => {
  const reports = recordReports();
  const loop = getRunningLoop();
  const work = toThread(workModule.blockForError, async () => {});
  loop.setTaskFactory(() => {
    throw new RangeError("no task today");
  });
  assert.equal((await work)[0], "no task today");
  loop.setTaskFactory(null);
  assert.equal(reports.length, 1);
});

test("RCT-05: something that is no function is a TypeError on the spot", () => {
  const loop = newEventLoop();
  assert.throws(
    () => runCoroutineThreadsafe(Promise.resolve(5) as unknown as () => number, loop),
    { name: "TypeError", message: /coroutine function is required.*Promise/ },
  );
  loop.close();
});

runs(
  "RCT-05: in a worker, a function that did not come with the work is a TypeError that says so",
  async () => {
    const text = await toThread(workModule.callLocalFunction);
    assert.match(
      text,
      /^TypeError: .*takes a function that came with the work.*toThread\(work, fn\)/,
    );
  },
);

test("RCT-05: a closed loop is a RuntimeError", () => {
  const loop = newEventLoop();
  loop.close();
  assert.throws(() => runCoroutineThreadsafe(() => 5, loop), RuntimeError);
});

runs(
  "LOOP-16: callSoonThreadsafe from a worker keeps the order of calls and wakes a sleeping loop",
  async () => {
    const seen: number[] = [];
    await toThread(workModule.postSoon, (n: number) => void seen.push(n), 5);
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  },
);

runs(
  "LOOP-16: a callback that a worker posted and that throws goes to the exception handler",
  async () => {
    const reports = recordReports();
    await toThread(workModule.postSoon, () => {
      throw new RangeError("in the callback");
    }, 1);
    assert.equal(reports.length, 1);
    assert.equal((reports[0]!.exception as Error).message, "in the callback");
  },
);

test("RCT-01: only a worker has a parent loop", async () => {
  assert.equal(getParentLoop(), null);
  assert.equal(await run(() => toThread(workModule.hasParentLoop)), true);
});
