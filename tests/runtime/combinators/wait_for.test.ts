import assert from "node:assert/strict";
import {
  CancelledError,
  ContextVar,
  createTask,
  currentTask,
  Future,
  shield,
  sleep,
  TimeoutError,
  waitFor,
} from "../../../mod.ts";
import type { Task } from "../../../mod.ts";
import {
  assertCancelled,
  outcome,
  runs,
  runsInRealTime,
  ticks,
  Trouble,
} from "../../_support/tasks.ts";
import { advance, hasTimers } from "../../_support/virtual_loop.ts";

async function assertTimesOut(awaited: Promise<unknown>): Promise<TimeoutError> {
  let caught: unknown;
  await assert.rejects(awaited, (error) => {
    caught = error;
    return error instanceof TimeoutError;
  });
  return caught as TimeoutError;
}

for (const timeout of [null, 10, { seconds: 10 }]) {
  runs(`WFOR-01: a result in time is given (timeout: ${JSON.stringify(timeout)})`, async (loop) => {
    assert.equal(await waitFor(() => sleep(1, "coroutine"), timeout), "coroutine");
    assert.equal(await waitFor(createTask(() => sleep(1, "task")), timeout), "task");
    const future = new Future<string>();
    loop.callLater(1, () => future.setResult("future"));
    assert.equal(await waitFor(future, timeout), "future");
    assert.equal(await waitFor(Promise.resolve("promise"), timeout), "promise");
    assert.equal(hasTimers(loop), false);
  });
}

runs("WFOR-01: a timeout of null waits for as long as it takes", async (loop) => {
  assert.equal(await waitFor(() => sleep(1e6, "at last"), null), "at last");
  assert.equal(loop.time(), 1e6);
});

runs("WFOR-01: a plain function counts as a coroutine, and its throw as the failure", async () => {
  assert.equal(await waitFor(() => 42, 1), 42);
  await assert.rejects(
    waitFor(() => {
      throw new Trouble();
    }, 1),
    Trouble,
  );
});

runs("WFOR-01: an error in time is thrown as it is", async () => {
  const error = new Trouble("inner");
  for (const timeout of [null, 10]) {
    await assert.rejects(
      waitFor(async () => {
        await sleep(1);
        throw error;
      }, timeout),
      (thrown) => thrown === error,
    );
  }
});

runs(
  "WFOR-02: too late, the inner task is cancelled and unwinds before the TimeoutError",
  async (loop) => {
    const log: string[] = [];
    const task = createTask(async () => {
      try {
        await sleep(100);
      } finally {
        log.push("finally begins");
        await sleep(2);
        log.push("finally ends");
      }
    });
    const error = await assertTimesOut(waitFor(task, 1));
    assert.ok(error.cause instanceof CancelledError);
    assert.deepEqual(log, ["finally begins", "finally ends"]);
    assert.equal(task.cancelled(), true);
    assert.equal(loop.time(), 3);
  },
);

runs(
  "WFOR-02: too late, a coroutine is interrupted and unwinds before the TimeoutError",
  async (loop) => {
    let ended = false;
    const error = await assertTimesOut(waitFor(async () => {
      try {
        await sleep(100);
      } finally {
        await sleep(2);
        ended = true;
      }
    }, { seconds: 1 }));
    assert.ok(error.cause instanceof CancelledError);
    assert.equal(ended, true);
    assert.equal(loop.time(), 3);
    assert.equal(currentTask()!.cancelling(), 0);
  },
);

runs("WFOR-02: too late, a future is cancelled", async () => {
  const future = new Future();
  await assertTimesOut(waitFor(future, 1));
  assert.equal(future.cancelled(), true);
});

