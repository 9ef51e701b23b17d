import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  Condition,
  createTask,
  gather,
  Lock,
  run,
  RuntimeError,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

runs("COND-01: wait(), notify() and notifyAll() want the lock to be held", async () => {
  const condition = new Condition();
  await assert.rejects(condition.wait(), RuntimeError);
  assert.throws(() => condition.notify(), RuntimeError);
  assert.throws(() => condition.notifyAll(), RuntimeError);
});

test("COND-01: notify() takes a number", () => {
  const condition = new Condition();
  assert.throws(() => condition.notify("2" as unknown as number), TypeError);
  assert.throws(() => condition.notify(NaN), RangeError);
});

runs("COND-02: wait() gives the lock back and holds it again when it returns", async () => {
  const condition = new Condition();
  const log: string[] = [];
  const [task] = await started(async () => {
    await condition.acquire();
    const result = await condition.wait();
    log.push(`${result} ${condition.locked()}`);
    condition.release();
  });
  assert.equal(condition.locked(), false);
  assert.equal(condition.statistics().waiting, 1);
  await condition.with(() => condition.notify());
  await task;
  assert.deepEqual(log, ["true true"]);
  assert.equal(condition.locked(), false);
});

runs("COND-02: a Releaser stays valid across wait()", async () => {
  const condition = new Condition();
  const [task] = await started(async () => {
    const releaser = await condition.acquire();
    await condition.wait();
    assert.equal(condition.locked(), true);
    releaser.release();
    assert.equal(condition.locked(), false);
  });
  await condition.with(() => condition.notify());
  await task;
  assert.equal(condition.locked(), false);
});

runs("COND-02: a Releaser used while its holder waits does nothing", async () => {
  const condition = new Condition();
  const releaser = await condition.acquire();
  const [waiter] = await started(() => condition.wait());
  const other = await condition.acquire();
  releaser.release();
  assert.equal(condition.locked(), true);
  condition.notify();
  other.release();
  await waiter;
  assert.equal(condition.locked(), true);
  releaser.release();
  assert.equal(condition.locked(), false);
});

/** Three tasks in `wait()`, which note their number and keep the lock. */
async function threeWaiting(condition: Condition, order: number[]): Promise<void> {
  const body = (n: number) => async () => {
    await condition.acquire();
    await condition.wait();
    order.push(n);
  };
  createTask(body(1));
  createTask(body(2));
  createTask(body(3));
  await ticks(2);
  assert.equal(condition.statistics().waiting, 3);
}

runs("COND-03: notify(n) wakes n waiters in order, one at a time", async () => {
  const condition = new Condition();
  const order: number[] = [];
  await threeWaiting(condition, order);
  await condition.acquire();
  condition.notify(1);
  condition.release();
  await ticks(3);
  assert.deepEqual(order, [1]);
  condition.notify(1);
  condition.notify(2048);
  condition.release();
  await ticks(3);
  assert.deepEqual(order, [1, 2]);
  condition.release();
  await ticks(3);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(condition.statistics().waiting, 0);
});

runs("COND-03: notifyAll() wakes all, one after the other", async () => {
  const condition = new Condition();
  const order: number[] = [];
  await threeWaiting(condition, order);
  await condition.acquire();
  condition.notifyAll();
  assert.deepEqual(order, []);
  const seen: number[][] = [];
  for (let i = 0; i < 3; i++) {
    condition.release();
    await ticks(3);
    seen.push([...order]);
  }
  assert.deepEqual(seen, [[1], [1, 2], [1, 2, 3]]);
});

runs("COND-03: notify() passes over those who are woken already", async () => {
  const condition = new Condition();
  const woken: number[] = [];
  const body = (n: number) => () =>
    condition.with(async () => {
      await condition.wait();
      woken.push(n);
    });
  const tasks = await started(body(1), body(2), body(3));
  await condition.with(() => {
    condition.notify();
    condition.notify();
  });
  await ticks(4);
  assert.deepEqual(woken, [1, 2]);
  await condition.with(() => condition.notify());
  await gather(tasks);
});

