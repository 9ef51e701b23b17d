import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentTask,
  ExceptionGroup,
  Future,
  getEventLoop,
  sleep,
  TaskGroup,
  Timeout,
  timeout,
  timeoutAt,
  TimeoutError,
} from "../../../mod.ts";
import type { Task } from "../../../mod.ts";
import { assertCancelled, runs, ticks, Trouble } from "../../_support/tasks.ts";
import { advance, hasTimers } from "../../_support/virtual_loop.ts";

const forever = () => sleep(1e9);

/** What a promise rejects with. */
async function rejection(promise: PromiseLike<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("It did not reject");
}

function cancelling(): number {
  return currentTask()!.cancelling();
}

runs(
  "TMO-01: a body that outlasts it is cancelled, and with() rejects with TimeoutError",
  async (loop) => {
    const block = timeout(0.01);
    let seen: unknown;
    const promise = block.with(async () => {
      try {
        await sleep(10);
      } catch (error) {
        seen = error;
        throw error;
      }
    });
    assert.ok(await rejection(promise) instanceof TimeoutError);
    assert.ok(seen instanceof CancelledError);
    assert.equal(block.expired(), true);
    assert.equal(loop.time(), 0.01);
    assert.equal(cancelling(), 0);
  },
);

runs("TMO-01: it waits until the body has unwound", async (loop) => {
  let unwound = false;
  const promise = timeout({ seconds: 1 }).with(async () => {
    try {
      await forever();
    } finally {
      await sleep(2);
      unwound = true;
    }
  });
  await assert.rejects(promise, TimeoutError);
  assert.equal(unwound, true);
  assert.equal(loop.time(), 3);
});

runs("TMO-01: the deadline counts from the call, not from the entry", async (loop) => {
  const block = timeout(5);
  await sleep(3);
  await assert.rejects(block.with(forever), TimeoutError);
  assert.equal(loop.time(), 5);
});

runs("TMO-01: what the body waits for is cancelled with it", async () => {
  const future = new Future<void>();
  const task = createTask(forever);
  await assert.rejects(timeout(1).with(() => future), TimeoutError);
  await assert.rejects(timeout(1).with(async () => await task), TimeoutError);
  assert.deepEqual([future.cancelled(), task.cancelled()], [true, true]);
});

runs("TMO-01: a delay that is no delay is refused", async () => {
  assert.throws(() => timeout(NaN), RangeError);
  assert.throws(() => timeout("1" as never), TypeError);
  assert.throws(() => timeoutAt(NaN), RangeError);
  assert.throws(() => new Timeout("1" as never), TypeError);
  await assert.rejects(timeout(1).with(Promise.resolve() as never), TypeError);
});

runs("TMO-02: timeoutAt() takes an absolute loop time, which when() gives back", async (loop) => {
  await sleep(5);
  const block = timeoutAt(7.5);
  assert.equal(block.when(), 7.5);
  await assert.rejects(block.with(forever), TimeoutError);
  assert.equal(loop.time(), 7.5);
  assert.equal(block.expired(), true);
});

runs(
  "TMO-03: two nested ones with one deadline: CancelledError inside, TimeoutError outside",
  async (loop) => {
    const deadline = loop.time() + 1;
    const [outer, inner] = [timeoutAt(deadline), timeoutAt(deadline)];
    let leftInner: unknown;
    const promise = outer.with(async () => {
      leftInner = await rejection(inner.with(forever));
      throw leftInner;
    });
    assert.ok(await rejection(promise) instanceof TimeoutError);
    assert.ok(leftInner instanceof CancelledError);
    assert.deepEqual([outer.expired(), inner.expired()], [true, true]);
  },
);

runs("TMO-04: a body that is quick enough meets no error", async (loop) => {
  const block = timeout(10);
  assert.equal(await block.with(() => sleep(1, "quick")), "quick");
  assert.equal(block.expired(), false);
  assert.ok(block.when()! > loop.time());
  assert.equal(hasTimers(loop), false);
});

runs("TMO-04: a plain function may be the body", async () => {
  assert.equal(await timeout(1).with((block) => block.when()), 1);
  await assert.rejects(
    timeout(1).with(() => {
      throw new Trouble();
    }),
    Trouble,
  );
});

for (const [name, make] of [["timeout", timeout], ["timeoutAt", timeoutAt]] as const) {
  runs(`TMO-05: ${name}(null) never fires`, async (loop) => {
    const block = make(null);
    assert.equal(await block.with(() => sleep(1e6, "done")), "done");
    assert.equal(block.when(), null);
    assert.equal(block.expired(), false);
    assert.equal(loop.time(), 1e6);
  });
}

