import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AbstractEventLoopPolicy,
  CancelledError,
  ContextVar,
  copyContext,
  createTask,
  currentTask,
  DefaultEventLoopPolicy,
  EventLoop,
  Future,
  getEventLoop,
  getRunningLoop,
  run,
  Runner,
  RuntimeError,
  setEventLoop,
  setEventLoopPolicy,
  sleep,
  timeout,
} from "../../../mod.ts";
import type { ExceptionContext, Executor, Task } from "../../../mod.ts";
import { outcome, ticks, Trouble } from "../../_support/tasks.ts";
import { virtualLoop } from "../../_support/virtual_loop.ts";

const forever = () => sleep(1e9);

/** Runs on a virtual loop and gives what its exception handler was told. */
async function reportsOf(main: () => Promise<unknown>): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = [];
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context));
    await main();
  }, { loopFactory: virtualLoop });
  return reports;
}

/** A policy that notes what it is told. */
class NotingPolicy extends AbstractEventLoopPolicy {
  readonly told: (EventLoop | null)[] = [];
  readonly made: EventLoop[] = [];

  override getEventLoop(): EventLoop {
    throw new Error("Nobody should ask");
  }

  override setEventLoop(loop: EventLoop | null): void {
    this.told.push(loop);
  }

  override newEventLoop(): EventLoop {
    const loop = new DefaultEventLoopPolicy().newEventLoop();
    this.made.push(loop);
    return loop;
  }
}

async function withPolicy(body: (policy: NotingPolicy) => Promise<void>): Promise<void> {
  const policy = new NotingPolicy();
  setEventLoopPolicy(policy);
  try {
    await body(policy);
  } finally {
    setEventLoopPolicy(null);
  }
}

test("RUN-01: run() gives what main returns", async () => {
  assert.equal(await run(() => sleep(0, "value")), "value");
  assert.equal(await run(() => "plain"), "plain");
});

test("RUN-01: run() rejects with what main throws", async () => {
  const error = new Trouble("main");
  await assert.rejects(
    run(async () => {
      await sleep(0);
      throw error;
    }),
    (thrown) => thrown === error,
  );
  await assert.rejects(
    run(() => {
      throw error;
    }),
    (thrown) => thrown === error,
  );
});

test("RUN-01: a main that ends cancelled makes run() reject with CancelledError", async () => {
  await assert.rejects(
    run(async () => {
      currentTask()!.cancel("by itself");
      await sleep(0);
    }),
    new CancelledError("by itself"),
  );
});

for (const given of [42, null, "text", {}]) {
  test(`RUN-02: run(${JSON.stringify(given)}) is a TypeError`, async () => {
    await assert.rejects(run(given as never), TypeError);
    await assert.rejects(new Runner().run(given as never), TypeError);
  });
}

test("RUN-02: promises and futures are refused, since they have started already", async () => {
  await assert.rejects(run(Promise.resolve() as never), /run\(\(\) => work\(\)\)/);
  await assert.rejects(run(new Future() as never), TypeError);
});

for (const debug of [true, false]) {
  test(`RUN-03: { debug: ${debug} } sets the loop's debug mode`, async () => {
    assert.equal(await run(() => getRunningLoop().getDebug(), { debug }), debug);
    await new Runner({ debug }).with((runner) => {
      assert.equal(runner.getLoop().getDebug(), debug);
    });
  });
}

test("RUN-04: run() inside a running loop is refused, and main not called", async () => {
  let called = false;
  const inner = () => {
    called = true;
  };
  const message = /cannot be called from a running event loop/;
  await run(async () => {
    await assert.rejects(run(inner), message);
    await assert.rejects(new Runner().run(inner), message);
  });
  assert.equal(called, false);
});

test("RUN-04: also inside a callback", async () => {
  const refusal = await run(async () => {
    const refused = new Future<unknown>();
    getRunningLoop().callSoon(() => run(() => {}).catch((error) => refused.setResult({ error })));
    return await refused;
  });
  assert.ok((refusal as { error: unknown }).error instanceof RuntimeError);
});

test("RUN-04: runs started from plain code may overlap, each with its own loop", async () => {
  const loops = new Set<EventLoop>();
  const body = (n: number) => async () => {
    await sleep(0.005);
    loops.add(getRunningLoop());
    return n;
  };
  assert.deepEqual(await Promise.all([run(body(1)), run(body(2)), run(body(3))]), [1, 2, 3]);
  assert.equal(loops.size, 3);
});

test("RUN-05: tasks that are left are cancelled and unwound before run() settles", async () => {
  const log: string[] = [];
  let left!: Task<void>;
  const value = await run(async () => {
    left = createTask(async () => {
      try {
        await forever();
      } finally {
        await sleep(5);
        log.push("unwound");
      }
    });
    await sleep(0);
    return "value";
  }, { loopFactory: virtualLoop });
  assert.equal(value, "value");
  assert.equal(left.cancelled(), true);
  assert.deepEqual(log, ["unwound"]);
});

