import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  ContextVar,
  currentTask,
  getRunningLoop,
  type RemoteFunction,
  run,
  sleep,
  ThreadPoolExecutor,
  TimeoutError,
  toThread,
} from "../../../mod.ts";
import {
  recordReports,
  rejection,
  runs,
  sharedFlags,
  until,
  untilSet,
  workModule,
} from "../../_support/threads.ts";

runs(
  "THR-04: a function among the arguments runs here, in call order, before the result arrives",
  async () => {
    const seen: number[] = [];
    const count = await toThread(
      (times: number, progress: (n: number) => void) => {
        for (let n = 0; n < times; n++) progress(n);
        return times;
      },
      5,
      (n: number) => {
        seen.push(n);
      },
    );
    assert.equal(count, 5);
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  },
);

runs("THR-04: in the worker such a function gives a promise of the result", async () => {
  const ask = async (question: RemoteFunction<[string], string>) => `<${await question("a")}>`;
  assert.equal(await toThread(ask, (text: string) => Promise.resolve(text + "!")), "<a!>");
});

runs("THR-04: it runs as a task of the loop and may wait there", async () => {
  const ask = async (wait: RemoteFunction<[], string>) => await wait();
  const name = await toThread(ask, async () => {
    await sleep(0.001);
    return currentTask()!.getLoop() === getRunningLoop() ? "a task" : "no task";
  });
  assert.equal(name, "a task");
});

test("THR-04: functions may be deep inside an argument", async () => {
  interface Options {
    on: { done: RemoteFunction<[number], number> }[];
    same?: unknown;
  }
  await run(async () => {
    const work = async (options: Options) => {
      const shared = options.on === options.same;
      return [await options.on[0]!.done(4), shared];
    };
    const on = [{ done: (n: number) => Promise.resolve(n * n) }];
    assert.deepEqual(await toThread(work, { on, same: on }), [16, true]);
  });
});

runs("THR-04: its error arrives in the worker with class and message", async () => {
  const work = async (fn: RemoteFunction<[], void>) => {
    try {
      await fn();
    } catch (error) {
      return [error instanceof RangeError, String(error)];
    }
    return [];
  };
  const fails = () => Promise.reject(new RangeError("not here"));
  assert.deepEqual(await toThread(work, fails), [true, "RangeError: not here"]);
});

runs("THR-04: what the worker passes on comes back as it was thrown", async () => {
  const work = async (fn: RemoteFunction<[], void>) => await fn();
  const error = await rejection(toThread(work, () => Promise.reject(new TimeoutError("late"))));
  assert.ok(error instanceof TimeoutError);
});

test("THR-04: it sees the context variables of the call that it was given to", async () => {
  const name = new ContextVar<string>("name");
  await run(async () => {
    name.set("caller");
    const work = async (fn: RemoteFunction<[], string>) => await fn();
    assert.equal(await toThread(work, () => Promise.resolve(name.get())), "caller");
  });
});

runs(
  "THR-02: a callback that fails and that nobody awaited is reported, once, and the work goes on",
  async () => {
    const reports = recordReports();
    const work = async (fn: RemoteFunction<[], void>) => {
      void fn();
      // The first stack that Deno looks at costs it some 50 ms, and the job must be there when the refusal comes.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return "done";
    };
    assert.equal(await toThread(work, () => Promise.reject(new RangeError("lost?"))), "done");
    assert.equal(reports.length, 1);
    assert.match(reports[0]!.message, /did not wait for it/);
    assert.ok(reports[0]!.exception instanceof RangeError);
  },
);

test("THR-04: called after the work has ended it rejects", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    await pool.submit(workModule.keepForLater, () => Promise.resolve());
    assert.match(await pool.submit(workModule.callKept), /RuntimeError: .*has ended/);
    await pool.shutdown();
  });
});

runs("THR-04: 1000 calls keep their order", async () => {
  const seen: number[] = [];
  const work = async (fn: RemoteFunction<[number], number>) => {
    const promises = Array.from({ length: 1000 }, (_, n) => fn(n));
    return (await Promise.all(promises)).length;
  };
  assert.equal(await toThread(work, (n: number) => Promise.resolve(seen.push(n))), 1000);
  assert.deepEqual(seen, Array.from({ length: 1000 }, (_, n) => n));
});

test("THR-04: it runs in the async context of whoever gave it away, as other libraries expect", async () => {
  const storage = new AsyncLocalStorage<string>();
  await run(async () => {
    const work = async (fn: RemoteFunction<[], string | undefined>) => await fn();
    const seen = storage.run("request 1", () => {
      return toThread(work, () => Promise.resolve(storage.getStore()));
    });
    assert.equal(await seen, "request 1");
  });
});

test("THR-04: work that outlives its loop can't call its functions any more", async () => {
  const flags = sharedFlags();
  let late = 0;
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    pool.submit(workModule.callWhenAllowed, flags, () => Promise.resolve(++late));
    await untilSet(flags, 0);
    await pool.shutdown({ wait: false });
  });
  Atomics.store(flags, 1, 1);
  await until(() => Atomics.load(flags, 1) === 2);
  assert.equal(late, 0);
});
