import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import {
  BrokenExecutor,
  CancelledError,
  type ConcurrentFuture,
  ProcessPoolExecutor,
  run,
  ThreadPoolExecutor,
  TimeoutError,
} from "../../../mod.ts";
import { recordReports, rejection, sharedFlags, untilSet } from "../../_support/threads.ts";

const double = (n: number) => n * 2;

/** Sets flag 0 and spins until flag 1 is set. */
const hold = (flags: Int32Array) => {
  Atomics.store(flags, 0, 1);
  while (Atomics.load(flags, 1) === 0) Atomics.wait(flags, 1, 0, 5);
};

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const result of results) list.push(result);
  return list;
}

async function withPool(
  body: (pool: ThreadPoolExecutor) => Promise<void>,
  options: ConstructorParameters<typeof ThreadPoolExecutor>[0] = { maxWorkers: 1 },
): Promise<void> {
  await run(async () => {
    const pool = new ThreadPoolExecutor(options);
    try {
      await body(pool);
    } finally {
      await pool.shutdown();
    }
  });
}

test("CFUT-01: running() is true from the start of the work to its end", async () => {
  await withPool(async (pool) => {
    const flags = sharedFlags();
    const first = pool.submit(hold, flags);
    const second = pool.submit(double, 1);
    await untilSet(flags, 0);
    assert.deepEqual([first.running(), first.done()], [true, false]);
    assert.deepEqual([second.running(), second.done()], [false, false]);
    assert.deepEqual([second.cancel(), second.cancelled(), second.running()], [true, true, false]);
    Atomics.store(flags, 1, 1);
    await first;
    assert.deepEqual([first.running(), first.done()], [false, true]);
  });
});

test("CFUT-02: a done callback gets the future when there is a value, an error or a cancellation", async () => {
  await withPool(async (pool) => {
    const calls: [ConcurrentFuture<unknown>, boolean][] = [];
    const value = pool.submit(double, 1);
    const error = pool.submit(() => {
      throw new RangeError("no");
    });
    const cancelled = pool.submit(double, 2);
    for (const future of [value, error, cancelled] as ConcurrentFuture<unknown>[]) {
      future.addDoneCallback((given) => calls.push([given, given.done()]));
    }
    cancelled.cancel();
    assert.deepEqual(calls, [[cancelled, true]]);
    await rejection(error);
    assert.deepEqual(calls, [[cancelled, true], [value, true], [error, true]]);
    assert.ok(error.exception() instanceof RangeError);
    assert.throws(() => cancelled.result(), CancelledError);
  });
});

test("CFUT-03: a done callback of a future that is done is called at once", async () => {
  await withPool(async (pool) => {
    const future = pool.submit(double, 4);
    await future;
    let seen = 0;
    future.addDoneCallback((given) => seen = given.result());
    assert.equal(seen, 8);
  });
});

test("CFUT-04: a done callback that throws is reported, and the next one is called", async () => {
  await withPool(async (pool) => {
    const reports = recordReports();
    const future = pool.submit(double, 4);
    let called = false;
    future.addDoneCallback(() => {
      throw new RangeError("in the callback");
    });
    future.addDoneCallback(() => called = true);
    await future;
    assert.equal(called, true);
    assert.deepEqual(reports.map(({ exception }) => String(exception)), [
      "RangeError: in the callback",
    ]);
  });
});

test("CFUT-05: a done callback runs in the async context in which it was added", async () => {
  await withPool(async (pool) => {
    const storage = new AsyncLocalStorage<string>();
    const future = pool.submit(double, 4);
    let seen: string | undefined;
    storage.run("here", () => future.addDoneCallback(() => seen = storage.getStore()));
    await future;
    assert.equal(seen, "here");
  });
});

test("CFUT-06: addDoneCallback() refuses what is no function", async () => {
  await withPool((pool) => {
    const future = pool.submit(double, 4);
    assert.throws(
      () => future.addDoneCallback(5 as never),
      /TypeError: .*callback must be a function, received a number/,
    );
    return Promise.resolve();
  });
});

