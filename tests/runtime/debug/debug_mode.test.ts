import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asCompleted,
  CancelledError,
  createTask,
  currentTask,
  ensureFuture,
  type EventLoop,
  Future,
  gather,
  getRunningLoop,
  Lock,
  Queue,
  run,
  Runner,
  shield,
  sleep,
  TaskGroup,
  timeout,
  wait,
  waitFor,
} from "../../../mod.ts";
import type { Delay, ExceptionContext } from "../../../mod.ts";
import { BaseEventLoop } from "../../../runtime/loop/base_event_loop.ts";
import { RuntimeHost } from "../../../runtime/core/host.ts";
import { runProgram } from "../../_support/programs.ts";
import { printed } from "../../_support/printed.ts";
import { ticks } from "../../_support/tasks.ts";

/** A clock in the test's hand, and alarms that go off when the loop has rested for some macrotasks. */
class TestHost extends RuntimeHost {
  time = 0;
  alarms = 0;

  override now(): number {
    return this.time;
  }

  override alarm(_seconds: number, callback: () => void): void {
    this.alarms++;
    let left = 5;
    const ring = (): void => {
      if (left-- === 0) callback();
      else this.hop(ring);
    };
    this.hop(ring);
  }

  /** As though the code that calls this had run for so long. */
  spend(seconds: number): void {
    this.time += seconds;
  }
}

interface Debugged {
  warnings: string[];
  reports: ExceptionContext[];
}

/** Runs the body in debug mode on a host of the test's; gives what was warned of and reported. */
async function inDebugMode(
  body: (host: TestHost, loop: EventLoop) => unknown,
  options: { debug?: boolean } = {},
): Promise<Debugged> {
  const host = new TestHost();
  const reports: ExceptionContext[] = [];
  const { debug = true } = options;
  const loopFactory = () => new BaseEventLoop({ host }).publicLoop;
  const calls = await printed("warn", () =>
    run(() => {
      const loop = getRunningLoop();
      loop.setExceptionHandler((_loop, context) => void reports.push(context));
      return body(host, loop);
    }, { debug, loopFactory }));
  return { warnings: calls.map(([text]) => String(text)), reports };
}

// ── slow callbacks

test("LOOP-39: a callback of slowCallbackDuration or longer is warned of, with its time and place", async () => {
  const { warnings } = await inDebugMode(async (host, loop) => {
    function slow(): void {
      host.spend(0.125);
    }
    loop.callSoon(slow);
    await ticks(2);
  });
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0]!,
    /^Executing <Handle slow\(\) created at .*debug_mode\.test\.[jt]s:\d+(:\d+)?> took 0\.125 seconds$/,
  );
});

