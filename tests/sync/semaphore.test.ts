import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BoundedSemaphore,
  createTask,
  gather,
  getRunningLoop,
  run,
  RuntimeError,
  Semaphore,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

const value = (semaphore: Semaphore) => semaphore.statistics()["value"];

test("SEM-01: the value defaults to 1", () => {
  const semaphore = new Semaphore();
  assert.equal(value(semaphore), 1);
  assert.equal(semaphore.locked(), false);
});

test("SEM-01: 0 is allowed, and locked", () => {
  assert.equal(new Semaphore(0).locked(), true);
  assert.equal(new BoundedSemaphore(0).locked(), true);
});

test("SEM-01: what is no whole number from 0 on is refused", () => {
  for (const bad of [-1, NaN, 1.5, -Infinity]) {
    assert.throws(() => new Semaphore(bad), RangeError);
    assert.throws(() => new BoundedSemaphore(bad), RangeError);
  }
  for (const bad of ["1", null, 1n]) {
    assert.throws(() => new Semaphore(bad as unknown as number), TypeError);
  }
});

runs("SEM-01: Infinity never locks", async () => {
  const semaphore = new Semaphore(Infinity);
  for (let i = 0; i < 100; i++) await semaphore.acquire();
  assert.equal(semaphore.locked(), false);
});

runs("SEM-02: acquire() takes units at once while there are some", async () => {
  const semaphore = new Semaphore(2);
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  await semaphore.acquire();
  assert.equal(value(semaphore), 1);
  await semaphore.acquire();
  assert.equal(value(semaphore), 0);
  assert.equal(semaphore.locked(), true);
  assert.equal(turned, false);
});

runs("SEM-02: without a unit it queues, first come first served", async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const body = (n: number) => async () => {
    await semaphore.acquire();
    order.push(n);
  };
  const tasks = await started(body(1), body(2), body(3), body(4));
  assert.deepEqual(order, [1]);
  semaphore.release();
  semaphore.release();
  assert.equal(value(semaphore), 0);
  await ticks(2);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(semaphore.statistics().waiting, 1);
  semaphore.release();
  await gather(tasks);
  assert.deepEqual(order, [1, 2, 3, 4]);
});

runs("SEM-02: a Releaser gives its unit back once", async () => {
  const semaphore = new Semaphore(2);
  const releaser = await semaphore.acquire();
  releaser.release();
  releaser.release();
  releaser[Symbol.dispose]();
  assert.equal(value(semaphore), 2);
});

runs("SEM-02: a waiter's Releaser works like any other", async () => {
  const semaphore = new Semaphore(0);
  const [task] = await started(() => semaphore.acquire());
  semaphore.release();
  const releaser = await task!;
  assert.equal(value(semaphore), 0);
  releaser.release();
  releaser.release();
  assert.equal(value(semaphore), 1);
});

runs("SEM-03: release() reserves the unit for the waiter it wakes", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const order: string[] = [];
  const body = (name: string) => async () => {
    await semaphore.acquire();
    order.push(name);
  };
  const [waiter] = await started(body("waiter"));
  const later = createTask(body("later"));
  semaphore.release();
  assert.equal(value(semaphore), 0);
  assert.equal(semaphore.locked(), true);
  await ticks(3);
  assert.deepEqual(order, ["waiter"]);
  semaphore.release();
  await gather([waiter!, later]);
  assert.deepEqual(order, ["waiter", "later"]);
});

runs("SEM-03: the handover takes exactly one iteration", async () => {
  const semaphore = new Semaphore(0);
  const loop = getRunningLoop();
  const order: string[] = [];
  const [task] = await started(async () => {
    await semaphore.acquire();
    order.push("waiter");
  });
  loop.callSoon(() => order.push("before"));
  semaphore.release();
  loop.callSoon(() => order.push("after"));
  await task;
  await ticks();
  assert.deepEqual(order, ["before", "waiter", "after"]);
});