runs("COND-04: a notified waiter does not run while the lock is held", async () => {
  const condition = new Condition();
  const [task] = await started(async () => {
    await condition.acquire();
    await condition.wait();
  });
  await condition.acquire();
  condition.notify();
  await ticks(5);
  assert.equal(task!.done(), false);
  condition.release();
  await task;
  assert.equal(condition.locked(), true);
});

runs("COND-05: waitFor() tests after every notification and gives the truthy value", async () => {
  const condition = new Condition();
  let tests = 0;
  let value = "";
  const [task] = await started(() =>
    condition.with(() =>
      condition.waitFor(() => {
        tests++;
        assert.equal(condition.locked(), true);
        return value;
      })
    )
  );
  await condition.with(() => condition.notify());
  await ticks(2);
  assert.equal(task!.done(), false);
  value = "ready";
  await condition.with(() => condition.notify());
  assert.equal(await task, "ready");
  assert.equal(tests, 3);
});

runs("COND-05: what is true at once needs no lock; else RuntimeError without it", async () => {
  const condition = new Condition();
  assert.equal(await condition.waitFor(() => 42), 42);
  await assert.rejects(condition.waitFor(() => false), RuntimeError);
});

runs("COND-05: an async predicate, which would always be true, is refused", async () => {
  const condition = new Condition();
  await assert.rejects(condition.waitFor(() => Promise.resolve(false)), TypeError);
});

runs("COND-06: cancelled while waiting, wait() takes the lock again before it throws", async () => {
  const condition = new Condition();
  const seen: boolean[] = [];
  const [task] = await started(async () => {
    await condition.acquire();
    try {
      await condition.wait();
    } finally {
      seen.push(condition.locked());
    }
  });
  task!.cancel("stop");
  await assertCancelled(task!, "stop");
  assert.deepEqual(seen, [true]);
  assert.equal(condition.locked(), true);
  assert.equal(condition.statistics().waiting, 0);
});

runs("COND-07: cancelled while the lock is contested, it still ends with the lock", async () => {
  const condition = new Condition();
  const [task] = await started(async () => {
    await condition.acquire();
    try {
      await condition.wait();
    } finally {
      assert.equal(condition.locked(), true);
      condition.release();
    }
  });
  await condition.acquire();
  condition.notify();
  await ticks(2);
  task!.cancel();
  await ticks(2);
  assert.equal(task!.done(), false);
  condition.release();
  await assertCancelled(task!);
  assert.equal(condition.locked(), false);
});

runs("COND-07: cancelled after notify() in the same tick, with the lock held", async () => {
  const condition = new Condition();
  const [task] = await started(() => condition.with(() => condition.wait()));
  await condition.acquire();
  condition.notify();
  task!.cancel();
  await ticks(3);
  assert.equal(task!.done(), false);
  condition.release();
  await assertCancelled(task!);
  assert.equal(condition.locked(), false);
});

runs("COND-08: a cancel during the re-acquisition is put off until the lock is held", async () => {
  const condition = new Condition();
  const errors: unknown[] = [];
  const [task] = await started(async () => {
    await condition.acquire();
    try {
      await condition.wait();
    } catch (error) {
      errors.push(error, condition.locked());
      throw error;
    }
  });
  await condition.acquire();
  condition.notify();
  await ticks(2);
  task!.cancel("my message");
  await ticks(2);
  assert.equal(task!.done(), false);
  condition.release();
  await assertCancelled(task!, "my message");
  assert.ok(errors[0] instanceof CancelledError);
  assert.equal(errors[1], true);
});

runs("COND-08: cancelled while waiting, then again while re-acquiring: the later one", async () => {
  const condition = new Condition();
  const [task] = await started(() => condition.with(() => condition.wait()));
  await condition.acquire();
  task!.cancel("first");
  await ticks(2);
  task!.cancel("second");
  await ticks(2);
  condition.release();
  await assertCancelled(task!, "second");
  assert.equal(condition.locked(), false);
});

runs("COND-09: notified and cancelled in one tick, it passes the notification on", async () => {
  const condition = new Condition();
  const tasks = await started(
    () => condition.with(() => condition.wait()),
    () => condition.with(() => condition.wait()),
  );
  await condition.with(() => condition.notify());
  tasks[0]!.cancel();
  await assertCancelled(tasks[0]!);
  assert.equal(await tasks[1], true);
});