runs("TMO-05: an infinite delay never fires", async () => {
  assert.equal(await timeout(Infinity).with(() => sleep(1e6, "done")), "done");
});

for (const delay of [0, -1]) {
  runs(`TMO-06: timeout(${delay}) fires at the first wait`, async (loop) => {
    await sleep(5);
    const block = timeout(delay);
    let reached = "";
    const promise = block.with(async () => {
      reached = "body";
      await forever();
      reached = "after the wait";
    });
    await assert.rejects(promise, TimeoutError);
    assert.equal(reached, "body");
    assert.equal(block.expired(), true);
    assert.equal(block.when(), 5 + delay);
    assert.equal(loop.time(), 5);
  });

  runs(`TMO-06: timeout(${delay}) fires at a sleep(0)`, async () => {
    await assert.rejects(timeout(delay).with(() => sleep(0)), TimeoutError);
  });

  runs(`TMO-06: timeout(${delay}) spares what needs no wait`, async () => {
    const done = new Future<string>();
    done.setResult("done");
    const block = timeout(delay);
    assert.equal(await block.with(async () => await done), "done");
    assert.equal(block.expired(), false);
  });
}

runs("TMO-07: what the body throws before the deadline passes unchanged", async () => {
  const error = new Trouble("body");
  const block = timeout(1);
  const promise = block.with(async () => {
    await sleep(0.5);
    throw error;
  });
  assert.equal(await rejection(promise), error);
  assert.equal(block.expired(), false);
});

runs("TMO-08: the TimeoutError's cause is the CancelledError that unwound the body", async () => {
  let seen: unknown;
  const promise = timeout(1).with(async () => {
    try {
      await forever();
    } catch (error) {
      seen = error;
      throw error;
    }
  });
  const error = await rejection(promise);
  assert.ok(error.cause instanceof CancelledError);
  assert.equal(error.cause, seen);
});

runs("TMO-09: an error with which the body answers the deadline leaves unchanged", async () => {
  const error = new Trouble("answer");
  const block = timeout(1);
  const promise = block.with(async () => {
    try {
      await forever();
    } catch {
      throw error;
    }
  });
  assert.equal(await rejection(promise), error);
  assert.equal(block.expired(), true);
  assert.equal(cancelling(), 0);
  await sleep(1);
});

runs("TMO-10: cancelled from outside before the deadline: CancelledError", async () => {
  const block = timeout(10);
  const task = createTask(() => block.with(forever));
  await ticks();
  task.cancel("from outside");
  await assertCancelled(task, "from outside");
  assert.equal(block.expired(), false);
});

runs("TMO-11: after a TimeoutError that was caught the task can go on waiting", async (loop) => {
  const task = createTask(async () => {
    await assert.rejects(timeout(1).with(forever), TimeoutError);
    await sleep(5);
    return "not cancelled";
  });
  assert.equal(await task, "not cancelled");
  assert.equal(task.cancelling(), 0);
  assert.equal(loop.time(), 6);
});

runs(
  "TMO-12: two deadlines passing in one iteration: CancelledError inside, TimeoutError outside",
  async (loop) => {
    const [outer, inner] = [timeout(1), timeout(2)];
    let leftInner: unknown;
    const promise = outer.with(async () => {
      leftInner = await rejection(inner.with(async () => {
        loop.callSoon(() => advance(loop, 5));
        await forever();
      }));
      throw leftInner;
    });
    assert.ok(await rejection(promise) instanceof TimeoutError);
    assert.ok(leftInner instanceof CancelledError);
    assert.deepEqual([outer.expired(), inner.expired()], [true, true]);
    assert.equal(cancelling(), 0);
  },
);

runs("TMO-12: also when the inner deadline comes first", async (loop) => {
  const [outer, inner] = [timeout(2), timeout(1)];
  let leftInner: unknown;
  const promise = outer.with(async () => {
    leftInner = await rejection(inner.with(async () => {
      loop.callSoon(() => advance(loop, 5));
      await forever();
    }));
    throw leftInner;
  });
  assert.ok(await rejection(promise) instanceof TimeoutError);
  assert.ok(leftInner instanceof CancelledError);
  assert.deepEqual([outer.expired(), inner.expired()], [true, true]);
  assert.equal(cancelling(), 0);
});

