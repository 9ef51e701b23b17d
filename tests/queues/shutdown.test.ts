import assert from "node:assert/strict";
import {
  createTask,
  gather,
  getRunningLoop,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueShutDown,
} from "../../mod.ts";
import type { Task } from "../../mod.ts";
import { assertCancelled, runs, started, ticks } from "../_support/sync.ts";

const kinds = [Queue, LifoQueue, PriorityQueue] as const;

async function assertShutDown(...tasks: (Task<unknown> | Promise<unknown>)[]): Promise<void> {
  for (const task of tasks) await assert.rejects(async () => await task, QueueShutDown);
}

runs("Q-19: shutdown() of an empty queue ends pending and later calls", async () => {
  for (const Kind of kinds) {
    const queue = new Kind<number>();
    const getters = await started(() => queue.get(), () => queue.get());
    queue.shutdown();
    await ticks();
    assert.deepEqual(getters.map((getter) => getter.done()), [true, true]);
    await assertShutDown(...getters, queue.put(1), queue.get());
    assert.throws(() => queue.putNowait(1), QueueShutDown);
    assert.throws(() => queue.getNowait(), QueueShutDown);
    await queue.join();
  }
});

runs("Q-20: after shutdown() the items inside can still be taken", async () => {
  for (const Kind of kinds) {
    const queue = new Kind<number>(1);
    queue.putNowait(1);
    const [putter, joiner] = await started(() => queue.put(2), () => queue.join());
    queue.shutdown();
    await assertShutDown(putter!);
    await ticks(2);
    assert.equal(joiner!.done(), false);
    assert.equal(await queue.get(), 1);
    await assertShutDown(queue.get());
    assert.throws(() => queue.getNowait(), QueueShutDown);
    await ticks(2);
    assert.equal(joiner!.done(), false);
    queue.taskDone();
    await joiner;
  }
});

runs("Q-21: shutdown({ immediate: true }) drops the items and counts them as done", async () => {
  for (const Kind of kinds) {
    const queue = new Kind<number>();
    queue.putNowait(1);
    queue.putNowait(2);
    const [joiner] = await started(() => queue.join());
    queue.shutdown({ immediate: true });
    assert.equal(queue.qsize(), 0);
    await joiner;
    await assertShutDown(queue.get());
    assert.throws(() => queue.taskDone(), RangeError);
  }
});

runs("Q-22: an item that is being worked on still counts after an immediate shutdown", async () => {
  for (const Kind of kinds) {
    const queue = new Kind<number>();
    queue.putNowait(1);
    queue.putNowait(2);
    const [joiner] = await started(() => queue.join());
    await queue.get();
    queue.shutdown({ immediate: true });
    await ticks(2);
    assert.equal(joiner!.done(), false);
    queue.taskDone();
    await joiner;
    assert.throws(() => queue.taskDone(), RangeError);
  }
});

runs("Q-25: shutdown() may be repeated, and made immediate later", async () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  queue.shutdown();
  queue.shutdown();
  assert.equal(queue.qsize(), 1);
  queue.shutdown({ immediate: true });
  assert.equal(queue.qsize(), 0);
  await queue.join();
});

runs("Q-25: a blocked put() ends with QueueShutDown though a slot came free", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  const [putter] = await started(() => queue.put(2));
  queue.shutdown();
  assert.equal(queue.getNowait(), 1);
  await assertShutDown(putter!);
  assert.equal(queue.empty(), true);
});

runs("Q-25: so does one that was woken by the free slot before", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  const [putter] = await started(() => queue.put(2));
  assert.equal(queue.getNowait(), 1);
  queue.shutdown();
  await assertShutDown(putter!);
});

runs("Q-19: a getter woken by an item still gets it when shutdown follows", async () => {
  const queue = new Queue<number>();
  const [first, second] = await started(() => queue.get(), () => queue.get());
  queue.putNowait(1);
  queue.shutdown();
  assert.equal(await first, 1);
  await assertShutDown(second!);
});

