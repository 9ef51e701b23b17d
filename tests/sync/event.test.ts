import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  Event,
  gather,
  getRunningLoop,
  run,
  RuntimeError,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

test("EVT-01: isSet(), set() and clear() are a flag", () => {
  const event = new Event();
  const seen = [event.isSet()];
  event.set();
  seen.push(event.isSet());
  event.set();
  event.clear();
  seen.push(event.isSet());
  assert.deepEqual(seen, [false, true, false]);
});

runs("EVT-01: waiting for a set event takes no turn of the loop", async () => {
  const event = new Event();
  event.set();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  assert.equal(await event.wait(), true);
  assert.equal(turned, false);
});

runs("EVT-01: clear() makes the next waiter wait", async () => {
  const event = new Event();
  event.set();
  event.clear();
  const [waiter] = await started(() => event.wait());
  await ticks(3);
  assert.equal(waiter!.done(), false);
  event.set();
  assert.equal(await waiter, true);
});

runs("EVT-02: a newcomer may pass ahead of the waiters that set() woke", async () => {
  const event = new Event();
  const order: number[] = [];
  const body = (n: number) => async () => {
    assert.equal(await event.wait(), true);
    order.push(n);
  };
  const tasks = await started(body(1), body(2));
  assert.deepEqual(order, []);
  tasks.push(createTask(body(3)));
  event.set();
  await gather(tasks);
  assert.deepEqual(order, [3, 1, 2]);
});

runs("EVT-03: set() and clear() in one tick release the waiters all the same", async () => {
  const event = new Event();
  const tasks = await started(() => event.wait(), () => event.wait());
  event.set();
  event.clear();
  assert.deepEqual(await gather(tasks), [true, true]);
  assert.equal(event.isSet(), false);
});

runs("EVT-03: a second set() wakes nobody twice; waiters leave when they resume", async () => {
  const event = new Event();
  let resumed = 0;
  const [task] = await started(async () => {
    await event.wait();
    resumed++;
  });
  event.set();
  event.clear();
  event.set();
  event.clear();
  assert.equal(event.statistics().waiting, 1);
  await task;
  await ticks(2);
  assert.equal(resumed, 1);
  assert.equal(event.statistics().waiting, 0);
});

runs("EVT-04: a cancelled waiter leaves no entry", async () => {
  const event = new Event();
  const [task] = await started(() => event.wait());
  task!.cancel();
  await assertCancelled(task!);
  assert.deepEqual(event.statistics(), { waiting: 0, set: false });
});

runs("EVT-04: a deadline takes the waiter out and leaves the others", async () => {
  const event = new Event();
  const [other] = await started(() => event.wait());
  await assert.rejects(timeout(0).with(() => event.wait()), TimeoutError);
  assert.equal(event.statistics().waiting, 1);
  event.set();
  assert.equal(await other, true);
});

runs("EVT-05: an event shows its state and its waiters", async () => {
  const event = new Event();
  assert.equal(shown(event), "<Event #N [unset]>");
  const tasks = await started(() => event.wait(), () => event.wait());
  assert.equal(shown(event), "<Event #N [unset, waiters:2]>");
  event.set();
  assert.equal(shown(event), "<Event #N [set, waiters:2]>");
  await gather(tasks);
  assert.equal(shown(event), "<Event #N [set]>");
});

test("LOCK-12: an event that blocked on one loop refuses to block on another", async () => {
  const event = new Event();
  await run(async () => {
    await assert.rejects(timeout(0).with(() => event.wait()), TimeoutError);
  });
  await run(async () => {
    await assert.rejects(event.wait(), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /is bound to a different event loop/);
      return true;
    });
    event.set();
    assert.equal(await event.wait(), true);
  });
});
