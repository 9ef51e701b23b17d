import test from "node:test";
import assert from "node:assert/strict";
import {
  createTask,
  ensureFuture,
  Event,
  type EventLoop,
  gather,
  getRunningLoop,
  run,
  RuntimeError,
  sleep,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { runTest, TestLoop } from "../../testing/mod.ts";

const now = (): number => getRunningLoop().time();
const testLoop = (): TestLoop => getRunningLoop() as TestLoop;

async function realSeconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

test("TEST-01: sleep(3600) moves the clock by an hour and takes no time", async () => {
  const seconds = await realSeconds(() =>
    runTest(async () => {
      await sleep(3600);
      assert.equal(now(), 3600);
    })
  );
  assert.ok(seconds < 5, `took ${seconds} s`);
});

test("TEST-02: a day with ten thousand timers takes some seconds at most", async () => {
  const count = 10_000;
  const day = 86_400;
  let fired = 0;
  const seconds = await realSeconds(() =>
    runTest(async () => {
      for (let i = 1; i <= count; i++) getRunningLoop().callAt(i * day / count, () => fired++);
      await sleep(day);
      await testLoop().settle();
    })
  );
  assert.equal(fired, count);
  // A tenth of that on a machine with nothing else to do.
  assert.ok(seconds < 10, `took ${seconds} s`);
});

test("TEST-03: the clock starts at 0, or where it is told to", async () => {
  assert.equal(await runTest(async () => now()), 0);
  assert.equal(await runTest(async () => now(), { startTime: 1e6 }), 1e6);
});

test("TEST-04: runTest resolves to what main returns and rejects with what it throws", async () => {
  assert.equal(await runTest(async () => 42), 42);
  await assert.rejects(
    runTest(() => {
      throw new SyntaxError("of the test itself");
    }),
    SyntaxError,
  );
});

test("TEST-05: deadlines fire at their virtual time", async () => {
  await runTest(async () => {
    await assert.rejects(timeout(30).with(() => sleep(60)), TimeoutError);
    assert.equal(now(), 30);
    await assert.rejects(waitFor(() => sleep(60), 30), TimeoutError);
    assert.equal(now(), 60);
  });
});

test("TEST-06: advance runs what becomes due on the way, each at its time", async () => {
  await runTest(async () => {
    const seen: number[] = [];
    const ticker = createTask(async () => {
      for (;;) {
        await sleep(10);
        seen.push(now());
      }
    });
    await testLoop().advance(35);
    assert.deepEqual(seen, [10, 20, 30]);
    assert.equal(now(), 35);
    await testLoop().advance({ seconds: 5 });
    assert.deepEqual(seen, [10, 20, 30, 40]);
    ticker.cancel();
  });
});

test("TEST-06: advance ends when what is due at its end has run to its next wait", async () => {
  await runTest(async () => {
    let steps = 0;
    createTask(async () => {
      await sleep(10);
      for (let i = 0; i < 20; i++) await sleep(0);
      steps = 20;
    });
    await testLoop().advance(10);
    assert.equal(steps, 20);
  });
});

test("TEST-06: the clock can't be moved without end", async () => {
  await runTest(() => assert.rejects(testLoop().advance(Infinity), RangeError));
});

test("TEST-07: advance runs a loop that is not running", async () => {
  const loop = new TestLoop();
  let fired = false;
  loop.callLater(10, () => fired = true);
  await loop.advance(9);
  assert.equal(fired, false);
  await loop.advance(1);
  assert.equal(fired, true);
  assert.equal(loop.time(), 10);
  loop.close();
});

test("TEST-07: advance from plain code moves a loop that runs", async () => {
  const loop = new TestLoop();
  const gate = new Event();
  const main = loop.runUntilComplete(() => gate.wait());
  await loop.advance(100);
  assert.equal(loop.time(), 100);
  loop.callSoon(() => gate.set());
  assert.equal(await main, true);
  loop.close();
});

test("TEST-08: advance takes no negative delay", async () => {
  await runTest(async () => {
    await assert.rejects(testLoop().advance(-1), RangeError);
    await assert.rejects(testLoop().advance(NaN), RangeError);
  });
});

test("TEST-09: settle runs all that can run and leaves the clock alone", async () => {
  await runTest(async () => {
    const seen: string[] = [];
    createTask(async () => {
      for (let i = 0; i < 50; i++) await sleep(0);
      seen.push("ready");
      await sleep(1);
      seen.push("a second later");
    });
    await testLoop().settle();
    assert.deepEqual(seen, ["ready"]);
    assert.equal(now(), 0);
    await sleep(1);
  });
});

test("TEST-10: a test that is not done when its time is over fails with TimeoutError", async () => {
  const main = (): Promise<void> => sleep(3600);
  await assert.rejects(runTest(main, { timeout: 60 }), (error) => {
    assert.ok(error instanceof TimeoutError);
    assert.match(error.message, /loop time 60\.000\n.*sleep until loop time 3600/);
    return true;
  });
  await runTest(main, { timeout: 3600 });
});

test("TEST-10: the time limit counts from startTime", async () => {
  const options = { startTime: 100, timeout: { seconds: 10 } };
  await runTest(() => sleep(10), options);
  await assert.rejects(runTest(() => sleep(11), options), TimeoutError);
});

test("TEST-10: a test past its time that can't be cancelled ends all the same", async () => {
  const main = async (): Promise<void> => {
    createTask(() => new Promise(() => {}));
    await sleep(3600);
  };
  const { error } = console;
  console.error = () => {};
  try {
    await assert.rejects(runTest(main, { timeout: 60 }), TimeoutError);
  } finally {
    console.error = error;
  }
});

test("TEST-11: Date, setTimeout and performance stay real", async () => {
  await runTest(async () => {
    const date = Date.now();
    const start = performance.now();
    await sleep(86_400);
    assert.ok(Date.now() - date < 60_000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(performance.now() - start >= 19);
    assert.equal(now(), 86_400);
  });
});

test("TEST-11: a clock that jumps without end starves nothing real", async () => {
  let fired = false;
  setTimeout(() => fired = true, 5);
  await runTest(async () => {
    while (!fired) await sleep(1);
    assert.ok(now() > 0);
  });
});

test("TEST-12: a task that starts eagerly gets real time for its promise, too", async () => {
  await runTest(async () => {
    const task = createTask(
      () => new Promise((resolve) => setTimeout(resolve, 20)),
      { eagerStart: true },
    );
    await sleep(3600);
    assert.ok(task.done());
  });
});

test("TEST-12: a promise of somebody else's gets real time before the clock moves", async () => {
  await runTest(async () => {
    const answer = (): Promise<string> =>
      new Promise((resolve) => setTimeout(resolve, 20, "answer"));
    assert.equal(await timeout(5).with(answer), "answer");
    assert.equal(await waitFor(ensureFuture(answer()), 5), "answer");
    assert.equal(now(), 0);
  });
});

test("TEST-12: a promise that never settles does not keep the clock from moving", async () => {
  await runTest(async () => {
    await assert.rejects(timeout(5).with(() => new Promise(() => {})), TimeoutError);
    assert.equal(now(), 5);
  });
});

test("TEST-12: with realIo off the clock waits for no promise", async () => {
  await runTest(async () => {
    const late = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 500));
    await assert.rejects(timeout(5).with(late), TimeoutError);
  }, { realIo: false });
});

