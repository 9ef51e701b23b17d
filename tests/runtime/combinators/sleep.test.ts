import assert from "node:assert/strict";
import { createTask, gather, sleep, timeout, TimeoutError } from "../../../mod.ts";
import { assertCancelled, runs, ticks } from "../../_support/tasks.ts";
import { hasTimers } from "../../_support/virtual_loop.ts";

runs("SLP-01: sleep resolves to its second argument once the time has passed", async (loop) => {
  assert.equal(await sleep(10, "rested"), "rested");
  assert.equal(loop.time(), 10);
});

runs("SLP-01: sleeps in a row add up", async (loop) => {
  await sleep(0.5);
  await sleep({ milliseconds: 250 });
  await sleep(1.25);
  assert.equal(loop.time(), 2);
});

runs("SLP-01: without a second argument it resolves to undefined", async () => {
  assert.equal(await sleep(1), undefined);
});

runs("SLP-01: parallel sleeps end in order of their times", async () => {
  const order: number[] = [];
  await gather([3, 1, 2].map((seconds) => async () => {
    await sleep(seconds);
    order.push(seconds);
  }));
  assert.deepEqual(order, [1, 2, 3]);
});

for (const delay of [0, -1, { seconds: 0 }, -Infinity]) {
  const shown = typeof delay === "number" ? delay : JSON.stringify(delay);
  runs(`SLP-02: sleep(${shown}) lets what is queued run, once, and takes no time`, async (loop) => {
    const order: string[] = [];
    loop.callSoon(() => {
      order.push("queued before");
      loop.callSoon(() => order.push("queued by it"));
    });
    const slept = sleep(delay, "result");
    loop.callSoon(() => order.push("queued after"));
    assert.equal(await slept, "result");
    order.push("slept");
    assert.deepEqual(order, ["queued before", "slept"]);
    assert.equal(loop.time(), 0);
  });
}

runs("SLP-03: sleep(NaN) is refused", async () => {
  await assert.rejects(sleep(NaN), RangeError);
  await assert.rejects(sleep(NaN, "result"), RangeError);
});

runs("SLP-03: a delay that is no delay is a TypeError", async () => {
  await assert.rejects(sleep("1" as never), TypeError);
});

runs("SLP-04: a cancelled sleep takes its timer along", async (loop) => {
  const task = createTask(() => sleep(1000));
  await ticks();
  assert.equal(hasTimers(loop), true);
  task.cancel();
  await assertCancelled(task);
  assert.equal(hasTimers(loop), false);
  assert.equal(loop.time(), 0);
});

runs("SLP-04: a sleep that is cancelled when its time has come ends cancelled", async (loop) => {
  const task = createTask(() => sleep(1));
  loop.callLater(1, () => task.cancel());
  await assertCancelled(task);
});

runs("LOOP-54: a timer due with a sleep runs before what slept goes on", async (loop) => {
  const order: string[] = [];
  const sleeper = createTask(async () => {
    await sleep(1);
    order.push("slept");
  });
  await sleep(0);
  loop.callLater(1, () => order.push("timer"));
  await sleeper;
  assert.deepEqual(order, ["timer", "slept"]);
});

runs("TMO-04: a deadline due with its body's sleep interrupts it", async () => {
  const body = timeout(1).with(() => sleep(1, "value"));
  await assert.rejects(body, TimeoutError);
});
