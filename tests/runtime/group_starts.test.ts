/** TaskGroup.start(), as anyio's and trio's, and the `limit` of a group. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  ExceptionGroup,
  run,
  RuntimeError,
  sleep,
  TaskGroup,
  type TaskStatus,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { cancelEverywhere } from "../_support/cancel_everywhere.ts";
import { assertCancelled, runs } from "../_support/sync.ts";

/** A service that is ready after a second and runs for ever. */
async function service(status: TaskStatus<string>): Promise<void> {
  await sleep(1);
  status.started("ready");
  await sleep(1000);
}

const leavesOf = (error: unknown) => (error as ExceptionGroup).leaves().map(String);

runs("START-01: start() waits for started() and gives its value", async () => {
  await new TaskGroup().with(async (group) => {
    assert.equal(await group.start(service), "ready");
    group.cancel();
  });
});

runs("START-02: started() needs no value", async () => {
  await new TaskGroup().with(async (group) => {
    assert.equal(await group.start((status: TaskStatus<void>) => status.started()), undefined);
  });
});

runs("START-03: the task goes on after started(), and the group waits for it", async () => {
  let ended = false;
  await new TaskGroup().with(async (group) => {
    await group.start<void>(async (status) => {
      status.started();
      await sleep(1);
      ended = true;
    });
    assert.equal(ended, false);
  });
  assert.equal(ended, true);
});

runs(
  "START-04: an error before started() is thrown by start(), and is not the group's",
  async () => {
    await new TaskGroup().with(async (group) => {
      const failing = () => sleep(1).then(() => Promise.reject(new RangeError("no port")));
      await assert.rejects(group.start(failing), RangeError);
    });
  },
);

runs("START-05: an error after started() is the group's", async () => {
  const grouped = new TaskGroup().with(async (group) => {
    await group.start<void>(async (status) => {
      status.started();
      await sleep(1);
      throw new RangeError("later");
    });
    await sleep(10);
  });
  const error = await grouped.catch((error) => error);
  assert.deepEqual(leavesOf(error), ["RangeError: later"]);
});

runs("START-06: a task that ends without started() is a RuntimeError", async () => {
  await new TaskGroup().with(async (group) => {
    await assert.rejects(group.start(() => sleep(1)), RuntimeError);
    await assert.rejects(group.start(() => 7), RuntimeError);
  });
});

runs("START-07: a second started() is a RuntimeError in the task", async () => {
  const grouped = new TaskGroup().with(async (group) => {
    await group.start<void>((status) => {
      status.started();
      status.started();
    });
  });
  const error = await grouped.catch((error) => error);
  assert.match(leavesOf(error)[0]!, /RuntimeError: Cannot call status.started\(\) twice/);
});

runs("START-08: a cancelled caller cancels the task, and waits for its end", async () => {
  let cleaned = false;
  await new TaskGroup().with(async (group) => {
    const starting = () =>
      group.start(async () => {
        try {
          await sleep(100);
        } finally {
          await sleep(1);
          cleaned = true;
        }
      });
    await assert.rejects(timeout(1).with(starting), TimeoutError);
    assert.equal(cleaned, true);
  });
});

runs("START-09: a cancelled caller gets the error of the task's cleanup", async () => {
  await new TaskGroup().with(async (group) => {
    const caller = createTask(() =>
      group.start(async () => {
        try {
          await sleep(100);
        } catch {
          throw new RangeError("in the cleanup");
        }
      })
    );
    await sleep(1);
    caller.cancel();
    await assert.rejects(async () => await caller, RangeError);
  });
});

runs("START-10: a group that is cancelled ends what start() waits for", async () => {
  await new TaskGroup().with(async (group) => {
    const starting = createTask(() => group.start(service));
    await sleep(0.5);
    group.cancel();
    await assert.rejects(async () => await starting, CancelledError);
  });
});

runs("START-11: a task that is cancelled by itself before started() cancels start()", async () => {
  await new TaskGroup().with(async (group) => {
    const cancelled = () => Promise.reject(new CancelledError("by itself"));
    await assert.rejects(group.start(cancelled), CancelledError);
  });
});

