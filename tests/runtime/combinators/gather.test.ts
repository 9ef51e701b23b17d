import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  gather,
  getEventLoop,
  newEventLoop,
  setEventLoop,
  shield,
  sleep,
  Task,
} from "../../../mod.ts";
import type { EventLoop } from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";

function futures(count: number, loop?: EventLoop): Future<string>[] {
  return Array.from(
    { length: count },
    () => new Future<string>(loop === undefined ? {} : { loop }),
  );
}

/** A task that needs some turns of the loop to end after it was cancelled. */
function slowToUnwind(turns: number, log: string[] = []): () => Promise<void> {
  return async () => {
    try {
      await sleep(1000);
    } finally {
      await ticks(turns);
      log.push(`unwound after ${turns}`);
    }
  };
}

runs("GATH-01: gather of nothing is done at once, on the running loop", async (loop) => {
  const nothing = gather([]);
  assert.ok(nothing instanceof Future);
  assert.deepEqual(nothing.result(), []);
  assert.equal(nothing.getLoop(), loop);
  assert.deepEqual(await nothing, []);
});

test("GATH-01: without a running loop gather of nothing belongs to the set or the ambient loop", () => {
  assert.equal(gather([]).getLoop(), getEventLoop());
  const loop = newEventLoop();
  setEventLoop(loop);
  try {
    assert.equal(gather([]).getLoop(), loop);
    assert.deepEqual(gather([]).result(), []);
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

runs("GATH-02: futures decide the loop, whichever one runs", async (loop) => {
  const other = newEventLoop();
  const gathered = gather(futures(2, other));
  assert.equal(gathered.getLoop(), other);
  assert.notEqual(other, loop);
  await other.close();
});

runs("GATH-02: futures of two loops cannot be gathered", async () => {
  const other = newEventLoop();
  const [here] = futures(1);
  const [there] = futures(1, other);
  assert.throws(() => gather([here!, there!]), RangeError);
  await other.close();
});

runs("GATH-03: coroutines become tasks on the running loop", async (loop) => {
  const tasks: (Task<unknown> | null)[] = [];
  const body = async () => {
    await sleep(0);
    tasks.push(currentTask());
  };
  const gathered = gather([body, body]);
  assert.equal(gathered.getLoop(), loop);
  await gathered;
  assert.equal(new Set(tasks).size, 2);
  for (const task of tasks) {
    assert.ok(task instanceof Task);
    assert.equal(task.getLoop(), loop);
  }
});

test("GATH-03: without a running loop coroutines run on the ambient one", async () => {
  const gathered = gather([() => sleep(0, 1), () => sleep(0, 2)]);
  assert.equal(gathered.getLoop(), getEventLoop());
  assert.deepEqual(await gathered, [1, 2]);
});

test("GATH-03: without a running loop coroutines become tasks of the set one", async () => {
  const loop = newEventLoop();
  setEventLoop(loop);
  try {
    const gathered = gather([() => sleep(0, 1), () => sleep(0, 2)]);
    assert.equal(gathered.getLoop(), loop);
    assert.deepEqual(await loop.runUntilComplete(gathered), [1, 2]);
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

runs(
  "GATH-04: results stand in the order of the arguments, and the last child ends it",
  async () => {
    const [a, b, c] = futures(3);
    const gathered = gather([a!, b!, c!]);
    b!.setResult("b");
    await ticks(3);
    a!.setResult("a");
    await ticks(3);
    assert.equal(gathered.done(), false);
    c!.setResult("c");
    await ticks(3);
    assert.deepEqual(gathered.result(), ["a", "b", "c"]);
  },
);

runs("GATH-04: its done callback is called once, with it", async () => {
  const [a, b] = futures(2);
  const gathered = gather([a!, b!]);
  const seen: unknown[] = [];
  gathered.addDoneCallback((future) => seen.push(future));
  a!.setResult("a");
  b!.setResult("b");
  await ticks(4);
  assert.deepEqual(seen.length, 1);
  assert.equal(seen[0], gathered);
});

runs("GATH-04: any iterable of awaitables will do", async () => {
  function* work() {
    yield () => sleep(2, "slow");
    yield () => sleep(1, "quick");
    yield Promise.resolve("promise");
  }
  assert.deepEqual(await gather(work()), ["slow", "quick", "promise"]);
});

runs("GATH-05: the first error settles it at once, as the same object", async () => {
  const [a, b, c] = futures(3);
  const gathered = gather([a!, b!, c!]);
  const error = new Trouble("b");
  b!.setException(error);
  a!.setResult("a");
  await ticks(2);
  assert.equal(gathered.exception(), error);
  assert.equal(c!.done(), false);
});

runs("GATH-05: the siblings of the first failure run on", async () => {
  const log: string[] = [];
  await assert.rejects(
    gather([
      async () => {
        await sleep(2);
        log.push("sibling ended");
      },
      async () => {
        await sleep(1);
        throw new Trouble();
      },
    ]),
    Trouble,
  );
  assert.deepEqual(log, []);
  await sleep(2);
  assert.deepEqual(log, ["sibling ended"]);
});

runs("GATH-05: later errors of the siblings count as taken", async (_loop, reports) => {
  const [a, b, c] = futures(3);
  const gathered = gather([a!, b!, c!]);
  a!.setException(new Trouble("first"));
  await assert.rejects(gathered, /first/);
  b!.setException(new Trouble("second"));
  c!.cancel();
  await ticks(3);
  assert.deepEqual(reports, []);
});

runs("GATH-06: with returnExceptions errors stand among the results", async () => {
  const error = new Trouble("b");
  const [a, b, c] = futures(3);
  const gathered = gather([a!, b!, c!], { returnExceptions: true });
  b!.setException(error);
  await ticks(3);
  assert.equal(gathered.done(), false);
  a!.setResult("a");
  c!.setResult("c");
  const results = await gathered;
  assert.deepEqual(results, ["a", error, "c"]);
  assert.equal(results[1], error);
});

runs(
  "GATH-07: a cancelled child makes it fail with CancelledError without being cancelled",
  async () => {
    const [a, b] = futures(2);
    const gathered = gather([a!, b!]);
    b!.cancel("child");
    await ticks(2);
    assert.equal(gathered.done(), true);
    assert.equal(gathered.cancelled(), false);
    assert.ok(gathered.exception() instanceof CancelledError);
    assert.equal((gathered.exception() as Error).message, "child");
    assert.equal(a!.done(), false);
  },
);

runs(
  "GATH-08: with returnExceptions a cancelled child leaves a CancelledError at its place",
  async () => {
    const [a, b, c] = futures(3);
    const gathered = gather([a!, b!, c!], { returnExceptions: true });
    a!.setResult("a");
    b!.cancel();
    c!.setException(new Trouble("c"));
    const results = await gathered;
    assert.equal(gathered.cancelled(), false);
    assert.equal(results[0], "a");
    assert.ok(results[1] instanceof CancelledError);
    assert.ok(results[2] instanceof Trouble);
  },
);

runs(
  "GATH-08: the CancelledError in the list has a future's message, and none of a task's",
  async () => {
    const [future] = futures(1);
    const task = createTask(() => sleep(1000));
    const gathered = gather([future!, task], { returnExceptions: true });
    await ticks();
    future!.cancel("future");
    task.cancel("task");
    const [ofFuture, ofTask] = await gathered as Error[];
    assert.deepEqual([ofFuture!.message, ofTask!.message], ["future", ""]);
    assert.ok(ofFuture instanceof CancelledError && ofTask instanceof CancelledError);
  },
);

runs(
  "GATH-09: a future that is given twice is awaited once and stands at both places",
  async () => {
    const [a, b] = futures(2);
    const gathered = gather([a!, b!, a!]);
    a!.setResult("a");
    b!.setResult("b");
    assert.deepEqual(await gathered, ["a", "b", "a"]);
  },
);

runs("GATH-09: a function is called for each time it is given", async () => {
  let calls = 0;
  const body = () => sleep(0, ++calls);
  assert.deepEqual(await gather([body, body, body]), [1, 2, 3]);
});

runs("GATH-10: cancel() cancels the unfinished children, whose end then finishes it", async () => {
  const [done, a, b] = futures(3);
  done!.setResult("done");
  const gathered = gather([done!, a!, b!]);
  const main = createTask(async () => await gathered);
  await ticks();
  assert.equal(gathered.cancel(), true);
  assert.equal(gathered.done(), false);
  assert.deepEqual([a!.cancelled(), b!.cancelled()], [true, true]);
  await assertCancelled(main);
  assert.equal(main.cancelled(), true);
  assert.equal(gathered.cancelled(), false);
  assert.equal(gathered.cancel(), false);
});

runs("GATH-10: cancelling the task that awaits it cancels the children", async () => {
  const log: string[] = [];
  const task = createTask(async () =>
    await gather([1, 2].map((n) => async () => {
      try {
        await sleep(1000);
      } catch (error) {
        log.push(`${n} ${error}`);
        throw error;
      }
    }))
  );
  await ticks(2);
  task.cancel("stop");
  await assertCancelled(task, "stop");
  assert.deepEqual(log, ["1 CancelledError: stop", "2 CancelledError: stop"]);
});

runs("GATH-11: cancel() is refused when all children are done already", async () => {
  const [a] = futures(1);
  const gathered = gather([a!]);
  a!.setResult("a");
  assert.equal(gathered.done(), false);
  assert.equal(gathered.cancel(), false);
  assert.deepEqual(await gathered, ["a"]);
});

runs(
  "GATH-11: a child cancelled in the tick of the last result is too late for the awaiter",
  async () => {
    const [a] = futures(1);
    const gathered = gather([a!]);
    const main = createTask(async () => await gathered);
    await ticks();
    a!.setResult("a");
    // The gather refuses, so the request stays with the task.
    assert.equal(main.cancel(), true);
    await assertCancelled(main);
    assert.deepEqual(gathered.result(), ["a"]);
  },
);

runs(
  "GATH-12: with returnExceptions a cancelled gather throws its message once all have ended",
  async () => {
    const log: string[] = [];
    const gathered = gather([slowToUnwind(1, log), slowToUnwind(4, log)], {
      returnExceptions: true,
    });
    const main = createTask(async () => await gathered);
    await ticks(2);
    gathered.cancel("my message");
    await assertCancelled(main, "my message");
    assert.deepEqual(log, ["unwound after 1", "unwound after 4"]);
  },
);

runs("GATH-12: its error is that of the last in the list, whichever has ended last", async () => {
  const branch = (steps: number, message: string) => async () => {
    await sleep(10).catch(() => ticks(steps));
    throw new CancelledError(message);
  };
  for (const [first, last] of [[5, 1], [1, 5]] as const) {
    const both = gather([branch(first, "first"), branch(last, "last")], { returnExceptions: true });
    const waiting = createTask(() => both);
    await ticks(2);
    both.cancel("all");
    await assertCancelled(waiting, "last");
  }
});

runs(
  "GATH-13: a bad argument is refused, and the child made before it runs on",
  async (_loop, reports) => {
    const log: string[] = [];
    const child = async () => {
      await sleep(0);
      log.push("child ended");
    };
    assert.throws(() => gather([child, { not: "awaitable" } as never]), TypeError);
    await ticks(3);
    assert.deepEqual(log, ["child ended"]);
    assert.deepEqual(reports, []);
  },
);

runs(
  "GATH-13: arguments one by one instead of a list are refused with the right call",
  async () => {
    const child = () => sleep(0);
    assert.throws(() => gather(child as never), /gather\(\[a, b\]\)/);
    await sleep(0);
  },
);

runs("GATH-14: when all children are done already it is done on return", async () => {
  const [a, b] = futures(2);
  a!.setResult("a");
  b!.setResult("b");
  assert.deepEqual(gather([a!, b!]).result(), ["a", "b"]);
  const [failed] = futures(1);
  failed!.setException(new Trouble("failed"));
  const gathered = gather([a!, failed!], { returnExceptions: true });
  assert.ok((gathered.result()[1]) instanceof Trouble);
  await sleep(0);
});

runs("GATH-15: cancelling a gather of shields leaves what they protect running", async () => {
  const inner = futures(2);
  const shields = inner.map((future) => shield(future));
  const gathered = gather(shields);
  assert.equal(gathered.cancel(), true);
  await ticks(2);
  assert.ok(gathered.exception() instanceof CancelledError);
  assert.deepEqual(shields.map((future) => future.cancelled()), [true, true]);
  assert.deepEqual(inner.map((future) => future.done()), [false, false]);
  inner[0]!.setResult("a");
  inner[1]!.setResult("b");
  await ticks(2);
  assert.deepEqual(inner.map(outcome), ["result a", "result b"]);
});

runs("GATH-16: a cancelled gather ends with its first cancelled child", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await gather([slowToUnwind(1, log), slowToUnwind(6, log)]);
    } finally {
      log.push("awaiter");
    }
  });
  await ticks(2);
  task.cancel();
  await assertCancelled(task);
  await ticks(6);
  assert.deepEqual(log, ["unwound after 1", "awaiter", "unwound after 6"]);
});

runs("GATH-16: with returnExceptions a cancelled gather waits for all", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await gather([slowToUnwind(1, log), slowToUnwind(6, log)], { returnExceptions: true });
    } finally {
      log.push("awaiter");
    }
  });
  await ticks(2);
  task.cancel();
  await assertCancelled(task);
  assert.deepEqual(log, ["unwound after 1", "unwound after 6", "awaiter"]);
});

for (const returnExceptions of [false, true]) {
  runs(
    `GATH-17: children that swallow the cancellation do not save the gather (returnExceptions: ${returnExceptions})`,
    async () => {
      const stubborn = async () => {
        try {
          return await sleep(1000, "slept");
        } catch {
          return "value";
        }
      };
      const gathered = gather([stubborn, stubborn], { returnExceptions });
      const task = createTask(async () => await gathered);
      await ticks(2);
      task.cancel("message");
      await assertCancelled(task, "");
      assert.equal(gathered.cancelled(), false);
    },
  );
}

runs("GATH-18: a child that had failed already makes it failed on return", async () => {
  const error = new Trouble("early");
  const [failed, open] = futures(2);
  failed!.setException(error);
  const gathered = gather([open!, failed!]);
  assert.equal(gathered.done(), true);
  assert.equal(gathered.exception(), error);
  assert.equal(open!.done(), false);
  await sleep(0);
});
