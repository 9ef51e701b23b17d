/** map(): order, limits, errors and ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  CancelledError,
  ContextVar,
  createTask,
  type ExceptionContext,
  getRunningLoop,
  map,
  Queue,
  run,
  sleep,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import * as iteration from "../../iteration/mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs, ticks } from "../_support/sync.ts";
import { all, later, range, source } from "../_support/iteration.ts";

/** Work that takes so long, and how much of it ran at once. */
function worker(seconds: (n: number) => number = () => 1) {
  const log = { running: 0, most: 0, begun: [] as number[], ended: 0, cleaned: 0 };
  const work = async (n: number) => {
    log.begun.push(n);
    log.most = Math.max(log.most, ++log.running);
    try {
      await sleep(seconds(n));
      log.ended++;
      return n * 10;
    } catch (error) {
      await sleep(0.5);
      log.cleaned++;
      throw error;
    } finally {
      log.running--;
    }
  };
  return { work, log };
}

runs("ITER-01: map() gives the results in the source's order", async () => {
  const { work } = worker((n) => 5 - n);
  assert.deepEqual(await all(map(range(5), work)), [0, 10, 20, 30, 40]);
});

runs("ITER-02: unordered it gives them as they come", async () => {
  const { work } = worker((n) => 5 - n);
  assert.deepEqual(await all(map(range(5), work, { ordered: false })), [40, 30, 20, 10, 0]);
});

runs("ITER-03: at most `limit` are at work", async () => {
  const { work, log } = worker((n) => n % 3);
  await all(map(range(12), work, { limit: 4 }));
  assert.equal(log.most, 4);
});

runs("ITER-04: without a limit all are at work", async () => {
  const { work, log } = worker();
  await all(map(range(12), work));
  assert.equal(log.most, 12);
});

runs("ITER-05: fn is given the item and its place", async () => {
  const seen = await all(map(["a", "b"], (item, index) => `${item}${index}`));
  assert.deepEqual(seen, ["a0", "b1"]);
});

runs("ITER-06: it takes async sources", async () => {
  const { work } = worker();
  assert.deepEqual(await all(map(later(range(4)), work, { limit: 2 })), [0, 10, 20, 30]);
});

runs("ITER-07: it takes a queue", async () => {
  const queue = new Queue<number>();
  for (const n of range(3)) queue.putNowait(n);
  queue.shutdown();
  const { work } = worker();
  assert.deepEqual(await all(map(queue, work, { limit: 2 })), [0, 10, 20]);
});

runs("ITER-08: nothing happens before the first next()", async () => {
  const { work, log } = worker();
  const { items, state } = source(3);
  const iterator = map(items, work);
  await sleep(5);
  assert.deepEqual([state.read, log.begun.length], [0, 0]);
  await iterator.return!();
  assert.equal(state.read, 0);
});

runs("ITER-09: at most `buffer` are finished ahead of the reader", async () => {
  const { work, log } = worker(() => 0);
  const iterator = map(range(50), work, { limit: 2, buffer: 3 });
  await iterator.next();
  await sleep(10);
  assert.equal(log.ended, 4);
  await iterator.next();
  await sleep(10);
  assert.equal(log.ended, 5);
  await iterator.return!();
});

runs("ITER-10: unordered, too, at most `buffer` are finished ahead of the reader", async () => {
  const { work, log } = worker(() => 0);
  const iterator = map(range(50), work, { limit: 2, buffer: 3, ordered: false });
  await iterator.next();
  await sleep(10);
  assert.equal(log.ended, 4);
  await iterator.return!();
});

runs("ITER-11: the buffer is `limit` by default", async () => {
  const { work, log } = worker(() => 0);
  const iterator = map(range(50), work, { limit: 2 });
  await iterator.next();
  await sleep(10);
  assert.equal(log.ended, 3);
  await iterator.return!();
});

runs("ITER-12: with a buffer of 0 work begins when its result is asked for", async () => {
  const { work, log } = worker();
  const iterator = map(range(50), work, { limit: 5, buffer: 0 });
  await iterator.next();
  await sleep(10);
  assert.equal(log.begun.length, 1);
  await iterator.next();
  assert.equal(log.begun.length, 2);
  await iterator.return!();
});

runs("ITER-13: a slow first one holds back no more than `buffer` others", async () => {
  const { work, log } = worker((n) => n === 0 ? 10 : 0);
  const iterator = map(range(50), work, { limit: 3, buffer: 4 });
  const first = iterator.next();
  await sleep(5);
  assert.deepEqual([log.ended, log.running], [4, 1]);
  assert.equal((await first).value, 0);
  await iterator.return!();
});

