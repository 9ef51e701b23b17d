/** What an asyncio call returned is handed to something that can be cancelled: the call is cancelled with it. */
import assert from "node:assert/strict";
import {
  asCompleted,
  Barrier,
  CancelledError,
  Condition,
  createTask,
  ensureFuture,
  Event,
  Future,
  gather,
  Lock,
  Queue,
  Semaphore,
  shield,
  sleep,
  StreamReader,
  TaskGroup,
  timeout,
  TimeoutError,
  wait,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { assertCancelled, runs, runsInRealTime, ticks, Trouble } from "../../_support/tasks.ts";
import { hasTimers } from "../../_support/virtual_loop.ts";

const text = new TextDecoder();

/** Who takes the promise, and cancels it with himself. Each comes back once the promise has ended. */
const takers: Record<string, (promise: Promise<unknown>) => Promise<void>> = {
  async waitFor(promise) {
    await assert.rejects(waitFor(promise, 1), TimeoutError);
  },
  async "waitFor without time"(promise) {
    await assert.rejects(waitFor(promise, 0), TimeoutError);
  },
  async "waitFor in another task"(promise) {
    const task = createTask(() => waitFor(promise, 5));
    await ticks(2);
    task.cancel();
    await assertCancelled(task);
  },
  async "waitFor in a timeout"(promise) {
    await assert.rejects(timeout(1).with(() => waitFor(promise, null)), TimeoutError);
  },
  async ensureFuture(promise) {
    const future = ensureFuture(promise);
    await ticks();
    assert.ok(future.cancel());
    await assertCancelled(future);
    assert.ok(future.cancelled());
  },
  async gather(promise) {
    const all = gather([promise, () => sleep(9)]);
    await ticks();
    assert.ok(all.cancel());
    await assertCancelled(all);
  },
  async "asCompleted in a task"(promise) {
    const task = createTask(async () => {
      for (const next of asCompleted([ensureFuture(promise)])) await waitFor(next, 1);
    });
    await assert.rejects(task, TimeoutError);
    // What asCompleted() is given goes on, as in CPython, so that is cancelled by hand.
    const future = ensureFuture(promise);
    future.cancel();
    await assertCancelled(future);
  },
};

interface Subject {
  /** A call that has to wait. */
  begin(): Promise<unknown>;
  /** What can be lost is there now: asserts that somebody else gets it. */
  check(): Promise<void>;
}

/** Calls that wait, and what may be lost when nobody takes what they bring. */
const subjects: Record<string, () => Promise<Subject> | Subject> = {
  "queue.get()"() {
    const queue = new Queue<string>();
    return {
      begin: () => queue.get(),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  "queue.get() that was overtaken and waits again"() {
    const queue = new Queue<string>();
    return {
      begin() {
        const promise = queue.get();
        queue.putNowait("early");
        assert.equal(queue.getNowait(), "early");
        return promise;
      },
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  "queue.put()"() {
    const queue = new Queue<string>(1);
    queue.putNowait("first");
    return {
      begin: () => queue.put("second"),
      async check() {
        assert.equal(queue.getNowait(), "first");
        await ticks();
        assert.equal(queue.qsize(), 0);
      },
    };
  },
  "next() of a queue's iterator"() {
    const queue = new Queue<string>();
    return {
      begin: () => queue[Symbol.asyncIterator]().next(),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  async "lock.acquire()"() {
    const lock = new Lock();
    await lock.acquire();
    return {
      begin: () => lock.acquire(),
      async check() {
        lock.release();
        await ticks();
        assert.equal(lock.locked(), false);
      },
    };
  },
  async "lock.with()"() {
    const lock = new Lock();
    await lock.acquire();
    return {
      begin: () => lock.with(() => assert.fail("the body must not run")),
      async check() {
        lock.release();
        await ticks();
        assert.equal(lock.locked(), false);
      },
    };
  },
  "semaphore.acquire()"() {
    const semaphore = new Semaphore(0);
    return {
      begin: () => semaphore.acquire(),
      async check() {
        semaphore.release();
        await ticks();
        assert.equal(semaphore.locked(), false);
      },
    };
  },
  "semaphore.with()"() {
    const semaphore = new Semaphore(0);
    return {
      begin: () => semaphore.with(() => assert.fail("the body must not run")),
      async check() {
        semaphore.release();
        await ticks();
        assert.equal(semaphore.locked(), false);
      },
    };
  },
  async "condition.wait()"() {
    const condition = new Condition();
    await condition.acquire();
    return {
      begin: () => condition.wait(),
      // It holds the lock again, which is the proof that its end was waited for.
      async check() {
        assert.ok(condition.locked());
        assert.equal(condition.statistics().waiting, 0);
        condition.release();
        await ticks();
        assert.equal(condition.locked(), false);
      },
    };
  },
  async "condition.waitFor()"() {
    const condition = new Condition();
    await condition.acquire();
    return {
      begin: () => condition.waitFor(() => false),
      async check() {
        assert.ok(condition.locked());
        condition.notify();
        condition.release();
        await ticks(2);
        assert.equal(condition.locked(), false);
      },
    };
  },
  "event.wait()"() {
    const event = new Event();
    return {
      begin: () => event.wait(),
      check: async () => assert.equal(event.statistics().waiting, 0),
    };
  },
  "barrier.wait()"() {
    const barrier = new Barrier(2);
    return {
      begin: () => barrier.wait(),
      check: async () => assert.equal(barrier.nWaiting, 0),
    };
  },
  "barrier.with()"() {
    const barrier = new Barrier(2);
    return {
      begin: () => barrier.with(() => assert.fail("the body must not run")),
      check: async () => assert.equal(barrier.nWaiting, 0),
    };
  },
  "queue.join()"() {
    const queue = new Queue<number>();
    queue.putNowait(1);
    return {
      begin: () => queue.join(),
      check: async () => assert.equal(queue.statistics().joiners, 0),
    };
  },
  "reader.readline()"() {
    const reader = new StreamReader();
    return {
      begin: () => reader.readline(),
      async check() {
        reader.feedData("line\n");
        await ticks();
        assert.equal(text.decode(await reader.readline()), "line\n");
      },
    };
  },
  "reader.read()"() {
    const reader = new StreamReader();
    return {
      begin: () => reader.read(100),
      async check() {
        reader.feedData("data");
        await ticks();
        assert.equal(text.decode(await reader.read(100)), "data");
      },
    };
  },
  "wait()"() {
    const future = new Future<string>();
    return {
      begin: () => wait([future]),
      async check() {
        assert.equal(future.done(), false);
        assert.doesNotMatch(String(future), /cb=/);
      },
    };
  },
  "timeout().with()"() {
    const queue = new Queue<string>();
    return {
      begin: () => timeout(100).with(() => queue.get()),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  "waitFor()"() {
    const queue = new Queue<string>();
    return {
      begin: () => waitFor(queue.get(), 100),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  "withSignal()"() {
    const queue = new Queue<string>();
    return {
      begin: () => withSignal(new AbortController().signal, () => queue.get()),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
  "TaskGroup.with()"() {
    const queue = new Queue<string>();
    return {
      begin: () => new TaskGroup().with((group) => void group.createTask(() => queue.get())),
      async check() {
        queue.putNowait("item");
        await ticks();
        assert.equal(queue.qsize(), 1);
      },
    };
  },
};

for (const [call, make] of Object.entries(subjects)) {
  for (const [taker, take] of Object.entries(takers)) {
    runs(`TAKEN-01: ${call} is cancelled with its taker and loses nothing: ${taker}`, async () => {
      const { begin, check } = await make();
      await take(begin());
      await check();
    });
  }
}

runs("TAKEN-02: only what was taken is cancelled, not what else the task waits for", async () => {
  const [one, other] = [new Queue<string>(), new Queue<string>()];
  const kept = other.get();
  await assert.rejects(waitFor(one.get(), 1), TimeoutError);
  const future = ensureFuture(one.get());
  future.cancel();
  await assertCancelled(future);
  other.putNowait("kept");
  assert.equal(await kept, "kept");
});

runs("TAKEN-03: waitFor() is over only once what it was given has cleaned up", async () => {
  const condition = new Condition();
  const log: string[] = [];
  await condition.acquire();
  const waiting = waitFor(condition.wait(), 1).catch((error) => log.push(error.name));
  await sleep(0);
  await condition.acquire();
  await sleep(5);
  log.push("released");
  condition.release();
  await waiting;
  assert.deepEqual(log, ["released", "TimeoutError"]);
  condition.release();
});

runs("TAKEN-04: what comes in the tick of the deadline goes to the next taker", async (loop) => {
  const queue = new Queue<string>();
  loop.callLater(1, () => queue.putNowait("item"));
  const outcome = await waitFor(queue.get(), 1).catch((error: Error) => error.name);
  await ticks(2);
  assert.equal(queue.qsize(), outcome === "item" ? 0 : 1);
  assert.equal(outcome, "TimeoutError");
});

runs("TAKEN-05: a message of cancel() reaches the error of what was taken", async () => {
  const promise = new Queue<string>().get();
  const future = ensureFuture(promise);
  future.cancel("enough");
  await assertCancelled(future, "enough");
  await assertCancelled(promise, "enough");
});

runs(
  "TAKEN-06: a shielded wait outlives the cancellation of the future and of the task",
  async () => {
    const queue = new Queue<string>();
    const promises: Promise<string>[] = [];
    const task = createTask(async () => {
      promises.push(queue.get());
      await shield(promises[0]!);
    });
    await ticks(2);
    task.cancel();
    await assertCancelled(task);
    promises.push(queue.get());
    const outer = shield(promises[1]!);
    outer.cancel();
    await assertCancelled(outer);
    queue.putNowait("a");
    queue.putNowait("b");
    assert.deepEqual(await Promise.all(promises), ["a", "b"]);
  },
);

runs(
  "TAKEN-07: a promise that has its value already gives it, however little time there is",
  async () => {
    const queue = new Queue<string>();
    queue.putNowait("item");
    assert.equal(await waitFor(queue.get(), 0), "item");
    const lock = new Lock();
    await waitFor(lock.acquire(), 0);
    assert.ok(lock.locked());
  },
);

runs("TAKEN-08: a sleep that was taken leaves no timer behind", async (loop) => {
  await assert.rejects(waitFor(sleep(3600), 1), TimeoutError);
  assert.equal(hasTimers(loop), false);
});

runs(
  "TAKEN-09: an arrival of asCompleted() that was not waited for comes with the next one",
  async () => {
    const [first, second] = asCompleted([() => sleep(3, "value")].concat([() => sleep(9, "late")]));
    await assert.rejects(waitFor(first!, 1), TimeoutError);
    assert.equal(await second, "value");
  },
);

runs(
  "TAKEN-10: a body that lock.with() runs already is left behind like any other promise",
  async () => {
    const lock = new Lock();
    const log: string[] = [];
    await lock.acquire();
    const waiting = lock.with(async () => {
      await sleep(1);
      log.push("body");
    });
    const future = ensureFuture(waiting);
    lock.release();
    await ticks(2);
    assert.ok(future.cancel());
    assert.ok(future.cancelled());
    await waiting;
    assert.deepEqual(log, ["body"]);
  },
);

runs("TAKEN-11: a cancelled task ends what it handed over, once", async () => {
  const queue = new Queue<string>();
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await gather([queue.get(), queue.get()]);
    } catch (error) {
      log.push((error as Error).name);
      await sleep(1);
      log.push("cleaned up");
      throw error;
    }
  });
  await ticks(2);
  task.cancel();
  await assertCancelled(task);
  assert.deepEqual(log, ["CancelledError", "cleaned up"]);
  queue.putNowait("item");
  assert.equal(queue.qsize(), 1);
});

runs("TAKEN-12: the error of a call is its future's", async () => {
  const reader = new StreamReader();
  const future = ensureFuture(reader.readline());
  reader.setException(new Trouble());
  await assert.rejects(future, Trouble);
});

runsInRealTime("TAKEN-13: outside tasks it is the same", async () => {
  const queue = new Queue<string>();
  await new Promise<void>((resolve, reject) => {
    setTimeout(() => {
      waitFor(queue.get(), 0.001).then(
        () => reject(new Error("nothing was put")),
        (error) => error instanceof CancelledError ? reject(error) : resolve(),
      );
    });
  });
  queue.putNowait("item");
  await ticks();
  assert.equal(queue.qsize(), 1);
});