test("LOOP-39: a step of a task is warned of, with where it began", async () => {
  const { warnings } = await inDebugMode(async (host) => {
    await createTask(async () => {
      await sleep(0);
      host.spend(0.25);
      await sleep(0);
    }, { name: "slow one" });
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^Executing <Task pending name="slow one" /);
  assert.match(
    warnings[0]!,
    /> after its wait at .*debug_mode\.test\.[jt]s:\d+(:\d+)? took 0\.250 seconds$/,
  );
});

test("LOOP-39: so is the first step", async () => {
  const { warnings } = await inDebugMode(async (host) => {
    await createTask(() => host.spend(0.1), { name: "slow start" });
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^Executing <Task finished name="slow start" .* took 0\.100 seconds$/);
});

test("LOOP-39: the duration counts from slowCallbackDuration on", async () => {
  const { warnings } = await inDebugMode(async (host, loop) => {
    loop.callSoon(() => host.spend(0.099));
    await ticks(2);
    loop.slowCallbackDuration = 0.5;
    loop.callSoon(() => host.spend(0.4));
    await ticks(2);
    loop.callSoon(() => host.spend(0.5));
    await ticks(2);
  });
  assert.deepEqual(warnings.map((text) => /took (.*)$/.exec(text)![1]), ["0.500 seconds"]);
});

test("LOOP-39: without debug mode nothing is measured", async () => {
  const { warnings } = await inDebugMode(async (host, loop) => {
    loop.callSoon(() => host.spend(5));
    await ticks(2);
  }, { debug: false });
  assert.deepEqual(warnings, []);
});

test("LOOP-39: waiting is not running", async () => {
  const { warnings } = await inDebugMode(async (host, loop) => {
    const gate = new Future<void>();
    setTimeout(() => {
      host.spend(10);
      gate.setResult();
    }, 1);
    await gate;
    loop.callSoon(() => {});
    await ticks(2);
  });
  assert.deepEqual(warnings, []);
});

// ── swallowed cancellations

test("DEBUG-01: a task that returns although it was asked to end is warned of", async () => {
  const { warnings } = await inDebugMode(async () => {
    const task = createTask(async () => {
      try {
        await sleep(10);
      } catch {
        await sleep(0);
      }
    }, { name: "stubborn" });
    await ticks();
    task.cancel();
    await task;
  });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /cancellation was swallowed.*name="stubborn"/);
});

test("DEBUG-01: one that takes its request back, or throws the error on, is not", async () => {
  const { warnings } = await inDebugMode(async () => {
    const polite = createTask(async () => {
      try {
        await sleep(10);
      } catch {
        currentTask()!.uncancel();
      }
    });
    const ordinary = createTask(() => sleep(10));
    await ticks();
    polite.cancel();
    ordinary.cancel();
    await polite;
    await assert.rejects(async () => await ordinary, CancelledError);
    await assert.rejects(timeout(0).with(() => sleep(10)), { name: "TimeoutError" });
  });
  assert.deepEqual(warnings, []);
});

test("DEBUG-01: without debug mode nobody is warned", async () => {
  const { warnings } = await inDebugMode(async () => {
    const task = createTask(async () => {
      await sleep(10).catch(() => {});
    });
    await ticks();
    task.cancel();
    await task;
  }, { debug: false });
  assert.deepEqual(warnings, []);
});

// ── runs in which nothing can happen any more

/** Runs a body that waits for ever until the report has come, and gives it. */
async function stall(body: () => Promise<unknown>): Promise<ExceptionContext[]> {
  const { reports } = await inDebugMode(async (_host, loop) => {
    const main = currentTask()!;
    const handler = loop.getExceptionHandler()!;
    loop.setExceptionHandler((loop, context) => {
      handler(loop, context);
      main.cancel();
    });
    await body().catch((error) => assert.ok(error instanceof CancelledError, String(error)));
  });
  return reports;
}

test("DEBUG-02: a run that nothing can wake is reported, with every task and what it waits for", async () => {
  const reports = await stall(async () => {
    const lock = new Lock();
    await lock.acquire();
    const queue = new Queue<number>();
    await new TaskGroup().with((group) => {
      group.createTask(async () => {
        await lock.acquire();
      }, { name: "wants the lock" });
      group.createTask(async () => {
        await queue.get();
      }, { name: "wants an item" });
    });
  });
  assert.equal(reports.length, 1);
  const { message, tasks } = reports[0]!;
  assert.match(message, /^Nothing that asyncio knows of can wake this run any more/);
  assert.match(message, /task "wants the lock" waits for .*Lock.* at .*debug_mode\.test/);
  assert.match(message, /task "wants an item" waits for .*Queue.* at .*debug_mode\.test/);
  assert.match(message, /task "Task-\d+" waits for .*TaskGroup/);
  assert.equal((tasks as unknown[]).length, 3);
});

test("DEBUG-02: a main task that awaits a future nobody will finish is reported once", async () => {
  const reports = await stall(async () => {
    await new Future<void>();
  });
  assert.equal(reports.length, 1);
  assert.match(reports[0]!.message, /waits for <Future pending/);
});

test("DEBUG-02: of very many tasks the report names some", async () => {
  const reports = await stall(async () => {
    const never = new Future<void>();
    await gather(Array.from({ length: 50 }, () => async () => {
      await shield(never);
    }));
  });
  assert.match(reports[0]!.message, /and 31 more tasks$/);
  assert.ok(reports[0]!.message.split("\n").length <= 22);
});

test("DEBUG-02: a foreign await, a timer, or plain code that still acts is no standstill", async () => {
  const { reports } = await inDebugMode(async (host) => {
    // A foreign await: asyncio cannot know what it waits for.
    await new Promise((resolve) => setTimeout(resolve, 20));
    const far = createTask(() => sleep(1000));
    await ticks();
    // Somebody outside sets a future later than the alarm looks.
    const gate = new Future<void>();
    setTimeout(() => gate.setResult(), 20);
    await gate;
    far.cancel();
    assert.equal(host.alarms, 0);
  });
  assert.deepEqual(reports, []);
});

test("DEBUG-02: what wakes the run before the alarm keeps the report away", async () => {
  const { reports } = await inDebugMode(async (host) => {
    for (let i = 0; i < 20; i++) {
      const gate = new Future<void>();
      queueMicrotask(() => host.hop(() => gate.setResult()));
      await gate;
    }
  });
  assert.deepEqual(reports, []);
});

test("DEBUG-02: without debug mode nothing is watched", async () => {
  const { reports } = await inDebugMode(async (host) => {
    const gate = new Future<void>();
    setTimeout(() => gate.setResult(), 5);
    await gate;
    assert.equal(host.alarms, 0);
  }, { debug: false });
  assert.deepEqual(reports, []);
});

test("DEBUG-02: between the runs of a Runner nothing is reported", async () => {
  const host = new TestHost();
  const reports: ExceptionContext[] = [];
  const loopFactory = () => new BaseEventLoop({ host }).publicLoop;
  await new Runner({ debug: true, loopFactory }).with(async (runner) => {
    runner.getLoop().setExceptionHandler((_loop, context) => void reports.push(context));
    await runner.run(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10));
    await runner.run(() => {});
  });
  assert.deepEqual(reports, []);
});

