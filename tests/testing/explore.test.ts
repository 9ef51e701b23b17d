import test from "node:test";
import assert from "node:assert/strict";
import { gather, getRunningLoop, Lock, Queue, sleep } from "../../mod.ts";
import { explore } from "../../testing/mod.ts";

test("TEST-43: explore calls main once for each schedule, each on a loop of its own", async () => {
  const loops = new Set<unknown>();
  let calls = 0;
  await explore(async () => {
    calls++;
    loops.add(getRunningLoop());
  }, { runs: 20 });
  assert.equal(calls, 20);
  assert.equal(loops.size, 20);
});

test("TEST-43: explore tries a hundred schedules unless it is told otherwise", async () => {
  let calls = 0;
  await explore(async () => {
    calls++;
  });
  assert.equal(calls, 100);
});

test("TEST-44: explore begins with the seed it is given and hands the other options on", async () => {
  const times: number[] = [];
  const main = async function timed(): Promise<void> {
    times.push(getRunningLoop().time());
    if (times.length === 3) throw new RangeError("the third");
  };
  const options = { seed: 70, startTime: 5, timeout: { minutes: 1 } };
  await assert.rejects(explore(main, options), {
    name: "RangeError",
    message: "the third\nSchedule 3 of 100 fails. Replay it with: " +
      "await runTest(timed, { seed: 72, startTime: 5, timeout: 60 })",
  });
  assert.deepEqual(times.slice(0, 3), [5, 5, 5]);
});

test("TEST-44: the replay line is in the stack, which runners print", async () => {
  const failing = async (): Promise<void> => {
    await sleep(1);
    throw new RangeError("always");
  };
  await assert.rejects(explore(failing), (error) => {
    assert.match((error as Error).stack!, /await runTest\(failing, \{ seed: 0 \}\)/);
    return true;
  });
});

test("TEST-44: what is no error is wrapped in one that tells how to replay it", async () => {
  await assert.rejects(
    explore(() => Promise.reject("a string")),
    (error) =>
      error instanceof Error && error.cause === "a string" && /seed: 0/.test(error.message),
  );
});

test("TEST-45: runs is a positive integer, main a function", async () => {
  for (const runs of [0, -1, 1.5, NaN]) {
    await assert.rejects(explore(async () => {}, { runs }), RangeError);
  }
  await assert.rejects(explore(Promise.resolve() as never), TypeError);
});

test("TEST-46: a thousand schedules find nothing in what is sound", async () => {
  await explore(async () => {
    const lock = new Lock();
    const queue = new Queue<number>(1);
    let sum = 0;
    const produce = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) await queue.put(1);
    };
    const consume = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        const item = await queue.get();
        await lock.with(async () => {
          const before = sum;
          await sleep(1);
          sum = before + item;
        });
      }
    };
    await gather([produce, consume, produce, consume]);
    assert.equal(sum, 6);
  }, { runs: 1000 });
});
