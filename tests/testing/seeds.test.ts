import test from "node:test";
import assert from "node:assert/strict";
import { createTask, gather, getRunningLoop, Lock, sleep } from "../../mod.ts";
import { runTest, type TestOptions } from "../../testing/mod.ts";

/** The order in which five starting tasks, five callbacks and ten timers of one time run. */
function orderWith(options: TestOptions): Promise<string> {
  return runTest(async () => {
    const order: string[] = [];
    const loop = getRunningLoop();
    for (let i = 0; i < 5; i++) createTask(async () => order.push(`t${i}`));
    for (let i = 0; i < 5; i++) loop.callSoon(() => order.push(`s${i}`));
    for (let i = 0; i < 10; i++) loop.callLater(1, () => order.push(`c${i}`));
    await sleep(2);
    return order.join(" ");
  }, options);
}

test("TEST-30: without a seed what is ready runs in order, as in production", async () => {
  assert.equal(
    await orderWith({}),
    "t0 t1 t2 t3 t4 s0 s1 s2 s3 s4 c0 c1 c2 c3 c4 c5 c6 c7 c8 c9",
  );
});

test("TEST-31: a seed gives the same order each time, on every runtime", async () => {
  assert.equal(
    await orderWith({ seed: 1 }),
    "s0 s3 s1 t0 t3 t4 t1 t2 s2 s4 c5 c7 c3 c6 c1 c8 c4 c0 c9 c2",
  );
  assert.equal(
    await orderWith({ seed: 1 }),
    "s0 s3 s1 t0 t3 t4 t1 t2 s2 s4 c5 c7 c3 c6 c1 c8 c4 c0 c9 c2",
  );
  assert.equal(
    await orderWith({ seed: 2 }),
    "t4 t3 t0 t2 s0 s2 s3 t1 s4 s1 c2 c8 c4 c3 c7 c0 c9 c5 c6 c1",
  );
});

test("TEST-31: tasks that take a lock from each other run in the seed's order, too", async () => {
  const main = async (): Promise<string> => {
    const lock = new Lock();
    const order: number[] = [];
    await gather(Array.from({ length: 6 }, (_, i) => async () => {
      await sleep(1);
      await lock.with(async () => {
        order.push(i);
        await sleep(0);
      });
    }));
    return order.join("");
  };
  assert.equal(await runTest(main), "012345");
  const first = await runTest(main, { seed: 3 });
  assert.notEqual(first, "012345");
  assert.equal(await runTest(main, { seed: 3 }), first);
});

test("TEST-32: other seeds give other orders", async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 50; seed++) orders.add(await orderWith({ seed }));
  assert.equal(orders.size, 50);
});

test("TEST-32: what runs when does not depend on what other code does meanwhile", async () => {
  const timer = setInterval(() => {}, 1);
  try {
    const orders = await Promise.all(Array.from({ length: 5 }, () => orderWith({ seed: 7 })));
    assert.equal(new Set(orders).size, 1);
  } finally {
    clearInterval(timer);
  }
});

test("TEST-33: any finite number is a seed", async () => {
  const orders = new Set<string>();
  for (const seed of [0, -1, 2 ** 31, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]) {
    orders.add(await orderWith({ seed }));
  }
  assert.equal(orders.size, 6);
});
