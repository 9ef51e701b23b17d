/** merge() and flatMap(): several sources at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  createTask,
  type ExceptionContext,
  flatMap,
  getRunningLoop,
  merge,
  Queue,
  sleep,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs } from "../_support/sync.ts";
import { all, later, range, source } from "../_support/iteration.ts";

/** A source that tells whether it was closed, cleaning up for half a second. */
function closing(count: number, seconds: number) {
  const state = { read: 0, closed: false };
  async function* items() {
    try {
      for (let n = 0; n < count; n++) {
        await sleep(seconds);
        state.read++;
        yield n;
      }
    } finally {
      await sleep(0.5);
      state.closed = true;
    }
  }
  return { items: items(), state };
}

runs("ITER-41: merge() gives the items of all sources as they come", async () => {
  const merged = merge(later(["a", "b"], 2), later(["x", "y", "z"], 1.5));
  assert.deepEqual(await all(merged), ["x", "a", "y", "b", "z"]);
});

runs("ITER-42: merge() takes sources of both kinds", async () => {
  assert.deepEqual(await all(merge([1, 2], new Set([3]), later([4]))), [1, 3, 2, 4]);
});

runs("ITER-43: merge() of nothing is empty", async () => {
  assert.deepEqual(await all(merge()), []);
  assert.deepEqual(await all(merge([], later([]))), []);
});

runs("ITER-44: a source is asked for its next item when the one before was taken", async () => {
  const { items, state } = source(100);
  const merged = merge(items, later([100], 50));
  await merged.next();
  await sleep(10);
  assert.equal(state.read, 2);
  await merged.return!();
  assert.equal(state.closed, true);
});

runs(
  "ITER-45: a source that fails ends the others, with their cleanup, and its error is thrown",
  async () => {
    const { items, state } = closing(100, 1);
    async function* failing() {
      await sleep(2.5);
      yield "last";
      throw new RangeError("in a source");
    }
    const seen: unknown[] = [];
    await assert.rejects(async () => {
      for await (const item of merge<unknown>(items, failing())) seen.push(item);
    }, RangeError);
    assert.deepEqual(seen, [0, 1, "last"]);
    assert.deepEqual([state.closed, allTasks().size], [true, 1]);
  },
);

runs("ITER-46: leaving the loop ends all sources and waits for that", async () => {
  const sources = [closing(9, 1), closing(9, 2)];
  for await (const _ of merge(...sources.map(({ items }) => items))) break;
  assert.deepEqual(sources.map(({ state }) => state.closed), [true, true]);
  assert.equal(allTasks().size, 1);
});

runs("ITER-47: a cancelled reader ends all sources and waits for that", async () => {
  const { items, state } = closing(9, 100);
  const task = createTask(() => all(merge(items, later([1], 100))));
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.deepEqual([state.closed, allTasks().size], [true, 1]);
});

runs("ITER-48: merge() over queues loses no item when it is left", async () => {
  const queue = new Queue<number>();
  for (const n of range(5)) queue.putNowait(n);
  for await (const n of merge(queue, later([9], 100))) if (n === 1) break;
  // One is read ahead: the source was asked for it when the one before had been taken.
  assert.ok(queue.qsize() >= 2);
});

runs("ITER-49: a failure behind the first one is not lost when it comes of a cleanup", async () => {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context));
  async function* failing() {
    yield 1;
    throw new RangeError("first");
  }
  async function* bad(): AsyncGenerator<number> {
    try {
      await sleep(100);
    } catch {
      throw new Error("in the cleanup");
    }
    yield 1;
  }
  await assert.rejects(all(merge(failing(), bad())), RangeError);
  assert.deepEqual(reports.map(({ exception }) => String(exception)), ["Error: in the cleanup"]);
});

test("ITER-50: merge() refuses at once what can't be iterated", () => {
  assert.throws(() => merge([1], 7 as unknown as []), TypeError);
});