for (const timeout of [0, -1]) {
  runs(`WFOR-03: with a timeout of ${timeout} a done future gives its result`, async () => {
    const future = new Future<string>();
    future.setResult("done");
    assert.equal(await waitFor(future, timeout), "done");
    const failed = new Future<string>();
    failed.setException(new Trouble());
    await assert.rejects(waitFor(failed, timeout), Trouble);
  });

  runs(
    `WFOR-03: with a timeout of ${timeout} a future that was cancelled before is no timeout`,
    async () => {
      const future = new Future();
      future.cancel("before");
      await assertCancelled(waitFor(future, timeout), "before");
    },
  );

  runs(
    `WFOR-03: with a timeout of ${timeout} a done future takes no turn of the loop`,
    async (loop) => {
      const future = new Future<string>();
      future.setResult("here");
      let turned = false;
      loop.callSoon(() => turned = true);
      // A cancellation that is still to be delivered is for the next wait, and this is none.
      currentTask()!.cancel();
      assert.equal(await waitFor(future, timeout), "here");
      assert.equal(turned, false);
      await assert.rejects(sleep(0), CancelledError);
      currentTask()!.uncancel();
    },
  );

  runs(`WFOR-03: with a timeout of ${timeout} a coroutine is never called`, async () => {
    let called = false;
    await assertTimesOut(waitFor(async () => {
      called = true;
      await sleep(0);
    }, timeout));
    await ticks(3);
    assert.equal(called, false);
  });

  runs(
    `WFOR-03: with a timeout of ${timeout} a running task is cancelled and waited for`,
    async (loop) => {
      const log: string[] = [];
      const task = createTask(async () => {
        try {
          await sleep(100);
        } finally {
          await sleep(3);
          log.push("unwound");
        }
      });
      await ticks();
      const error = await assertTimesOut(waitFor(task, timeout));
      assert.ok(error.cause instanceof CancelledError);
      assert.deepEqual(log, ["unwound"]);
      assert.equal(loop.time(), 3);
    },
  );

  runs(
    `WFOR-03: with a timeout of ${timeout} the wait for the unwinding can be cancelled`,
    async () => {
      const task = createTask(async () => {
        try {
          await sleep(100);
        } finally {
          await sleep(3);
        }
      });
      await ticks();
      const waiting = createTask(() => waitFor(task, timeout));
      await ticks();
      waiting.cancel("from outside");
      await assertCancelled(waiting, "from outside");
      assert.equal(task.done(), false);
      await assertCancelled(task);
    },
  );
}

runs(
  "WFOR-03: a task that swallows the cancellation by a timeout of zero gives its value",
  async () => {
    const task = createTask(async () => {
      try {
        return await sleep(100, "slept");
      } catch {
        return "kept";
      }
    });
    await ticks();
    assert.equal(await waitFor(task, 0), "kept");
  },
);

runs("WFOR-04: a result that is set ahead of the timer wins", async (loop) => {
  const future = new Future<string>();
  loop.callSoon(() => future.setResult("in time"));
  assert.equal(await waitFor(future, 0.2), "in time");
});

runs("WFOR-04: a wake-up that stands before the timer in one iteration wins", async (loop) => {
  const future = new Future<string>();
  loop.callSoon(() => {
    future.setResult("in time");
    // The timer joins the next iteration, behind the wake-up.
    advance(loop, 5);
  });
  assert.equal(await waitFor(future, 2), "in time");
  assert.equal(loop.time(), 5);
});

runs("WFOR-05: inner work that swallows the cancellation gives its value", async () => {
  const stubborn = async () => {
    try {
      return await sleep(100, "slept");
    } catch {
      return "value";
    }
  };
  assert.equal(await waitFor(stubborn, 1), "value");
  assert.equal(await waitFor(createTask(stubborn), 1), "value");
  assert.equal(currentTask()!.cancelling(), 0);
  await sleep(1);
});

runs(
  "WFOR-06: an error thrown during the cancellation leaves in place of TimeoutError",
  async () => {
    const error = new Trouble("while unwinding");
    const failing = async () => {
      try {
        await sleep(100);
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw error;
      }
    };
    for (const aw of [failing, createTask(failing)]) {
      await assert.rejects(waitFor(aw, 1), (thrown) => thrown === error);
    }
  },
);

/** Ignores cancellations until some time has passed. */
async function enduring(loopTime: () => number, until: number): Promise<string> {
  while (loopTime() < until) {
    try {
      await sleep(until - loopTime());
    } catch {
      continue;
    }
  }
  return "ended by itself";
}

runs("WFOR-07: inner work that endures its timeout is waited for", async (loop) => {
  const task = createTask(() => enduring(() => loop.time(), 10));
  assert.equal(await waitFor(task, 1), "ended by itself");
  assert.equal(loop.time(), 10);
});

