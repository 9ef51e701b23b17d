/** batch() and ticks(): by number and by time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  batch,
  createTask,
  getRunningLoop,
  Queue,
  run,
  sleep,
  ticks,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs } from "../_support/sync.ts";
import { all, later, range, source } from "../_support/iteration.ts";

const now = () => getRunningLoop().time();

runs("ITER-64: batch() gives arrays of `size` items, and the rest", async () => {
  assert.deepEqual(await all(batch(later(range(5)), { size: 2 })), [[0, 1], [2, 3], [4]]);
});

runs("ITER-65: an array is given when it is full", async () => {
  const batches = batch(later(range(5), 1), { size: 2 });
  const start = now();
  await batches.next();
  assert.equal(now() - start, 2);
  await batches.return!();
});

runs("ITER-66: an array is given `within` of its first item", async () => {
  const seen: [number, number[]][] = [];
  const start = now();
  for await (const items of batch(later(range(4), 1), { size: 10, within: 1.5 })) {
    seen.push([now() - start, items]);
  }
  assert.deepEqual(seen, [[2.5, [0, 1]], [4, [2, 3]]]);
});

runs("ITER-67: the time begins with the first item, not with the array before", async () => {
  async function* items() {
    yield 1;
    await sleep(10);
    yield 2;
    await sleep(0.5);
    yield 3;
    await sleep(5);
  }
  const seen: [number, number[]][] = [];
  const start = now();
  for await (const some of batch(items(), { size: 9, within: 1 })) seen.push([now() - start, some]);
  assert.deepEqual(seen, [[1, [1]], [11, [2, 3]]]);
});

runs("ITER-68: an empty source gives no array", async () => {
  assert.deepEqual(await all(batch(later([]), { size: 2, within: 1 })), []);
});

runs("ITER-69: a size of 1 gives each item by itself", async () => {
  assert.deepEqual(await all(batch(later(range(3)), { size: 1 })), [[0], [1], [2]]);
});

runs("ITER-70: it takes queues and plain iterables", async () => {
  const queue = new Queue<number>();
  for (const n of range(3)) queue.putNowait(n);
  queue.shutdown();
  assert.deepEqual(await all(batch(queue, { size: 2 })), [[0, 1], [2]]);
  assert.deepEqual(await all(batch(range(3), { size: 2 })), [[0, 1], [2]]);
});

runs("ITER-71: no more than one array is got ready ahead of a slow reader", async () => {
  const { items, state } = source(100);
  const batches = batch(items, { size: 5 });
  await batches.next();
  await sleep(10);
  assert.equal(state.read, 10);
  await batches.return!();
  assert.equal(state.closed, true);
});

runs("ITER-72: an error of the source comes after the rest", async () => {
  async function* failing() {
    yield* range(3);
    throw new RangeError("in the source");
  }
  const seen: number[][] = [];
  await assert.rejects(async () => {
    for await (const items of batch(failing(), { size: 2 })) seen.push(items);
  }, RangeError);
  assert.deepEqual(seen, [[0, 1], [2]]);
});

runs("ITER-73: leaving the loop ends the source and its timer", async () => {
  let closed = false;
  async function* items() {
    try {
      yield 1;
      await sleep(1000);
    } finally {
      await sleep(1);
      closed = true;
    }
  }
  for await (const _ of batch(items(), { size: 9, within: 1 })) break;
  assert.deepEqual([closed, allTasks().size], [true, 1]);
});

runs("ITER-74: a cancelled reader ends the source", async () => {
  const task = createTask(() => all(batch(later(range(9), 100), { size: 9, within: 1000 })));
  await sleep(150);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.equal(allTasks().size, 1);
});

test("ITER-75: batch() refuses misuse at once", () => {
  const none = later<number>([]);
  assert.throws(() => batch(none, { size: 0 }), RangeError);
  assert.throws(() => batch(none, { size: 1.5 }), RangeError);
  assert.throws(() => batch(none, {} as { size: number }), TypeError);
  assert.throws(() => batch(none, undefined as unknown as { size: number }), TypeError);
  assert.throws(() => batch(none, { size: 1, within: NaN }), RangeError);
  assert.throws(() => batch(7 as unknown as AsyncIterable<number>, { size: 1 }), TypeError);
});

test("ITER-76: wherever a batch() is cancelled, nothing is left", async () => {
  const points = await cancelEverywhere(async () => {
    await all(batch(later(range(5), 1), { size: 2, within: 1.5 }));
  });
  assert.ok(points >= 12, `only ${points} points`);
});

/** The first so many ticks with their times, and how long the body takes after each. */
async function ticking(
  iterator: AsyncIterable<number>,
  count: number,
  busy: (tick: number) => number = () => 0,
): Promise<[tick: number, time: number][]> {
  const start = now();
  const seen: [number, number][] = [];
  for await (const tick of iterator) {
    seen.push([tick, Math.round((now() - start) * 1e6) / 1e6]);
    if (seen.length === count) break;
    const seconds = busy(tick);
    if (seconds > 0) await sleep(seconds);
  }
  return seen;
}