runs("START-12: start() takes the options of a task", async () => {
  await new TaskGroup().with(async (group) => {
    await assert.rejects(group.start(() => {}, { name: "server" }), /name="server"/);
  });
});

runs("START-13: start() outside the group's time is a RuntimeError", async () => {
  const group = new TaskGroup();
  await assert.rejects(group.start(service), RuntimeError);
  await group.with(() => {});
  await assert.rejects(group.start(service), RuntimeError);
});

runs("START-14: start() wants a function", async () => {
  await new TaskGroup().with(async (group) => {
    await assert.rejects(group.start(7 as unknown as () => void), TypeError);
  });
});

test("START-15: it works in plain code", async () => {
  await new TaskGroup().with(async (group) => {
    const value = await group.start<number>(async (status) => {
      await sleep(0);
      status.started(7);
    });
    assert.equal(value, 7);
  });
});

test("START-16: wherever the program is cancelled, no task is left", async () => {
  const points = await cancelEverywhere(() =>
    new TaskGroup().with(async (group) => {
      await group.start(service);
      await group.start<void>(async (status) => {
        await sleep(1);
        status.started();
      });
      await sleep(1);
      group.cancel();
    }).then(() => sleep(0))
  );
  assert.ok(points >= 12, `only ${points} points`);
});

runs("LIMIT-39: of a group's tasks at most `limit` run at once, in their order", async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  await new TaskGroup({ limit: 3 }).with((group) => {
    for (let n = 0; n < 10; n++) {
      group.createTask(async () => {
        begun.push(n);
        most = Math.max(most, ++running);
        await sleep(n % 3);
        running--;
      });
    }
  });
  assert.equal(most, 3);
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

runs("LIMIT-40: createTask() of such a group gives the task at once", async () => {
  const [a, b] = await new TaskGroup({ limit: 1 }).with((group) => [
    group.createTask(() => sleep(1, "a")),
    group.createTask(() => sleep(1, "b"), { name: "second" }),
  ]);
  assert.deepEqual([a!.result(), b!.result(), b!.getName()], ["a", "b", "second"]);
});

runs("LIMIT-41: a task that is cancelled before there was room never begins", async () => {
  let begun = false;
  await new TaskGroup({ limit: 1 }).with(async (group) => {
    group.createTask(() => sleep(5));
    const waiting = group.createTask(() => {
      begun = true;
    });
    const last = group.createTask(() => sleep(0, "last"));
    await sleep(1);
    waiting.cancel();
    await assertCancelled(waiting);
    assert.equal(await last, "last");
  });
  assert.equal(begun, false);
});

runs("LIMIT-42: a failure ends the tasks that run, and those that wait for room", async () => {
  const begun: number[] = [];
  const grouped = new TaskGroup({ limit: 2 }).with((group) => {
    for (let n = 0; n < 5; n++) {
      group.createTask(async () => {
        begun.push(n);
        await sleep(1);
        if (n === 0) throw new RangeError("zero");
        await sleep(100);
      });
    }
  });
  const error = await grouped.catch((error) => error);
  assert.deepEqual(leavesOf(error), ["RangeError: zero"]);
  assert.deepEqual(begun, [0, 1]);
});

test("LIMIT-43: a limit of a group below 1 is a RangeError", () => {
  for (const limit of [0, -1, 1.5, NaN]) {
    assert.throws(() => new TaskGroup({ limit }), RangeError);
  }
});

test("LIMIT-44: wherever a group with a limit is cancelled, nothing is left", async () => {
  const points = await cancelEverywhere(() =>
    new TaskGroup({ limit: 2 }).with((group) => {
      for (let n = 0; n < 4; n++) group.createTask(() => sleep(1));
    })
  );
  assert.ok(points >= 12, `only ${points} points`);
});

test("LIMIT-45: a group with a limit works in a run", async () => {
  await run(() => new TaskGroup({ limit: 1 }).with((group) => void group.createTask(() => 1)));
});
