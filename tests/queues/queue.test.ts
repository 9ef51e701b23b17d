import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  gather,
  getRunningLoop,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  run,
  RuntimeError,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { assertCancelled, runs, started, ticks } from "../_support/sync.ts";

function drained<T>(queue: Queue<T>): T[] {
  const items: T[] = [];
  while (!queue.empty()) items.push(queue.getNowait());
  return items;
}

test("Q-01: first in first out, newest first, least first", () => {
  const expected = [
    [new Queue<number>(), [1, 3, 2]],
    [new LifoQueue<number>(), [2, 3, 1]],
    [new PriorityQueue<number>(), [1, 2, 3]],
  ] as const;
  for (const [queue, items] of expected) {
    for (const item of [1, 3, 2]) queue.putNowait(item);
    assert.deepEqual(drained(queue), items);
  }
});

test("Q-02: empty(), full(), qsize() and maxsize tell the state", () => {
  const queue = new Queue<number>(2);
  assert.deepEqual([queue.empty(), queue.full(), queue.qsize()], [true, false, 0]);
  queue.putNowait(1);
  assert.deepEqual([queue.empty(), queue.full(), queue.qsize()], [false, false, 1]);
  queue.putNowait(2);
  assert.deepEqual([queue.empty(), queue.full(), queue.qsize()], [false, true, 2]);
  assert.equal(queue.maxsize, 2);
  assert.throws(() => {
    (queue as { maxsize: number }).maxsize = 3;
  }, TypeError);
});

test("Q-02: a maxsize of 0 or less means no limit", () => {
  for (const maxsize of [0, -1, -Infinity]) {
    const queue = new Queue<number>(maxsize);
    for (let i = 0; i < 100; i++) queue.putNowait(i);
    assert.equal(queue.full(), false);
    assert.equal(queue.maxsize, maxsize);
  }
  assert.equal(new Queue().maxsize, 0);
});

test("Q-02: a maxsize that is no number is refused", () => {
  for (const bad of ["1", null, 1n, {}]) {
    assert.throws(() => new Queue(bad as unknown as number), TypeError);
    assert.throws(() => new LifoQueue(bad as unknown as number), TypeError);
    assert.throws(() => new PriorityQueue(bad as unknown as number), TypeError);
  }
  assert.throws(() => new Queue(NaN), RangeError);
});

runs("Q-03: put on a full queue waits for a slot; items go in in order", async () => {
  const queue = new Queue<number>(2);
  const [putter] = await started(async () => {
    for (let n = 1; n <= 4; n++) await queue.put(n);
  });
  assert.equal(queue.full(), true);
  assert.equal(putter!.done(), false);
  const items: number[] = [];
  for (let n = 1; n <= 4; n++) items.push(await queue.get());
  await putter;
  assert.deepEqual(items, [1, 2, 3, 4]);
});

runs("Q-03: the slot goes to the blocked putter one iteration later", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("a");
  const loop = getRunningLoop();
  const order: string[] = [];
  const [putter] = await started(async () => {
    await queue.put("b");
    order.push("put");
  });
  loop.callSoon(() => order.push("before"));
  queue.getNowait();
  assert.equal(queue.qsize(), 0);
  loop.callSoon(() => order.push("after"));
  await putter;
  await ticks();
  assert.deepEqual(order, ["before", "put", "after"]);
});

runs("Q-04: get on an empty queue waits for a put", async () => {
  const queue = new Queue<number>();
  const [getter] = await started(() => queue.get());
  assert.equal(getter!.done(), false);
  queue.putNowait(1);
  assert.equal(queue.qsize(), 1);
  assert.equal(await getter, 1);
  assert.equal(queue.qsize(), 0);
});

runs("Q-04: get on a queue with items takes no turn of the loop", async () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  assert.equal(await queue.get(), 1);
  await queue.put(2);
  assert.equal(turned, false);
});

