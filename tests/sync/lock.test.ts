import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Condition,
  createTask,
  gather,
  getRunningLoop,
  Lock,
  newEventLoop,
  run,
  RuntimeError,
  Semaphore,
  sleep,
  type Task,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

runs("LOCK-01: a free lock is taken without a turn of the loop", async () => {
  const lock = new Lock();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  assert.equal(lock.locked(), false);
  await lock.acquire();
  assert.equal(lock.locked(), true);
  lock.release();
  assert.equal(lock.locked(), false);
  assert.equal(turned, false);
});

runs("LOCK-01: a Releaser gives its acquisition back once", async () => {
  const lock = new Lock();
  const first = await lock.acquire();
  first.release();
  first.release();
  assert.equal(lock.locked(), false);
  const second = await lock.acquire();
  first.release();
  first[Symbol.dispose]();
  assert.equal(lock.locked(), true);
  second[Symbol.dispose]();
  assert.equal(lock.locked(), false);
});

runs("LOCK-01: a Releaser does nothing once its lock was released otherwise", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  lock.release();
  releaser.release();
  assert.equal(lock.locked(), false);
  const [waiter] = await started(() => lock.acquire());
  releaser.release();
  assert.equal(lock.locked(), true);
  (await waiter!).release();
  assert.equal(lock.locked(), false);
});

runs("LOCK-02: waiters get the lock in order of arrival, one for each release", async () => {
  const lock = new Lock();
  await lock.acquire();
  const order: number[] = [];
  const body = (n: number) => async () => {
    await lock.acquire();
    order.push(n);
  };
  await started(body(1), body(2), body(3));
  assert.deepEqual(order, []);
  const seen: number[][] = [];
  for (let i = 0; i < 3; i++) {
    lock.release();
    await ticks(3);
    seen.push([...order]);
  }
  assert.deepEqual(seen, [[1], [1, 2], [1, 2, 3]]);
});

runs("LOCK-02: a newcomer made before the release stands behind the waiters", async () => {
  const lock = new Lock();
  await lock.acquire();
  const order: string[] = [];
  const body = (name: string) => async () => {
    const releaser = await lock.acquire();
    order.push(name);
    releaser.release();
  };
  const [waiting] = await started(body("waiting"));
  const newcomer = createTask(body("newcomer"));
  lock.release();
  await gather([waiting!, newcomer]);
  assert.deepEqual(order, ["waiting", "newcomer"]);
});

runs("LOCK-02: the handover takes exactly one iteration", async () => {
  const lock = new Lock();
  const loop = getRunningLoop();
  await lock.acquire();
  const order: string[] = [];
  const [task] = await started(async () => {
    await lock.acquire();
    order.push("waiter");
  });
  loop.callSoon(() => order.push("before"));
  lock.release();
  loop.callSoon(() => order.push("after"));
  await task;
  await ticks();
  assert.deepEqual(order, ["before", "waiter", "after"]);
});

test("LOCK-03: release() of a free lock is a RuntimeError", () => {
  assert.throws(() => new Lock().release(), (error) => {
    assert.ok(error instanceof RuntimeError);
    assert.equal(error.message, "Lock is not acquired.");
    return true;
  });
});

runs("LOCK-04: a cancelled waiter leaves the queue", async () => {
  const lock = new Lock();
  await lock.acquire();
  const [task] = await started(() => lock.acquire());
  assert.equal(lock.statistics().waiting, 1);
  task!.cancel("enough");
  await assertCancelled(task!, "enough");
  assert.equal(lock.statistics().waiting, 0);
  assert.equal(lock.locked(), true);
});

runs("LOCK-04: a deadline leaves the lock to its holder", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  await assert.rejects(timeout(0).with(() => lock.acquire()), TimeoutError);
  assert.equal(lock.statistics().waiting, 0);
  releaser.release();
  assert.equal(lock.locked(), false);
});

runs("LOCK-05: waiter cancelled and lock released in one tick: the third gets it", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  const [second, third] = await started(() => lock.acquire(), () => lock.acquire());
  second!.cancel();
  releaser.release();
  await assertCancelled(second!);
  await third;
  assert.equal(lock.locked(), true);
  assert.equal(lock.statistics().waiting, 0);
});

