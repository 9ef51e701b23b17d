import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Barrier,
  BrokenBarrierError,
  createTask,
  gather,
  getRunningLoop,
  run,
  RuntimeError,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import type { Task } from "../../mod.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

const state = (barrier: Barrier) => barrier.statistics()["state"];

async function assertBroken(tasks: readonly Task<unknown>[]): Promise<void> {
  for (const task of tasks) await assert.rejects(async () => await task, BrokenBarrierError);
}

test("BAR-01: fewer than one party, or no whole number of them, is refused", () => {
  for (const bad of [0, -5, NaN, 1.5, Infinity]) {
    assert.throws(() => new Barrier(bad), RangeError);
  }
  assert.throws(() => new Barrier("2" as unknown as number), TypeError);
});

runs("BAR-02: the last party releases all, each with an index of its own", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  assert.equal(barrier.nWaiting, 2);
  tasks.push(createTask(() => barrier.wait()));
  assert.deepEqual(await gather(tasks), [0, 1, 2]);
  assert.equal(barrier.nWaiting, 0);
  assert.equal(barrier.broken, false);
  assert.equal(barrier.parties, 3);
});

runs("BAR-02: it serves many rounds", async () => {
  const barrier = new Barrier(2);
  const rounds: number[] = [];
  const body = async () => {
    for (let round = 0; round < 5; round++) {
      await barrier.wait();
      rounds.push(round);
    }
  };
  await gather([body, body]);
  assert.deepEqual(rounds, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
});

runs("BAR-03: one party passes at once with index 0, repeatedly", async () => {
  const barrier = new Barrier(1);
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  assert.equal(await barrier.wait(), 0);
  assert.equal(await barrier.wait(), 0);
  assert.equal(turned, false);
  assert.equal(barrier.nWaiting, 0);
  assert.equal(barrier.broken, false);
});

runs("BAR-04: nWaiting and the shown state follow the filling", async () => {
  const barrier = new Barrier(3);
  assert.equal(shown(barrier), "<Barrier #N [filling, waiters:0/3]>");
  const first = createTask(() => barrier.wait());
  await ticks();
  assert.equal(barrier.nWaiting, 1);
  assert.equal(shown(barrier), "<Barrier #N [filling, waiters:1/3]>");
  const second = createTask(() => barrier.wait());
  await ticks();
  assert.equal(barrier.nWaiting, 2);
  assert.deepEqual(barrier.statistics(), { waiting: 2, parties: 3, state: "filling" });
  await barrier.wait();
  assert.equal(shown(barrier), "<Barrier #N [draining, waiters:0/3]>");
  await gather([first, second]);
  assert.equal(shown(barrier), "<Barrier #N [filling, waiters:0/3]>");
  await barrier.abort();
  assert.equal(shown(barrier), "<Barrier #N [broken]>");
});

runs("BAR-04: resetting shows while the waiters leave", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  await barrier.reset();
  assert.equal(shown(barrier), "<Barrier #N [resetting, waiters:0/3]>");
  await assertBroken(tasks);
  assert.equal(shown(barrier), "<Barrier #N [filling, waiters:0/3]>");
});

runs("BAR-05: the same tasks may wait again at once", async () => {
  const barrier = new Barrier(2);
  const indices: number[] = [];
  const body = async () => {
    indices.push(await barrier.wait());
    indices.push(await barrier.wait());
  };
  await gather([body, body]);
  assert.deepEqual(indices.sort(), [0, 0, 1, 1]);
  assert.equal(barrier.nWaiting, 0);
});

runs("BAR-05: who arrives while others leave waits for the next round", async () => {
  const barrier = new Barrier(3);
  const log: string[] = [];
  const body = (name: string) => async () => {
    await barrier.wait();
    log.push(name);
  };
  const tasks = await started(body("a"), body("b"));
  tasks.push(createTask(body("c")), createTask(body("d")), createTask(body("e")));
  await ticks(5);
  assert.deepEqual(log, ["c", "a", "b"]);
  assert.equal(barrier.nWaiting, 2);
  tasks.push(createTask(body("f")));
  await gather(tasks);
  assert.deepEqual(log, ["c", "a", "b", "f", "d", "e"]);
});

