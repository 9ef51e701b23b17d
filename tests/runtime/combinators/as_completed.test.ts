import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asCompleted,
  CancelledError,
  createTask,
  Future,
  gather,
  getEventLoop,
  sleep,
  Task,
  TimeoutError,
} from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";
import { hasTimers } from "../../_support/virtual_loop.ts";

const work = (seconds: number) => () => sleep(seconds, seconds);

/** What the promises of a plain iteration come to, awaited one after the other. */
async function inOrder<T>(items: Iterable<Promise<T>>): Promise<unknown[]> {
  const results: unknown[] = [];
  for (const next of items) {
    try {
      results.push(await next);
    } catch (error) {
      results.push((error as Error).name);
    }
  }
  return results;
}

runs("ASC-01: the object can be iterated plainly and with for await", async () => {
  assert.deepEqual(await inOrder(asCompleted([work(3), work(1), work(2)])), [1, 2, 3]);
  const results: number[] = [];
  for await (const item of asCompleted([work(3), work(1), work(2)])) results.push(item.result());
  assert.deepEqual(results, [1, 2, 3]);
});

runs("ASC-01: nothing to wait for is no iteration", async () => {
  assert.deepEqual([...asCompleted([])], []);
  for await (const _ of asCompleted([])) assert.fail("there is nothing");
});

runs("ASC-01: errors come in the order of completion, too", async () => {
  const failing = async () => {
    await sleep(1);
    throw new Trouble();
  };
  assert.deepEqual(await inOrder(asCompleted([work(2), failing])), ["Trouble", 2]);
});

runs("ASC-02: it yields a promise for each input", async () => {
  const promises = [...asCompleted([work(3), work(1), work(2)])];
  assert.equal(promises.length, 3);
  for (const promise of promises) assert.ok(promise instanceof Promise);
  await Promise.all(promises);
});

runs("ASC-02: the k-th one awaited gives the k-th result, whichever it is", async () => {
  const given = [new Future<string>(), new Future<string>(), new Future<string>()];
  const results: string[] = [];
  const iterator = asCompleted(given)[Symbol.iterator]();
  for (const name of ["c", "a", "b"]) {
    given["abc".indexOf(name)]!.setResult(name);
    const { value } = iterator.next();
    results.push(await value);
  }
  assert.deepEqual(results, ["c", "a", "b"]);
});

runs("ASC-02: taking them takes as long as the slowest", async (loop) => {
  await inOrder(asCompleted([work(0.15), work(0.1)]));
  assert.equal(loop.time(), 0.15);
});

runs("ASC-03: for await yields items whose future is the given one, done already", async () => {
  const a = createTask(work(2));
  const b = new Future<number>();
  createTask(async () => {
    await sleep(1);
    b.setResult(1);
  });
  const items = [];
  for await (const item of asCompleted([a, b])) {
    assert.equal(item.future.done(), true);
    items.push(item);
  }
  assert.deepEqual(items.map(({ index }) => index), [1, 0]);
  assert.ok(items[0]!.future === b && items[1]!.future === a);
});

runs("ASC-03: for coroutines the item has the task that was made for it", async () => {
  const coroutine = work(1);
  for await (const item of asCompleted([coroutine])) {
    assert.ok(item.future instanceof Task);
    assert.equal(item.future.getCoro(), coroutine);
    assert.equal(item.result(), 1);
  }
});

runs("ASC-03: result() of an item throws the error of its future", async () => {
  const error = new Trouble("item");
  const future = new Future();
  future.setException(error);
  for await (const item of asCompleted([future])) {
    assert.throws(() => item.result(), (thrown) => thrown === error);
  }
});

runs("ASC-04: after its timeout each missing item is a TimeoutError", async (loop) => {
  const tasks = [1, 10, 20].map((seconds) => createTask(work(seconds)));
  const results = await inOrder(asCompleted(tasks, { timeout: 5 }));
  assert.deepEqual(results, [1, "TimeoutError", "TimeoutError"]);
  assert.equal(loop.time(), 5);
  assert.deepEqual(tasks.map(outcome), ["result 1", "pending", "pending"]);
  assert.deepEqual(tasks.map((task) => task.cancelling()), [0, 0, 0]);
  await gather(tasks);
});

runs("ASC-04: with for await the loop itself throws the TimeoutError", async () => {
  const tasks = [1, 10].map((seconds) => createTask(work(seconds)));
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of asCompleted(tasks, { timeout: { seconds: 5 } })) {
      seen.push(item.result());
    }
  }, TimeoutError);
  assert.deepEqual(seen, [1]);
  assert.equal(outcome(tasks[1]!), "pending");
  await gather(tasks);
});

runs("ASC-04: what was done before the timeout comes before the TimeoutErrors", async () => {
  const tasks = [1, 2, 10].map((seconds) => createTask(work(seconds)));
  const items = asCompleted(tasks, { timeout: 5 });
  await sleep(6);
  assert.deepEqual(await inOrder(items), [1, 2, "TimeoutError"]);
  await gather(tasks);
});