test("RUN-05: also when main fails", async () => {
  let left!: Task<void>;
  const main = async () => {
    left = createTask(forever);
    await sleep(0);
    throw new Trouble();
  };
  await assert.rejects(run(main, { loopFactory: virtualLoop }), Trouble);
  assert.equal(left.cancelled(), true);
});

test("RUN-06: a leftover that fails at the end is reported with its task", async () => {
  const error = new Trouble("leftover");
  let left!: Task<void>;
  const reports = await reportsOf(async () => {
    left = createTask(async () => {
      try {
        await forever();
      } catch {
        throw error;
      }
    });
    await sleep(0);
  });
  assert.equal(reports.length, 1);
  const [{ message, exception, task }] = reports as [ExceptionContext];
  assert.equal(message, "unhandled exception during asyncio.run() shutdown");
  assert.equal(exception, error);
  assert.ok(task === left);
});

test("RUN-06: a leftover that swallows the cancellation is no report", async () => {
  const reports = await reportsOf(async () => {
    createTask(() => forever().catch(() => {}));
    await sleep(0);
  });
  assert.deepEqual(reports, []);
});

test("RUN-07: main's error leaves when leftovers fail too, and generators are closed after that", async () => {
  const log: string[] = [];
  const messages: string[] = [];
  async function* generate() {
    try {
      yield 1;
      yield 2;
    } finally {
      await sleep(0);
      log.push("generator closed");
    }
  }
  const main = async () => {
    const loop = getRunningLoop();
    loop.setExceptionHandler((_loop, { message, exception }) => {
      messages.push(`${message}: ${exception}`);
    });
    await loop.trackAsyncgen(generate()).next();
    createTask(async () => {
      try {
        await forever();
      } finally {
        log.push("leftover fails");
        // deno-lint-ignore no-unsafe-finally
        throw new Trouble("leftover");
      }
    });
    await sleep(0);
    throw new Trouble("main");
  };
  await assert.rejects(run(main, { loopFactory: virtualLoop }), /main/);
  assert.deepEqual(log, ["leftover fails", "generator closed"]);
  assert.deepEqual(messages, [
    "unhandled exception during asyncio.run() shutdown: Trouble: leftover",
  ]);
});

test("RUN-08: the policy is told the loop once, over several runs, and null at the end", () =>
  withPolicy(async (policy) => {
    const runner = new Runner();
    assert.deepEqual(policy.told, []);
    await runner.run(() => sleep(0));
    await runner.run(() => sleep(0));
    assert.equal(policy.made.length, 1);
    assert.deepEqual(policy.told, [policy.made[0]]);
    await runner.close();
    assert.deepEqual(policy.told, [policy.made[0], null]);
  }));

test("RUN-08: run() tells the policy, too", () =>
  withPolicy(async (policy) => {
    const loop = await run(() => ({ loop: getRunningLoop() }));
    assert.deepEqual(policy.told, [loop.loop, null]);
  }));

test("RUN-08: the loop of a run never becomes that of plain code", async () => {
  const ambient = getEventLoop();
  const seen: EventLoop[] = [];
  const running = run(() => sleep(0.01));
  await new Promise((resolve) => setTimeout(resolve, 2));
  seen.push(getEventLoop());
  await running;
  seen.push(getEventLoop());
  assert.ok(seen.every((loop) => loop === ambient));
});

test("RUN-09: { loopFactory } is called once, and the policy not told", () =>
  withPolicy(async (policy) => {
    const calls: unknown[][] = [];
    const loop = new EventLoop();
    const loopFactory = (...args: unknown[]) => {
      calls.push(args);
      return loop;
    };
    const used = await new Runner({ loopFactory }).with(async (runner) => {
      assert.equal(runner.getLoop(), loop);
      await runner.run(() => sleep(0));
      return await runner.run(() => ({ loop: getRunningLoop() }));
    });
    assert.deepEqual(calls, [[]]);
    assert.equal(used.loop, loop);
    assert.equal(loop.isClosed(), true);
    assert.deepEqual(policy.told, []);
  }));

test("RUN-09: run() passes the factory on", async () => {
  const loop = new EventLoop();
  const used = await run(() => ({ loop: getRunningLoop() }), { loopFactory: () => loop });
  assert.equal(used.loop, loop);
});

