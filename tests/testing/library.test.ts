/** The library itself under shuffled schedules: what it promises must not depend on the order in which things are ready. */
import test from "node:test";
import assert from "node:assert/strict";
import {
  asCompleted,
  Barrier,
  CancelledError,
  Condition,
  createTask,
  currentTask,
  Event,
  ExceptionGroup,
  gather,
  getRunningLoop,
  Lock,
  openConnection,
  Queue,
  Semaphore,
  shield,
  sleep,
  startServer,
  TaskGroup,
  timeout,
  TimeoutError,
  wait,
} from "../../mod.ts";
import { explore, runTest } from "../../testing/mod.ts";

const runs = 300;

test("TEST-80: a lock lets one in at a time, whoever is cancelled", async () => {
  await explore(async () => {
    const lock = new Lock();
    let inside = 0;
    let worst = 0;
    const work = () =>
      lock.with(async () => {
        worst = Math.max(worst, ++inside);
        try {
          await sleep(1);
        } finally {
          inside--;
        }
      });
    const tasks = Array.from({ length: 8 }, () => createTask(work));
    for (const [after, index] of [[1, 3], [2, 4], [2, 5], [3, 6]] as const) {
      createTask(async () => {
        await sleep(after);
        tasks[index]!.cancel();
      });
    }
    await wait(tasks);
    await sleep(10);
    assert.equal(worst, 1);
    assert.equal(lock.locked(), false);
    await timeout(1).with(() => lock.acquire());
  }, { runs });
});

test("TEST-80: a semaphore keeps its count, whoever is cancelled", async () => {
  await explore(async () => {
    const places = new Semaphore(2);
    const work = () => places.with(() => sleep(1));
    const tasks = Array.from({ length: 6 }, () => createTask(work));
    const cancel = async (index: number): Promise<void> => {
      await sleep(1);
      tasks[index]!.cancel();
    };
    await gather([() => cancel(2), () => cancel(3), () => cancel(0)]);
    await wait(tasks);
    await timeout(1).with(() => gather([places.acquire(), places.acquire()]));
    assert.ok(places.locked());
  }, { runs });
});

test("TEST-80: a condition loses no notification, whoever is cancelled", async () => {
  await explore(async () => {
    const condition = new Condition();
    const waiters = [0, 1, 2].map(() =>
      createTask(() => condition.with(async () => void await condition.wait()))
    );
    await sleep(1);
    const cancel = createTask(async () => {
      await sleep(1);
      waiters[0]!.cancel();
    });
    const notify = createTask(async () => {
      await sleep(1);
      await condition.with(() => condition.notify(2));
    });
    await gather([cancel, notify]);
    await sleep(1);
    await condition.with(() => condition.notifyAll());
    await timeout(1).with(() => wait(waiters));
    assert.ok(waiters.slice(1).every((task) => task.done() && !task.cancelled()));
  }, { runs });
});

test("TEST-80: a queue hands each item to one, whoever is cancelled", async () => {
  await explore(async () => {
    const queue = new Queue<number>(2);
    const got: number[] = [];
    const consume = async (): Promise<void> => {
      for (;;) got.push(await queue.get());
    };
    const consumers = [0, 1, 2].map(() => createTask(consume));
    const produce = createTask(async () => {
      for (let i = 0; i < 12; i++) {
        await queue.put(i);
        if (i % 4 === 3) await sleep(1);
      }
    });
    const cancel = createTask(async () => {
      await sleep(1);
      consumers[0]!.cancel();
      await sleep(1);
      consumers[1]!.cancel();
    });
    await gather([produce, cancel]);
    await sleep(5);
    consumers[2]!.cancel();
    await wait(consumers);
    assert.deepEqual(got.sort((a, b) => a - b), Array.from({ length: 12 }, (_, i) => i));
  }, { runs });
});

test("TEST-80: a barrier lets all through together", async () => {
  await explore(async () => {
    const barrier = new Barrier(3);
    const places: number[] = [];
    await gather(Array.from({ length: 6 }, () => async () => {
      places.push(await barrier.wait());
    }));
    assert.deepEqual(places.sort(), [0, 0, 1, 1, 2, 2]);
  }, { runs });
});

test("TEST-81: a group tells every failure and leaves nothing behind", async () => {
  await explore(async () => {
    let cleaned = 0;
    const group = new TaskGroup().with(async (tg) => {
      for (let i = 0; i < 3; i++) {
        tg.createTask(async () => {
          try {
            await sleep(10);
          } finally {
            await sleep(0);
            cleaned++;
          }
        });
      }
      tg.createTask(async () => {
        await sleep(1);
        throw new RangeError("one");
      });
      await sleep(1);
      throw new SyntaxError("two");
    });
    await assert.rejects(group, ExceptionGroup);
    assert.equal(cleaned, 3);
  }, { runs });
});

test("TEST-81: a deadline that meets the end of its body gives the value or a TimeoutError", async () => {
  let outcomes = 0;
  await explore(async () => {
    const event = new Event();
    getRunningLoop().callLater(1, () => event.set());
    try {
      assert.equal(await timeout(1).with(() => event.wait()), true);
    } catch (error) {
      assert.ok(error instanceof TimeoutError);
    }
    assert.equal(currentTask()!.cancelling(), 0);
    await sleep(1);
    outcomes++;
  }, { runs });
  assert.equal(outcomes, runs);
});

test("TEST-81: a cancellation at the moment a wait ends is delivered once", async () => {
  await explore(async () => {
    let cancellations = 0;
    const event = new Event();
    const task = createTask(async () => {
      try {
        await event.wait();
        await sleep(5);
      } catch (error) {
        assert.ok(error instanceof CancelledError);
        cancellations++;
        await sleep(1);
        throw error;
      }
    });
    const setter = createTask(async () => {
      await sleep(1);
      event.set();
    });
    const canceller = createTask(async () => {
      await sleep(1);
      task.cancel();
    });
    await gather([setter, canceller]);
    await wait([task]);
    assert.ok(task.cancelled());
    assert.equal(cancellations, 1);
  }, { runs });
});

test("TEST-81: gather, asCompleted and shield end whatever the order", async () => {
  await explore(async () => {
    const work = (n: number) => () => sleep(1, n);
    assert.deepEqual(await gather([work(1), work(2), work(3)]), [1, 2, 3]);
    const seen: number[] = [];
    for (const next of asCompleted([work(1), work(2), work(3)])) seen.push(await next);
    assert.deepEqual(seen.sort(), [1, 2, 3]);
    const inner = createTask(work(4));
    const outer = createTask(async () => await shield(inner));
    await sleep(0);
    outer.cancel();
    await assert.rejects(outer, CancelledError);
    assert.equal(await inner, 4);
  }, { runs });
});

test("TEST-82: streams keep the order of bytes and of events under every seed", async () => {
  for (let seed = 0; seed < 15; seed++) {
    await runTest(async () => {
      const server = await startServer(
        async (reader, writer) => {
          for await (const line of reader) writer.write(line);
          writer.close();
          await writer.waitClosed();
        },
        "127.0.0.1",
        0,
      );
      await server.with(async () => {
        const { port } = server.sockets[0]!.getsockname() as { port: number };
        await gather(["a", "b", "c"].map((name) => async () => {
          const [reader, writer] = await openConnection("127.0.0.1", port);
          const lines = Array.from({ length: 20 }, (_, i) => `${name}${i}\n`);
          for (const line of lines) writer.write(line);
          writer.writeEof();
          assert.equal(new TextDecoder().decode(await reader.read()), lines.join(""));
          writer.close();
          await writer.waitClosed();
        }));
      });
    }, { seed });
  }
});