// ── promises in place of coroutines

/** What is warned of when the promise of a coroutine is handed over. */
async function warningsOf(
  body: (work: () => Promise<number>) => unknown,
  debug = true,
): Promise<string[]> {
  const work = async (): Promise<number> => {
    await sleep(0);
    return 1;
  };
  const { warnings } = await inDebugMode(() => body(work), { debug });
  return warnings;
}

test("DEBUG-03: the promise of a coroutine handed over is warned of, with its place", async () => {
  for (
    const body of [
      async (work: () => Promise<number>) => await gather([work()]),
      async (work: () => Promise<number>) => await shield(work()),
      async (work: () => Promise<number>) => await waitFor(work(), 10),
      async (work: () => Promise<number>) => await ensureFuture(work()),
      async (work: () => Promise<number>) => {
        for (const next of asCompleted([work()])) await next;
      },
    ]
  ) {
    const warnings = await warningsOf(body);
    assert.equal(warnings.length, 1, String(body));
    assert.match(
      warnings[0]!,
      /\(\) => work\(\), instead of work\(\) at .*debug_mode\.test\.[jt]s:\d+/,
    );
  }
});

test("DEBUG-03: each place is told once", async () => {
  const warnings = await warningsOf(async (work) => {
    for (let i = 0; i < 3; i++) await gather([work(), work()]);
  });
  assert.equal(warnings.length, 1);
});

test("DEBUG-03: functions, futures, tasks and foreign promises are no cause for a warning", async () => {
  const warnings = await warningsOf(async (work) => {
    const future = new Future<number>();
    future.setResult(1);
    await gather([work, createTask(work), future]);
    await gather([Promise.resolve(1), new Promise((resolve) => setTimeout(resolve, 1))]);
    await gather([sleep(0), sleep(0)]);
    await waitFor(Promise.resolve(1), 10);
  });
  assert.deepEqual(warnings, []);
});