test("RUN-10: several runs share one loop, and after the exit the runner is closed", async () => {
  const runner = new Runner();
  const loops = await runner.with(async (same) => {
    assert.equal(same, runner);
    return [
      await runner.run(() => ({ loop: getRunningLoop() })),
      await runner.run(() => ({ loop: getRunningLoop() })),
    ].map(({ loop }) => loop);
  });
  assert.equal(loops[0], loops[1]);
  assert.equal(loops[0]!.isClosed(), true);
  await assert.rejects(runner.run(() => sleep(0)), /Runner is closed/);
  assert.throws(() => runner.getLoop(), /Runner is closed/);
  await assert.rejects(runner.with(() => {}), /Runner is closed/);
});

test("RUN-10: it closes at the end of an await using, and when the body fails", async () => {
  const loops: EventLoop[] = [];
  // What `await using` calls; Node 20 does not know the syntax.
  const used = new Runner();
  loops.push(used.getLoop());
  await used[Symbol.asyncDispose]();
  await assert.rejects(
    new Runner().with((runner) => {
      loops.push(runner.getLoop());
      throw new Trouble();
    }),
    Trouble,
  );
  assert.deepEqual(loops.map((loop) => loop.isClosed()), [true, true]);
});

test("RUN-10: tasks of one run go on in the next", async () => {
  await new Runner({ loopFactory: virtualLoop }).with(async (runner) => {
    const [task] = await runner.run(() => [createTask(() => sleep(1, "went on"))]);
    assert.equal(outcome(task!), "pending");
    assert.equal(await runner.run(async () => await task), "went on");
  });
});

test("RUN-11: a second close() does nothing", async () => {
  const runner = new Runner();
  await runner.run(() => sleep(0));
  await runner.close();
  await runner.close();
});

test("RUN-11: close() before the first use closes nothing", async () => {
  const unused = new Runner();
  await unused.close();
  assert.equal(await unused.run(() => sleep(0, "used after all")), "used after all");
  await unused.close();
  assert.throws(() => unused.getLoop(), /Runner is closed/);
});

const variable = new ContextVar<string>("variable", { default: "unset" });

test("RUN-12: a variable set in one run has its value in the next", async () => {
  await new Runner().with(async (runner) => {
    assert.equal(await runner.run(() => variable.get()), "unset");
    await runner.run(async () => {
      await sleep(0);
      variable.set("set by the first");
    });
    assert.equal(await runner.run(() => variable.get()), "set by the first");
  });
  assert.equal(variable.get(), "unset");
});

test("RUN-12: { context } runs in a context of its own", async () => {
  const context = copyContext();
  await new Runner().with(async (runner) => {
    await runner.run(() => variable.set("own"), { context });
    assert.equal(await runner.run(() => variable.get()), "unset");
    assert.equal(await runner.run(() => variable.get(), { context }), "own");
  });
});

test("RUN-17: the result is handed on without ever being turned into a string", async () => {
  const asked: string[] = [];
  const result = new Proxy({ value: 42 }, {
    get(target, key) {
      if (key === "then") return undefined;
      asked.push(String(key));
      return Reflect.get(target, key);
    },
  });
  assert.ok(await run(() => result) === result);
  assert.ok(
    await run(async () => {
      await sleep(0);
      return result;
    }, { debug: true }) === result,
  );
  assert.deepEqual(asked, []);
});

test("RUN-20: the end in order: main, leftovers, generators, executor, loop", async () => {
  const log: string[] = [];
  let loop!: EventLoop;
  const executor: Executor = {
    submit: () => Promise.reject(new Error("unused")),
    shutdown: () => {
      log.push(`executor shut down, loop closed: ${loop.isClosed()}`);
      return Promise.resolve();
    },
  };
  async function* generate() {
    try {
      yield 1;
    } finally {
      await sleep(1);
      log.push("generator closed");
    }
  }
  await run(async () => {
    loop = getRunningLoop();
    loop.setDefaultExecutor(executor);
    await loop.trackAsyncgen(generate()).next();
    createTask(async () => {
      try {
        await forever();
      } finally {
        await sleep(1);
        log.push("leftover unwound");
      }
    });
    await sleep(0);
    log.push("main ends");
  }, { loopFactory: virtualLoop });
  assert.deepEqual(log, [
    "main ends",
    "leftover unwound",
    "generator closed",
    "executor shut down, loop closed: false",
  ]);
  assert.equal(loop.isClosed(), true);
});

test("RUN-20: a hot branch of a finished task runs its finally before run() settles", async () => {
  const log: string[] = [];
  await run(async () => {
    createTask(() => {
      const branch = async () => {
        try {
          await forever();
        } finally {
          await sleep(0);
          log.push("branch unwound");
        }
      };
      branch().catch((error) => log.push(error.name));
    });
    await sleep(1);
  }, { loopFactory: virtualLoop });
  assert.deepEqual(log, ["branch unwound", "CancelledError"]);
});

