/** `limit` of gather() and asCompleted(): lazy sources, in order, never more at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  asCompleted,
  CancelledError,
  ContextVar,
  createTask,
  type ExceptionContext,
  Future,
  gather,
  getRunningLoop,
  run,
  sleep,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { cancelEverywhere } from "../../_support/cancel_everywhere.ts";
import { assertCancelled, runs, ticks } from "../../_support/sync.ts";

/** Jobs that take so many seconds each and give their number, and how many ran at once. */
function jobs(seconds: (n: number) => number = () => 1) {
  const log = { running: 0, most: 0, begun: [] as number[], ended: 0 };
  const job = (n: number) => async () => {
    log.begun.push(n);
    log.most = Math.max(log.most, ++log.running);
    try {
      await sleep(seconds(n));
      log.ended++;
      return n;
    } finally {
      log.running--;
    }
  };
  return { job, log };
}

const range = (count: number) => Array.from({ length: count }, (_, n) => n);

/** A generator that tells how far it was read, and whether it was closed. */
function source<T>(count: number, make: (n: number) => T) {
  const state = { read: 0, closed: false };
  function* items(): Generator<T> {
    try {
      for (let n = 0; n < count; n++) {
        state.read++;
        yield make(n);
      }
    } finally {
      state.closed = true;
    }
  }
  return { items: items(), state };
}

async function* later<T>(items: Iterable<T>, seconds = 0.1): AsyncGenerator<T> {
  for (const item of items) {
    await sleep(seconds);
    yield item;
  }
}

async function results<T>(completed: AsyncIterable<{ result(): T }>): Promise<T[]> {
  const seen: T[] = [];
  for await (const { result } of completed) seen.push(result());
  return seen;
}

runs("LIMIT-01: gather() runs at most `limit` at once", async () => {
  const { job, log } = jobs((n) => n % 3);
  assert.deepEqual(await gather(range(10).map(job), { limit: 3 }), range(10));
  assert.equal(log.most, 3);
});

runs("LIMIT-02: gather() begins them in their order, as soon as there is room", async () => {
  const { job, log } = jobs((n) => n === 0 ? 5 : 1);
  const gathered = gather(range(6).map(job), { limit: 2 });
  await sleep(3.5);
  assert.deepEqual(log.begun, [0, 1, 2, 3, 4]);
  await gathered;
});

runs("LIMIT-03: gather() gives the results in the order of the source", async () => {
  const { job } = jobs((n) => 10 - n);
  assert.deepEqual(await gather(range(5).map(job), { limit: 2 }), range(5));
});

runs("LIMIT-04: gather() reads the source as there is room", async () => {
  const { job } = jobs();
  const { items, state } = source(100, job);
  const gathered = gather(items, { limit: 4 });
  await sleep(0.5);
  assert.equal(state.read, 4);
  await sleep(1);
  assert.equal(state.read, 8);
  assert.equal((await gathered).length, 100);
});

runs("LIMIT-05: gather() takes an async source", async () => {
  const { job, log } = jobs();
  assert.deepEqual(await gather(later(range(5).map(job)), { limit: 2 }), range(5));
  assert.equal(log.most, 2);
});

runs("LIMIT-06: gather() takes an async source without a limit", async () => {
  const { job, log } = jobs();
  assert.deepEqual(await gather(later(range(5).map(job))), range(5));
  assert.equal(log.most, 5);
});

runs("LIMIT-07: gather() of an empty source is an empty list", async () => {
  assert.deepEqual(await gather([], { limit: 2 }), []);
  assert.deepEqual(await gather(later<() => void>([]), { limit: 2 }), []);
});

runs("LIMIT-08: a limit below 1 is a RangeError, as is one that is not whole", async () => {
  for (const limit of [0, -1, 1.5, NaN]) {
    assert.throws(() => gather([], { limit }), RangeError);
    assert.throws(() => asCompleted([], { limit }), RangeError);
  }
  assert.throws(() => gather([], { limit: "2" as unknown as number }), TypeError);
});

runs("LIMIT-09: a limit of Infinity is none", async () => {
  const { job, log } = jobs();
  await gather(range(20).map(job), { limit: Infinity });
  assert.equal(log.most, 20);
});

runs("LIMIT-10: gather() throws the first failure at once, and the others go on", async () => {
  const { job, log } = jobs();
  const failing = () => Promise.reject(new Error("no"));
  const start = getRunningLoop().time();
  await assert.rejects(
    async () => await gather([failing, ...range(4).map(job)], { limit: 2 }),
    /no/,
  );
  assert.equal(getRunningLoop().time(), start);
  await sleep(5);
  assert.equal(log.ended, 4);
});

runs("LIMIT-11: with returnExceptions failures stand in the list", async () => {
  const { job } = jobs();
  const failing = () => Promise.reject(new Error("no"));
  const [a, b, c] = await gather([job(1), failing, job(2)], { limit: 1, returnExceptions: true });
  assert.deepEqual([a, String(b), c], [1, "Error: no", 2]);
});

