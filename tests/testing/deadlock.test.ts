import test from "node:test";
import assert from "node:assert/strict";
import {
  Barrier,
  Condition,
  createTask,
  ensureFuture,
  Event,
  Future,
  gather,
  getRunningLoop,
  Lock,
  openConnection,
  Queue,
  Semaphore,
  sleep,
  startServer,
  type Task,
  TaskGroup,
  timeout,
} from "../../mod.ts";
import { DeadlockError, runTest, TestLoop } from "../../testing/mod.ts";

async function deadlockOf(main: () => Promise<unknown>): Promise<DeadlockError> {
  try {
    await runTest(main);
  } catch (error) {
    assert.ok(error instanceof DeadlockError, String(error));
    return error;
  }
  throw new Error("there was no deadlock");
}

const here = "deadlock\\.test\\.[tj]s:\\d+";

test("TEST-50: a deadlock names each task, since when it waits, and where both were made", async () => {
  const error = await deadlockOf(async () => {
    const event = new Event();
    const task = createTask(async function listener() {
      await sleep(5);
      const woken = await event.wait();
      return woken;
    }, { name: "listener" });
    await task;
  });
  assert.match(error.message, /^Deadlock at loop time 5\.000/);
  assert.match(
    error.message,
    new RegExp(
      `task "listener" \\(listener\\(\\), made at .*${here}.*\\) waits since 5\\.000 for .*Event.* at .*${here}`,
    ),
  );
  assert.match(error.message, /task "Task-\d+".* waits since 0\.000 for <Task pending/);
});

test("TEST-50: the error has the tasks, which are then cancelled", async () => {
  const error = await deadlockOf(async () => {
    createTask(() => new Event().wait(), { name: "a" });
    await new Event().wait();
  });
  assert.equal(error.tasks.length, 2);
  assert.equal(error.tasks[1]!.getName(), "a");
  assert.ok(error.tasks.every((task) => task.cancelled()));
});

test("TEST-51: of a lock it tells who holds it and where that one took it", async () => {
  const error = await deadlockOf(async () => {
    const lock = new Lock();
    createTask(async () => {
      await lock.acquire();
      await new Event().wait();
    }, { name: "holder" });
    await sleep(0);
    await lock.acquire();
  });
  assert.match(error.message, new RegExp(`held by 'holder' \\(taken at .*${here}`));
});

const waits: [what: string, wait: () => Promise<unknown>, shown: RegExp][] = [
  ["an event", () => new Event().wait(), /Event/],
  ["an empty queue", () => new Queue().get(), /Queue/],
  ["a semaphore", () => new Semaphore(0).acquire(), /Semaphore/],
  ["a future", async () => await new Future(), /<Future pending/],
  ["a gather", async () => await gather([() => new Event().wait()]), /<GatheringFuture pending/],
  ["a group", () =>
    new TaskGroup().with((group) => {
      group.createTask(() => new Event().wait());
    }), /TaskGroup/],
  ["a condition", () => {
    const condition = new Condition();
    return condition.with(() => condition.wait());
  }, /Condition/],
];

for (const [what, wait, shown] of waits) {
  test(`TEST-52: a task that waits for ${what} is shown as such`, async () => {
    const error = await deadlockOf(wait);
    const main = error.message.split("\n")[1]!;
    assert.match(main.slice(main.indexOf("waits since")), shown);
  });
}

test("TEST-53: locks taken crosswise are shown as the cycle they are", async () => {
  const error = await deadlockOf(async () => {
    const [a, b] = [new Lock(), new Lock()];
    const take = (first: Lock, second: Lock) => async () => {
      await first.acquire();
      await sleep(1);
      await second.acquire();
    };
    createTask(take(a, b), { name: "one" });
    createTask(take(b, a), { name: "two" });
    await new Event().wait();
  });
  assert.match(error.message, /They wait for each other: "one" for "two" for "one"$/);
});