runs("ITER-14: the source is read as there is room", async () => {
  const { work } = worker();
  const { items, state } = source(1000);
  const iterator = map(items, work, { limit: 3 });
  await iterator.next();
  assert.ok(state.read <= 7, `${state.read} are read`);
  await iterator.return!();
  assert.equal(state.closed, true);
});

runs("ITER-15: break cancels what is at work and waits for its cleanup", async () => {
  const { work, log } = worker((n) => n);
  for await (const value of map(range(50), work, { limit: 3 })) if (value === 20) break;
  assert.equal(log.running, 0);
  assert.ok(log.cleaned > 0);
  assert.equal(allTasks().size, 1);
});

runs("ITER-16: an error in the loop's body cancels what is at work and waits for it", async () => {
  const { work, log } = worker((n) => n);
  await assert.rejects(async () => {
    for await (const _ of map(range(50), work, { limit: 3 })) throw new RangeError("in the body");
  }, RangeError);
  assert.deepEqual([log.running, allTasks().size], [0, 1]);
});

runs("ITER-17: a cancelled reader cancels what is at work and waits for it", async () => {
  const { work, log } = worker(() => 100);
  const task = createTask(() => all(map(range(50), work, { limit: 3 })));
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.deepEqual([log.running, log.cleaned, allTasks().size], [0, 3, 1]);
});

runs("ITER-18: a reader that is cancelled in the body waits for what is at work, too", async () => {
  const { work, log } = worker((n) => n === 0 ? 0 : 100);
  const task = createTask(async () => {
    for await (const _ of map(range(50), work, { limit: 3 })) await sleep(100);
  });
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.deepEqual([log.running, allTasks().size], [0, 1]);
});

runs("ITER-19: a timeout around the loop ends it", async () => {
  const { work, log } = worker(() => 100);
  const body = () => all(map(range(50), work, { limit: 3 }));
  await assert.rejects(timeout(1).with(body), TimeoutError);
  assert.deepEqual([log.running, log.cleaned], [0, 3]);
});

runs("ITER-20: waitFor() over the promise of next() ends it", async () => {
  const { work, log } = worker(() => 100);
  const iterator = map(range(50), work, { limit: 3 });
  await assert.rejects(waitFor(iterator.next(), 1), TimeoutError);
  assert.equal(log.running, 0);
  assert.equal((await iterator.next()).done, true);
});

runs("ITER-21: a second cancellation goes on to the cleanup", async () => {
  let cleaned = false;
  const task = createTask(() =>
    all(map([1], async () => {
      try {
        await sleep(100);
      } finally {
        await sleep(100);
        cleaned = true;
      }
    }))
  );
  await sleep(1);
  task.cancel();
  await sleep(1);
  task.cancel();
  await assertCancelled(task);
  assert.equal(cleaned, false);
});

runs("ITER-22: in order an error comes after the results before it", async () => {
  const seen: number[] = [];
  const work = async (n: number) => {
    await sleep(n === 0 ? 5 : 0);
    if (n === 2) throw new RangeError("two");
    return n;
  };
  await assert.rejects(async () => {
    for await (const n of map(range(9), work, { limit: 4 })) seen.push(n);
  }, RangeError);
  assert.deepEqual(seen, [0, 1]);
});

runs("ITER-23: an error ends what is at work behind it at once", async () => {
  const { work, log } = worker((n) => n === 0 ? 5 : 100);
  const failing = (n: number) => n === 1 ? Promise.reject(new RangeError("one")) : work(n);
  const start = getRunningLoop().time();
  await assert.rejects(all(map(range(9), failing, { limit: 4 })), RangeError);
  assert.equal(getRunningLoop().time() - start, 5);
  assert.deepEqual([log.running, log.ended, log.cleaned], [0, 1, 2]);
});

runs("ITER-24: unordered an error ends what is at work at once", async () => {
  const { work, log } = worker(() => 100);
  const failing = async (n: number) => {
    if (n !== 1) return await work(n);
    await sleep(1);
    throw new RangeError("one");
  };
  const start = getRunningLoop().time();
  const options = { limit: 4, ordered: false };
  await assert.rejects(all(map(range(9), failing, options)), RangeError);
  assert.equal(getRunningLoop().time() - start, 1.5);
  assert.deepEqual([log.running, allTasks().size], [0, 1]);
});

runs("ITER-25: after an error the source is closed and the iterator is done", async () => {
  const { items, state } = source(9);
  // Those that fail behind the first one are no business of the exception handler.
  const iterator = map(items, () => Promise.reject(new RangeError("no")), { limit: 2 });
  await assert.rejects(iterator.next(), RangeError);
  assert.equal(state.closed, true);
  assert.equal((await iterator.next()).done, true);
});

runs("ITER-26: fn may throw at once", async () => {
  const failing = () => {
    throw new RangeError("at once");
  };
  await assert.rejects(all(map([1], failing)), RangeError);
});