runs("TMO-12: only the outer deadline passed: CancelledError leaves the inner one", async () => {
  const [outer, inner] = [timeout(1), timeout(2)];
  let leftInner: unknown;
  const promise = outer.with(async () => {
    leftInner = await rejection(inner.with(forever));
    throw leftInner;
  });
  assert.ok(await rejection(promise) instanceof TimeoutError);
  assert.ok(leftInner instanceof CancelledError);
  assert.deepEqual([outer.expired(), inner.expired()], [true, false]);
});

runs(
  "TMO-12: after an inner timeout that was handled, the outer one interrupts a later wait",
  async (loop) => {
    const outer = timeout(2);
    const seen: string[] = [];
    const promise = outer.with(async () => {
      seen.push((await rejection(timeout(1).with(forever))).name);
      seen.push((await rejection(sleep(100))).name);
      await sleep(1);
    });
    await promise;
    assert.deepEqual(seen, ["TimeoutError", "CancelledError"]);
    assert.equal(outer.expired(), true);
    assert.equal(loop.time(), 3);
    assert.equal(cancelling(), 0);
  },
);

runs("TMO-13: reschedule() from outside moves the deadline", async (loop) => {
  const block = timeoutAt(10);
  const task = createTask(() => block.with(forever));
  await ticks();
  assert.equal(block.when(), 10);
  block.reschedule(4);
  assert.equal(block.when(), 4);
  block.reschedule(20);
  await assert.rejects(async () => await task, TimeoutError);
  assert.equal(loop.time(), 20);
});

runs(
  "TMO-13: reschedule(null) takes the deadline away; a cancel is then a cancel",
  async (loop) => {
    const block = timeout(10);
    const task = createTask(() => block.with(forever));
    await ticks();
    block.reschedule(null);
    assert.equal(block.when(), null);
    assert.equal(hasTimers(loop), true);
    await sleep(100);
    task.cancel();
    await assertCancelled(task);
    assert.equal(block.expired(), false);
  },
);

runs("TMO-06: entered after its time has passed it fires at the first wait", async () => {
  const late = timeout(5);
  await sleep(10);
  let passed = false;
  await assert.rejects(
    late.with(async () => {
      await sleep(0);
      passed = true;
    }),
    TimeoutError,
  );
  assert.equal(passed, false);
});

runs("TMO-13: rescheduled into the past it fires at the next wait", async (loop) => {
  await sleep(10);
  const block = timeout(null);
  const promise = block.with(async (inside) => {
    inside.reschedule(3);
    await forever();
  });
  await assert.rejects(promise, TimeoutError);
  assert.equal(loop.time(), 10);
});

runs("TMO-14: it prints its state and, while it is live, its deadline", async () => {
  const block = timeoutAt(2.5);
  assert.equal(String(block), "<Timeout [created]>");
  let [active, expiring] = ["", ""];
  await rejection(block.with(async () => {
    active = String(block);
    try {
      await forever();
    } finally {
      expiring = String(block);
    }
  }));
  assert.equal(active, "<Timeout [active] when=2.5>");
  assert.equal(expiring, "<Timeout [expiring]>");
  assert.equal(String(block), "<Timeout [expired]>");
  const other = timeout(null);
  await other.with(() => active = String(other));
  assert.equal(active, "<Timeout [active] when=null>");
  assert.equal(String(other), "<Timeout [finished]>");
});

runs("TMO-15: a timeout in the finally of an expired one works by itself", async (loop) => {
  let first: unknown;
  let inner: Error | null = null;
  const promise = timeout(1).with(async () => {
    try {
      try {
        await forever();
      } catch (error) {
        first = error;
        throw error;
      }
    } finally {
      inner = await rejection(timeout(2).with(forever));
    }
  });
  const outer = await rejection(promise);
  assert.ok((inner as Error | null) instanceof TimeoutError);
  assert.ok(outer instanceof TimeoutError);
  assert.equal(outer.cause, first);
  assert.notEqual((inner as Error | null)!.cause, first);
  assert.equal(loop.time(), 3);
});

/** A task that has swallowed one cancellation and then runs `next`. */
async function afterSwallowedCancel(next: () => Promise<unknown>): Promise<[Task<unknown>]> {
  const task = createTask(async () => {
    await rejection(forever());
    return await next();
  });
  await ticks();
  task.cancel();
  await ticks(2);
  return [task];
}

runs("TMO-16: a task that swallowed an earlier cancel still gets TimeoutError", async () => {
  const [task] = await afterSwallowedCancel(() => timeout(1).with(forever));
  await assert.rejects(async () => await task, TimeoutError);
  assert.equal(task.cancelling(), 1);
});

