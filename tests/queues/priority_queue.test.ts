import assert from "node:assert/strict";
import { test } from "node:test";
import { PriorityQueue, QueueFull } from "../../mod.ts";
import { runs, started } from "../_support/sync.ts";

/** What comes out when these go in. */
function sorted<T>(items: readonly T[], queue = new PriorityQueue<T>()): T[] {
  for (const item of items) queue.putNowait(item);
  return items.map(() => queue.getNowait());
}

test("Q-28: numbers and bigints are ordered by value", () => {
  assert.deepEqual(sorted<number | bigint>([10, 9n, -1, 2.5, 1n, Infinity, -Infinity, 3]), [
    -Infinity,
    -1,
    1n,
    2.5,
    3,
    9n,
    10,
    Infinity,
  ]);
});

test("Q-28: bigints beyond 2^53 are compared exactly", () => {
  const big = 2n ** 53n;
  assert.deepEqual(sorted<number | bigint>([big + 1n, 2 ** 53, big - 1n]), [
    big - 1n,
    2 ** 53,
    big + 1n,
  ]);
});

test("Q-28: strings are ordered by code point, as in Python", () => {
  assert.deepEqual(sorted(["b", "a", "", "ab", "B", "é"]), ["", "B", "a", "ab", "b", "é"]);
  // In UTF-16 the emoji's first unit is less than U+FF5E.
  assert.deepEqual(sorted(["😀", "～", "a😀", "a～"]), ["a～", "a😀", "～", "😀"]);
  assert.deepEqual(sorted(["😀", "\ud83d～"]), ["\ud83d～", "😀"]);
  assert.deepEqual(sorted(["😁", "😀", "\ud83d", "😀a"]), ["\ud83d", "😀", "😀a", "😁"]);
});

test("Q-28: arrays are ordered by their first difference, shorter first", () => {
  assert.deepEqual(sorted<unknown[]>([[2, "a"], [1, "b"], [1, "a"], [1], [], [1, "a", 0]]), [
    [],
    [1],
    [1, "a"],
    [1, "a", 0],
    [1, "b"],
    [2, "a"],
  ]);
  assert.deepEqual(sorted<unknown[]>([[1, [2, "z"]], [1, [2, "a"]], [0, [9]]]), [
    [0, [9]],
    [1, [2, "a"]],
    [1, [2, "z"]],
  ]);
});

test("Q-28: equal items leave in order of arrival", () => {
  const items = [1, 0, 1n, 1.0, 0n, -0].map((priority, index) => ({ priority, index }));
  const queue = new PriorityQueue<{ priority: number | bigint; index: number }>(0, {
    compare: (a, b) => a.priority < b.priority ? -1 : a.priority > b.priority ? 1 : 0,
  });
  assert.deepEqual(sorted(items, queue).map(({ index }) => index), [1, 4, 5, 0, 2, 3]);
  assert.deepEqual(sorted<number | bigint>([2, 1n, 1, 2n]), [1n, 1, 2, 2n]);
});

test("Q-28: many equal items keep their order across chunks", () => {
  const items = Array.from({ length: 3000 }, (_, index) => ({ key: index % 3, index }));
  const queue = new PriorityQueue<{ key: number; index: number }>(0, {
    compare: (a, b) => a.key - b.key,
  });
  const expected = [0, 1, 2].flatMap((key) => items.filter((item) => item.key === key));
  assert.deepEqual(sorted(items, queue), expected);
});

test("Q-28: `compare` decides where it is given", () => {
  const queue = new PriorityQueue<string>(0, { compare: (a, b) => b.length - a.length });
  assert.deepEqual(sorted(["a", "ccc", "bb"], queue), ["ccc", "bb", "a"]);
  assert.throws(() => new PriorityQueue(0, { compare: 1 as never }), TypeError);
});

