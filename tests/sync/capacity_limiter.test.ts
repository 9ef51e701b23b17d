/** CapacityLimiter: what anyio and trio document of theirs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CapacityLimiter,
  createTask,
  currentTask,
  gather,
  type Releaser,
  run,
  RuntimeError,
  sleep,
  timeout,
  TimeoutError,
  waitFor,
  WouldBlock,
} from "../../mod.ts";
import { runTest } from "../../testing/mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

test("CAP-01: total is what the constructor was given, and all of it is available", () => {
  const limiter = new CapacityLimiter(3);
  assert.deepEqual([limiter.total, limiter.borrowed, limiter.available], [3, 0, 3]);
});

test("CAP-02: a total that is not a whole number from 0 on is refused", () => {
  for (const bad of [-1, NaN, 1.5, -Infinity]) {
    assert.throws(() => new CapacityLimiter(bad), RangeError);
  }
  for (const bad of ["1", null, undefined, 1n]) {
    assert.throws(() => new CapacityLimiter(bad as unknown as number), TypeError);
  }
});

runs("CAP-03: acquire() passes at once while there are tokens", async () => {
  const limiter = new CapacityLimiter(2);
  const both = [limiter.acquire({}), limiter.acquire({})];
  assert.equal(limiter.borrowed, 2);
  for (const held of both) (await held).release();
  assert.equal(limiter.available, 2);
});

runs("CAP-04: without a token acquire() waits, first come first served", async () => {
  const limiter = new CapacityLimiter(1);
  const order: number[] = [];
  const visit = (n: number) => () =>
    limiter.with(async () => {
      order.push(n);
      await sleep(1);
    });
  await gather([1, 2, 3, 4].map(visit));
  assert.deepEqual(order, [1, 2, 3, 4]);
});

runs("CAP-05: never more than total are inside", async () => {
  const limiter = new CapacityLimiter(3);
  let inside = 0;
  let most = 0;
  await gather(Array.from({ length: 10 }, (_, n) => () =>
    limiter.with(async () => {
      most = Math.max(most, ++inside);
      await sleep(n % 3);
      inside--;
    })));
  assert.equal(most, 3);
});

runs("CAP-06: the current task is the borrower where none is named", async () => {
  const limiter = new CapacityLimiter(2);
  await limiter.acquire();
  assert.deepEqual(limiter.statistics()["borrowers"], [currentTask()]);
  limiter.release();
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-07: a task that acquires twice gets a RuntimeError", async () => {
  const limiter = new CapacityLimiter(2);
  await limiter.acquire();
  await assert.rejects(limiter.acquire(), RuntimeError);
  assert.throws(() => limiter.acquireNowait(), RuntimeError);
  await assert.rejects(limiter.with(() => {}), RuntimeError);
  assert.equal(limiter.borrowed, 1);
});

runs("CAP-08: a named borrower that acquires twice gets a RuntimeError", async () => {
  const limiter = new CapacityLimiter(2);
  const connection = {};
  await limiter.acquire(connection);
  await assert.rejects(limiter.acquire(connection), RuntimeError);
});

runs("CAP-09: a borrower that waits and asks once more gets a RuntimeError", async () => {
  const limiter = new CapacityLimiter(1);
  const connection = {};
  await limiter.acquire();
  const [waiting] = await started(() => limiter.acquire(connection));
  await assert.rejects(limiter.acquire(connection), RuntimeError);
  limiter.release();
  await waiting;
});

runs("CAP-10: one task may borrow for several borrowers", async () => {
  const limiter = new CapacityLimiter(2);
  const [a, b] = [{}, {}];
  await limiter.acquire(a);
  await limiter.acquire(b);
  assert.deepEqual(limiter.statistics()["borrowers"], [a, b]);
});

runs("CAP-11: release(borrower) gives that borrower's token back", async () => {
  const limiter = new CapacityLimiter(2);
  const [a, b] = [{}, {}];
  await limiter.acquire(a);
  await limiter.acquire(b);
  limiter.release(a);
  assert.deepEqual(limiter.statistics()["borrowers"], [b]);
});

runs("CAP-12: releasing what was not borrowed is a RuntimeError", async () => {
  const limiter = new CapacityLimiter(1);
  assert.throws(() => limiter.release(), RuntimeError);
  assert.throws(() => limiter.release({}), RuntimeError);
  await limiter.acquire({});
  assert.throws(() => limiter.release(), RuntimeError);
});

test("CAP-13: release() in plain code is a RuntimeError", () => {
  assert.throws(() => new CapacityLimiter(1).release(), RuntimeError);
});

runs("CAP-14: acquireNowait() takes a token, or throws WouldBlock", async () => {
  const limiter = new CapacityLimiter(1);
  const held = limiter.acquireNowait();
  assert.throws(() => limiter.acquireNowait({}), WouldBlock);
  held.release();
  limiter.acquireNowait({});
});

runs("CAP-15: acquireNowait() does not overtake a waiter", async () => {
  const limiter = new CapacityLimiter(1);
  const held = limiter.acquireNowait();
  const [waiting] = await started(() => limiter.acquire());
  held.release();
  assert.throws(() => limiter.acquireNowait({}), WouldBlock);
  await waiting;
});

runs("CAP-16: the acquisition gives its token back once", async () => {
  const limiter = new CapacityLimiter(2);
  const held = await limiter.acquire({});
  await limiter.acquire({});
  held.release();
  held.release();
  held[Symbol.dispose]();
  assert.equal(limiter.borrowed, 1);
});

runs(
  "CAP-17: an acquisition that is over does not release a later one of the same borrower",
  async () => {
    const limiter = new CapacityLimiter(1);
    const connection = {};
    const first = await limiter.acquire(connection);
    limiter.release(connection);
    await limiter.acquire(connection);
    first.release();
    assert.equal(limiter.borrowed, 1);
  },
);

runs("CAP-18: with() gives what the body returns, and the token back", async () => {
  const limiter = new CapacityLimiter(1);
  assert.equal(await limiter.with(() => limiter.borrowed), 1);
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-19: with() gives the token back when the body throws", async () => {
  const limiter = new CapacityLimiter(1);
  const failing = () => limiter.with(() => Promise.reject(new Error("no")));
  await assert.rejects(failing(), /no/);
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-20: with() wants a function", async () => {
  const limiter = new CapacityLimiter(1);
  await assert.rejects(limiter.with(Promise.resolve() as unknown as () => void), TypeError);
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-21: raising total admits waiters at once", async () => {
  const limiter = new CapacityLimiter(1);
  await limiter.acquire();
  const waiting = await started(...[1, 2, 3].map(() => () => limiter.acquire()));
  limiter.total = 3;
  await ticks();
  assert.deepEqual(waiting.map((task) => task.done()), [true, true, false]);
  limiter.total = 4;
  await gather(waiting);
});

runs("CAP-22: lowering total takes nothing back, and available is negative", async () => {
  const limiter = new CapacityLimiter(3);
  const held = await gather([1, 2, 3].map(() => () => limiter.acquire({})));
  limiter.total = 1;
  assert.deepEqual([limiter.borrowed, limiter.available], [3, -2]);
  const [waiting] = await started(() => limiter.acquire());
  held[0]!.release();
  held[1]!.release();
  await ticks();
  assert.equal(waiting!.done(), false);
  held[2]!.release();
  await waiting;
});

runs("CAP-23: raising an oversubscribed total admits only what there is room for", async () => {
  const limiter = new CapacityLimiter(3);
  await gather([1, 2, 3].map(() => () => limiter.acquire({})));
  limiter.total = 1;
  const waiting = await started(() => limiter.acquire(), () => limiter.acquire());
  limiter.total = 3;
  await ticks();
  assert.equal(limiter.borrowed, 3);
  limiter.total = 5;
  await gather(waiting);
});

runs("CAP-24: a total of 0 admits no newcomer until it is raised", async () => {
  const limiter = new CapacityLimiter(0);
  assert.throws(() => limiter.acquireNowait(), WouldBlock);
  const [waiting] = await started(() => limiter.acquire());
  limiter.total = 1;
  await waiting;
});

test("CAP-25: assigning a total that makes no sense changes nothing", () => {
  const limiter = new CapacityLimiter(2);
  assert.throws(() => limiter.total = -1, RangeError);
  assert.throws(() => limiter.total = "3" as unknown as number, TypeError);
  assert.equal(limiter.total, 2);
});

runs("CAP-26: Infinity never waits", async () => {
  const limiter = new CapacityLimiter(Infinity);
  for (let n = 0; n < 100; n++) await limiter.acquire({});
  assert.equal(limiter.borrowed, 100);
});

runs("CAP-27: a waiter that is cancelled takes no token", async () => {
  const limiter = new CapacityLimiter(1);
  const held = await limiter.acquire();
  const [waiting] = await started(() => limiter.acquire());
  waiting!.cancel("enough");
  await assertCancelled(waiting!, "enough");
  held.release();
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-28: a waiter that is cancelled after it was woken hands its token on", async () => {
  const limiter = new CapacityLimiter(1);
  const held = await limiter.acquire();
  const [first, second] = await started(() => limiter.acquire(), () => limiter.acquire());
  held.release();
  first!.cancel();
  await assertCancelled(first!);
  await second;
  assert.equal(limiter.borrowed, 1);
});

runs("CAP-29: a cancelled waiter may ask again", async () => {
  const limiter = new CapacityLimiter(1);
  const held = await limiter.acquire({});
  await assert.rejects(timeout(1).with(() => limiter.acquire()), TimeoutError);
  held.release();
  await limiter.acquire();
});

runs("CAP-30: waitFor() over the promise of acquire() cancels it", async () => {
  const limiter = new CapacityLimiter(1);
  const held = await limiter.acquire({});
  await assert.rejects(waitFor(limiter.acquire(), 1), TimeoutError);
  assert.equal(limiter.statistics().waiting, 0);
  held.release();
  assert.equal(limiter.borrowed, 0);
});

runs("CAP-31: statistics() tells who waits and who holds", async () => {
  const limiter = new CapacityLimiter(1);
  const connection = {};
  const held = await limiter.acquire(connection);
  const [waiting] = await started(() => limiter.acquire());
  assert.deepEqual(limiter.statistics(), {
    waiting: 1,
    total: 1,
    borrowed: 1,
    borrowers: [connection],
  });
  held.release();
  await waiting;
});

test("CAP-32: it shows its state", () => {
  const limiter = new CapacityLimiter(2);
  limiter.acquireNowait({});
  assert.equal(shown(limiter), "<CapacityLimiter #N [1 of 2 borrowed]>");
});

runs("CAP-33: a borrower is an object", async () => {
  const limiter = new CapacityLimiter(2);
  await assert.rejects(limiter.acquire("me" as unknown as object), TypeError);
  assert.throws(() => limiter.acquireNowait(1 as unknown as object), TypeError);
  assert.throws(() => limiter.release(null as unknown as object), TypeError);
});

test("CAP-34: it works in plain code, where each acquisition is a borrower of its own", async () => {
  const limiter = new CapacityLimiter(1);
  const first = await limiter.acquire();
  const second = limiter.acquire();
  assert.equal(limiter.statistics().waiting, 1);
  first.release();
  (await second).release();
  assert.equal(limiter.borrowed, 0);
});

test("CAP-35: it is bound to the loop on which a borrower had to wait", async () => {
  const limiter = new CapacityLimiter(1);
  const contend = () =>
    run(async () => {
      const held = await limiter.acquire();
      const waiting = createTask(async () => (await limiter.acquire()).release());
      await sleep(0);
      held.release();
      await waiting;
    });
  await contend();
  await assert.rejects(contend(), RuntimeError);
});

test("CAP-36: wherever the program is cancelled, no token is lost", async () => {
  const points = await cancelEverywhere(async (attempt) => {
    const limiter = new CapacityLimiter(1);
    attempt.afterwards(() => {
      assert.equal(limiter.borrowed, 0);
      assert.equal(limiter.statistics().waiting, 0);
    });
    const visit = () => limiter.with(() => sleep(1));
    await gather([visit, visit, visit]);
  });
  assert.ok(points >= 12, `only ${points} points`);
});

/** What a limiter does, without tasks: who holds, who waits in which order. */
class Model {
  total: number;
  readonly holders = new Set<number>();
  readonly line: number[] = [];

