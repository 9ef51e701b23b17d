import test from "node:test";
import assert from "node:assert/strict";
import {
  CancelledError,
  createSubprocessExec,
  createTask,
  Future,
  getRunningLoop,
  openConnection,
  PIPE,
  sleep,
  startServer,
  ThreadPoolExecutor,
  toThread,
} from "../../mod.ts";
import { LeakError, runTest } from "../../testing/mod.ts";

async function leakOf(main: () => Promise<unknown>): Promise<LeakError> {
  try {
    await runTest(main);
  } catch (error) {
    assert.ok(error instanceof LeakError, String(error));
    return error;
  }
  throw new Error("nothing leaked");
}

const here = "leaks\\.test\\.[tj]s:\\d+";
const madeHere = new RegExp(`made at .*${here}`);

test("TEST-60: a task that is not done when main is fails the test", async () => {
  const error = await leakOf(async () => {
    createTask(() => sleep(3600), { name: "forgotten" });
  });
  assert.match(error.message, /left behind:\n {2}task "forgotten"/);
  assert.match(error.message, madeHere);
  assert.equal(error.tasks[0]!.getName(), "forgotten");
});

test("TEST-60: a leaked task is cancelled all the same, and its cleanup runs", async () => {
  let cleaned = false;
  await leakOf(async () => {
    createTask(async () => {
      try {
        await sleep(3600);
      } finally {
        cleaned = true;
      }
    });
    await sleep(0);
  });
  assert.ok(cleaned);
});

test("TEST-60: a task that never takes its cancellation fails the test, which ends all the same", async () => {
  const error = await leakOf(async () => {
    createTask(async () => {
      for (;;) {
        try {
          await sleep(1);
        } catch (error) {
          assert.ok(error instanceof CancelledError);
        }
      }
    }, { name: "immortal" });
    await sleep(1);
  });
  assert.match(error.message, /left behind:\n {2}task "immortal"/);
});

test("TEST-60: a task that ends without the clock moving is no leak", async () => {
  await runTest(async () => {
    const cancelled = createTask(() => sleep(3600));
    createTask(async () => {
      for (let i = 0; i < 10; i++) await sleep(0);
    });
    await sleep(0);
    cancelled.cancel();
  });
});

test("TEST-61: a server that is not closed fails the test", async () => {
  const error = await leakOf(() => startServer(() => {}, "127.0.0.1", 0));
  assert.match(error.message, /<Server sockets=\[127\.0\.0\.1:\d+\]> made (at .*leaks|by task)/);
});

test("TEST-61: a connection that is not closed fails the test", async () => {
  const error = await leakOf(async () => {
    const server = await startServer(
      async (reader, writer) => {
        await reader.read();
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    await openConnection("127.0.0.1", port);
    server.close();
  });
  assert.match(error.message, /<StreamTransport/);
});

test("TEST-62: a child that is not waited for fails the test, and is ended", async () => {
  let pid = 0;
  const error = await leakOf(async () => {
    const child = await createSubprocessExec("cat", [], { stdin: PIPE });
    pid = child.pid;
  });
  assert.match(error.message, new RegExp(`<SubprocessTransport pid=${pid} running`));
});

test("TEST-63: an executor that is not shut down fails the test", async () => {
  const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
  try {
    const error = await leakOf(async () => {
      await getRunningLoop().runInExecutor(pool, () => 1);
    });
    assert.match(error.message, /ThreadPoolExecutor made at/);
  } finally {
    await pool.shutdown();
  }
});

test("TEST-63: executors that are shut down, and the loop's own, are no leak", async () => {
  await runTest(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    assert.equal(await getRunningLoop().runInExecutor(pool, () => 1), 1);
    assert.equal(await toThread(() => 2), 2);
    await pool.shutdown();
  });
});

test("TEST-64: an exception that nobody took fails the test", async () => {
  const error = await leakOf(async () => {
    createTask(async () => {
      throw new RangeError("unseen");
    });
    await sleep(1);
  });
  assert.match(error.message, /Nobody took:\n.*never retrieved: RangeError: unseen, made at/);
  assert.match(error.message, madeHere);
  assert.ok(error.cause instanceof RangeError);
  assert.deepEqual(error.errors, [error.cause]);
});

test("TEST-64: a future's exception that nobody took fails the test, too", async () => {
  const error = await leakOf(async () => {
    new Future().setException(new RangeError("unseen"));
  });
  assert.match(error.message, /RangeError: unseen/);
});

test("TEST-65: an error in a callback fails the test", async () => {
  const error = await leakOf(async () => {
    getRunningLoop().callSoon(function broken() {
      throw new RangeError("of a callback");
    });
    await sleep(1);
  });
  assert.match(error.message, /Exception in callback broken\(\).*: RangeError: of a callback/);
});

test("TEST-65: what a handler of the test's own took is taken", async () => {
  const taken: unknown[] = [];
  await runTest(async () => {
    getRunningLoop().setExceptionHandler((_loop, { exception }) => taken.push(exception));
    getRunningLoop().callSoon(() => {
      throw new RangeError("of a callback");
    });
    await sleep(1);
  });
  assert.equal(taken.length, 1);
});

test("TEST-65: a report without an exception is printed and fails nothing", async () => {
  const printed: unknown[] = [];
  const { error } = console;
  console.error = (...args: unknown[]) => void printed.push(...args);
  try {
    await runTest(async () => getRunningLoop().callExceptionHandler({ message: "advice" }));
  } finally {
    console.error = error;
  }
  assert.deepEqual(printed, ["advice"]);
});

test("TEST-66: a test that fails fails with its own error, whatever it leaves behind", async () => {
  await assert.rejects(
    runTest(async () => {
      createTask(() => sleep(3600));
      await sleep(1);
      throw new RangeError("the failure");
    }),
    /the failure/,
  );
});