runs("WFOR-07: inner work that endures a cancellation from outside is waited for", async (loop) => {
  const task = createTask(() => enduring(() => loop.time(), 10));
  const waiting = createTask(() => waitFor(task, 60));
  loop.callLater(2, () => waiting.cancel());
  assert.equal(await waiting, "ended by itself");
  assert.equal(loop.time(), 10);
  assert.equal(waiting.cancelling(), 1);
});

for (const timeout of [null, 60]) {
  runs(
    `WFOR-08: cancelling the caller cancels the inner task (timeout: ${timeout})`,
    async (loop) => {
      const inner = createTask(() => sleep(100));
      const outer = createTask(() => waitFor(inner, timeout));
      await ticks(2);
      outer.cancel("outer");
      await assertCancelled(outer, "outer");
      assert.equal(inner.cancelled(), true);
      assert.equal(loop.time(), 0);
      assert.equal(hasTimers(loop), false);
    },
  );

  runs(`WFOR-08: cancelling the caller leaves a promise behind (timeout: ${timeout})`, async () => {
    const outer = createTask(() => waitFor(new Promise(() => {}), timeout));
    await ticks(2);
    outer.cancel("outer");
    await assertCancelled(outer, "outer");
  });

  runs(
    `WFOR-09: cancelled in the tick in which the inner task ended, the caller is cancelled (timeout: ${timeout})`,
    async () => {
      const release = new Future<void>();
      const inner = createTask(async () => {
        await release;
        return "kept";
      });
      const started: { outer?: Task<void> } = {};
      // Stands in the line before the wake-up of waitFor().
      inner.addDoneCallback(() => started.outer!.cancel());
      const reached: string[] = [];
      const outer = started.outer = createTask(async () => {
        await waitFor(inner, timeout);
        reached.push("ran on");
      });
      await ticks(2);
      release.setResult();
      await assertCancelled(outer);
      assert.deepEqual(reached, []);
      assert.equal(outcome(inner), "result kept");
    },
  );
}

for (const timeout of [0, 1]) {
  runs(`WFOR-10: a shielded task survives a timeout of ${timeout}`, async () => {
    const task = createTask(() => sleep(10, "survived"));
    await ticks();
    const shielded = shield(task);
    await assertTimesOut(waitFor(shielded, timeout));
    assert.equal(shielded.cancelled(), true);
    assert.equal(task.done(), false);
    assert.equal(await task, "survived");
  });
}

runs("WFOR-10: without a timeout a shield gives the result", async () => {
  assert.equal(await waitFor(shield(createTask(() => sleep(10, "result"))), null), "result");
});

const variable = new ContextVar<string>("variable", { default: "unset" });

for (const timeout of [null, 10]) {
  runs(`WFOR-11: a coroutine runs in the caller's own task (timeout: ${timeout})`, async () => {
    let inside: Task<unknown> | null = null;
    await waitFor(async () => {
      await sleep(0);
      inside = currentTask();
      variable.set("set inside");
    }, timeout);
    assert.ok(inside !== null && (inside as unknown) === currentTask());
    assert.equal(variable.get(), "set inside");
  });
}

runs("WFOR-12: result and timer in one iteration, result first: TimeoutError", async (loop) => {
  const future = new Future<string>();
  loop.callLater(1, () => future.setResult("kept"));
  await assertTimesOut(waitFor(future, 1));
  assert.equal(future.result(), "kept");
});

runs("WFOR-12: cancellation and timer in one iteration: CancelledError", async (loop) => {
  const task = createTask(() => waitFor(new Future(), 1));
  loop.callLater(1, () => task.cancel());
  await assertCancelled(task);
  assert.equal(task.cancelling(), 1);
});

runs("WFOR-01: what is no awaitable or no delay is refused", async () => {
  await assert.rejects(waitFor(42 as never, 1), TypeError);
  await assert.rejects(waitFor(() => sleep(0), NaN), RangeError);
  await assert.rejects(waitFor(() => sleep(0), "1" as never), TypeError);
});

runsInRealTime(
  "WFOR-02: a promise that comes too late is left behind, its error reported",
  async (_loop, reports) => {
    let fail!: (error: unknown) => void;
    const promise = new Promise<never>((_resolve, reject) => fail = reject);
    await assertTimesOut(waitFor(promise, 0.01));
    assert.deepEqual(reports, []);
    const error = new Trouble("late");
    fail(error);
    await sleep(0.01);
    assert.deepEqual(reports.splice(0).map(({ exception }) => exception), [error]);
  },
);
