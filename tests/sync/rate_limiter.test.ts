/** RateLimiter: what aiolimiter documents of its own, and at most `limit` in any interval. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  createTask,
  gather,
  getRunningLoop,
  RateLimiter,
  run,
  RuntimeError,
  sleep,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { runTest } from "../../testing/mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { impatientLoop } from "../_support/impatient_loop.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

const now = () => getRunningLoop().time();

/** The times, from now on, at which so many calls pass. */
async function times(limiter: RateLimiter, count: number, amount?: number): Promise<number[]> {
  const start = now();
  const call = async () => {
    await limiter.acquire(amount);
    return round(now() - start);
  };
  return await gather(Array.from({ length: count }, () => call));
}

function round(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

runs("RATE-01: the first `limit` calls pass at once", async () => {
  const limiter = new RateLimiter(3, 1);
  const calls = [1, 2, 3].map(() => limiter.acquire());
  assert.equal(limiter.statistics()["used"], 3);
  assert.equal(limiter.statistics().waiting, 0);
  await Promise.all(calls);
});

runs("RATE-02: a token comes back an interval after it was taken", async () => {
  assert.deepEqual(await times(new RateLimiter(2, 1), 5), [0, 0, 1, 1, 2]);
});

runs("RATE-03: there is no burst at a boundary", async () => {
  const limiter = new RateLimiter(2, 1);
  const start = now();
  await sleep(0.9);
  await limiter.acquire(2);
  const passed = (await times(limiter, 3)).map((time) => round(time + 0.9));
  assert.deepEqual(passed, [1.9, 1.9, 2.9]);
  assert.ok(now() > start);
});

runs("RATE-04: tokens come back one by one where they were taken one by one", async () => {
  const limiter = new RateLimiter(2, 1);
  await limiter.acquire();
  await sleep(0.5);
  await limiter.acquire();
  assert.deepEqual(await times(limiter, 3), [0.5, 1, 1.5]);
});

runs("RATE-05: the interval is a minute by default, as in aiolimiter", async () => {
  assert.deepEqual(await times(new RateLimiter(1), 3), [0, 60, 120]);
});

runs("RATE-06: the interval may name its unit", async () => {
  assert.deepEqual(await times(new RateLimiter(1, { milliseconds: 250 }), 3), [0, 0.25, 0.5]);
});

runs("RATE-07: acquire(amount) counts for so many", async () => {
  assert.deepEqual(await times(new RateLimiter(4, 1), 4, 2), [0, 0, 1, 1]);
});

runs("RATE-08: amounts may be fractions", async () => {
  assert.deepEqual(await times(new RateLimiter(1, 1), 5, 0.5), [0, 0, 1, 1, 2]);
});

runs("RATE-09: more than `limit` at once is a RangeError", async () => {
  const limiter = new RateLimiter(2, 1);
  await assert.rejects(limiter.acquire(3), RangeError);
  assert.equal(limiter.statistics()["used"], 0);
});

runs("RATE-10: an amount that makes no sense is refused", async () => {
  const limiter = new RateLimiter(2, 1);
  for (const bad of [-1, NaN]) await assert.rejects(limiter.acquire(bad), RangeError);
  await assert.rejects(limiter.acquire("1" as unknown as number), TypeError);
  assert.throws(() => limiter.hasCapacity(-1), RangeError);
});

test("RATE-11: a limit or interval that makes no sense is refused", () => {
  for (const bad of [0, -1, NaN]) assert.throws(() => new RateLimiter(bad, 1), RangeError);
  for (const bad of [0, -1, NaN]) assert.throws(() => new RateLimiter(1, bad), RangeError);
  assert.throws(() => new RateLimiter("1" as unknown as number, 1), TypeError);
  assert.throws(() => new RateLimiter(1, "1" as unknown as number), TypeError);
});

runs("RATE-12: a call for less does not overtake one for more", async () => {
  const limiter = new RateLimiter(2, 1);
  await limiter.acquire();
  const order: string[] = [];
  const call = (name: string, amount: number) => async () => {
    await limiter.acquire(amount);
    order.push(name);
  };
  await gather([call("large", 2), call("small", 1)]);
  assert.deepEqual(order, ["large", "small"]);
});

runs("RATE-13: hasCapacity() says whether acquire() would pass now", async () => {
  const limiter = new RateLimiter(2, 1);
  assert.equal(limiter.hasCapacity(), true);
  assert.equal(limiter.hasCapacity(2), true);
  assert.equal(limiter.hasCapacity(3), false);
  await limiter.acquire(2);
  assert.equal(limiter.hasCapacity(), false);
  await sleep(1);
  assert.equal(limiter.hasCapacity(2), true);
});

runs("RATE-14: hasCapacity() is false while another call waits", async () => {
  const limiter = new RateLimiter(2, 1);
  await limiter.acquire();
  const [waiting] = await started(() => limiter.acquire(2));
  assert.equal(limiter.hasCapacity(), false);
  await waiting;
});

runs("RATE-15: hasCapacity() takes nothing", async () => {
  const limiter = new RateLimiter(1, 1);
  for (let n = 0; n < 5; n++) assert.equal(limiter.hasCapacity(), true);
});

runs(
  "RATE-16: a waiter that is cancelled takes nothing, and the next one is not later for it",
  async () => {
    const limiter = new RateLimiter(1, 1);
    await limiter.acquire();
    const start = now();
    const [first, second] = await started(() => limiter.acquire(), () => limiter.acquire());
    first!.cancel("enough");
    await assertCancelled(first!, "enough");
    await second;
    assert.equal(round(now() - start), 1);
  },
);

runs("RATE-17: a waiter that is cancelled after it was woken gives its tokens back", async () => {
  const limiter = new RateLimiter(1, 1);
  await limiter.acquire();
  const [waiting] = await started(() => limiter.acquire());
  await sleep(1);
  const cancelled = waiting!.done() ? false : waiting!.cancel();
  await ticks(2);
  if (cancelled) assert.equal(limiter.hasCapacity(), true);
  else assert.equal(limiter.statistics()["used"], 1);
});

runs("RATE-18: with a large call in front cancelled, a small one passes at once", async () => {
  const limiter = new RateLimiter(2, 1);
  await limiter.acquire();
  const start = now();
  const [large, small] = await started(() => limiter.acquire(2), () => limiter.acquire());
  large!.cancel();
  await small;
  assert.equal(now(), start);
  await assertCancelled(large!);
});

runs("RATE-19: a timeout ends the wait", async () => {
  const limiter = new RateLimiter(1, 10);
  await limiter.acquire();
  await assert.rejects(timeout(1).with(() => limiter.acquire()), TimeoutError);
  await assert.rejects(waitFor(limiter.acquire(), 1), TimeoutError);
  assert.equal(limiter.statistics().waiting, 0);
});

runs("RATE-20: with() waits, runs the body, and gives what it returns", async () => {
  const limiter = new RateLimiter(1, 1);
  const start = now();
  const call = () => limiter.with(() => round(now() - start));
  assert.deepEqual(await gather([call, call]), [0, 1]);
});

runs("RATE-21: the time that the body takes does not count", async () => {
  const limiter = new RateLimiter(1, 1);
  const start = now();
  const call = () =>
    limiter.with(async () => {
      const began = round(now() - start);
      await sleep(5);
      return began;
    });
  assert.deepEqual(await gather([call, call, call]), [0, 1, 2]);
});

runs("RATE-22: with() hands on what the body throws, and its token is used", async () => {
  const limiter = new RateLimiter(1, 1);
  await assert.rejects(limiter.with(() => Promise.reject(new Error("no"))), /no/);
  assert.equal(limiter.hasCapacity(), false);
});

runs("RATE-23: with() wants a function", async () => {
  const limiter = new RateLimiter(1, 1);
  await assert.rejects(limiter.with(1 as unknown as () => void), TypeError);
  assert.equal(limiter.hasCapacity(), true);
});

runs("RATE-24: what was not used for long gives no more than `limit` at once", async () => {
  const limiter = new RateLimiter(2, 1);
  await sleep(100);
  assert.deepEqual(await times(limiter, 4), [0, 0, 1, 1]);
});

test("RATE-25: it may be used in one run after the other", async () => {
  const limiter = new RateLimiter(1, 1);
  const contend = () => run(async () => await times(limiter, 3), { loopFactory: impatientLoop });
  const [first, second] = [await contend(), await contend()];
  assert.deepEqual(first, [0, 1, 2]);
  assert.equal(second.length, 3);
});

test("RATE-26: while it is waited for on one loop, waiting on another is a RuntimeError", async () => {
  const limiter = new RateLimiter(1, 3600);
  let waits = () => {};
  let end = () => {};
  const waiting = new Promise<void>((resolve) => waits = resolve);
  const ended = new Promise<void>((resolve) => end = resolve);
  const running = run(async () => {
    await limiter.acquire();
    const call = createTask(() => limiter.acquire());
    await sleep(0);
    waits();
    await ended;
    call.cancel();
  });
  await waiting;
  await assert.rejects(limiter.acquire(), RuntimeError);
  end();
  await running;
});

runs("RATE-27: statistics() and its text tell how much is used", async () => {
  const limiter = new RateLimiter(4, 2);
  await limiter.acquire(3);
  const [waiting] = await started(() => limiter.acquire(2));
  assert.deepEqual(limiter.statistics(), { waiting: 1, limit: 4, interval: 2, used: 3 });
  assert.equal(shown(limiter), "<RateLimiter #N [3 of 4 used in 2 seconds, waiters:1]>");
  await waiting;
});

test("RATE-28: wherever the program is cancelled, no waiter and no timer is left", async () => {
  const points = await cancelEverywhere(async (attempt) => {
    const limiter = new RateLimiter(1, 1);
    attempt.afterwards(() => assert.equal(limiter.statistics().waiting, 0));
    const call = () => limiter.with(() => sleep(0.1));
    await gather([call, call, call]);
  });
  assert.ok(points >= 12, `only ${points} points`);
});

test("RATE-29: never more than `limit` in any interval, first come first served, and no later than needed", async () => {
  const call = fc.record({
    wait: fc.integer({ min: 0, max: 12 }),
    amount: fc.integer({ min: 1, max: 3 }),
    cancelAfter: fc.option(fc.integer({ min: 0, max: 20 })),
  });
  const property = fc.asyncProperty(
    fc.integer({ min: 3, max: 5 }),
    fc.array(call, { maxLength: 14 }),
    (limit, calls) =>
      runTest(async () => {
        const limiter = new RateLimiter(limit, 10);
        const passed: { index: number; time: number; amount: number; asked: number }[] = [];
        const tasks = [];
        for (const [index, { wait, amount, cancelAfter }] of calls.entries()) {
          await sleep(wait);
          const asked = now();
          const task = createTask(async () => {
            await limiter.acquire(amount);
            passed.push({ index, time: now(), amount, asked });
          });
          if (cancelAfter !== null) {
            // Never at a time at which tokens come back.
            getRunningLoop().callLater(cancelAfter + 0.5, () => task.cancel());
          }
          tasks.push(task);
        }
        await gather(tasks, { returnExceptions: true });
        assert.deepEqual(
          passed.map(({ index }) => index),
          [...passed.keys()].map((at) =>
            passed.map(({ index }) => index).sort((a, b) => a - b)[at]!
          ),
        );
        for (const { time } of passed) {
          const inside = passed.filter((other) => other.time >= time && other.time < time + 10);
          const sum = inside.reduce((total, { amount }) => total + amount, 0);
          assert.ok(sum <= limit, `${sum} in an interval`);
        }
        for (const { time, asked, amount } of passed) {
          if (time === asked) continue;
          // It waited: an instant before there was no room, or it was behind another that had none.
          const used = passed.filter((other) => other.time > time - 10 - 1e-6 && other.time < time)
            .reduce((total, other) => total + other.amount, 0);
          const together = passed.some((other) => other.time === time && other.amount !== amount);
          const room = passed.some((other) => Math.abs(other.time + 10 - time) < 1e-6);
          const released = Math.abs((time % 1) - 0.5) < 1e-6;
          assert.ok(used + amount > limit || together || room || released, "it came late");
        }
      }),
  );
  await fc.assert(property, { numRuns: 40 });
});