runs("ITER-77: ticks() counts from 0, the first one after an interval", async () => {
  assert.deepEqual(await ticking(ticks(2), 3), [[0, 2], [1, 4], [2, 6]]);
});

runs("ITER-78: immediately: true begins at once", async () => {
  assert.deepEqual(await ticking(ticks(2, { immediately: true }), 3), [[0, 0], [1, 2], [2, 4]]);
});

runs("ITER-79: a busy body does not make them drift", async () => {
  assert.deepEqual(await ticking(ticks(1), 4, () => 0.9), [[0, 1], [1, 2], [2, 3], [3, 4]]);
});

runs("ITER-80: what fell due while the body was busy is skipped, and counted", async () => {
  const seen = await ticking(ticks(1), 4, (tick) => tick === 1 ? 2.5 : 0);
  assert.deepEqual(seen, [[0, 1], [1, 2], [4, 5], [5, 6]]);
});

runs("ITER-81: what is due at this very moment is not skipped", async () => {
  assert.deepEqual(await ticking(ticks(0.1), 4, () => 0.1), [[0, 0.1], [1, 0.2], [2, 0.3], [
    3,
    0.4,
  ]]);
});

runs("ITER-82: the interval may name its unit", async () => {
  assert.deepEqual(await ticking(ticks({ milliseconds: 500 }), 2), [[0, 0.5], [1, 1]]);
});

runs("ITER-83: a next() that is cancelled takes no tick", async () => {
  const iterator = ticks(2);
  await assert.rejects(timeout(1).with(() => iterator.next()), TimeoutError);
  await assert.rejects(waitFor(iterator.next(), 0.5), TimeoutError);
  assert.equal((await iterator.next()).value, 0);
});

runs("ITER-84: several calls of next() get one tick each", async () => {
  const iterator = ticks(1);
  const results = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
  assert.deepEqual(results.map(({ value }) => value), [0, 1, 2]);
});

runs("ITER-85: return() ends a next() that waits", async () => {
  const iterator = ticks(1000);
  const next = createTask(() => iterator.next());
  await sleep(1);
  await iterator.return!();
  assert.equal((await next).done, true);
  assert.equal((await iterator.next()).done, true);
});

test("ITER-86: ticks() refuses misuse at once", () => {
  for (const bad of [0, -1, NaN]) assert.throws(() => ticks(bad), RangeError);
  assert.throws(() => ticks("1" as unknown as number), TypeError);
  assert.throws(() => ticks(1, { immediately: 1 } as object), TypeError);
});

test("ITER-87: wherever a loop over ticks() is cancelled, no timer is left", async () => {
  const points = await cancelEverywhere(() => ticking(ticks(1), 3, () => 0.5));
  assert.ok(points >= 12, `only ${points} points`);
});

test("ITER-88: they work in plain code, and in a run", async () => {
  const count = async () => {
    let last = 0;
    for await (last of ticks(0.001)) if (last >= 1) break;
    return last;
  };
  assert.ok(await count() >= 1);
  assert.ok(await run(count) >= 1);
  assert.deepEqual(await all(batch(later(range(3), 0), { size: 2 })), [[0, 1], [2]]);
});