runs("COND-09: cancelled while re-acquiring, it passes the notification on", async () => {
  const condition = new Condition();
  const tasks = await started(
    () => condition.with(() => condition.wait()),
    () => condition.with(() => condition.wait()),
  );
  await condition.acquire();
  condition.notify();
  await ticks(2);
  tasks[0]!.cancel();
  await ticks(2);
  condition.release();
  await assertCancelled(tasks[0]!);
  assert.equal(await tasks[1], true);
  assert.equal(condition.locked(), false);
});

test("COND-10: a condition works on the lock it was given", async () => {
  const lock = new Lock();
  const condition = new Condition(lock);
  const releaser = await lock.acquire();
  assert.equal(condition.locked(), true);
  condition.release();
  assert.equal(lock.locked(), false);
  await condition.acquire();
  assert.equal(lock.locked(), true);
  releaser.release();
  assert.equal(lock.locked(), true);
});

test("COND-10: anything but a Lock is refused", () => {
  assert.throws(() => new Condition({} as Lock), TypeError);
});

runs("COND-10: two conditions share a lock", async () => {
  const lock = new Lock();
  const full = new Condition(lock);
  const empty = new Condition(lock);
  const [task] = await started(() => full.with(() => full.wait()));
  await empty.with(() => empty.notifyAll());
  await ticks(2);
  assert.equal(task!.done(), false);
  await lock.with(() => full.notify());
  assert.equal(await task, true);
});

runs("COND-11: with() takes and releases the lock", async () => {
  const condition = new Condition();
  const result = await condition.with(() => {
    assert.equal(condition.locked(), true);
    return 7;
  });
  assert.equal(result, 7);
  assert.equal(condition.locked(), false);
});

runs("COND-11: a wait that times out inside a block still holds the lock", async () => {
  const condition = new Condition();
  await condition.with(async () => {
    await assert.rejects(waitFor(() => condition.wait(), 0.001), TimeoutError);
    assert.equal(condition.locked(), true);
  });
  assert.equal(condition.locked(), false);
});

runs("COND-12: a condition shows its lock's state and its waiters", async () => {
  const condition = new Condition();
  assert.equal(shown(condition), "<Condition #N [unlocked]>");
  await condition.acquire();
  assert.equal(shown(condition), "<Condition #N [locked]>");
  condition.release();
  const tasks = await started(
    () => condition.with(() => condition.wait()),
    () => condition.with(() => condition.wait()),
  );
  assert.equal(shown(condition), "<Condition #N [unlocked, waiters:2]>");
  await condition.acquire();
  assert.equal(shown(condition), "<Condition #N [locked, waiters:2]>");
  assert.equal(condition.statistics().waiting, 2);
  condition.notifyAll();
  condition.release();
  await gather(tasks);
});

runs("COND-13: of two cancels during the re-acquisition the last is thrown", async () => {
  const condition = new Condition();
  const seen: boolean[] = [];
  const [task] = await started(async () => {
    await condition.acquire();
    try {
      await condition.wait();
    } finally {
      seen.push(condition.locked());
    }
  });
  await condition.acquire();
  condition.notify();
  await ticks(2);
  task!.cancel("first");
  await ticks(2);
  task!.cancel("second");
  await ticks(2);
  condition.release();
  await assertCancelled(task!, "second");
  assert.deepEqual(seen, [true]);
});

test("LOCK-12: a condition that blocked on one loop refuses to block on another", async () => {
  const condition = new Condition();
  await run(async () => {
    const waiting = timeout(0).with(() => condition.with(() => condition.wait()));
    await assert.rejects(waiting, TimeoutError);
  });
  await run(async () => {
    await condition.with(async () => {
      await assert.rejects(condition.wait(), (error) => {
        assert.ok(error instanceof RuntimeError);
        assert.match(error.message, /^<Condition #\d+ .*is bound to a different event loop/);
        return true;
      });
      assert.equal(condition.locked(), true);
    });
  });
});