runs("LOCK-05: the cancelled waiter passes the wake-up on in its own turn", async () => {
  const lock = new Lock();
  const loop = getRunningLoop();
  await lock.acquire();
  const order: string[] = [];
  const [second] = await started(() => lock.acquire());
  const [third] = await started(async () => {
    await lock.acquire();
    order.push("third");
  });
  second!.cancel();
  lock.release();
  loop.callSoon(() => {
    order.push("next tick");
    loop.callSoon(() => order.push("the one after"));
  });
  await third;
  await ticks();
  assert.deepEqual(order, ["next tick", "third", "the one after"]);
  await assertCancelled(second!);
});

runs("LOCK-06: cancel and release in one callback: exactly one of the others gets it", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  let holders = 0;
  const body = async () => {
    await lock.acquire();
    holders++;
  };
  const tasks = await started(body, body, body);
  getRunningLoop().callSoon(() => {
    tasks[0]!.cancel();
    releaser.release();
  });
  await ticks(6);
  assert.equal(holders, 1);
  assert.equal(tasks[1]!.done(), true);
  assert.equal(tasks[2]!.done(), false);
  lock.release();
  await tasks[2];
  assert.equal(holders, 2);
  await assertCancelled(tasks[0]!);
});

runs("LOCK-07: a waiter cancelled after it was woken hands the lock to the next", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  const [second, third] = await started(() => lock.acquire(), () => lock.acquire());
  releaser.release();
  second!.cancel();
  await assertCancelled(second!);
  await third;
  assert.equal(lock.locked(), true);
});

runs("LOCK-07: with nobody behind it the lock is free again", async () => {
  const lock = new Lock();
  const releaser = await lock.acquire();
  const [second] = await started(() => lock.acquire());
  releaser.release();
  second!.cancel();
  await assertCancelled(second!);
  assert.equal(lock.locked(), false);
  assert.equal(lock.statistics().waiting, 0);
  await lock.acquire();
  assert.equal(lock.locked(), true);
});

runs("LOCK-08: with() holds the lock while its body runs", async () => {
  const lock = new Lock();
  const result = await lock.with(async (...args: unknown[]) => {
    assert.deepEqual(args, []);
    assert.equal(lock.locked(), true);
    await sleep(0);
    assert.equal(lock.locked(), true);
    return "done";
  });
  assert.equal(result, "done");
  assert.equal(lock.locked(), false);
});

runs("LOCK-08: with() releases when the body throws", async () => {
  for (const primitive of [new Lock(), new Condition(), new Semaphore()]) {
    const failing = primitive.with(() => {
      assert.equal(primitive.locked(), true);
      throw new RangeError("mine");
    });
    await assert.rejects(failing, { name: "RangeError", message: "mine" });
    assert.equal(primitive.locked(), false);
  }
});

runs("LOCK-08: with() on a free lock starts the body inside the call", async () => {
  const lock = new Lock();
  let ran = false;
  const block = lock.with(() => {
    ran = true;
  });
  assert.equal(ran, true);
  await block;
});

runs("LOCK-08: a body that releases the lock itself is told so", async () => {
  const lock = new Lock();
  await assert.rejects(lock.with(() => lock.release()), RuntimeError);
});

runs("LOCK-08: a body that gave the lock away does not release it for its new owner", async () => {
  const lock = new Lock();
  const giveAway = lock.with(async () => {
    lock.release();
    await lock.acquire();
  });
  await assert.rejects(giveAway, RuntimeError);
  assert.equal(lock.locked(), true);
});

runs("LOCK-08: contended with() blocks exclude each other", async () => {
  const lock = new Lock();
  const log: string[] = [];
  const body = (name: string) => () =>
    lock.with(async () => {
      log.push(`${name}+`);
      await ticks(2);
      log.push(`${name}-`);
    });
  await gather([body("a"), body("b"), body("c")]);
  assert.deepEqual(log, ["a+", "a-", "b+", "b-", "c+", "c-"]);
});

test("LOCK-09: no primitive is a thenable", async () => {
  const lock = new Lock();
  assert.equal(await lock, lock);
  assert.equal(lock.locked(), false);
  assert.equal("then" in new Condition(), false);
  assert.equal("then" in new Semaphore(), false);
});