test("TEST-53: tasks that await each other are a cycle, through a gather and a group too", async () => {
  const error = await deadlockOf(async () => {
    const tasks: Task<unknown>[] = [];
    const start = (name: string, wait: () => Promise<unknown>): void => {
      tasks.push(createTask(wait, { name }));
    };
    start("a", async () => await gather([tasks[1]!, () => sleep(1)]));
    start("b", () =>
      new TaskGroup().with((group) => {
        group.createTask(async () => await tasks[2]!, { name: "c" });
      }));
    start("d", async () => await tasks[0]!);
    await new Event().wait();
  });
  assert.match(error.message, /"a" for "b" for "c" for "d" for "a"/);
});

test("TEST-53: where there is no cycle none is told", async () => {
  const error = await deadlockOf(() => new Event().wait());
  assert.doesNotMatch(error.message, /each other/);
});

test("TEST-54: a timer or a foreign promise is no deadlock", async () => {
  await runTest(async () => {
    const event = new Event();
    getRunningLoop().callLater(1000, () => event.set());
    await event.wait();
    await ensureFuture(new Promise((resolve) => setTimeout(resolve, 100)));
  });
});

test("TEST-54: a sleep without end is one, and the clock stays where it is", async () => {
  const error = await deadlockOf(async () => {
    await sleep(5);
    await sleep(Infinity);
  });
  assert.match(
    error.message,
    /Deadlock at loop time 5\.000: .*\n.* waits since 5\.000 for sleep until loop time Infinity/,
  );
});

test("TEST-52: who waits at a barrier is said to wait at the barrier", async () => {
  const error = await deadlockOf(async () => {
    await new Barrier(2).wait();
  });
  assert.match(error.message, /for <Barrier #\d+ \[filling, waiters:1\/2\]>\.wait\(\)/);
});

test("TEST-55: two ends of a connection that both listen are a deadlock", async () => {
  const error = await deadlockOf(async () => {
    const server = await startServer(
      async (reader, writer) => {
        await reader.readline();
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    await server.with(async () => {
      const [reader] = await openConnection("127.0.0.1", port);
      await reader.readline();
    });
  });
  assert.equal(error.message.match(/waits since 0\.000 for data/g)?.length, 2);
});

test("TEST-56: a future that nobody can end any more is a deadlock without tasks", async () => {
  const loop = new TestLoop();
  await assert.rejects(loop.runUntilComplete(loop.createFuture()), (error) => {
    assert.ok(error instanceof DeadlockError);
    assert.deepEqual(error.tasks, []);
    return true;
  });
  loop.close();
});

test("TEST-56: a loop that runs forever may have nothing to do", async () => {
  const loop = new TestLoop();
  const running = loop.runForever();
  setTimeout(() => loop.callSoon(() => loop.stop()), 100);
  await running;
  loop.close();
});

test("TEST-57: a long chain of tasks is told in short", async () => {
  const error = await deadlockOf(async () => {
    let last = createTask(() => new Event().wait()) as Task<unknown>;
    for (let i = 0; i < 500; i++) {
      const before = last;
      last = createTask(async () => await before);
    }
    await last;
  });
  assert.equal(error.tasks.length, 502);
  assert.ok(error.message.length < 20_000, `${error.message.length} characters`);
  assert.match(error.message, /and 452 more tasks/);
});

test("TEST-58: a deadlock is found although a deadline has left a body behind", async () => {
  const error = await deadlockOf(async () => {
    await assert.rejects(timeout(1).with(() => new Promise(() => {})));
    await new Event().wait();
  });
  assert.match(error.message, /^Deadlock at loop time 1\.000/);
});

test("TEST-58: a task that lets no cancellation through does not keep the report back", async () => {
  const error = await deadlockOf(async () => {
    try {
      await new Event().wait();
    } finally {
      await new Event().wait();
    }
  });
  assert.match(error.message, /Event/);
});
