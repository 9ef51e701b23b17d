import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  type Executor,
  Future,
  getRunningLoop,
  newEventLoop,
  run,
  RuntimeError,
  sleep,
  ThreadPoolExecutor,
  toThread,
} from "../../../mod.ts";
import {
  recordReports,
  rejection,
  runs,
  sharedFlags,
  untilSet,
  workModule,
} from "../../_support/threads.ts";

const waitFor = (gate: Int32Array) => {
  Atomics.store(gate, 0, 1);
  Atomics.wait(gate, 1, 0, 10_000);
};

function open(gate: Int32Array): void {
  Atomics.store(gate, 1, 1);
  Atomics.notify(gate, 1);
}

/** Runs everything here, at once. */
class InlineExecutor implements Executor {
  readonly log: string[] = [];

  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): PromiseLike<Awaited<R>> {
    this.log.push(`submit ${fn.name}`);
    return Promise.resolve().then(() => fn(...args)) as Promise<Awaited<R>>;
  }

  shutdown(options: { wait?: boolean } = {}): Promise<void> {
    this.log.push(`shutdown wait=${options.wait}`);
    return Promise.resolve();
  }
}

test("LOOP-40: runInExecutor(null, fn, ...args) runs fn in another thread and gives a Future", async () => {
  await run(async () => {
    const future = getRunningLoop().runInExecutor(null, (a: number, b: number) => a * b, 6, 7);
    assert.ok(future instanceof Future);
    assert.equal(await future, 42);
  });
});

test("LOOP-40: an executor can be given", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await getRunningLoop().runInExecutor(pool, workModule.add, 1, 2), 3);
    await pool.shutdown();
  });
});

test("LOOP-40: errors reach the Future", async () => {
  await run(async () => {
    const future = getRunningLoop().runInExecutor(null, workModule.fail, "type");
    assert.ok(await rejection(future) instanceof TypeError);
  });
});

runs("LOOP-40: the default executor is made once and used again", async () => {
  const id = () => process.getBuiltinModule("node:worker_threads").threadId;
  assert.equal(await toThread(id), await getRunningLoop().runInExecutor(null, id));
});

test("LOOP-40: something that is no function is a TypeError, a closed loop a RuntimeError", () => {
  const loop = newEventLoop();
  assert.throws(() => loop.runInExecutor(null, 5 as unknown as () => void), {
    name: "TypeError",
    message: /Cannot run in an executor: fn must be a function, received a number/,
  });
  loop.close();
  assert.throws(() => loop.runInExecutor(null, () => 5), RuntimeError);
});

test("LOOP-41: a cancelled Future brings nothing to the loop after shutdown and close", async () => {
  const reports: unknown[] = [];
  const gate = sharedFlags();
  await run(async () => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, context) => reports.push(context));
    const future = loop.runInExecutor(null, waitFor, gate);
    await untilSet(gate, 0);
    assert.equal(future.cancel(), true);
    await assert.rejects(future, CancelledError);
    await loop.shutdownDefaultExecutor(0);
  });
  open(gate);
  await toThread(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(reports, []);
});

test("LOOP-41: a job that ends after its loop was closed disturbs nobody", async () => {
  const loop = newEventLoop();
  const gate = sharedFlags();
  const future = loop.runInExecutor(null, waitFor, gate);
  await untilSet(gate, 0);
  loop.close();
  open(gate);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(future.done(), false);
});

test("LOOP-42: setDefaultExecutor takes what has submit and shutdown, else TypeError", () => {
  const loop = newEventLoop();
  for (const wrong of [null, {}, { submit() {} }, 5]) {
    assert.throws(() => loop.setDefaultExecutor(wrong as unknown as Executor), {
      name: "TypeError",
      message: /must have submit\(\) and shutdown\(\), received/,
    });
  }
  loop.setDefaultExecutor(new ThreadPoolExecutor());
  loop.close();
});

test("LOOP-42: a user's executor serves runInExecutor and toThread, and is shut down with the run", async () => {
  const executor = new InlineExecutor();
  await run(async () => {
    const loop = getRunningLoop();
    loop.setDefaultExecutor(executor);
    const local = { value: 1 };
    const same = (given: object) => given === local;
    assert.equal(await loop.runInExecutor(null, same, local), true);
    assert.equal(await toThread(same, local), true);
    const fails = () => {
      throw new RangeError("inline");
    };
    assert.ok(await rejection(toThread(fails)) instanceof RangeError);
  });
  assert.deepEqual(executor.log, [
    "submit same",
    "submit same",
    "submit fails",
    "shutdown wait=true",
  ]);
});

test("LOOP-42: cancelling the caller cancels what a user's executor returned", async () => {
  await run(async () => {
    const loop = getRunningLoop();
    const given = new Future<never>();
    const executor = { submit: () => given, shutdown: () => Promise.resolve() } as Executor;
    const future = loop.runInExecutor(executor, () => 5);
    await sleep(0);
    future.cancel();
    assert.equal(given.cancelled(), true);
    await assert.rejects(future, CancelledError);
  });
});

test("LOOP-42: a subclass of a pool that submits in its own way is asked", async () => {
  const seen: unknown[] = [];
  class Loud extends ThreadPoolExecutor {
    override submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A) {
      seen.push(args);
      return super.submit(fn, ...args);
    }
  }
  await run(async () => {
    const pool = new Loud({ maxWorkers: 1 });
    assert.equal(await getRunningLoop().runInExecutor(pool, (n: number) => n, 5), 5);
    await pool.shutdown();
  });
  assert.deepEqual(seen, [[5]]);
});

test(
  "LOOP-43: shutdownDefaultExecutor waits for the workers; then default runs are a RuntimeError",
  () =>
    run(async () => {
      const loop = getRunningLoop();
      const future = loop.runInExecutor(null, async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return "ended";
      });
      await loop.shutdownDefaultExecutor();
      await sleep(0);
      assert.equal(future.result(), "ended");
      assert.throws(() => loop.runInExecutor(null, () => 5), {
        name: "RuntimeError",
        message: "Executor shutdown has been called",
      });
      assert.match((await rejection(toThread(() => 5))).message, /shutdown has been called/);
    }),
);

test("LOOP-43: over time it warns and goes on", async () => {
  const warnings: Error[] = [];
  const listen = (warning: Error) => warnings.push(warning);
  process.on("warning", listen);
  const gate = sharedFlags();
  await run(async () => {
    const loop = getRunningLoop();
    const future = loop.runInExecutor(null, waitFor, gate);
    await untilSet(gate, 0);
    await loop.shutdownDefaultExecutor(0.01);
    open(gate);
    await future;
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("warning", listen);
  assert.deepEqual(warnings.map(({ name }) => name), ["RuntimeWarning"]);
  assert.match(warnings[0]!.message, /did not finish joining its threads within 0\.01 seconds/);
});

test("LOOP-43: without any executor there is nothing to wait for", async () => {
  await run(async () => {
    const reports = recordReports();
    await getRunningLoop().shutdownDefaultExecutor();
    await getRunningLoop().shutdownDefaultExecutor();
    assert.deepEqual(reports, []);
  });
});