test("RUN-20: a leftover that awaits a hot branch of main does not hold the run up", async () => {
  const log: string[] = [];
  await run(async () => {
    const branch = forever();
    createTask(async () => {
      try {
        await branch;
      } finally {
        log.push("leftover unwound");
      }
    });
    await sleep(0);
  }, { loopFactory: virtualLoop });
  assert.deepEqual(log, ["leftover unwound"]);
});

test("RUN-20: what goes on waiting for a timer at the end is cut off", async () => {
  const log: string[] = [];
  await run(async () => {
    const branch = async () => {
      for (let round = 0;; round++) {
        try {
          await forever();
        } catch {
          log.push(`round ${round}`);
          if (round === 5) return;
        }
      }
    };
    branch();
    await sleep(0);
  }, { loopFactory: virtualLoop });
  assert.equal(log.length, 6);
});

test("RUN-20: a wait on a closed loop rejects with RuntimeError", async () => {
  const [loop] = await run(() => [getRunningLoop()]);
  assert.throws(() => loop!.createTask(forever), RuntimeError);
  assert.throws(() => loop!.callSoon(() => {}), RuntimeError);
  const own = new EventLoop();
  own.close();
  setEventLoop(own);
  try {
    await assert.rejects(sleep(0), /Event loop is closed/);
    await assert.rejects(timeout(1).with(() => new Future()), /Event loop is closed/);
  } finally {
    setEventLoop(null);
  }
});

test("RUN-20: code that comes back after its run is plain code", async () => {
  const gate = new EventTarget();
  const outcome = new Promise<unknown>((resolve) => {
    run(() => {
      const branch = async () => {
        await new Promise((resolve) => gate.addEventListener("open", resolve));
        await sleep(0.001);
        return getEventLoop();
      };
      branch().then(resolve, resolve);
    }).then(() => setTimeout(() => gate.dispatchEvent(new globalThis.Event("open")), 1));
  });
  assert.equal(await outcome, getEventLoop());
});

test("RUN-20: a branch that catches each refusal and waits again does not hold the end up", async () => {
  let rounds = 0;
  await run(async () => {
    const branch = async (): Promise<void> => {
      for (;;) await forever().catch(() => void rounds++);
    };
    void branch();
    await sleep(0);
  }, { loopFactory: virtualLoop });
  await new Promise((resolve) => setTimeout(resolve, 1));
  const then = rounds;
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(rounds, then);
});

test("RUN-20: debug mode names the bodies that deadlines left behind", async () => {
  const reports: string[] = [];
  let release!: () => void;
  const foreign = new Promise<void>((resolve) => release = resolve);
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, { message }) => reports.push(message));
    await assert.rejects(
      timeout(0.005).with(async function stuckDownload() {
        await foreign;
      }),
    );
  }, { debug: true });
  assert.equal(reports.length, 1);
  assert.match(reports[0]!, /stuckDownload/);
  release();
});

test("RUN-20: without debug mode nothing is said of them, nor of those that have ended", async () => {
  const reports: string[] = [];
  for (const debug of [false, true]) {
    let release!: () => void;
    const foreign = new Promise<void>((resolve) => release = resolve);
    await run(async () => {
      getRunningLoop().setExceptionHandler((_loop, { message }) => reports.push(message));
      await assert.rejects(timeout(0.005).with(() => foreign));
      if (debug) release();
      await sleep(0.005);
    }, { debug });
    release();
  }
  assert.deepEqual(reports, []);
});

test("RUN-20: exceptions that nobody took are reported at the end", async () => {
  const error = new Trouble("nobody takes me");
  const reports = await reportsOf(async () => {
    createTask(() => {
      throw error;
    });
    await ticks(3);
  });
  assert.deepEqual(reports.map(({ exception }) => exception), [error]);
});

test("RUNSIG-01: a signal cancels main, with its reason as the cause", async () => {
  const controller = new AbortController();
  const reason = new Error("user went away");
  const main = async () => {
    setTimeout(() => controller.abort(reason), 5);
    await sleep(60);
  };
  await assert.rejects(run(main, { signal: controller.signal }), (error) => {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, reason);
    return true;
  });
});

test("RUNSIG-01: with a signal that is aborted already main never starts", async () => {
  let started = false;
  const main = () => {
    started = true;
  };
  await assert.rejects(run(main, { signal: AbortSignal.abort() }), CancelledError);
  assert.equal(started, false);
});

test("RUN-08: plain code that set a loop of its own keeps it where the policy says so", async () => {
  const own = new EventLoop();
  setEventLoop(own);
  try {
    assert.equal(getEventLoop(), own);
    const running = await run(() => ({ loop: getRunningLoop() }));
    assert.notEqual(running.loop, own);
  } finally {
    setEventLoop(null);
    own.close();
  }
});