runs("Q-19: blocked calls end in the next iteration", async () => {
  const queue = new Queue<number>();
  const order: string[] = [];
  const loop = getRunningLoop();
  const [getter] = await started(() => queue.get().catch(() => order.push("getter")));
  loop.callSoon(() => order.push("before"));
  queue.shutdown();
  loop.callSoon(() => order.push("after"));
  await getter;
  await ticks();
  assert.deepEqual(order, ["before", "getter", "after"]);
});

runs("Q-19: a cancelled getter stays cancelled when shutdown follows", async () => {
  const queue = new Queue<number>();
  const [getter] = await started(() => queue.get());
  getter!.cancel();
  queue.shutdown();
  await assertCancelled(getter!);
});

runs("Q-20: `for await` takes what is inside, then ends", async () => {
  const queue = new Queue<number>();
  for (const n of [1, 2, 3]) queue.putNowait(n);
  queue.shutdown();
  const items: number[] = [];
  for await (const item of queue) items.push(item);
  assert.deepEqual(items, [1, 2, 3]);
});

runs("Q-20: `for await` waits for items and ends at a later shutdown", async () => {
  const queue = new Queue<number>(1);
  const items: number[] = [];
  const [consumer] = await started(async () => {
    for await (const item of queue) {
      items.push(item);
      queue.taskDone();
    }
    return "ended";
  });
  for (const n of [1, 2, 3]) await queue.put(n);
  await queue.join();
  queue.shutdown();
  assert.equal(await consumer, "ended");
  assert.deepEqual(items, [1, 2, 3]);
});

runs("Q-20: `for await` takes none ahead: leaving the loop leaves the rest", async () => {
  const queue = new Queue<number>();
  for (const n of [1, 2, 3]) queue.putNowait(n);
  for await (const item of queue) {
    assert.equal(item, 1);
    break;
  }
  assert.equal(queue.qsize(), 2);
  const [getter] = await started(() => queue.get());
  assert.equal(await getter, 2);
});

runs("Q-21: `for await` ends at an immediate shutdown", async () => {
  const queue = new Queue<number>();
  const [consumer, waiting] = await started(async () => {
    const items: number[] = [];
    for await (const item of queue) {
      items.push(item);
      await ticks(2);
    }
    return items;
  }, async () => {
    const items: number[] = [];
    for await (const item of queue) items.push(item);
    return items;
  });
  queue.putNowait(1);
  await ticks();
  queue.putNowait(2);
  queue.putNowait(3);
  queue.shutdown({ immediate: true });
  assert.deepEqual(await gather([consumer!, waiting!]), [[1], []]);
});

runs("Q-26: an overtaken `for await` waits again", async () => {
  const queue = new Queue<number>();
  const [consumer] = await started(async () => {
    const items: number[] = [];
    for await (const item of queue) items.push(item);
    return items;
  });
  queue.putNowait(1);
  assert.equal(queue.getNowait(), 1);
  await ticks(2);
  queue.putNowait(2);
  await ticks(2);
  queue.shutdown();
  assert.deepEqual(await consumer, [2]);
});

runs("Q-01: `for await` hands out promises and tasks as they are", async () => {
  const queue = new Queue<Promise<number>>();
  const given = Promise.resolve(1);
  const task = createTask(() => 2);
  queue.putNowait(given);
  queue.putNowait(task);
  queue.shutdown();
  const items: unknown[] = [];
  for await (const item of { [Symbol.asyncIterator]: () => queue[Symbol.asyncIterator]() }) {
    items.push(item);
  }
  assert.equal(items[0], given);
  assert.equal(items[1], task);
  assert.equal(await task, 2);
});

runs("Q-11: a cancelled `for await` loses no item", async () => {
  const queue = new Queue<number>();
  const [consumer] = await started(async () => {
    for await (const item of queue) assert.fail(`got ${item}`);
  });
  queue.putNowait(1);
  consumer!.cancel();
  await assertCancelled(consumer!);
  assert.deepEqual(queue.getNowait(), 1);
});