runs("LIMIT-12: cancelling a gather() ends what runs, and begins nothing more", async () => {
  const { job, log } = jobs(() => 10);
  const { items, state } = source(100, job);
  const gathered = gather(items, { limit: 3 });
  await sleep(1);
  assert.equal(gathered.cancel("enough"), true);
  await assert.rejects(async () => await gathered, new CancelledError("enough"));
  assert.deepEqual([log.running, log.begun.length, state.closed], [0, 3, true]);
});

runs("LIMIT-13: cancelling whoever awaits a gather() ends what runs", async () => {
  const { job, log } = jobs(() => 10);
  const task = createTask(() => gather(range(9).map(job), { limit: 3 }));
  await sleep(1);
  task.cancel();
  await assertCancelled(task);
  assert.equal(log.running, 0);
  await ticks(3);
  assert.equal(allTasks().size, 1);
});

runs("LIMIT-14: a gather() that is cancelled at once begins nothing", async () => {
  const { job, log } = jobs();
  const gathered = gather(range(9).map(job), { limit: 3 });
  gathered.cancel();
  await assert.rejects(async () => await gathered, CancelledError);
  assert.equal(log.begun.length, 0);
});

runs("LIMIT-15: an error of the source is thrown by gather()", async () => {
  function* failing(): Generator<() => number> {
    yield () => 1;
    throw new RangeError("in the source");
  }
  await assert.rejects(async () => await gather(failing(), { limit: 2 }), RangeError);
});

runs("LIMIT-16: an error of the source after a failure is reported", async () => {
  const reports: ExceptionContext[] = [];
  getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context));
  async function* failing(): AsyncGenerator<() => Promise<void>> {
    yield () => Promise.reject(new Error("first"));
    await sleep(1);
    throw new RangeError("in the source");
  }
  await assert.rejects(async () => await gather(failing(), { limit: 2 }), /first/);
  await sleep(2);
  assert.deepEqual(reports.map(({ exception }) => String(exception)), [
    "RangeError: in the source",
  ]);
});

runs("LIMIT-17: what can't be awaited is a TypeError of gather()", async () => {
  await assert.rejects(
    async () => await gather([7 as unknown as () => void], { limit: 2 }),
    TypeError,
  );
});

runs("LIMIT-18: a future and a promise take room while they are not done", async () => {
  const { job, log } = jobs();
  const future = new Future<string>();
  getRunningLoop().callLater(3, () => future.setResult("set"));
  const gathered = gather([future, job(1), job(2), Promise.resolve("p")], { limit: 2 });
  assert.deepEqual(await gathered, ["set", 1, 2, "p"]);
  assert.equal(log.most, 1);
});

runs("LIMIT-19: a future that is given twice gives its result twice", async () => {
  const future = new Future<string>();
  getRunningLoop().callLater(1, () => future.setResult("set"));
  assert.deepEqual(await gather([future, future], { limit: 2 }), ["set", "set"]);
});

runs("LIMIT-20: what gather() begins later has the context variables of the call", async () => {
  const user = new ContextVar<string>("user");
  user.set("ada");
  const gathered = gather(range(3).map(() => () => sleep(1).then(() => user.get())), { limit: 1 });
  user.set("bob");
  assert.deepEqual(await gathered, ["ada", "ada", "ada"]);
});

test("LIMIT-21: the end of a run ends what a gather() that failed still reads", async () => {
  const { job, log } = jobs(() => 3600);
  const { items, state } = source(1000, job);
  function* all() {
    yield () => Promise.reject(new Error("no"));
    yield* items;
  }
  await assert.rejects(run(async () => await gather(all(), { limit: 3 })), /no/);
  assert.ok(state.closed);
  assert.equal(log.running, 0);
});

runs("LIMIT-22: asCompleted() runs at most `limit` at once", async () => {
  const { job, log } = jobs((n) => n % 3);
  const seen = await results(asCompleted(range(10).map(job), { limit: 3 }));
  assert.deepEqual(seen.sort(), range(10));
  assert.equal(log.most, 3);
});

runs("LIMIT-23: asCompleted() gives the results as they come, with their places", async () => {
  const { job } = jobs((n) => [3, 1, 1][n]!);
  const seen: unknown[] = [];
  for await (const { index, result } of asCompleted(range(3).map(job), { limit: 2 })) {
    seen.push([index, result()]);
  }
  assert.deepEqual(seen, [[1, 1], [2, 2], [0, 0]]);
});

runs("LIMIT-24: asCompleted() takes async sources", async () => {
  const { job } = jobs();
  assert.deepEqual(await results(asCompleted(later(range(4).map(job)), { limit: 2 })), range(4));
});

runs("LIMIT-25: asCompleted() reads no further ahead than `limit` results", async () => {
  const { job } = jobs(() => 0);
  const { items, state } = source(100, job);
  const completed = asCompleted(items, { limit: 3 })[Symbol.asyncIterator]();
  await sleep(10);
  assert.ok(state.read <= 6, `${state.read} are read`);
  for (let n = 0; n < 10; n++) await completed.next();
  await sleep(10);
  assert.ok(state.read <= 16, `${state.read} are read`);
  await completed.return!();
});