test("DEBUG-03: without debug mode nobody is warned", async () => {
  assert.deepEqual(await warningsOf(async (work) => await gather([work()]), false), []);
});

test("DEBUG-03: createTask() of a promise is an error in every mode", async () => {
  await inDebugMode(() => {
    const promise = Promise.resolve() as unknown as () => void;
    assert.throws(() => createTask(promise), TypeError);
  });
});

// ── milliseconds where seconds are meant

/** Begins each of them for so long, and waits for none. */
function beginAll(loop: EventLoop, delay: Delay): void {
  // Not `() => sleep(delay)`: a call in the place of the return leaves no frame on Bun.
  const begun = [
    createTask(async () => {
      await sleep(delay);
    }),
    createTask(async () => {
      await waitFor(() => new Future<void>(), delay);
    }),
    createTask(async () => {
      await timeout(delay).with(() => new Future<void>());
    }),
    createTask(async () => {
      await wait([new Future<void>()], { timeout: delay });
    }),
  ];
  asCompleted([new Future<void>()], { timeout: delay });
  loop.callLater(delay, () => {}).cancel();
  for (const task of begun) loop.callLater(0.1, () => task.cancel());
}

// These two come first, as each place is asked about once.
test("DEBUG-05: an hour, a unit, or a time that never comes is believed", async () => {
  const { warnings } = await inDebugMode(async (_host, loop) => {
    for (const delay of [3600, { seconds: 7200 }, { milliseconds: 7_200_000 }, 1e9, Infinity]) {
      beginAll(loop, delay);
    }
    await ticks(5);
  });
  assert.deepEqual(warnings, []);
});

test("DEBUG-05: without debug mode nobody is asked", async () => {
  const { warnings } = await inDebugMode(async (_host, loop) => {
    beginAll(loop, 4000);
    await ticks(5);
  }, { debug: false });
  assert.deepEqual(warnings, []);
});

test("DEBUG-05: a bare number above an hour is asked about, with its place", async () => {
  const { warnings } = await inDebugMode(async (_host, loop) => {
    beginAll(loop, 4000);
    await ticks(5);
  });
  assert.deepEqual(
    warnings.map((text) => text.slice(0, text.indexOf("("))).sort(),
    ["asCompleted", "callLater", "sleep", "timeout", "wait", "waitFor"],
  );
  for (const text of warnings) {
    assert.match(
      text,
      /^\w+\(\) was given 4000, which is 1\.1 hours: numbers are seconds; did you mean \{ milliseconds: 4000 \}\? If not, \{ seconds: 4000 \} says so at .*debug_mode\.test\.[jt]s:\d+/,
    );
  }
});

test("DEBUG-05: each place is asked about once", async () => {
  const { warnings } = await inDebugMode(async (_host, loop) => {
    for (let i = 0; i < 3; i++) loop.callLater(5000, () => {}).cancel();
    await ticks(1);
  });
  assert.equal(warnings.length, 1);
});

// ── the whole of it

test("DEBUG-04: in a program of its own, ASYNCIO_DEBUG=1 shows all of it", async () => {
  const program = new URL("./_debug_program.ts", import.meta.url);
  const { stderr, stdout, code } = await runProgram(program, { env: { ASYNCIO_DEBUG: "1" } });
  const text = stderr + stdout;
  assert.match(text, /Executing <Handle busy\(\) created at .*_debug_program\.[jt]s:\d+/);
  assert.match(text, /cancellation was swallowed/);
  assert.match(text, /Nothing that asyncio knows of can wake this run any more/);
  assert.match(text, /Task exception was never retrieved\n(.|\n)*Object created at/);
  assert.equal(code, 0);
});