test("ITER-51: wherever a merge() is cancelled, nothing is left", async () => {
  const points = await cancelEverywhere(async () => {
    await all(merge(later(range(3), 1), closing(2, 0.7).items, [7]));
  });
  assert.ok(points >= 12, `only ${points} points`);
});

runs("ITER-52: flatMap() gives the items of what fn returns", async () => {
  const pages = [["a", "b"], ["c"], []];
  const seen = await all(flatMap(pages, (page) => page, { limit: 1 }));
  assert.deepEqual(seen, ["a", "b", "c"]);
});

runs("ITER-53: flatMap() gives them as they come", async () => {
  const seen = await all(flatMap([3, 1], (n) => later([`${n}a`, `${n}b`], n)));
  assert.deepEqual(seen, ["1a", "1b", "3a", "3b"]);
});

runs("ITER-54: at most `limit` are read at once, in the order of the source", async () => {
  let open = 0;
  let most = 0;
  const begun: number[] = [];
  async function* page(n: number) {
    begun.push(n);
    most = Math.max(most, ++open);
    for (const item of range(3)) {
      await sleep(1);
      yield item;
    }
    open--;
  }
  await all(flatMap(later(range(6)), page, { limit: 2 }));
  assert.equal(most, 2);
  assert.deepEqual(begun, range(6));
});

runs("ITER-55: fn is given the item and its place", async () => {
  const seen = await all(flatMap(["a", "b"], (item, index) => [`${item}${index}`], { limit: 1 }));
  assert.deepEqual(seen, ["a0", "b1"]);
});

runs("ITER-56: an error of fn or of what it returns ends all", async () => {
  const { items, state } = closing(9, 1);
  const failing = (n: number): Iterable<number> | AsyncIterable<number> => {
    if (n === 1) throw new RangeError("in fn");
    return items;
  };
  await assert.rejects(all(flatMap([0, 1], failing)), RangeError);
  assert.equal(state.closed, true);
});

runs("ITER-57: what fn returns must be iterable", async () => {
  const seven = () => 7 as unknown as [];
  await assert.rejects(all(flatMap([1], seven)), TypeError);
});

runs("ITER-58: an error of the source ends all, after what came before", async () => {
  async function* failing() {
    yield 1;
    await sleep(5);
    throw new RangeError("in the source");
  }
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const n of flatMap(failing(), (n) => [n, n + 1])) seen.push(n);
  }, RangeError);
  assert.deepEqual(seen, [1, 2]);
});

runs("ITER-59: leaving a flatMap() ends its source and what is read", async () => {
  const inner = [closing(9, 1), closing(9, 1)];
  const { items, state } = source(2);
  for await (const _ of flatMap(items, (n) => inner[n]!.items, { limit: 2 })) break;
  assert.equal(state.closed || state.read === 2, true);
  assert.deepEqual(inner.map(({ state }) => state.closed), [true, true]);
  assert.equal(allTasks().size, 1);
});

runs("ITER-60: a timeout around a flatMap() ends it", async () => {
  const { items, state } = closing(9, 100);
  await assert.rejects(timeout(1).with(() => all(flatMap([1], () => items))), TimeoutError);
  assert.equal(state.closed, true);
});

test("ITER-61: flatMap() refuses misuse at once", () => {
  assert.throws(() => flatMap(7 as unknown as [], () => []), TypeError);
  assert.throws(() => flatMap([], 7 as unknown as () => []), TypeError);
  assert.throws(() => flatMap([], () => [], { limit: 0 }), RangeError);
  assert.throws(() => flatMap([], () => [], { concurrency: 2 } as object), /write limit/);
});

test("ITER-62: wherever a flatMap() is cancelled, nothing is left", async () => {
  const points = await cancelEverywhere(async () => {
    await all(flatMap(later(range(3), 1), (n) => later([n], 0.5), { limit: 2 }));
  });
  assert.ok(points >= 12, `only ${points} points`);
});

test("ITER-63: they work in plain code", async () => {
  assert.deepEqual(await all(merge([1], [2])), [1, 2]);
  assert.deepEqual(await all(flatMap([1], (n) => [n, n])), [1, 1]);
});