runs("ASC-05: the timer is gone as soon as everything is done in time", async (loop) => {
  const items = asCompleted([work(1), work(2)], { timeout: 1000 });
  await inOrder(items);
  assert.equal(hasTimers(loop), false);
  assert.equal(loop.time(), 2);
});

runs("ASC-06: an iteration that was left can be taken up again", async () => {
  const items = asCompleted([work(1), work(2), work(3)]);
  const results: number[] = [];
  for (const next of items) {
    results.push(await next);
    break;
  }
  for (const next of items) results.push(await next);
  assert.deepEqual(results, [1, 2, 3]);
});

runs("ASC-06: in the other form, too", async () => {
  const items = asCompleted([work(1), work(2), work(3), work(4)]);
  const results: number[] = [];
  for await (const item of items) {
    results.push(item.result());
    break;
  }
  for (const next of items) {
    results.push(await next);
    break;
  }
  for await (const item of items) results.push(item.result());
  assert.deepEqual(results, [1, 2, 3, 4]);
});

runs("ASC-06: one that was left while its next() was being cancelled, too", async () => {
  const futures = [new Future<number>(), new Future<number>()];
  const items = asCompleted(futures);
  const iterator = items[Symbol.asyncIterator]();
  const taker = createTask(() => iterator.next());
  await ticks();
  taker.cancel();
  await iterator.return!();
  await assertCancelled(taker);
  futures.forEach((future, index) => future.setResult(index));
  await ticks(2);
  assert.deepEqual(await inOrder(items), [0, 1]);
});

runs("ASC-07: promises awaited at once share the results, each delivered once", async () => {
  const promises = [...asCompleted([work(2), work(1), work(3)])];
  const results = await Promise.all(promises.map(async (promise) => await promise));
  assert.deepEqual(results.toSorted(), [1, 2, 3]);
});

runs("ASC-07: two tasks may take from one iteration", async () => {
  const items = asCompleted([work(1), work(2), work(3), work(4)]);
  const taken: number[][] = [[], []];
  await gather([0, 1].map((taker) => async () => {
    for (const next of items) taken[taker]!.push(await next);
  }));
  assert.deepEqual(taken.flat().toSorted(), [1, 2, 3, 4]);
  assert.deepEqual(taken.map((results) => results.length), [2, 2]);
});

runs(
  "ASC-07: a taker that is cancelled after the result came leaves it to the next one",
  async () => {
    const future = new Future<string>();
    const items = asCompleted([future, new Future<string>()]);
    const take = async () => {
      for (const next of items) return await next;
      return null;
    };
    const [first, second] = [createTask(take), createTask(take)];
    await ticks(2);
    future.setResult("result");
    await ticks();
    first.cancel();
    await assertCancelled(first);
    assert.equal(await second, "result");
  },
);

runs("ASC-08: a future that is listed twice comes out once", async () => {
  const a = createTask(work(1));
  const b = createTask(work(2));
  assert.deepEqual(await inOrder(asCompleted([a, b, a, b, a])), [1, 2]);
  const indexes: number[] = [];
  for await (const item of asCompleted([b, a, b])) indexes.push(item.index);
  assert.deepEqual(indexes.toSorted(), [0, 1]);
});

runs("ASC-09: a future or coroutine in place of an iterable is a TypeError", async () => {
  assert.throws(() => asCompleted(new Future() as never), TypeError);
  assert.throws(() => asCompleted(work(1) as never), TypeError);
  assert.throws(() => asCompleted([42 as never]), TypeError);
  await sleep(0);
});

test("ASC-10: without a running loop the ambient one makes the tasks", async () => {
  const tasks: Task<unknown>[] = [];
  for await (const { future } of asCompleted([() => sleep(0, 1), () => sleep(0, 2)])) {
    tasks.push(future as Task<unknown>);
  }
  assert.deepEqual(tasks.map((task) => task.getLoop()), [getEventLoop(), getEventLoop()]);
});

runs("ASC-10: inside a run that loop makes the tasks", async (loop) => {
  for await (const { future } of asCompleted([work(1)])) assert.equal(future.getLoop(), loop);
});

runs("ASC-04: cancelling the task that takes leaves the others running", async () => {
  const tasks = [1, 2].map((seconds) => createTask(work(seconds)));
  const taker = createTask(async () => {
    for await (const _ of asCompleted(tasks)) assert.fail("nothing can be done yet");
  });
  await ticks(2);
  taker.cancel("enough");
  await assertCancelled(taker, "enough");
  assert.deepEqual(await gather(tasks), [1, 2]);
});

runs("ASC-04: promises that were taken beforehand may be dropped by a cancellation", async () => {
  const taker = createTask(async () => {
    for (const next of [...asCompleted([work(10), work(20), work(30)])]) await next;
  });
  await ticks(2);
  taker.cancel();
  await assert.rejects(async () => await taker, CancelledError);
  await sleep(100);
});
