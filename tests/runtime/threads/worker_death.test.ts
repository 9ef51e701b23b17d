import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BrokenExecutor,
  ProcessPoolExecutor,
  run,
  ThreadPoolExecutor,
  toThread,
} from "../../../mod.ts";
import { recordReports, rejection, runs, until } from "../../_support/threads.ts";
import { runProgram } from "../../_support/programs.ts";

const exit = (code: number) => {
  process.exit(code);
};
const throwLater = () =>
  new Promise<void>(() => {
    setTimeout(() => {
      throw new RangeError("nobody catches this");
    }, 1);
  });
const rejectUnseen = () =>
  new Promise<void>(() => {
    void Promise.reject(new RangeError("nobody sees this"));
  });

runs("THR-02: a worker that exits fails its own job with BrokenExecutor", async () => {
  const error = await rejection(toThread(exit, 3));
  assert.ok(error instanceof BrokenExecutor);
  assert.match(error.message, /exited with code 3 before its job was done/);
});

runs(
  "THR-02: an error that a job leaves uncaught is delivered as the cause of its BrokenExecutor",
  async () => {
    const error = await rejection(toThread(throwLater));
    assert.ok(error instanceof BrokenExecutor);
    assert.ok(error.cause instanceof RangeError);
    assert.equal(error.cause.message, "nobody catches this");
  },
);

runs("THR-02: so is a rejection that nobody handles", async () => {
  const error = await rejection(toThread(rejectUnseen));
  assert.ok(error instanceof BrokenExecutor);
  assert.equal((error.cause as Error).message, "nobody sees this");
});

test("THR-02: other jobs of the pool go on, and a new worker takes the dead one's place", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 2 });
    const slow = pool.submit(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return "slow";
    });
    const dying = pool.submit(exit, 1);
    const queued = [1, 2, 3].map((n) => pool.submit((value: number) => value * 10, n));
    assert.ok(await rejection(dying) instanceof BrokenExecutor);
    assert.deepEqual([await queued[0], await queued[1], await queued[2]], [10, 20, 30]);
    assert.equal(await slow, "slow");
    await pool.shutdown();
  });
});

test("THR-02: a pool whose only worker dies again and again serves all that is queued", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const jobs = [1, 2, 3, 4].map((n) =>
      n % 2 === 1 ? rejection(pool.submit(exit, n)) : pool.submit((value: number) => value, n)
    );
    const results = [];
    for (const job of jobs) results.push(await job);
    assert.ok(results[0] instanceof BrokenExecutor);
    assert.equal(results[1], 2);
    assert.ok(results[2] instanceof BrokenExecutor);
    assert.equal(results[3], 4);
    await pool.shutdown();
  });
});

test("THR-02: an error that a worker throws between jobs goes to the loop's exception handler", async () => {
  await run(async () => {
    const reports = recordReports();
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    await pool.submit(() => {
      setTimeout(() => {
        throw new RangeError("left behind");
      }, 20);
    });
    await until(() => reports.length > 0);
    assert.equal(reports.length, 1);
    assert.equal((reports[0]!.exception as Error).message, "left behind");
    assert.equal(await pool.submit((n: number) => n, 5), 5);
    await pool.shutdown();
  });
});

test("THR-02: a job that runs out of memory fails alone: on Node in a thread, elsewhere in a child", async () => {
  const limit = "--max-old-space-size=64";
  const { code, stdout } = await runProgram(new URL("./_memory_program.ts", import.meta.url), {
    env: "Deno" in globalThis ? { DENO_V8_FLAGS: limit } : { NODE_OPTIONS: limit },
  });
  assert.deepEqual([code, stdout.trim()], [0, "BrokenExecutor\ngoes on"]);
});

test("THR-02: what a job leaves uncaught is delivered, and the runtime prints nothing about it", async () => {
  const program = new URL("./_uncaught_program.ts", import.meta.url);
  const { stdout, stderr } = await runProgram(program);
  const outcomes = [
    "thrown",
    "rejected",
    "BrokenExecutor: thrown later",
    "BrokenExecutor: unhandled",
  ];
  assert.equal(stderr, "");
  assert.deepEqual(stdout.trim().split("\n"), [...outcomes, ...outcomes]);
});

test("THR-02: a program ends whose child was killed while it was given a job", async () => {
  const program = new URL("./_killed_program.ts", import.meta.url);
  for (const milliseconds of ["0", "100"]) {
    const { code, stdout } = await runProgram(program, { args: [milliseconds] });
    const lines = stdout.trim().split("\n");
    assert.deepEqual([code, lines.slice(-2)], [0, ["42", "end"]]);
    assert.ok(["BrokenExecutor", "42"].includes(lines[0]!), lines[0]);
  }
});

test("THR-02: a child that can't be started for want of descriptors is a BrokenExecutor, and the pool goes on", async () => {
  const program = new URL("./_starved_program.ts", import.meta.url);
  const { code, stdout, stderr } = await runProgram(program, { maxDescriptors: 100 });
  assert.deepEqual([code, stdout.trim().split("\n")], [
    0,
    ["before", "BrokenExecutor", "after", "end"],
  ], stderr);
});

for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
  test(`THR-02: what a job posts past a ${Pool.name} is none of the pool's business`, async () => {
    await run(async () => {
      const pool = new Pool({ maxWorkers: 1 });
      const post = async () => {
        const { parentPort } = await import("node:worker_threads");
        for (const message of ["ready", null, { type: "ready" }, { kind: "odd" }]) {
          if (parentPort !== null) parentPort.postMessage(message);
          else process.send?.(message);
        }
        return "done";
      };
      assert.equal(await pool.submit(post), "done");
      assert.equal(await pool.submit(post), "done");
      await pool.shutdown();
    });
  });

  test(`THR-02: a ${Pool.name} whose worker is stuck in what a job left behind can be shut down`, async () => {
    await run(async () => {
      const pool = new Pool({ maxWorkers: 1 });
      await pool.submit(() => {
        setTimeout(() => {
          for (;;);
        });
      });
      await pool.shutdown();
    });
  });
}

test("THR-02: a child that breaks off from its pool fails its job with BrokenExecutor", async () => {
  await run(async () => {
    const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
    const leave = () => {
      process.disconnect();
      return new Promise<void>(() => {});
    };
    assert.ok(await rejection(pool.submit(leave)) instanceof BrokenExecutor);
    assert.equal(await pool.submit((n: number) => n, 5), 5);
    await pool.shutdown();
  });
});