for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
  for (const chunkSize of [1, 2, 10]) {
    test(`EXEC-01: map() of a ${Pool.name} gives the results in the order of the items (chunks of ${chunkSize})`, async () => {
      await run(async () => {
        const pool = new Pool({ maxWorkers: 2 });
        const slow = async (n: number, unit: number) => {
          await new Promise((resolve) => setTimeout(resolve, 30 - 10 * n));
          return n * unit;
        };
        const results = pool.map(slow, [0, 1, 2], new Set([10, 20, 30, 40]), { chunkSize });
        assert.deepEqual(await all(results), [0, 20, 60]);
        await pool.shutdown();
      });
    });
  }

  test(`EXEC-02: the initializer of a ${Pool.name} runs once in each worker, before its first job`, async () => {
    await run(async () => {
      const prepare = (first: string, second: string) => {
        const scope = globalThis as unknown as { prepared?: string };
        scope.prepared = `${scope.prepared ?? ""}${first}${second}`;
      };
      const look = (_: number) => Reflect.get(globalThis, "prepared");
      const pool = new Pool({ maxWorkers: 2, initializer: prepare, initargs: ["a", "b"] });
      assert.deepEqual(await all(pool.map(look, [1, 2, 3, 4])), ["ab", "ab", "ab", "ab"]);
      await pool.shutdown();
    });
  });

  test(`EXEC-03: an initializer that fails breaks its ${Pool.name}`, async () => {
    await run(async () => {
      const initializer = () => {
        throw new RangeError("cannot prepare");
      };
      const pool = new Pool({ maxWorkers: 1, initializer });
      const futures = [pool.submit(double, 1), pool.submit(double, 2)];
      for (const future of futures) {
        const error = await rejection(future);
        assert.ok(error instanceof BrokenExecutor, String(error));
        assert.equal((error.cause as Error).message, "cannot prepare");
      }
      assert.throws(() => pool.submit(double, 3), BrokenExecutor);
      await pool.shutdown();
    });
  });
}

test("EXEC-02: a worker that takes a dead one's place is prepared, too", async () => {
  const initializer = () => void Reflect.set(globalThis, "prepared", true);
  await withPool(async (pool) => {
    const died = rejection(pool.submit(() => process.exit(1)));
    const queued = pool.submit(() => Reflect.get(globalThis, "prepared"));
    assert.ok(await died instanceof BrokenExecutor);
    assert.equal(await queued, true);
  }, { maxWorkers: 1, initializer });
});

test("EXEC-03: a worker that dies in its initializer breaks the pool", async () => {
  await withPool(async (pool) => {
    assert.ok(await rejection(pool.submit(double, 1)) instanceof BrokenExecutor);
    assert.throws(() => pool.submit(double, 3), BrokenExecutor);
  }, { maxWorkers: 1, initializer: () => process.exit(1) });
});

test("EXEC-04: map() throws what a call threw at that call's turn, and cancels the rest", async () => {
  await withPool(async (pool) => {
    const fail = (n: number) => {
      if (n === 2) throw new RangeError("two");
      return n;
    };
    const seen: number[] = [];
    const error = await rejection((async () => {
      for await (const n of pool.map(fail, [0, 1, 2, 3])) seen.push(n);
    })());
    assert.ok(error instanceof RangeError);
    assert.deepEqual(seen, [0, 1]);
  });
});

test("EXEC-05: a result of map() that is not there in time is a TimeoutError", async () => {
  await withPool(async (pool) => {
    const flags = sharedFlags();
    const results = pool.map(hold, [flags], { timeout: 0.05 });
    assert.ok(await rejection(results.next()) instanceof TimeoutError);
    Atomics.store(flags, 1, 1);
  });
});

test("EXEC-06: whoever leaves the results of map() early cancels what has not started", async () => {
  await withPool(async (pool) => {
    const flags = new Int32Array(new SharedArrayBuffer(12));
    const work = (n: number, flags: Int32Array) => {
      if (n === 2) { while (Atomics.load(flags, 1) === 0) Atomics.wait(flags, 1, 0, 5); }
      if (n > 2) Atomics.add(flags, 2, 1);
      return n;
    };
    for await (const first of pool.map(work, [1, 2, 3, 4], Array<Int32Array>(4).fill(flags))) {
      assert.equal(first, 1);
      break;
    }
    Atomics.store(flags, 1, 1);
    await pool.submit(double, 1);
    assert.equal(Atomics.load(flags, 2), 0);
  });
});

test("EXEC-07: map() submits at the call, and refuses wrong arguments there", async () => {
  await withPool(async (pool) => {
    const flags = sharedFlags();
    const results = pool.map((given: Int32Array) => Atomics.store(given, 0, 1), [flags]);
    await untilSet(flags, 0);
    assert.deepEqual(await all(results), [1]);
    assert.throws(() => pool.map(double, 5 as never), /TypeError: .*received a number/);
    assert.throws(() => pool.map(double, [1], { chunksize: 2 } as never), /write chunkSize/);
    assert.throws(
      () => pool.map(5 as unknown as typeof double, [1]),
      /TypeError: Cannot run in a worker: a function is expected/,
    );
    assert.throws(() => pool.map(() => 1), TypeError);
  });
});