runs("Q-04: several getters each get one of the items that came at once", async () => {
  const queue = new Queue<number>();
  const getters = await started(() => queue.get(), () => queue.get());
  queue.putNowait(0);
  queue.putNowait(1);
  assert.deepEqual(await gather(getters), [0, 1]);
});

runs("Q-05: put on an unbounded queue never waits", async () => {
  const queue = new Queue<number>();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  for (let n = 0; n < 1000; n++) await queue.put(n);
  assert.equal(turned, false);
  assert.equal(queue.qsize(), 1000);
});

test("Q-06: getNowait() and putNowait() give an error instead of waiting", () => {
  const queue = new Queue<number>(1);
  assert.throws(() => queue.getNowait(), QueueEmpty);
  queue.putNowait(1);
  assert.throws(() => queue.putNowait(2), QueueFull);
  assert.equal(queue.getNowait(), 1);
  assert.throws(() => queue.getNowait(), QueueEmpty);
});

test("Q-07: maxsize 1.3 holds two items", () => {
  const queue = new Queue<number>(1.3);
  queue.putNowait(1);
  assert.equal(queue.full(), false);
  queue.putNowait(2);
  assert.equal(queue.full(), true);
  assert.throws(() => queue.putNowait(3), QueueFull);
});

runs("Q-08: a get wakes one putter", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(0);
  const putters = await started(() => queue.put(1), () => queue.put(2));
  assert.equal(queue.statistics()["putters"], 2);
  assert.equal(queue.getNowait(), 0);
  assert.equal(queue.statistics()["putters"], 1);
  await ticks(3);
  assert.deepEqual(putters.map((putter) => putter.done()), [true, false]);
  assert.equal(await putters[0], undefined);
  queue.getNowait();
  await putters[1];
});

runs("Q-09: blocked putters are served in their order", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("first");
  const putters = await started(() => queue.put("a"), () => queue.put("b"));
  assert.equal(await queue.get(), "first");
  await ticks();
  assert.equal(await queue.get(), "a");
  assert.equal(await queue.get(), "b");
  await gather(putters);
});

runs("Q-10: a producer and a consumer finish over a queue of one", async () => {
  const queue = new Queue<number>(1);
  let sum = 0;
  const produce = async () => {
    for (let n = 1; n <= 50; n++) await queue.put(n);
  };
  const consume = async () => {
    for (let n = 1; n <= 50; n++) {
      const item = await queue.get();
      sum += item;
    }
  };
  await gather([produce, consume, consume, produce]);
  assert.equal(sum, 2 * 50 * 51 / 2);
});

runs("Q-10: four putters on a queue of two are all served by two getNowait()", async () => {
  const queue = new Queue<number>(2);
  const putters = await started(...[1, 2, 3, 4].map((n) => () => queue.put(n)));
  assert.equal(queue.getNowait(), 1);
  assert.equal(queue.getNowait(), 2);
  await gather(putters);
  assert.deepEqual(drained(queue), [3, 4]);
});

runs("Q-11: a cancelled getter leaves no entry; the next gets the item", async () => {
  const queue = new Queue<number>();
  const [first, second] = await started(() => queue.get(), () => queue.get());
  first!.cancel();
  queue.putNowait(7);
  assert.equal(await second, 7);
  await assertCancelled(first!);
  assert.equal(queue.statistics().waiting, 0);
});

runs("Q-11: getters that time out do not pile up", async () => {
  const queue = new Queue<number>();
  for (let i = 0; i < 3; i++) {
    await assert.rejects(timeout(0).with(() => queue.get()), TimeoutError);
  }
  assert.equal(queue.statistics()["getters"], 0);
});

runs("Q-12: a getter cancelled after it was woken loses no item", async () => {
  const queue = new Queue<number>();
  const [getter] = await started(() => queue.get());
  queue.putNowait(1);
  queue.putNowait(2);
  getter!.cancel();
  await assertCancelled(getter!);
  assert.equal(await queue.get(), 1);
  assert.equal(await queue.get(), 2);
});