runs("BAR-06: it drains for every released task but the last to leave", async () => {
  const barrier = new Barrier(4);
  const states: unknown[] = [];
  const body = async () => {
    await barrier.wait();
    states.push(state(barrier));
  };
  await gather([body, body, body, body]);
  assert.deepEqual(states, ["draining", "draining", "draining", "filling"]);
});

runs("BAR-07: a cancelled waiter no longer counts, the others keep waiting", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  tasks[0]!.cancel();
  await assertCancelled(tasks[0]!);
  assert.equal(barrier.nWaiting, 1);
  assert.equal(barrier.broken, false);
  await ticks(2);
  assert.equal(tasks[1]!.done(), false);
  const newcomers = [createTask(() => barrier.wait()), createTask(() => barrier.wait())];
  await gather([tasks[1]!, ...newcomers]);
  assert.equal(barrier.broken, false);
  assert.equal(barrier.nWaiting, 0);
});

runs("BAR-08: reset() of an empty barrier does nothing", async () => {
  const barrier = new Barrier(2);
  await barrier.reset();
  assert.equal(barrier.broken, false);
  assert.equal(barrier.nWaiting, 0);
  assert.deepEqual(await gather([() => barrier.wait(), () => barrier.wait()]), [0, 1]);
});

runs("BAR-08: reset() breaks out those who wait; the barrier stays usable", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  await barrier.reset();
  await assertBroken(tasks);
  assert.equal(barrier.broken, false);
  assert.equal(barrier.nWaiting, 0);
  const wait = () => barrier.wait();
  assert.deepEqual(await gather([wait, wait, wait]), [0, 1, 2]);
});

runs("BAR-09: reset() half-way through a drain breaks those inside only", async () => {
  const barrier = new Barrier(5);
  const outside: number[] = [];
  const broken: number[] = [];
  let left = 0;
  const body = (n: number) => async () => {
    try {
      await barrier.wait();
      outside.push(n);
      if (++left === 2) await barrier.reset();
    } catch (error) {
      assert.ok(error instanceof BrokenBarrierError);
      broken.push(n);
    }
  };
  await gather([1, 2, 3, 4, 5].map(body));
  assert.deepEqual(outside, [5, 1]);
  assert.deepEqual(broken, [2, 3, 4]);
  assert.equal(barrier.broken, false);
  assert.equal(barrier.nWaiting, 0);
});

runs("BAR-09: tasks held back for the next round wait in it", async () => {
  const barrier = new Barrier(4);
  const outside: number[] = [];
  const broken: number[] = [];
  let left = 0;
  const body = (n: number) => async () => {
    try {
      await barrier.wait();
      outside.push(n);
      if (++left === 2) await barrier.reset();
    } catch (error) {
      assert.ok(error instanceof BrokenBarrierError);
      broken.push(n);
    }
  };
  const tasks = [1, 2, 3, 4, 5, 6].map((n) => createTask(body(n)));
  await ticks(6);
  assert.deepEqual(outside, [4, 1]);
  assert.deepEqual(broken, [2, 3]);
  assert.equal(barrier.nWaiting, 2);
  assert.deepEqual(tasks.map((task) => task.done()), [true, true, true, true, false, false]);
  tasks.push(createTask(body(7)), createTask(body(8)));
  await gather(tasks);
  assert.deepEqual(broken, [2, 3]);
  assert.deepEqual(outside, [4, 1, 8, 5, 6, 7]);
});

runs("BAR-10: tasks broken out may wait again right away", async () => {
  const barrier = new Barrier(3);
  const indices: number[] = [];
  let broken = 0;
  const body = async () => {
    try {
      await barrier.wait();
    } catch (error) {
      assert.ok(error instanceof BrokenBarrierError);
      broken++;
      indices.push(await barrier.wait());
    }
  };
  const tasks = await started(body, body);
  await barrier.reset();
  await ticks(3);
  assert.equal(broken, 2);
  assert.equal(barrier.nWaiting, 2);
  indices.push(await barrier.wait());
  await gather(tasks);
  assert.deepEqual(indices.sort(), [0, 1, 2]);
});