runs("LIMIT-26: asCompleted() iterates plainly over a generator", async () => {
  const { job, log } = jobs();
  const { items } = source(5, job);
  const seen: number[] = [];
  for (const next of asCompleted(items, { limit: 2 })) seen.push(await next);
  assert.deepEqual(seen, range(5));
  assert.equal(log.most, 2);
});

runs("LIMIT-27: all promises of a plain iteration may be taken before any is awaited", async () => {
  const { job } = jobs((n) => 5 - n);
  const promises = [...asCompleted(range(5).map(job), { limit: 2 })];
  assert.equal(promises.length, 5);
  assert.deepEqual((await Promise.all(promises)).sort(), range(5));
});

runs("LIMIT-28: plain iteration over an async source is a TypeError", async () => {
  const { job } = jobs();
  const completed = asCompleted(later([job(1)]), { limit: 2 }) as unknown as Iterable<unknown>;
  assert.throws(() => [...completed], TypeError);
  await sleep(5);
});

runs("LIMIT-29: after `timeout` the loop throws, and nothing more is begun", async () => {
  const { job, log } = jobs(() => 2);
  const { items } = source(100, job);
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const { result } of asCompleted(items, { limit: 2, timeout: 5 })) {
      seen.push(result());
    }
  }, TimeoutError);
  assert.deepEqual(seen, [0, 1, 2, 3]);
  await sleep(10);
  assert.equal(log.begun.length, 6);
});

runs("LIMIT-30: after `timeout` the promises reject", async () => {
  const { job } = jobs((n) => n === 0 ? 1 : 10);
  const outcomes = [...asCompleted(range(3).map(job), { limit: 2, timeout: 5 })];
  const settled = await Promise.allSettled(outcomes);
  assert.deepEqual(settled.map(({ status }) => status), ["fulfilled", "rejected", "rejected"]);
  await sleep(20);
});

runs(
  "LIMIT-31: leaving the loop cancels what runs, waits for it, and closes the source",
  async () => {
    const { job, log } = jobs((n) => n);
    const { items, state } = source(100, job);
    for await (const { index } of asCompleted(items, { limit: 3 })) if (index === 2) break;
    assert.deepEqual([log.running, state.closed, allTasks().size], [0, true, 1]);
  },
);

runs("LIMIT-32: a failure is thrown by result(), and the others go on", async () => {
  const { job, log } = jobs();
  const failing = () => Promise.reject(new Error("no"));
  const seen: unknown[] = [];
  for await (const { result } of asCompleted([job(1), failing, job(2)], { limit: 1 })) {
    try {
      seen.push(result());
    } catch (error) {
      seen.push(String(error));
    }
  }
  assert.deepEqual(seen, [1, "Error: no", 2]);
  assert.equal(log.ended, 2);
});

runs("LIMIT-33: an error of the source is thrown by the loop after what came before", async () => {
  const { job } = jobs();
  function* failing() {
    yield job(1);
    throw new RangeError("in the source");
  }
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const { result } of asCompleted(failing(), { limit: 2 })) seen.push(result());
  }, RangeError);
  assert.deepEqual(seen, [1]);
});

runs("LIMIT-34: a loop that is cancelled cancels what runs, and waits for it", async () => {
  const { job, log } = jobs(() => 100);
  const body = () => results(asCompleted(range(9).map(job), { limit: 3 }));
  await assert.rejects(timeout(1).with(body), TimeoutError);
  assert.deepEqual([log.running, log.begun.length, allTasks().size], [0, 3, 1]);
});

runs("LIMIT-35: leaving a plain iteration cancels what runs", async () => {
  const { job, log } = jobs((n) => n);
  for (const next of asCompleted(range(9).map(job), { limit: 3 })) {
    await next;
    break;
  }
  await sleep(0);
  await sleep(0);
  assert.deepEqual([log.running, log.begun.length], [0, 3]);
});

runs("LIMIT-36: ten thousand jobs of a generator hold no more than `limit` at a time", async () => {
  let alive = 0;
  let most = 0;
  function* many() {
    for (let n = 0; n < 10_000; n++) {
      most = Math.max(most, ++alive);
      yield () => n;
    }
  }
  let sum = 0;
  for await (const { result } of asCompleted(many(), { limit: 20 })) {
    sum += result();
    alive--;
  }
  assert.equal(sum, 49_995_000);
  assert.ok(most <= 41, `${most} at a time`);
});

test("LIMIT-37: it works in plain code", async () => {
  assert.deepEqual(await gather([() => 1, () => 2, () => 3], { limit: 1 }), [1, 2, 3]);
});

test("LIMIT-38: wherever a gather() with a limit is cancelled, nothing is left", async () => {
  const points = await cancelEverywhere(async () => {
    const { job } = jobs();
    await gather(later(range(4).map(job)), { limit: 2 });
  });
  assert.ok(points >= 12, `only ${points} points`);
});