runs("Q-12: ... and passes the wake-up on", async () => {
  const queue = new Queue<number>();
  const [first, second] = await started(() => queue.get(), () => queue.get());
  queue.putNowait(1);
  first!.cancel();
  assert.equal(await second, 1);
  await assertCancelled(first!);
});

runs("Q-13: three getters, two puts, the first cancelled: the others get both items", async () => {
  const queue = new Queue<number>();
  const getters = await started(() => queue.get(), () => queue.get(), () => queue.get());
  queue.putNowait(0);
  queue.putNowait(1);
  getters[0]!.cancel();
  assert.deepEqual((await gather([getters[1]!, getters[2]!])).sort(), [0, 1]);
  await assertCancelled(getters[0]!);
  assert.equal(queue.empty(), true);
});

runs("Q-14: a putter cancelled after it was woken puts nothing; its slot stays free", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  const [putter] = await started(() => queue.put(2));
  assert.equal(queue.getNowait(), 1);
  putter!.cancel();
  await assertCancelled(putter!);
  assert.equal(queue.empty(), true);
  queue.putNowait(3);
  assert.equal(queue.getNowait(), 3);
});

runs("Q-14: ... and the next putter has it", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  const [first, second] = await started(() => queue.put(2), () => queue.put(3));
  queue.getNowait();
  first!.cancel();
  await second;
  assert.deepEqual(drained(queue), [3]);
  await assertCancelled(first!);
});

runs("Q-15: a cancelled putter leaves no entry; the others go on in order", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("a");
  const [b, c, d] = await started(
    () => queue.put("b"),
    () => queue.put("c"),
    () => queue.put("d"),
  );
  c!.cancel();
  await ticks();
  assert.equal(queue.statistics()["putters"], 2);
  const items = [await queue.get(), await queue.get(), await queue.get()];
  assert.deepEqual(items, ["a", "b", "d"]);
  await gather([b!, d!]);
  await assertCancelled(c!);
});

runs(
  "Q-15: a cancelled putter keeps nobody's place: the free slot wakes the next one at once",
  async () => {
    const queue = new Queue<string>(1);
    queue.putNowait("a");
    const [b, c, d] = await started(
      () => queue.put("b"),
      () => queue.put("c"),
      () => queue.put("d"),
    );
    b!.cancel();
    await ticks(2);
    assert.equal(queue.statistics()["putters"], 2);
    assert.equal(queue.getNowait(), "a");
    await ticks();
    assert.deepEqual([b!.cancelled(), c!.done(), d!.done()], [true, true, false]);
    assert.deepEqual([queue.getNowait(), await queue.get()], ["c", "d"]);
  },
);

runs("Q-15: nor does one that is cancelled in the tick in which the slot comes free", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("a");
  const [b, c] = await started(() => queue.put("b"), () => queue.put("c"));
  b!.cancel();
  assert.equal(queue.getNowait(), "a");
  await ticks(2);
  assert.deepEqual([b!.cancelled(), c!.done(), queue.qsize()], [true, true, 1]);
  assert.equal(queue.statistics()["putters"], 0);
  assert.equal(queue.getNowait(), "c");
});

runs("Q-16: a putter woken and then cancelled sees plain CancelledError", async () => {
  const queue = new Queue<number>(1);
  queue.putNowait(1);
  const [putter] = await started(() => queue.put(2));
  queue.getNowait();
  putter!.cancel("why");
  await assertCancelled(putter!, "why");
});

runs("Q-17: join() returns at once with nothing unfinished", async () => {
  const queue = new Queue<number>();
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  await queue.join();
  await queue.join();
  assert.equal(turned, false);
});

runs("Q-17: join() waits for one taskDone() per put", async () => {
  for (const queue of [new Queue<number>(), new LifoQueue<number>(), new PriorityQueue<number>()]) {
    for (let n = 0; n < 10; n++) queue.putNowait(n);
    let accumulator = 0;
    const worker = async () => {
      for (;;) {
        const item = await queue.get();
        accumulator += item;
        await ticks();
        queue.taskDone();
      }
    };
    const workers = [createTask(worker), createTask(worker)];
    await queue.join();
    assert.equal(accumulator, 45);
    assert.equal(queue.statistics()["unfinished"], 0);
    for (const task of workers) task.cancel();
    await gather(workers, { returnExceptions: true });
  }
});