  constructor(total: number) {
    this.total = total;
  }

  serve(): void {
    while (this.line.length > 0 && this.holders.size < this.total) {
      this.holders.add(this.line.shift()!);
    }
  }
}

test("CAP-37: it does what the model does, whatever comes in which order", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("acquire" as const), who: fc.nat(5) }),
    fc.record({ kind: fc.constant("release" as const), who: fc.nat(5) }),
    fc.record({ kind: fc.constant("cancel" as const), who: fc.nat(5) }),
    fc.record({ kind: fc.constant("total" as const), who: fc.nat(3) }),
  );
  const property = fc.asyncProperty(
    fc.nat(3),
    fc.array(step, { maxLength: 25 }),
    (total, steps) =>
      runTest(async () => {
        const limiter = new CapacityLimiter(total);
        const model = new Model(total);
        const borrowers = Array.from({ length: 6 }, (_, n) => ({ n }));
        const tasks = new Map<number, ReturnType<typeof createTask<Releaser>>>();
        for (const { kind, who } of steps) {
          const known = model.holders.has(who) || model.line.includes(who);
          if (kind === "total") limiter.total = model.total = who;
          else if (kind === "acquire" && !known) {
            model.line.push(who);
            tasks.set(who, createTask(() => limiter.acquire(borrowers[who])));
          } else if (kind === "release" && model.holders.delete(who)) {
            limiter.release(borrowers[who]);
          } else if (kind === "cancel" && model.line.includes(who)) {
            model.line.splice(model.line.indexOf(who), 1);
            tasks.get(who)!.cancel();
          }
          await ticks(3);
          model.serve();
          const held = limiter.statistics()["borrowers"] as { n: number }[];
          assert.deepEqual(held.map(({ n }) => n).sort(), [...model.holders].sort());
          assert.equal(limiter.statistics().waiting, model.line.length);
        }
        limiter.total = Infinity;
        await ticks(2);
      }),
  );
  await fc.assert(property, { numRuns: 30 });
});