runs("LOCK-11: a lock shows its state and its waiters", async () => {
  const lock = new Lock();
  assert.equal(shown(lock), "<Lock #N [unlocked]>");
  await lock.acquire();
  assert.equal(shown(lock), "<Lock #N [locked]>");
  const tasks = await started(() => lock.acquire(), () => lock.acquire());
  assert.equal(shown(lock), "<Lock #N [locked, waiters:2]>");
  for (const task of tasks) task.cancel();
  await ticks();
  assert.equal(shown(lock), "<Lock #N [locked]>");
});

test("LOCK-11: consoles print it the same way", () => {
  const lock = new Lock() as unknown as Record<symbol, () => string>;
  assert.equal(lock[Symbol.for("nodejs.util.inspect.custom")]!(), String(lock));
});

runs("LOCK-11: statistics() tells waiters and the owner's name", async () => {
  const lock = new Lock();
  assert.deepEqual(lock.statistics(), { waiting: 0, locked: false, owner: null });
  const owner = createTask(() => lock.with(() => ticks(2)), { name: "owner" });
  const next = createTask(() => lock.with(() => ticks(2)), { name: "next" });
  await ticks();
  assert.deepEqual(lock.statistics(), { waiting: 1, locked: true, owner: "owner" });
  await owner;
  await ticks();
  assert.deepEqual(lock.statistics(), { waiting: 0, locked: true, owner: "next" });
  await next;
  assert.equal(lock.statistics().owner, null);
});

test("LOCK-12: a lock that blocked on one loop refuses to block on another", async () => {
  const lock = new Lock();
  await run(async () => {
    await lock.acquire();
    await assert.rejects(timeout(0).with(() => lock.acquire()), TimeoutError);
  });
  await run(async () => {
    await assert.rejects(lock.acquire(), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /^<Lock #\d+ \[locked\]> is bound to a different event loop/);
      return true;
    });
    await assert.rejects(lock.with(() => {}), RuntimeError);
    await assert.rejects(new Condition(lock).acquire(), RuntimeError);
  });
});

test("LOCK-12: what need not wait binds to no loop", async () => {
  const lock = new Lock();
  await lock.with(() => {});
  await run(() => lock.with(() => {}));
  await run(async () => {
    const releaser = await lock.acquire();
    const [waiter] = await started(() => lock.acquire());
    releaser.release();
    (await waiter!).release();
  });
  await run(() => lock.with(() => {}));
  assert.equal(lock.locked(), false);
});

test("LOCK-12: works on the ambient loop, outside run()", async () => {
  const lock = new Lock();
  const log: string[] = [];
  const body = (name: string) => async () => {
    log.push(name);
    await sleep(0);
    log.push(name);
  };
  await Promise.all([lock.with(body("a")), lock.with(body("b"))]);
  assert.deepEqual(log, ["a", "a", "b", "b"]);
});

runs(
  "LOCK-13: between release and handover the lock is free, and still not to be had",
  async () => {
    const lock = new Lock();
    await lock.acquire();
    const order: string[] = [];
    const [waiter] = await started(async () => {
      await lock.acquire();
      order.push("waiter");
      await ticks();
      lock.release();
    });
    lock.release();
    assert.equal(lock.locked(), false);
    await lock.acquire();
    order.push("barger");
    await waiter;
    assert.deepEqual(order, ["waiter", "barger"]);
  },
);

runs("LOCK-13: waiters that are all cancelled are no reason to queue", async () => {
  const lock = new Lock();
  await lock.acquire();
  const [gone] = await started(() => lock.acquire());
  gone!.cancel();
  lock.release();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  await lock.acquire();
  assert.equal(turned, false);
  await assertCancelled(gone!);
  assert.equal(lock.locked(), true);
});

runs("LOCK-13: a woken waiter that was cancelled still counts until it has run", async () => {
  const lock = new Lock();
  await lock.acquire();
  const [woken] = await started(() => lock.acquire());
  lock.release();
  woken!.cancel();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  await lock.acquire();
  assert.equal(turned, true);
  await assertCancelled(woken!);
});

test("LOCK-04: a loop that closes under a waiter takes it out of the queue", async () => {
  const lock = new Lock();
  const loop = newEventLoop();
  let waiter: Task<unknown> | null = null;
  await loop.runUntilComplete(async () => {
    await lock.acquire();
    [waiter = null] = await started(() => lock.acquire());
  });
  assert.equal(lock.statistics().waiting, 1);
  loop.close();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(lock.statistics().waiting, 0);
  assert.equal(waiter!.cancelled(), true);
  lock.release();
  await lock.acquire();
});