runs("BAR-11: reset() by the last to leave does not touch the next round", async () => {
  const barrier = new Barrier(3);
  const passed: string[] = [];
  let left = 0;
  const body = (name: string) => async () => {
    await barrier.wait();
    passed.push(name);
    if (++left === 3) await barrier.reset();
  };
  const tasks = await started(body("a"), body("b"));
  tasks.push(createTask(body("c")), createTask(body("d")));
  await ticks(6);
  assert.deepEqual(passed, ["c", "a", "b"]);
  assert.equal(barrier.broken, false);
  tasks.push(createTask(body("e")), createTask(body("f")));
  await gather(tasks);
  assert.deepEqual(passed.slice(3).sort(), ["d", "e", "f"]);
});

runs("BAR-12: abort() breaks those inside and all who come later", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  await barrier.abort();
  assert.equal(barrier.broken, true);
  assert.equal(barrier.nWaiting, 0);
  await assertBroken(tasks);
  await assert.rejects(barrier.wait(), BrokenBarrierError);
  assert.equal(barrier.broken, true);
});

runs(
  "BAR-12: abort() half-way through a drain breaks those inside and those held back",
  async () => {
    const barrier = new Barrier(4);
    const outside: number[] = [];
    const broken: number[] = [];
    let left = 0;
    const body = (n: number) => async () => {
      try {
        await barrier.wait();
        outside.push(n);
        if (++left === 2) await barrier.abort();
      } catch (error) {
        assert.ok(error instanceof BrokenBarrierError);
        broken.push(n);
      }
    };
    await gather([1, 2, 3, 4, 5, 6].map(body));
    assert.deepEqual(outside, [4, 1]);
    assert.deepEqual(broken.sort(), [2, 3, 5, 6]);
    assert.equal(barrier.broken, true);
  },
);

runs("BAR-13: reset() after abort() makes it usable again", async () => {
  const barrier = new Barrier(2);
  await barrier.abort();
  await barrier.reset();
  assert.equal(barrier.broken, false);
  assert.deepEqual(await gather([() => barrier.wait(), () => barrier.wait()]), [0, 1]);
});

runs("BAR-14: with() enters once all have come, with the index; leaving does nothing", async () => {
  const barrier = new Barrier(2);
  const entered: number[] = [];
  const body = () =>
    barrier.with(async (index) => {
      entered.push(index);
      await ticks();
      return index * 10;
    });
  const [task] = await started(body);
  assert.deepEqual(entered, []);
  assert.equal(await body(), 10);
  assert.equal(await task, 0);
  assert.deepEqual(entered, [1, 0]);
  assert.equal(barrier.broken, false);
});

runs("BAR-15: the last to arrive goes on first, without waiting; then the others", async () => {
  const barrier = new Barrier(4);
  const order: string[] = [];
  const body = (name: string) => async () => {
    order.push(`${name} arrives`);
    await barrier.wait();
    order.push(`${name} goes on`);
  };
  await gather([body("a"), body("b"), body("c"), body("d")]);
  assert.deepEqual(order, [
    "a arrives",
    "b arrives",
    "c arrives",
    "d arrives",
    "d goes on",
    "a goes on",
    "b goes on",
    "c goes on",
  ]);
});

runs("BAR-15: cancelling a released task does not break the barrier", async () => {
  const barrier = new Barrier(3);
  const tasks = await started(() => barrier.wait(), () => barrier.wait());
  assert.equal(await barrier.wait(), 2);
  assert.equal(state(barrier), "draining");
  tasks[0]!.cancel();
  await assertCancelled(tasks[0]!);
  assert.equal(await tasks[1], 1);
  assert.equal(barrier.broken, false);
  assert.equal(state(barrier), "filling");
});

test("LOCK-12: a barrier that blocked on one loop refuses to block on another", async () => {
  const barrier = new Barrier(2);
  await run(async () => {
    await assert.rejects(timeout(0).with(() => barrier.wait()), TimeoutError);
  });
  await run(async () => {
    await assert.rejects(barrier.wait(), (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /^<Barrier #\d+ .*is bound to a different event loop/);
      return true;
    });
    assert.equal(barrier.nWaiting, 0);
  });
});