test("Q-28: items without an order are refused, the queue unharmed", () => {
  const bad: [unknown[], unknown][] = [
    [[1, 2], "a"],
    [["a"], 1],
    [["a"], ["a"]],
    [[], NaN],
    [[1, 2, 3], NaN],
    [[], {}],
    [[1], {}],
    [[], undefined],
    [[], null],
    [[], true],
    [[], Symbol("s")],
    [[], () => 1],
    [[], new Date(0)],
    [[], [NaN]],
    [[], [1, [NaN]]],
    [[[1, "a"]], [1, 2]],
    [[[1, {}]], [1, {}]],
    [[[1, null]], [1, "a"]],
    [[[1, [2]]], [1, 2]],
  ];
  for (const [inside, item] of bad) {
    const queue = new PriorityQueue<unknown>();
    for (const good of inside) queue.putNowait(good);
    assert.throws(() => queue.putNowait(item), TypeError, String(queue));
    assert.equal(queue.qsize(), inside.length);
    assert.equal(queue.statistics()["unfinished"], inside.length);
    for (const good of inside) assert.equal(queue.getNowait(), good);
  }
});

test("Q-28: what would only clash with an item deep inside is refused at put", () => {
  const queue = new PriorityQueue<unknown[]>();
  for (let n = 0; n < 2000; n++) queue.putNowait([n, "text"]);
  for (const n of [0, 1, 511, 512, 513, 1000, 1999]) {
    assert.throws(() => queue.putNowait([n, 5]), TypeError);
  }
  queue.putNowait([2000, 5]);
  queue.putNowait([-1, 5]);
  queue.putNowait([512]);
  assert.equal(queue.qsize(), 2003);
  const out: unknown[] = [];
  while (!queue.empty()) out.push(queue.getNowait()[0]);
  assert.deepEqual(out, out.toSorted((a, b) => Number(a) - Number(b)));
});

test("Q-28: priorities with jobs behind them work until two are equal", () => {
  const queue = new PriorityQueue<[number, { job: string }]>();
  queue.putNowait([2, { job: "b" }]);
  queue.putNowait([1, { job: "a" }]);
  const job = { job: "shared" };
  queue.putNowait([3, job]);
  queue.putNowait([3, job]);
  assert.throws(() => queue.putNowait([3, { job: "shared" }]), TypeError);
  assert.deepEqual([queue.getNowait()[1].job, queue.getNowait()[1].job], ["a", "b"]);
});

test("Q-28: a compare() that gives no number is a TypeError, the queue unharmed", () => {
  const queue = new PriorityQueue<{ age?: number }>(0, { compare: (a, b) => a.age! - b.age! });
  assert.throws(() => queue.putNowait({}), TypeError);
  queue.putNowait({ age: 3 });
  assert.throws(() => queue.putNowait({}), TypeError);
  assert.equal(queue.qsize(), 1);
  assert.equal(queue.getNowait().age, 3);
});

test("Q-28: an error of compare() passes, the queue unharmed", () => {
  const queue = new PriorityQueue<number>(0, {
    compare(a, b) {
      if (a === 13 || b === 13) throw new RangeError("unlucky");
      return a - b;
    },
  });
  queue.putNowait(1);
  assert.throws(() => queue.putNowait(13), RangeError);
  assert.equal(queue.qsize(), 1);
});

test("Q-06: a full queue says so before it compares", () => {
  const queue = new PriorityQueue<number>(1);
  queue.putNowait(1);
  assert.throws(() => queue.putNowait(NaN), QueueFull);
});

runs("Q-28: put() on a full queue refuses an item without order at once", async () => {
  const queue = new PriorityQueue<unknown>(1);
  queue.putNowait(1);
  await assert.rejects(queue.put("a"), TypeError);
  assert.equal(queue.statistics().waiting, 0);
});

runs("Q-28: a blocked item that has no order any more passes its slot to the next", async () => {
  const spoilt = new Set<number>();
  const queue = new PriorityQueue<number>(1, {
    compare(a, b) {
      if (spoilt.has(a) || spoilt.has(b)) throw new TypeError("no order");
      return a - b;
    },
  });
  queue.putNowait(1);
  const [first, second] = await started(() => queue.put(2), () => queue.put(3));
  queue.getNowait();
  spoilt.add(2);
  await assert.rejects(async () => await first, TypeError);
  await second;
  assert.equal(queue.getNowait(), 3);
});

test("Q-28: a hundred thousand items in random order come out sorted", () => {
  const queue = new PriorityQueue<number>();
  let state = 12345;
  const items: number[] = [];
  for (let n = 0; n < 100_000; n++) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    items.push(state);
    queue.putNowait(state);
  }
  items.sort((a, b) => a - b);
  let wrong = 0;
  for (const item of items) if (queue.getNowait() !== item) wrong++;
  assert.equal(wrong, 0);
});