runs("TMO-17: a second cancel inside an unexpired timeout is CancelledError", async () => {
  const block = timeout(10);
  const [task] = await afterSwallowedCancel(() => block.with(forever));
  task.cancel("second");
  await assertCancelled(task, "second");
  assert.equal(block.expired(), false);
  assert.equal(task.cancelling(), 2);
});

runs("TMO-18: entering it a second time is refused, nested or later", async () => {
  const block = timeout(10);
  await block.with(async (same) => {
    await assert.rejects(same.with(() => {}), /already been entered/);
  });
  await assert.rejects(block.with(() => {}), /already been entered/);
});

runs(
  "TMO-19: reschedule() before the entry, while expiring and at the end says what is wrong",
  async () => {
    const block = timeout(1);
    assert.throws(() => block.reschedule(2), /has not been entered/);
    await block.with(() => {});
    assert.throws(() => block.reschedule(2), /finished/);

    const expired = timeout(1);
    let whileExpiring: unknown;
    await rejection(expired.with(async () => {
      try {
        await forever();
      } catch (error) {
        try {
          expired.reschedule(20);
        } catch (refusal) {
          whileExpiring = refusal;
        }
        throw error;
      }
    }));
    assert.match(String(whileExpiring), /expiring/);
    assert.throws(() => expired.reschedule(20), /expired/);
  },
);

runs("TMO-20: a body that swallows the cancellation and returns: no TimeoutError", async () => {
  const block = timeout(1);
  const value = await block.with(async () => {
    try {
      return await forever();
    } catch {
      return "swallowed";
    }
  });
  assert.equal(value, "swallowed");
  assert.equal(block.expired(), true);
  assert.equal(cancelling(), 0);
  await sleep(1);
});

test("TMO-21: it works outside any task", async () => {
  assert.equal(currentTask(), null);
  const block = timeout(0.01);
  await assert.rejects(block.with(() => sleep(60)), TimeoutError);
  assert.equal(block.expired(), true);
  assert.equal(await timeout(60).with(() => sleep(0, "in time")), "in time");
  const at = timeoutAt(getEventLoop().time() + 0.01);
  await assert.rejects(at.with(() => new Future()), TimeoutError);
});

test("TMO-21: outside any task nested ones convert as inside one", async () => {
  const loop = getEventLoop();
  const deadline = loop.time() + 0.02;
  let leftInner: unknown;
  const promise = timeoutAt(deadline).with(async () => {
    leftInner = await rejection(timeoutAt(deadline).with(() => sleep(60)));
    throw leftInner;
  });
  await assert.rejects(promise, TimeoutError);
  assert.ok(leftInner instanceof CancelledError);
});

runs("TMO-22: a group's ExceptionGroup passes through an expired timeout", async () => {
  const error = new Trouble("child");
  const promise = timeout(1).with(() =>
    new TaskGroup().with((group) => {
      group.createTask(async () => {
        try {
          await forever();
        } finally {
          // deno-lint-ignore no-unsafe-finally
          throw error;
        }
      });
    })
  );
  const thrown = await rejection(promise);
  assert.ok(thrown instanceof ExceptionGroup);
  assert.deepEqual(thrown.errors, [error]);
  assert.equal(cancelling(), 0);
  await sleep(1);
});

for (const first of ["the timer", "the cancel"]) {
  runs(
    `TMO-23: timer and outside cancel in one iteration, ${first} first: CancelledError`,
    async (loop) => {
      const block = timeoutAt(1);
      const cancel = () => loop.callAt(1, () => task.cancel());
      if (first === "the cancel") cancel();
      const task: Task<void> = createTask(() => block.with(forever));
      await ticks();
      if (first === "the timer") cancel();
      await assertCancelled(task);
      assert.equal(task.cancelling(), 1);
      assert.equal(block.expired(), true);
    },
  );
}

runs("TMO-24: a body that never waits never times out", async (loop) => {
  const block = timeout(1);
  const value = await block.with(() => {
    advance(loop, 5);
    return "late";
  });
  assert.equal(value, "late");
  assert.equal(block.expired(), false);
  assert.ok(block.when()! < loop.time());
});

runs("TMO-24: nor one that only awaits what is done", async (loop) => {
  const done = new Future<void>();
  done.setResult();
  const block = timeout(1);
  await block.with(async () => {
    for (let i = 0; i < 10; i++) {
      advance(loop, 5);
      await done;
    }
  });
  assert.equal(block.expired(), false);
});