runs("SEM-04: a BoundedSemaphore can't be released above its initial value", async () => {
  const semaphore = new BoundedSemaphore(1);
  assert.throws(() => semaphore.release(), {
    name: "RangeError",
    message: "BoundedSemaphore released too many times",
  });
  await semaphore.acquire();
  semaphore.release();
  assert.throws(() => semaphore.release(), RangeError);
});

runs("SEM-04: a Releaser whose unit was given back otherwise stays quiet", async () => {
  const semaphore = new BoundedSemaphore(1);
  const releaser = await semaphore.acquire();
  semaphore.release();
  releaser.release();
  assert.equal(value(semaphore), 1);
});

runs("SEM-05: with two waiters cancelled one release wakes the third", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const acquire = () => semaphore.acquire();
  const [first, second, third] = await started(acquire, acquire, acquire);
  first!.cancel();
  second!.cancel();
  await ticks();
  assert.equal(semaphore.statistics().waiting, 1);
  semaphore.release();
  await third;
  assert.equal(semaphore.locked(), true);
  await assertCancelled(first!);
  await assertCancelled(second!);
});

runs("SEM-05: the same with cancels and release in one tick", async () => {
  const semaphore = new Semaphore(0);
  const acquire = () => semaphore.acquire();
  const tasks = await started(acquire, acquire, acquire, acquire);
  tasks[0]!.cancel();
  tasks[1]!.cancel();
  semaphore.release();
  await ticks(4);
  assert.deepEqual(tasks.map((task) => task.done()), [true, true, true, false]);
  assert.equal(tasks[2]!.cancelled(), false);
  tasks[3]!.cancel();
  await assertCancelled(tasks[3]!);
});

runs(
  "SEM-06: first waiter cancelled and unit released in one tick: the second gets it",
  async () => {
    const semaphore = new Semaphore(1);
    await semaphore.acquire();
    const acquire = () => semaphore.acquire();
    const [first, second] = await started(acquire, acquire);
    first!.cancel();
    semaphore.release();
    await second;
    assert.equal(semaphore.locked(), true);
    await assertCancelled(first!);
  },
);

runs("SEM-07: a waiter cancelled after the grant gives the unit back", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const [first] = await started(() => semaphore.acquire());
  semaphore.release();
  first!.cancel();
  await assertCancelled(first!);
  assert.equal(value(semaphore), 1);
  await semaphore.acquire();
  assert.equal(semaphore.locked(), true);
});

runs("SEM-07: ... or to the next waiter, one iteration later", async () => {
  const semaphore = new Semaphore(0);
  const loop = getRunningLoop();
  const order: string[] = [];
  const [first] = await started(() => semaphore.acquire());
  const [second] = await started(async () => {
    await semaphore.acquire();
    order.push("second");
  });
  semaphore.release();
  first!.cancel();
  loop.callSoon(() => {
    order.push("next tick");
    loop.callSoon(() => order.push("the one after"));
  });
  await second;
  await ticks();
  assert.deepEqual(order, ["next tick", "second", "the one after"]);
  assert.equal(value(semaphore), 0);
  await assertCancelled(first!);
});

runs("SEM-08: a task that releases and acquires again goes behind the waiters", async () => {
  const semaphore = new Semaphore(1);
  const order: string[] = [];
  const body = (name: string) => async () => {
    for (const round of [1, 2]) {
      await semaphore.with(async () => {
        order.push(`${name}_${round}`);
        await ticks();
      });
    }
  };
  await gather([body("c1"), body("c2"), body("c3")]);
  assert.deepEqual(order, ["c1_1", "c2_1", "c3_1", "c1_2", "c2_2", "c3_2"]);
});

runs("SEM-08: ... also when nobody holds it across a wait", async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const body = (n: number) => async () => {
    await semaphore.acquire();
    order.push(n);
    semaphore.release();
  };
  await semaphore.acquire();
  const tasks = await started(body(1), body(2));
  semaphore.release();
  await semaphore.acquire();
  order.push(3);
  semaphore.release();
  await gather(tasks);
  assert.deepEqual(order, [1, 2, 3]);
});