test("Q-18: more taskDone() calls than puts are a RangeError", () => {
  const queue = new Queue<number>();
  const tooMany = { name: "RangeError", message: "task_done() called too many times" };
  assert.throws(() => queue.taskDone(), tooMany);
  queue.putNowait(1);
  queue.taskDone();
  assert.throws(() => queue.taskDone(), tooMany);
});

runs("Q-23: a queue shows what it holds and who waits", async () => {
  const queue = new Queue<unknown>(3);
  assert.equal(String(queue), "<Queue maxsize=3>");
  const [getter] = await started(() => queue.get());
  assert.equal(String(queue), "<Queue maxsize=3 _getters[1]>");
  for (const item of [1, "it's", [2n, null]]) queue.putNowait(item);
  assert.equal(
    String(queue),
    "<Queue maxsize=3 _queue=[1, 'it\\'s', [2n, null]] tasks=3>",
  );
  const [putter] = await started(() => queue.put({}));
  assert.equal(
    String(queue),
    "<Queue maxsize=3 _queue=['it\\'s', [2n, null], {…}] tasks=4>",
  );
  await gather([getter!, putter!]);
  const [blocked] = await started(() => queue.put(0));
  assert.match(String(queue), / _putters\[1\] tasks=4>$/);
  queue.shutdown();
  assert.match(String(queue), / tasks=4 shutdown>$/);
  await assert.rejects(async () => await blocked);
});

test("Q-23: the long form tells queues from each other", () => {
  const long = (queue: object) =>
    (queue as Record<symbol, () => string>)[Symbol.for("nodejs.util.inspect.custom")]!();
  const [one, other] = [new LifoQueue(), new LifoQueue()];
  assert.match(long(one), /^<LifoQueue #\d+ maxsize=0>$/);
  assert.notEqual(long(one), long(other));
  assert.equal(String(one), String(other));
});

test("Q-23: long queues are cut short", () => {
  const queue = new Queue<number>();
  for (let n = 0; n < 1000; n++) queue.putNowait(n);
  assert.match(String(queue), /^<Queue maxsize=0 _queue=\[0, 1, .*, 19, … 980 more\] tasks=1000>$/);
});

runs("Q-23: statistics() tells it in numbers", async () => {
  const queue = new Queue<number>(1);
  const [getter] = await started(() => queue.get());
  assert.equal(queue.statistics().waiting, 1);
  queue.putNowait(1);
  await getter;
  await queue.put(2);
  const [putter, joiner] = await started(() => queue.put(3), () => queue.join());
  assert.deepEqual(queue.statistics(), {
    waiting: 2,
    getters: 0,
    putters: 1,
    joiners: 1,
    size: 1,
    maxsize: 1,
    unfinished: 2,
    shutdown: false,
  });
  queue.shutdown({ immediate: true });
  await assert.rejects(async () => await putter);
  queue.taskDone();
  await joiner;
});

runs("Q-26: a woken getter whose item was taken goes to the end of the line", async () => {
  const queue = new Queue<string>();
  const order: string[] = [];
  const body = (name: string) => async () => {
    order.push(`${name}:${await queue.get()}`);
  };
  const tasks = await started(body("first"), body("second"));
  queue.putNowait("snatched");
  assert.equal(queue.getNowait(), "snatched");
  await ticks(2);
  assert.equal(queue.statistics()["getters"], 2);
  queue.putNowait("x");
  await ticks(2);
  queue.putNowait("y");
  await gather(tasks);
  assert.deepEqual(order, ["second:x", "first:y"]);
});

runs("Q-26: a getter that comes later is served before the overtaken one", async () => {
  const queue = new Queue<string>();
  const order: string[] = [];
  const body = (name: string) => async () => {
    order.push(`${name}:${await queue.get()}`);
  };
  const [first] = await started(body("first"));
  const later = createTask(body("later"));
  queue.putNowait("snatched");
  queue.getNowait();
  await ticks(3);
  queue.putNowait("x");
  queue.putNowait("y");
  await gather([first!, later]);
  assert.deepEqual(order, ["later:x", "first:y"]);
});

runs("Q-26: a woken putter overtaken by putNowait() goes to the end of the line", async () => {
  const queue = new Queue<string>(1);
  queue.putNowait("full");
  const tasks = await started(() => queue.put("first"), () => queue.put("second"));
  queue.getNowait();
  queue.putNowait("barger");
  await ticks(2);
  const items: string[] = [];
  for (let i = 0; i < 3; i++) items.push(await queue.get());
  await gather(tasks);
  assert.deepEqual(items, ["barger", "second", "first"]);
});

runs("Q-26: an overtaken getter can still be cancelled", async () => {
  const queue = new Queue<string>();
  const [getter] = await started(() => queue.get());
  queue.putNowait("snatched");
  queue.getNowait();
  await ticks(2);
  getter!.cancel("now");
  await assertCancelled(getter!, "now");
  assert.equal(queue.statistics().waiting, 0);
});

runs("Q-27: join() returns although an item came in the tick in which it was woken", async () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  const [joiner] = await started(() => queue.join());
  queue.getNowait();
  queue.taskDone();
  queue.putNowait(2);
  await joiner;
  assert.equal(queue.statistics()["unfinished"], 1);
});

