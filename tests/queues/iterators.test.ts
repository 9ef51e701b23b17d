/** Iterators that are left while a `next()` waits. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { asCompleted, createTask, Event, Queue, sleep, timeout, TimeoutError } from "../../mod.ts";
import { assertCancelled, runs, runsInRealTime, ticks } from "../_support/tasks.ts";

const done = { value: undefined, done: true };

runs("Q-ITER-01: return() ends a next() that waits, and no item is taken for it", async () => {
  const queue = new Queue<string>();
  const iterator = queue[Symbol.asyncIterator]();
  const nexts = [iterator.next(), iterator.next()];
  await ticks();
  assert.deepEqual(await iterator.return!(), done);
  assert.deepEqual(await Promise.all(nexts), [done, done]);
  queue.putNowait("item");
  await ticks(2);
  assert.deepEqual([queue.qsize(), queue.statistics().getters], [1, 0]);
});

runs("Q-ITER-02: an item that a next() was woken for goes to the next getter", async () => {
  const queue = new Queue<string>();
  const iterator = queue[Symbol.asyncIterator]();
  const next = iterator.next();
  const getter = queue.get();
  queue.putNowait("item");
  await iterator.return!();
  assert.deepEqual(await next, done);
  assert.equal(await getter, "item");
});

runs("Q-ITER-03: a next() that was overtaken and waits again is ended, too", async () => {
  const queue = new Queue<string>();
  const iterator = queue[Symbol.asyncIterator]();
  const next = iterator.next();
  queue.putNowait("item");
  queue.getNowait();
  await ticks(2);
  await iterator.return!();
  assert.deepEqual(await next, done);
  assert.equal(queue.statistics().getters, 0);
});

runs("Q-ITER-04: a next() that is cancelled after return() passes nothing on twice", async () => {
  const queue = new Queue<string>();
  const iterator = queue[Symbol.asyncIterator]();
  const task = createTask(() => iterator.next());
  await ticks(2);
  await iterator.return!();
  task.cancel();
  await assertCancelled(task);
  queue.putNowait("item");
  assert.equal(await queue.get(), "item");
});

runsInRealTime(
  "Q-ITER-05: a web stream of a queue that is cancelled takes no more items",
  async () => {
    const queue = new Queue<string>();
    const reader = ReadableStream.from(queue).getReader();
    const reading = reader.read();
    await sleep(0.01);
    await reader.cancel();
    assert.equal((await reading).done, true);
    queue.putNowait("item");
    await ticks(3);
    assert.equal(queue.qsize(), 1);
  },
);

runsInRealTime(
  "Q-ITER-06: a Node stream of a queue that is destroyed takes no more items",
  async () => {
    const queue = new Queue<string>();
    const stream = Readable.from(queue);
    stream.on("data", () => {});
    await sleep(0.01);
    const closed = new Event();
    stream.on("close", () => closed.set());
    stream.destroy();
    await timeout(5).with(() => closed.wait());
    await ticks(3);
    queue.putNowait("item");
    await ticks(3);
    assert.equal(queue.qsize(), 1);
  },
);

runs("ASC-ITER-01: return() ends a next() of asCompleted(), and nothing is lost", async () => {
  const results = asCompleted([() => sleep(1, "a"), () => sleep(2, "b")]);
  const iterator = results[Symbol.asyncIterator]();
  const next = iterator.next();
  await ticks();
  assert.deepEqual(await iterator.return!(), done);
  assert.deepEqual(await next, done);
  assert.deepEqual(await iterator.next(), done);
  const values: string[] = [];
  for await (const completed of results) values.push(completed.result());
  assert.deepEqual(values, ["a", "b"]);
});

runs("ASC-ITER-02: an arrival that a next() was woken for comes with the next one", async () => {
  const results = asCompleted([() => sleep(1, "a"), () => sleep(1, "b")]);
  const [left, kept] = [results[Symbol.asyncIterator](), results[Symbol.asyncIterator]()];
  const [first, second] = [left.next(), kept.next()];
  await sleep(1);
  await left.return!();
  assert.deepEqual(await first, done);
  const { value } = await second;
  assert.equal(value.result(), "a");
  assert.equal((await kept.next()).value.result(), "b");
});

runs("ASC-ITER-03: a next() that is cancelled leaves its arrival to a later one", async () => {
  const results = asCompleted([() => sleep(1, "a"), () => sleep(2, "b")]);
  const iterator = results[Symbol.asyncIterator]();
  await assert.rejects(timeout(0.5).with(() => iterator.next()), TimeoutError);
  const values: string[] = [];
  for await (const completed of results) values.push(completed.result());
  assert.deepEqual(values, ["a", "b"]);
});