runs(
  "SEM-09: first waiter cancelled, two releases: second and third acquire in order",
  async () => {
    const semaphore = new Semaphore(1);
    await semaphore.acquire();
    const order: number[] = [];
    const body = (n: number) => async () => {
      await semaphore.acquire();
      order.push(n);
    };
    const tasks = await started(body(1), body(2), body(3));
    tasks[0]!.cancel();
    await ticks();
    semaphore.release();
    semaphore.release();
    await gather([tasks[1]!, tasks[2]!]);
    assert.deepEqual(order, [2, 3]);
    await assertCancelled(tasks[0]!);
  },
);

runs("SEM-10: units left over wait for those who queue, not for newcomers", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const order: number[] = [];
  const body = (n: number) => async () => {
    await semaphore.acquire();
    order.push(n);
  };
  const tasks = await started(body(1));
  semaphore.release();
  semaphore.release();
  semaphore.release();
  assert.equal(value(semaphore), 2);
  assert.equal(semaphore.locked(), true);
  tasks.push(createTask(body(2)), createTask(body(3)));
  await gather(tasks);
  assert.deepEqual(order, [1, 2, 3]);
  assert.equal(value(semaphore), 0);
});

runs("SEM-10: the first waiter wakes as many as the units allow", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const done: number[] = [];
  const body = (n: number) => async () => {
    await semaphore.acquire();
    done.push(n);
  };
  await started(body(1));
  for (let i = 0; i < 3; i++) semaphore.release();
  const late = [2, 3, 4].map((n) => body(n)());
  await ticks(4);
  assert.deepEqual(done, [1, 2, 3]);
  semaphore.release();
  await Promise.all(late);
  assert.equal(value(semaphore), 0);
});

runs("SEM-11: a semaphore shows its value and its waiters", async () => {
  const semaphore = new Semaphore();
  assert.equal(shown(semaphore), "<Semaphore #N [unlocked, value:1]>");
  await semaphore.acquire();
  assert.equal(shown(semaphore), "<Semaphore #N [locked]>");
  const tasks = await started(() => semaphore.acquire(), () => semaphore.acquire());
  assert.equal(shown(semaphore), "<Semaphore #N [locked, waiters:2]>");
  assert.deepEqual(semaphore.statistics(), { waiting: 2, value: 0 });
  semaphore.release();
  semaphore.release();
  await gather(tasks);
  assert.equal(shown(new BoundedSemaphore(3)), "<BoundedSemaphore #N [unlocked, value:3]>");
});

runs("SEM-12: one release too many goes unnoticed while a unit is on its way", async () => {
  const semaphore = new BoundedSemaphore(1);
  await semaphore.acquire();
  const [waiter] = await started(() => semaphore.acquire());
  semaphore.release();
  assert.equal(value(semaphore), 0);
  semaphore.release();
  await waiter;
  assert.equal(value(semaphore), 1);
});

runs("LOCK-08: with() of semaphores takes a unit and gives it back", async () => {
  for (const semaphore of [new Semaphore(), new BoundedSemaphore()]) {
    const result = await semaphore.with((...args: unknown[]) => {
      assert.deepEqual(args, []);
      assert.equal(semaphore.locked(), true);
      return "done";
    });
    assert.equal(result, "done");
    assert.equal(semaphore.locked(), false);
  }
});

runs("LOCK-09: a semaphore is no thenable", async () => {
  const semaphore = new BoundedSemaphore();
  assert.equal(await semaphore, semaphore);
  assert.equal(semaphore.locked(), false);
});

test("LOCK-12: a semaphore that blocked on one loop refuses to block on another", async () => {
  const semaphore = new Semaphore(0);
  await run(async () => {
    await assert.rejects(timeout(0).with(() => semaphore.acquire()), TimeoutError);
  });
  await run(async () => {
    await assert.rejects(semaphore.acquire(), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /is bound to a different event loop/);
      return true;
    });
    semaphore.release();
    await semaphore.acquire();
  });
});