test("TEST-13: a run without timers waits for a promise of somebody else's", async () => {
  await runTest(async () => {
    const event = new Event();
    createTask(async () => {
      await new Promise((resolve) => setTimeout(resolve, 400));
      event.set();
    });
    await event.wait();
    assert.equal(now(), 0);
  });
});

test("TEST-14: run() takes a TestLoop as any other loop", async () => {
  const loopFactory = (): EventLoop => new TestLoop();
  assert.equal(
    await run(async () => {
      await sleep(1e6);
      return now();
    }, { loopFactory }),
    1e6,
  );
});

test("TEST-15: runTest inside a running loop is a RuntimeError", async () => {
  await runTest(async () => {
    await assert.rejects(runTest(async () => {}), RuntimeError);
  });
});

test("TEST-15: runTest takes a function", async () => {
  const promise = Promise.resolve() as unknown as () => Promise<void>;
  await assert.rejects(runTest(promise), TypeError);
});

test("TEST-15: options that make no sense are refused", async () => {
  assert.throws(() => new TestLoop({ startTime: NaN }), RangeError);
  assert.throws(() => new TestLoop({ seed: Infinity }), RangeError);
  assert.throws(() => new TestLoop({ seed: "1" as unknown as number }), TypeError);
  assert.throws(() => new TestLoop({ timeout: NaN }), RangeError);
});

test("TEST-16: several tests may run at once, each on a clock of its own", async () => {
  const times = await Promise.all([10, 1000].map((seconds) =>
    runTest(async () => {
      await gather([() => sleep(seconds), () => sleep(seconds / 2)]);
      return now();
    })
  ));
  assert.deepEqual(times, [10, 1000]);
});
