/** Broadcast and Subscription. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  Broadcast,
  createTask,
  gather,
  QueueFull,
  QueueShutDown,
  run,
  sleep,
  type Subscription,
  type Task,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { runTest } from "../../testing/mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs, shown, started, ticks } from "../_support/sync.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

runs("CAST-01: every subscription gets every item, in order", async () => {
  const news = new Broadcast<number>();
  const readers = [news.subscribe(), news.subscribe()].map((items) => () => all(items));
  for (const n of [1, 2, 3]) await news.publish(n);
  news.shutdown();
  assert.deepEqual(await gather(readers), [[1, 2, 3], [1, 2, 3]]);
});

runs("CAST-02: a subscription gets what is published after it, and nothing before", async () => {
  const news = new Broadcast<number>();
  await news.publish(1);
  const items = news.subscribe();
  await news.publish(2);
  news.shutdown();
  assert.deepEqual(await all(items), [2]);
});

runs("CAST-03: without subscriptions an item is dropped", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  await news.publish(1);
  await news.publish(2);
  news.publishNowait(3);
  assert.equal(news.statistics()["size"], 0);
});

runs("CAST-04: get() waits for the next item", async () => {
  const news = new Broadcast<string>();
  const items = news.subscribe();
  const [reader] = await started(() => items.get());
  assert.equal(reader!.done(), false);
  news.publishNowait("a");
  assert.equal(await reader, "a");
});

runs("CAST-05: by default a subscription holds as much as comes", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  for (let n = 0; n < 1000; n++) news.publishNowait(n);
  news.shutdown();
  assert.equal((await all(items)).length, 1000);
});

runs("CAST-06: publish() waits for the slowest", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const [quick, slow] = [news.subscribe(), news.subscribe()];
  await news.publish(1);
  const [publishing] = await started(() => news.publish(2));
  assert.equal(await quick.get(), 1);
  await ticks(2);
  assert.equal(publishing!.done(), false);
  assert.equal(await slow.get(), 1);
  await publishing;
  assert.deepEqual([await quick.get(), await slow.get()], [2, 2]);
});

runs("CAST-07: an item that waits for room has reached no subscription yet", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const [quick, slow] = [news.subscribe(), news.subscribe()];
  await news.publish(1);
  const [publishing] = await started(() => news.publish(2));
  await quick.get();
  await assert.rejects(timeout(1).with(() => quick.get()), TimeoutError);
  await slow.get();
  await publishing;
});

runs("CAST-08: publishers are served in the order in which they came", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  const publishers = await started(...[1, 2, 3, 4].map((n) => () => news.publish(n)));
  const seen = [];
  for (let n = 0; n < 4; n++) seen.push(await items.get());
  await gather(publishers);
  assert.deepEqual(seen, [1, 2, 3, 4]);
});

runs("CAST-09: publish() does not overtake a publisher that waits", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await news.publish(1);
  const [second] = await started(() => news.publish(2));
  const first = await items.get();
  const third = createTask(() => news.publish(3));
  assert.deepEqual([first, await items.get(), await items.get()], [1, 2, 3]);
  await gather([second!, third]);
});

runs("CAST-10: publishNowait() throws QueueFull where publish() would wait", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  news.publishNowait(1);
  assert.throws(() => news.publishNowait(2), QueueFull);
  assert.equal(await items.get(), 1);
  news.publishNowait(2);
});

runs(
  "CAST-11: publishNowait() throws QueueFull while the room is promised to a publisher",
  async () => {
    const news = new Broadcast<number>({ maxsize: 1 });
    const items = news.subscribe();
    news.publishNowait(1);
    const [waiting] = await started(() => news.publish(2));
    items.get();
    assert.throws(() => news.publishNowait(3), QueueFull);
    await waiting;
    assert.equal(await items.get(), 2);
  },
);

runs(
  "CAST-12: with dropOldest a slow subscription loses its oldest items, and counts them",
  async () => {
    const news = new Broadcast<number>({ maxsize: 2, onFull: "dropOldest" });
    const [slow, quick] = [news.subscribe(), news.subscribe()];
    for (const n of [1, 2, 3, 4, 5]) {
      await news.publish(n);
      assert.equal(await quick.get(), n);
    }
    assert.deepEqual([slow.missed, quick.missed], [3, 0]);
    assert.deepEqual([await slow.get(), await slow.get()], [4, 5]);
  },
);

runs("CAST-13: with dropOldest publishNowait() is never full", async () => {
  const news = new Broadcast<number>({ maxsize: 1, onFull: "dropOldest" });
  const items = news.subscribe();
  for (const n of [1, 2, 3]) news.publishNowait(n);
  assert.equal(await items.get(), 3);
});

runs("CAST-14: with dropOldest and no maxsize nothing is lost", async () => {
  const news = new Broadcast<number>({ onFull: "dropOldest" });
  const items = news.subscribe();
  for (const n of [1, 2, 3]) news.publishNowait(n);
  assert.equal(items.missed, 0);
  assert.equal(await items.get(), 1);
});

runs("CAST-15: a publisher that is cancelled has published nothing", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await news.publish(1);
  const [waiting] = await started(() => news.publish(2));
  waiting!.cancel("enough");
  await assertCancelled(waiting!, "enough");
  news.shutdown();
  assert.deepEqual(await all(items), [1]);
});

runs(
  "CAST-16: a publisher that is cancelled after it was woken lets the next one publish",
  async () => {
    const news = new Broadcast<number>({ maxsize: 1 });
    const items = news.subscribe();
    await news.publish(1);
    const [first, second] = await started(() => news.publish(2), () => news.publish(3));
    items.get();
    first!.cancel();
    await assertCancelled(first!);
    await second;
    assert.equal(await items.get(), 3);
  },
);

runs("CAST-17: a reader that is cancelled takes no item", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  const [reader] = await started(() => items.get());
  news.publishNowait(1);
  reader!.cancel();
  await assertCancelled(reader!);
  assert.equal(await items.get(), 1);
});

runs("CAST-18: waitFor() over the promises of get() and publish() cancels them", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await assert.rejects(waitFor(items.get(), 1), TimeoutError);
  await news.publish(1);
  await assert.rejects(waitFor(news.publish(2), 1), TimeoutError);
  assert.equal(news.statistics().waiting, 0);
  assert.equal(await items.get(), 1);
});

runs("CAST-19: several readers of one subscription share its items", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  const readers = await started(() => items.get(), () => items.get());
  news.publishNowait(1);
  news.publishNowait(2);
  assert.deepEqual(await gather(readers), [1, 2]);
});

runs("CAST-20: after shutdown() subscriptions give out what they hold, and end", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  await news.publish(1);
  news.shutdown();
  assert.equal(await items.get(), 1);
  await assert.rejects(items.get(), QueueShutDown);
  assert.deepEqual(await all(items), []);
});

runs("CAST-21: shutdown(true) drops what they hold", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  await news.publish(1);
  news.shutdown(true);
  assert.deepEqual(await all(items), []);
});

runs("CAST-22: after shutdown() publishing is a QueueShutDown", async () => {
  const news = new Broadcast<number>();
  news.shutdown();
  await assert.rejects(news.publish(1), QueueShutDown);
  assert.throws(() => news.publishNowait(1), QueueShutDown);
});

runs("CAST-23: shutdown() ends publishers that wait with QueueShutDown", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await news.publish(1);
  const [waiting] = await started(() => news.publish(2));
  news.shutdown();
  await assert.rejects(async () => await waiting, QueueShutDown);
  assert.deepEqual(await all(items), [1]);
});

runs("CAST-24: shutdown() ends readers that wait", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  const [reader, iterating] = await started<unknown>(() => items.get(), () => all(items));
  news.shutdown();
  await assert.rejects(async () => await reader, QueueShutDown);
  assert.deepEqual(await iterating, []);
});

runs("CAST-25: a subscription made after shutdown() has ended", async () => {
  const news = new Broadcast<number>();
  news.shutdown();
  assert.deepEqual(await all(news.subscribe()), []);
});

runs("CAST-26: close() ends a subscription and drops what it holds", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  await news.publish(1);
  items.close();
  await assert.rejects(items.get(), QueueShutDown);
  assert.equal(news.statistics()["subscriptions"], 0);
});

runs("CAST-27: close() of the slowest lets publishers go on", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const [quick, slow] = [news.subscribe(), news.subscribe()];
  await news.publish(1);
  const [waiting] = await started(() => news.publish(2));
  await quick.get();
  slow.close();
  await waiting;
  assert.equal(await quick.get(), 2);
});

runs("CAST-28: close() ends readers that wait, and may be called again", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  const [iterating] = await started(() => all(items));
  items.close();
  items.close();
  assert.deepEqual(await iterating, []);
});

runs("CAST-29: leaving a for await over a subscription closes it", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await news.publish(1);
  for await (const _ of items) break;
  assert.equal(news.statistics()["subscriptions"], 0);
  await news.publish(2);
  await news.publish(3);
});

runs("CAST-30: disposing of a subscription closes it", async () => {
  const news = new Broadcast<number>();
  news.subscribe()[Symbol.dispose]();
  assert.equal(news.statistics()["subscriptions"], 0);
});

runs("CAST-31: a subscription may be made and closed while items are published", async () => {
  const news = new Broadcast<number>();
  const first = news.subscribe();
  await news.publish(1);
  const second = news.subscribe();
  await news.publish(2);
  first.close();
  await news.publish(3);
  news.shutdown();
  assert.deepEqual(await all(second), [2, 3]);
});

test("CAST-32: options that make no sense are refused", () => {
  assert.throws(() => new Broadcast({ maxsize: NaN }), RangeError);
  assert.throws(() => new Broadcast({ maxsize: "1" as unknown as number }), TypeError);
  assert.throws(() => new Broadcast({ onFull: "drop" as "wait" }), RangeError);
  assert.throws(() => new Broadcast({ size: 1 } as object), TypeError);
});

runs("CAST-33: statistics() and the texts tell the state", async () => {
  const news = new Broadcast<number>({ maxsize: 1 });
  const items = news.subscribe();
  await news.publish(1);
  const [waiting] = await started(() => news.publish(2));
  assert.deepEqual(news.statistics(), {
    waiting: 1,
    subscriptions: 1,
    size: 1,
    maxsize: 1,
    shutdown: false,
  });
  assert.equal(shown(news), "<Broadcast #N subscriptions=1 maxsize=1>");
  assert.equal(shown(items), "<Subscription #N size=1>");
  await items.get();
  await waiting;
});

test("CAST-34: it works in plain code", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  const next = items.get();
  news.publishNowait(1);
  assert.equal(await next, 1);
});

test("CAST-35: it may be published to from another run than the readers', while none waits", async () => {
  const news = new Broadcast<number>();
  const items = news.subscribe();
  await run(() => news.publish(1));
  await run(async () => assert.equal(await items.get(), 1));
});

test("CAST-36: wherever the program is cancelled, an item reaches all or none", async () => {
  const points = await cancelEverywhere(async (attempt) => {
    const news = new Broadcast<number>({ maxsize: 1 });
    const [a, b] = [news.subscribe(), news.subscribe()];
    attempt.afterwards(() => {
      assert.equal(news.statistics().waiting, 0);
      a.close();
      b.close();
    });
    const reads = async (items: Subscription<number>) => {
      for (let n = 0; n < 3; n++) {
        assert.equal(await items.get(), n);
        await sleep(1);
      }
    };
    const publishes = async () => {
      for (let n = 0; n < 3; n++) await news.publish(n);
    };
    await gather([() => reads(a), () => reads(b), publishes]);
  });
  assert.ok(points >= 12, `only ${points} points`);
});

test("CAST-37: it does what the model does, whatever comes in which order", async () => {
  const step = fc.record({
    kind: fc.constantFrom("publish", "get", "subscribe", "close", "cancel"),
    which: fc.nat(3),
  });
  const property = fc.asyncProperty(
    fc.constantFrom("wait" as const, "dropOldest" as const),
    fc.integer({ min: 0, max: 2 }),
    fc.array(step, { maxLength: 30 }),
    (onFull, maxsize, steps) =>
      runTest(async () => {
        const news = new Broadcast<number>({ onFull, maxsize });
        const open: { items: Subscription<number>; holds: number[]; missed: number }[] = [];
        const line: { item: number; task: Task<void> }[] = [];
        let last = 0;
        const deliver = (item: number) => {
          for (const model of open) {
            model.holds.push(item);
            if (onFull === "dropOldest" && maxsize > 0 && model.holds.length > maxsize) {
              model.holds.shift();
              model.missed++;
            }
          }
        };
        const hasRoom = () =>
          onFull === "dropOldest" || maxsize === 0 ||
          open.every(({ holds }) => holds.length < maxsize);
        for (const { kind, which } of steps) {
          const model = open[which];
          if (kind === "subscribe" && open.length < 3) {
            open.push({ items: news.subscribe(), holds: [], missed: 0 });
          } else if (kind === "close" && model !== undefined) {
            model.items.close();
            open.splice(which, 1);
          } else if (kind === "publish") {
            const item = ++last;
            line.push({ item, task: createTask(() => news.publish(item)) });
          } else if (kind === "cancel" && line[which] !== undefined) {
            line[which].task.cancel();
            line.splice(which, 1);
          } else if (kind === "get" && model !== undefined && model.holds.length > 0) {
            assert.equal(await model.items.get(), model.holds.shift());
          }
          while (line.length > 0 && hasRoom()) deliver(line.shift()!.item);
          await ticks(12);
          assert.equal(news.statistics().waiting, line.length);
          for (const { items, missed } of open) assert.equal(items.missed, missed);
        }
        news.shutdown();
        for (const { items, holds } of open) assert.deepEqual(await all(items), holds);
        await gather(line.map(({ task }) => task), { returnExceptions: true });
      }),
  );
  await fc.assert(property, { numRuns: 40 });
});
