import test from "node:test";
import assert from "node:assert/strict";
import {
  CancelledError,
  createTask,
  Event,
  gather,
  getRunningLoop,
  Lock,
  run,
  RuntimeError,
  sleep,
} from "../../mod.ts";
import {
  assertCheckpoints,
  assertNoCheckpoints,
  CheckpointError,
  runTest,
  Sequencer,
  waitAllTasksBlocked,
} from "../../testing/mod.ts";

for (const [where, runIt] of [["a testing loop", runTest], ["any loop", run]] as const) {
  test(`TEST-70: waitAllTasksBlocked comes when all others wait, on ${where}`, async () => {
    await runIt(async () => {
      const lock = new Lock();
      const held = await lock.acquire();
      const tasks = [1, 2, 3].map(() =>
        createTask(async () => {
          for (let i = 0; i < 20; i++) await sleep(0);
          (await lock.acquire()).release();
        })
      );
      await waitAllTasksBlocked();
      assert.equal(lock.statistics().waiting, 3);
      held.release();
      await gather(tasks);
    });
  });

  test(`TEST-70: waitAllTasksBlocked can be cancelled, on ${where}`, async () => {
    await runIt(async () => {
      const task = createTask(() => waitAllTasksBlocked());
      await sleep(0);
      task.cancel();
      await assert.rejects(task, CancelledError);
    });
  });
}

test("TEST-70: the clock stands while waitAllTasksBlocked waits", async () => {
  await runTest(async () => {
    const task = createTask(() => sleep(10));
    await waitAllTasksBlocked();
    assert.equal(getRunningLoop().time(), 0);
    await task;
  });
});

test("TEST-71: several may wait for all others to block", async () => {
  await runTest(async () => {
    await gather([waitAllTasksBlocked, waitAllTasksBlocked]);
    assert.equal(getRunningLoop().time(), 0);
  });
});

test("TEST-72: a Sequencer runs its pieces in order, whoever comes first", async () => {
  for (let seed = 0; seed < 20; seed++) {
    await runTest(async () => {
      const sequence = new Sequencer();
      const order: number[] = [];
      await gather([3, 1, 0, 2].map((position) => () =>
        sequence.at(position, async () => {
          await sleep(1);
          order.push(position);
        })
      ));
      assert.deepEqual(order, [0, 1, 2, 3]);
    }, { seed });
  }
});

test("TEST-72: a Sequencer gives what the body returns, and goes on when it throws", async () => {
  await runTest(async () => {
    const sequence = new Sequencer();
    const failing = sequence.at(0, () => {
      throw new RangeError("of the body");
    });
    await assert.rejects(failing, RangeError);
    assert.equal(await sequence.at(1, () => "second"), "second");
  });
});

test("TEST-73: each position of a Sequencer is taken once", async () => {
  await runTest(async () => {
    const sequence = new Sequencer();
    await sequence.at(0, () => {});
    await assert.rejects(sequence.at(0, () => {}), RuntimeError);
    await assert.rejects(sequence.at(-1, () => {}), RangeError);
    await assert.rejects(sequence.at(1.5, () => {}), RangeError);
  });
});

test("TEST-73: a cancelled position breaks the sequence for all", async () => {
  await runTest(async () => {
    const sequence = new Sequencer();
    const first = createTask(() => sequence.at(1, () => {}));
    const second = createTask(() => sequence.at(2, () => {}));
    await waitAllTasksBlocked();
    first.cancel();
    await assert.rejects(first, CancelledError);
    await assert.rejects(second, RuntimeError);
    await assert.rejects(sequence.at(0, () => {}), RuntimeError);
  });
});

test("TEST-74: assertCheckpoints passes what passes through the loop", async () => {
  await runTest(async () => {
    assert.equal(await assertCheckpoints(() => sleep(0, "value")), "value");
    await assertCheckpoints(() => sleep(3600));
    const lock = new Lock();
    await lock.acquire();
    createTask(async () => lock.release());
    await assertCheckpoints(() => lock.acquire());
  });
});

test("TEST-74: assertCheckpoints fails what does not", async () => {
  await runTest(async () => {
    await assert.rejects(assertCheckpoints(() => new Lock().acquire()), CheckpointError);
    await assert.rejects(assertCheckpoints(() => Promise.resolve()), CheckpointError);
    await assert.rejects(
      assertCheckpoints(() => {
        throw new RangeError("too early");
      }),
      (error) => error instanceof CheckpointError && error.cause instanceof RangeError,
    );
  });
});

test("TEST-75: assertNoCheckpoints passes and fails the other way round", async () => {
  await runTest(async () => {
    await assertNoCheckpoints(() => new Lock().acquire());
    const event = new Event();
    event.set();
    assert.equal(await assertNoCheckpoints(() => event.wait()), true);
    await assert.rejects(assertNoCheckpoints(() => sleep(0)), CheckpointError);
    await assert.rejects(
      assertNoCheckpoints(() => {
        throw new RangeError("passes");
      }),
      RangeError,
    );
  });
});