runs("ITER-27: an error of the source comes after the results before it", async () => {
  function* failing() {
    yield 1;
    throw new RangeError("in the source");
  }
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const n of map(failing(), (n) => sleep(1, n))) seen.push(n);
  }, RangeError);
  assert.deepEqual(seen, [1]);
});

runs("ITER-28: what fails in a cleanup goes to the exception handler", async () => {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context));
  const work = async (n: number) => {
    try {
      await sleep(n);
    } catch {
      throw new RangeError("in the cleanup");
    }
  };
  for await (const _ of map([1, 9], work)) break;
  assert.deepEqual(reports.map(({ exception }) => String(exception)), [
    "RangeError: in the cleanup",
  ]);
});

runs("ITER-29: a source that waits is cancelled with its cleanup", async () => {
  let closed = false;
  async function* waiting() {
    try {
      yield 1;
      await sleep(1000);
      yield 2;
    } finally {
      await sleep(1);
      closed = true;
    }
  }
  for await (const _ of map(waiting(), (n) => n)) break;
  assert.equal(closed, true);
});

runs("ITER-30: fn that is cancelled by itself cancels its reader", async () => {
  const work = () => Promise.reject(new CancelledError("by itself"));
  await assert.rejects(all(map([1], work)), CancelledError);
});

runs("ITER-31: several calls of next() are served in their order", async () => {
  const { work } = worker((n) => 3 - n);
  const iterator = map(range(3), work);
  const nexts = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
  const results = await Promise.all(nexts);
  assert.deepEqual(results.map(({ value }) => value), [0, 10, 20, undefined]);
});

runs("ITER-32: return() ends the calls of next() that wait", async () => {
  const { work, log } = worker(() => 100);
  const iterator = map(range(3), work);
  const next = iterator.next();
  await ticks(3);
  await iterator.return!();
  assert.equal((await next).done, true);
  assert.equal(log.running, 0);
});

runs("ITER-33: return() before the end of the load begins nothing", async () => {
  const { work, log } = worker();
  const iterator = map(range(3), work);
  await iterator.return!();
  assert.equal((await iterator.next()).done, true);
  assert.equal(log.begun.length, 0);
});

runs(
  "ITER-34: each call has the context variables of the first reader, and its own copy",
  async () => {
    const user = new ContextVar<string>("user");
    user.set("ada");
    const work = async (n: number) => {
      const seen = user.get();
      user.set(`changed by ${n}`);
      await sleep(1);
      return seen;
    };
    assert.deepEqual(await all(map(range(3), work, { limit: 1 })), ["ada", "ada", "ada"]);
    assert.equal(user.get(), "ada");
  },
);

runs("ITER-35: a result may be a promise's value, null or undefined", async () => {
  const seen = await all(
    map([1, 2, 3], (n) => n === 1 ? Promise.resolve(1) : n === 2 ? null : undefined),
  );
  assert.deepEqual(seen, [1, null, undefined]);
});

test("ITER-36: misuse is refused at once", () => {
  const work = (n: unknown) => n;
  assert.throws(() => map(7 as unknown as [], work), TypeError);
  assert.throws(() => map("text", work), TypeError);
  assert.throws(() => map([], 7 as unknown as () => void), TypeError);
  assert.throws(() => map([], work, { limit: 0 }), RangeError);
  assert.throws(() => map([], work, { buffer: -1 }), RangeError);
  assert.throws(() => map([], work, { concurrency: 2 } as object), /write limit/);
});

runs("ITER-37: ten thousand items take no more than `limit` and `buffer` at a time", async () => {
  let alive = 0;
  let most = 0;
  function* many() {
    for (let n = 0; n < 10_000; n++) {
      most = Math.max(most, ++alive);
      yield n;
    }
  }
  let sum = 0;
  for await (const n of map(many(), (n) => n, { limit: 20, buffer: 20 })) {
    sum += n;
    alive--;
  }
  assert.equal(sum, 49_995_000);
  assert.ok(most <= 22, `${most} at a time`);
});

test("ITER-38: it works in plain code, and in a run", async () => {
  const work = (n: number) => sleep(0, n);
  assert.deepEqual(await all(map(range(3), work, { limit: 2 })), range(3));
  assert.deepEqual(await run(() => all(map(range(3), work, { limit: 2 }))), range(3));
});

test("ITER-39: the subpath ./iteration has the same functions", () => {
  assert.equal(iteration.map, map);
});

for (const ordered of [true, false]) {
  const how = ordered ? "in order" : "unordered";
  test(`ITER-40: wherever a map() ${how} is cancelled, nothing is left`, async () => {
    const points = await cancelEverywhere(async () => {
      const { work } = worker();
      await all(map(later(range(4)), work, { limit: 2, ordered }));
    });
    assert.ok(points >= 12, `only ${points} points`);
  });
}
