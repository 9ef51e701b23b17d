/** Each construct, cancelled at each of its waits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asCompleted,
  Barrier,
  Condition,
  ContextVar,
  copyContext,
  createTask,
  ensureFuture,
  Event,
  FIRST_COMPLETED,
  Future,
  gather,
  Lock,
  PriorityQueue,
  Queue,
  Semaphore,
  shield,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
  wait,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { staggeredRace } from "../../../runtime/combinators/staggered.ts";
import { type Attempt, cancelEverywhere } from "../../_support/cancel_everywhere.ts";

/** Some work with a cleanup that waits. */
async function work(seconds = 1): Promise<string> {
  try {
    await sleep(0);
    await sleep(seconds);
    return `worked ${seconds}`;
  } finally {
    await sleep(0);
    await sleep(0.5);
  }
}

async function failing(attempt: Attempt, seconds: number): Promise<never> {
  await sleep(seconds);
  throw attempt.trouble(`after ${seconds}`);
}

/** Waits until a deadline has passed; every other end leaves. */
async function untilTimeout(promise: Promise<unknown>): Promise<void> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof TimeoutError) return;
    throw error;
  }
  assert.fail("no timeout");
}

type Program = (attempt: Attempt) => PromiseLike<unknown> | unknown;

const programs: Record<string, Program> = {
  "sleep": async () => {
    for (const seconds of [0, 1, 0, 0.5]) await sleep(seconds);
    await work();
  },

  "a future": async ({ loop }) => {
    const futures = [1, 2].map((seconds) => {
      const future = new Future<number>();
      loop.callLater(seconds, () => future.done() || future.setResult(seconds));
      return future;
    });
    for (const future of futures) await future;
  },

  "a task": async () => {
    const task = createTask(() => work());
    await sleep(0.5);
    await task;
    await createTask(() => work(), { eagerStart: true });
  },

  "a task that awaits tasks": async () => {
    const nest = (depth: number): Promise<unknown> =>
      depth === 0 ? work() : (async () => await createTask(() => nest(depth - 1)))();
    await nest(4);
  },

  "a promise": async ({ loop }) => {
    await ensureFuture(
      new Promise<void>((resolve) => loop.callLater(1, resolve)),
    );
    await waitFor(new Promise<void>((resolve) => loop.callLater(1, resolve)), 5);
    await waitFor(new Promise<void>((resolve) => loop.callLater(1, resolve)), null);
  },

  "gather": async () => {
    await gather([() => work(1), () => work(2), gather([() => work(1), () => work(3)])]);
  },

  "gather with returnExceptions": async () => {
    await gather([() => work(1), () => work(2)], { returnExceptions: true });
  },

  "gather with a failure": async (attempt) => {
    await gather([() => work(1), () => failing(attempt, 0.7), () => work(2)]);
  },

  "wait": async () => {
    const tasks = [1, 2, 3].map((seconds) => createTask(() => work(seconds)));
    await wait(tasks, { returnWhen: FIRST_COMPLETED });
    await wait(tasks, { timeout: 1.5 });
    await wait(tasks);
  },

  "waitFor": async () => {
    await waitFor(() => work(1), 10);
    await waitFor(createTask(() => work(1)), null);
    await untilTimeout(waitFor(() => work(10), 1));
    await untilTimeout(waitFor(createTask(() => work(10)), 1));
    const task = createTask(() => work(10));
    await sleep(0);
    await untilTimeout(waitFor(task, 0));
  },

  "asCompleted": async () => {
    for (const next of asCompleted([() => work(2), () => work(1), () => work(3)])) await next;
  },

  "asCompleted with for await": async () => {
    for await (const item of asCompleted([() => work(2), () => work(1)])) item.result();
  },

  "asCompleted with a timeout": async () => {
    const tasks = [1, 5].map((seconds) => createTask(() => work(seconds)));
    for (const next of asCompleted(tasks, { timeout: 3 })) {
      if (tasks[0]!.done()) await untilTimeout(next);
      else await next;
    }
    await gather(tasks);
  },

  "shield": async () => {
    await shield(() => work(1));
    const task = createTask(() => work(2));
    await untilTimeout(waitFor(shield(task), 1));
    await task;
  },

  "shield over a failure": async (attempt) => {
    await shield(() => failing(attempt, 2));
  },

  "timeout": async () => {
    await timeout(10).with(() => work(1));
    await untilTimeout(timeout(1).with(() => work(10)));
    await timeout(1).with(async (block) => {
      await sleep(0.5);
      block.reschedule(null);
      await work(1);
    });
  },

  "nested timeouts": async () => {
    await untilTimeout(
      timeout(2).with(async () => {
        await untilTimeout(timeout(1).with(() => work(10)));
        await timeout(10).with(() => work(10));
      }),
    );
    await untilTimeout(timeout(1).with(() => timeout(1).with(() => work(10))));
  },

  "parallel timeouts": async () => {
    await Promise.all([
      timeout(5).with(() => work(1)),
      untilTimeout(timeout(1).with(() => work(5))),
      waitFor(() => work(2), 5),
    ]);
  },

  "withSignal": async ({ loop }) => {
    await withSignal(new AbortController().signal, () => work(1));
    const controller = new AbortController();
    const stop = new TimeoutError("stop");
    loop.callLater(1.2, () => controller.abort(stop));
    await untilTimeout(withSignal(controller.signal, () => work(10)));
  },

  "a group": async () => {
    const results = await new TaskGroup().with(async (group) => {
      const first = group.createTask(() => work(1));
      await sleep(0.5);
      const second = group.createTask(async () => {
        group.createTask(() => work(1));
        return await work(2);
      });
      return [first, second];
    });
    assert.deepEqual(results.map((task) => task.result()), ["worked 1", "worked 2"]);
  },

  "nested groups": async () => {
    await new TaskGroup().with(async (outer) => {
      outer.createTask(() => work(3));
      await new TaskGroup().with((inner) => {
        inner.createTask(() => work(1));
        inner.createTask(() =>
          new TaskGroup().with((innermost) => innermost.createTask(() => work(2)))
        );
      });
      await work(1);
    });
  },

  "a group with a failure": async (attempt) => {
    await new TaskGroup().with(async (group) => {
      group.createTask(() => work(3));
      group.createTask(() => failing(attempt, 1));
      await work(2);
    });
  },

  "a group whose cleanups fail": async (attempt) => {
    await new TaskGroup().with(async (group) => {
      for (const seconds of [1, 2]) {
        group.createTask(async () => {
          await sleep(0);
          try {
            await sleep(seconds);
          } finally {
            await failing(attempt, 0.1 * seconds);
          }
        });
      }
      await work(5);
    });
  },

  "a group that is cancelled by itself": async () => {
    await new TaskGroup().with(async (group) => {
      group.createTask(() => work(10));
      await sleep(1);
      group.cancel();
      await work(1);
    });
    await work(1);
  },

  "a timeout in a group in a timeout": async () => {
    await untilTimeout(
      timeout(3).with(() =>
        new TaskGroup().with(async (group) => {
          group.createTask(() => untilTimeout(timeout(1).with(() => work(10))));
          group.createTask(() => work(10));
          await work(10);
        })
      ),
    );
  },

  "a lock": async (attempt) => {
    const lock = new Lock();
    attempt.afterwards(() => assert.equal(lock.locked(), false));
    attempt.afterwards(() => assert.equal(lock.statistics().waiting, 0));
    const use = () => lock.with(() => work(1));
    const others = [createTask(use), createTask(use)];
    await sleep(0);
    await use();
    (await lock.acquire()).release();
    await gather(others);
  },

  "an event": async ({ loop }) => {
    const event = new Event();
    const waiting = [1, 2].map(() => createTask(() => event.wait()));
    loop.callLater(1, () => event.set());
    await event.wait();
    await gather(waiting);
  },

  "a condition": async (attempt) => {
    const condition = new Condition();
    attempt.afterwards(() => assert.equal(condition.locked(), false));
    let ready = 0;
    const waiter = () => condition.with(() => condition.waitFor(() => ready > 1));
    await new TaskGroup().with(async (group) => {
      group.createTask(waiter);
      group.createTask(async () => {
        for (let i = 0; i < 2; i++) {
          await sleep(1);
          await condition.with(async () => {
            ready++;
            condition.notifyAll();
            await sleep(0);
          });
        }
      });
      await waiter();
    });
  },

  "a semaphore": async (attempt) => {
    const semaphore = new Semaphore(2);
    attempt.afterwards(() => {
      assert.equal(semaphore.statistics().waiting, 0);
      // Both units are back.
      semaphore.acquire();
      assert.equal(semaphore.locked(), false);
    });
    await gather([1, 2, 3, 4].map((n) => () => semaphore.with(() => work(n))));
  },

  "a barrier": async () => {
    const barrier = new Barrier(3);
    const party = async () => {
      for (let round = 0; round < 2; round++) {
        await sleep(round);
        await barrier.wait();
      }
    };
    await new TaskGroup().with(async (group) => {
      group.createTask(party);
      group.createTask(party);
      await party();
    });
  },

  "a queue": async () => {
    const queue = new Queue<number>(1);
    const taken: number[] = [];
    await new TaskGroup().with(async (group) => {
      for (const start of [0, 10]) {
        group.createTask(async () => {
          for (let i = start; i < start + 3; i++) await queue.put(i);
        });
      }
      while (taken.length < 6) {
        taken.push(await queue.get());
        queue.taskDone();
        await sleep(0.5);
      }
      await queue.join();
    });
    assert.equal(new Set(taken).size, 6);
  },

  "a queue that shuts down": async () => {
    const queue = new PriorityQueue<number>();
    const consumer = createTask(async () => {
      const items: number[] = [];
      try {
        for (;;) items.push(await queue.get());
      } catch (error) {
        if ((error as Error).name !== "QueueShutDown") throw error;
      }
      return items;
    });
    try {
      for (const item of [3, 1, 2]) {
        await queue.put(item);
        await sleep(1);
      }
    } finally {
      queue.shutdown();
    }
    await consumer;
  },

  "a staggered race": async ({ loop }) => {
    const attempts = [() => work(10), () => work(2), () => work(1)];
    const [value] = await staggeredRace(loop, attempts, 1);
    assert.equal(value, "worked 2");
  },

  "an async generator": async () => {
    async function* generate() {
      try {
        for (let i = 0; i < 3; i++) {
          yield await sleep(0.5, i);
        }
      } finally {
        await sleep(0.1);
      }
    }
    for await (const value of generate()) await sleep(value);
  },

  "a context": async () => {
    const variable = new ContextVar("variable", { default: 0 });
    await copyContext().run(async () => {
      variable.set(1);
      await work(1);
      assert.equal(variable.get(), 1);
    });
  },

  "branches": async () => {
    await Promise.all([work(1), work(2), Promise.race([work(1), work(3)])]);
  },
};

for (const [name, program] of Object.entries(programs)) {
  test(`EVERYWHERE-01: ${name}, cancelled at each of its waits`, async () => {
    const points = await cancelEverywhere(program);
    assert.ok(points >= 12, `only ${points} points`);
  });
}