test("Q-03: works on the ambient loop, outside run()", async () => {
  const queue = new Queue<number>(1);
  const items: number[] = [];
  const produce = async () => {
    for (let n = 0; n < 5; n++) await queue.put(n);
  };
  const consume = async () => {
    for (let n = 0; n < 5; n++) items.push(await queue.get());
  };
  await Promise.all([produce(), consume()]);
  assert.deepEqual(items, [0, 1, 2, 3, 4]);
});

test("LOCK-12: a queue that blocked on one loop refuses to block on another", async () => {
  const queue = new Queue<number>();
  await run(async () => {
    await assert.rejects(timeout(0).with(() => queue.get()), TimeoutError);
  });
  await run(async () => {
    const refused = (error: unknown) => {
      assert.ok(error instanceof RuntimeError);
      assert.match(error.message, /^<Queue maxsize=0.*> is bound to a different event loop/);
      return true;
    };
    await assert.rejects(queue.get(), refused);
    await assert.rejects(queue[Symbol.asyncIterator]().next(), refused);
    await queue.put(1);
    await assert.rejects(queue.join(), refused);
    assert.equal(await queue.get(), 1);
  });
});

runs("Q-04: a million items go in and out in constant time each", async () => {
  const queue = new Queue<number>();
  const count = 1_000_000;
  for (let n = 0; n < count; n++) queue.putNowait(n);
  assert.equal(queue.qsize(), count);
  let wrong = 0;
  for (let n = 0; n < count; n++) {
    if (queue.getNowait() !== n) wrong++;
    if (n % 2 === 0) queue.putNowait(count + n / 2);
  }
  assert.equal(wrong, 0);
  assert.equal(queue.qsize(), count / 2);
  assert.equal(await queue.get(), count);
});

test("Q-01: the order holds while a queue grows and shrinks in use", () => {
  const queue = new Queue<number>();
  let put = 0;
  let taken = 0;
  // Bursts of changing length, so that the ring buffer is resized with its items lying across its end.
  for (let round = 1; round <= 200; round++) {
    for (let n = 0; n < (round * 7) % 61; n++) queue.putNowait(put++);
    for (let n = (round * 5) % 53; n > 0 && !queue.empty(); n--) {
      assert.equal(queue.getNowait(), taken++);
    }
  }
  while (!queue.empty()) assert.equal(queue.getNowait(), taken++);
  assert.equal(taken, put);
});
