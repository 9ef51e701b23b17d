/**
 * A task or a body with several lines of code at once, or with foreign awaits, and a cancellation: what
 * docs/guide/several_lines.md tells. The clock of these loops jumps over foreign awaits.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentSignal,
  currentTask,
  Future,
  gather,
  getRunningLoop,
  run,
  sleep,
  TaskGroup,
  timeout,
  timeoutAt,
  TimeoutError,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { observeRequests, type Request } from "../../../runtime/core/delivery.ts";
import { assertCancelled, runsImpatiently as runs, ticks, Trouble } from "../../_support/tasks.ts";

const forever = () => sleep(1e9);
const never = () => new Promise<never>(() => {});
/** A call that asyncio knows nothing of, ended by hand. */
class Foreign<T = void> {
  resolve!: (value: T) => void;
  readonly promise: Promise<T> = new Promise((resolve) => this.resolve = resolve);
}
/** Some turns of the runtime's own loop. */
async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
async function rejection(promise: PromiseLike<unknown>): Promise<Error | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error as Error;
  }
}
/** Work beside the main line that takes its cancellation and says nothing. */
const beat = () =>
  (async () => {
    for (;;) await sleep(0.25);
  })().catch(() => {});

// ── bounded deadlines

runs(
  "LINE-01: a body of which one branch swallowed the deadline is left behind after its grace",
  async (loop, reports) => {
    const page = () => Promise.all([sleep(10, "some").catch(() => "none"), never()]);
    assert.ok(await rejection(timeout(1).with(page)) instanceof TimeoutError);
    assert.equal(loop.time(), 2);
    assert.match(
      reports.splice(0).map(({ message }) => message).join(),
      /left the body "page" behind/,
    );
  },
);

runs("LINE-02: such a body that ends within its grace gives its value", async (loop) => {
  const query = new Foreign<string>();
  loop.callLater(1.5, () => query.resolve("rows"));
  const page = () => Promise.all([sleep(10, "some").catch(() => "none"), query.promise]);
  assert.deepEqual(await timeout(1).with(page), ["none", "rows"]);
});

for (
  const [name, enter] of Object.entries({
    timeout: (body: () => Promise<unknown>) => timeout(1, { grace: 5 }).with(body),
    timeoutAt: (body: () => Promise<unknown>) => timeoutAt(1, { grace: 5 }).with(body),
    waitFor: (body: () => Promise<unknown>) => waitFor(body, 1, { grace: 5 }),
  })
) {
  runs(`LINE-03: the grace of ${name}() is an option`, async (loop, reports) => {
    await rejection(enter(() => Promise.all([forever().catch(() => {}), never()])));
    assert.equal(loop.time(), 6);
    assert.equal(reports.splice(0).length, 1);
  });
}

runs("LINE-03: the grace of withSignal() is an option", async (loop, reports) => {
  const stop = new AbortController();
  loop.callLater(1, () => stop.abort("enough"));
  const body = () => Promise.all([forever().catch(() => {}), never()]);
  assert.equal(await rejection(withSignal(stop.signal, body, { grace: { seconds: 5 } })), "enough");
  assert.equal(loop.time(), 6);
  assert.equal(reports.splice(0).length, 1);
});

runs("LINE-04: with a grace of null a body is waited for as long as it takes", async (loop) => {
  const query = new Foreign<string>();
  loop.callLater(1000, () => query.resolve("rows"));
  const page = () => Promise.all([forever().catch(() => "none"), query.promise]);
  assert.deepEqual(await timeout(1, { grace: null }).with(page), ["none", "rows"]);
});

runs("LINE-05: a cleanup in asyncio waits has all the time it needs", async (loop) => {
  const error = await rejection(
    timeout(1).with(async () => {
      try {
        await forever();
      } finally {
        for (let i = 0; i < 5; i++) await sleep(3);
      }
    }),
  );
  assert.ok(error instanceof TimeoutError);
  assert.equal(loop.time(), 16);
});

runs(
  "LINE-06: what a body left behind after its grace waits for throws",
  async (_loop, reports) => {
    const query = new Foreign();
    const log: string[] = [];
    await rejection(
      timeout(1).with(() =>
        Promise.all([
          forever().catch(() => {}),
          query.promise.then(() => sleep(1)).then(() => log.push("worked on"), (error) =>
            log.push(error.name)),
        ])
      ),
    );
    assert.equal(reports.splice(0).length, 1);
    query.resolve();
    await sleep(5);
    assert.deepEqual(log, ["CancelledError"]);
  },
);

// ── one line known

runs(
  "LINE-07: what only a heartbeat took reaches the main line within some seconds",
  async (loop) => {
    const query = new Foreign();
    const task = createTask(async () => {
      beat();
      await query.promise;
      for (;;) await sleep(0.25);
    });
    await sleep(1);
    task.cancel("enough");
    loop.callSoon(() => query.resolve());
    await assertCancelled(task, "enough");
    assert.ok(loop.time() < 3, String(loop.time()));
  },
);

runs("LINE-08: a cleanup with a foreign await in it is not cancelled again", async () => {
  const log: string[] = [];
  const load = async () => {
    try {
      await forever();
    } finally {
      await turns();
    }
  };
  const task = createTask(async () => {
    try {
      await load();
    } finally {
      await sleep(0.5);
      log.push("rolled back");
    }
  });
  await ticks();
  task.cancel();
  await assertCancelled(task);
  assert.deepEqual(log, ["rolled back"]);
});

runs("LINE-09: lines outside a body make its only wait no leftover", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    beat();
    await timeout(2).with(async () => {
      try {
        await forever();
      } finally {
        await turns();
        await sleep(0.5);
        log.push("rolled back");
      }
    });
  });
  assert.ok(await rejection(task) instanceof TimeoutError);
  assert.deepEqual(log, ["rolled back"]);
});

// ── several lines known

runs(
  "LINE-10: where several lines were seen the one that did not hear is told at its next wait",
  async (loop) => {
    const query = new Foreign();
    const task = createTask(async () => {
      beat();
      await sleep(0.6);
      await query.promise;
      for (let i = 0; i < 3; i++) await sleep(0.1);
      return "worked on";
    });
    await sleep(1.1);
    task.cancel("enough");
    await ticks(2);
    query.resolve();
    await assertCancelled(task, "enough");
    assert.ok(loop.time() < 1.5, String(loop.time()));
  },
);

runs("LINE-11: no line that has seen a request is hit by it again", async () => {
  const log: string[] = [];
  const branch = async (name: string, seconds: number) => {
    try {
      await sleep(seconds);
      await forever();
    } finally {
      for (let i = 0; i < 3; i++) await sleep(0.5);
      log.push(name);
    }
  };
  const task = createTask(async () => {
    await Promise.allSettled([branch("a", 0.1), branch("b", 0.2), branch("c", 90)]);
  });
  await sleep(1);
  task.cancel();
  await task;
  assert.deepEqual(log.sort(), ["a", "b", "c"]);
});

runs("LINE-12: it is told once: what swallows that goes on", async () => {
  const query = new Foreign();
  const task = createTask(async () => {
    beat();
    await sleep(0.6);
    await query.promise;
    const first = await rejection(sleep(0.1));
    await turns();
    return [first?.name, await sleep(0.1, "went on")];
  });
  await sleep(1.1);
  task.cancel();
  await ticks(2);
  query.resolve();
  assert.deepEqual(await task, ["CancelledError", "went on"]);
});

// ── scopes that ended cancelled

const endings: Record<string, (body: () => Promise<unknown>) => PromiseLike<unknown>> = {
  "a deadline": (body) => timeout(1).with(body),
  "a cancelled task": (body) => {
    const task = createTask(body);
    getRunningLoop().callLater(1, () => task.cancel());
    return task;
  },
  "a group that fails": (body) =>
    new TaskGroup().with((group) => {
      group.createTask(body);
      group.createTask(async () => {
        await sleep(0.1);
        throw new Trouble();
      });
    }),
};
for (const [name, end] of Object.entries(endings)) {
  runs(`LINE-13: after ${name} a branch that did not hear completes no wait`, async () => {
    const insert = new Foreign();
    const log: string[] = [];
    const copyRows = async () => {
      await insert.promise;
      for (let row = 1; row < 5; row++) {
        await sleep(0.01).catch((error) => log.push(error.name));
        await turns(1);
      }
    };
    await rejection(end(() => Promise.all([forever(), copyRows()])));
    // Not in the turn of the line that was cancelled.
    await turns(1);
    insert.resolve();
    await turns(20);
    await sleep(1);
    await turns(20);
    assert.deepEqual(log, Array(4).fill("CancelledError"));
  });
}

runs(
  "LINE-14: a line that has seen the request finishes its cleanup after the scope's end",
  async () => {
    const log: string[] = [];
    const careful = async () => {
      try {
        await forever();
      } finally {
        for (let i = 0; i < 3; i++) await sleep(1);
        await timeout(5).with(() => sleep(1));
        log.push("cleaned up");
      }
    };
    const hot = careful();
    const error = await rejection(timeout(1).with(() => Promise.all([forever(), careful()])));
    assert.ok(error instanceof TimeoutError);
    await sleep(10);
    assert.deepEqual(log, ["cleaned up"]);
    hot.catch(() => {});
  },
);

runs("LINE-15: so do not what was opened in it, nor what it opens", async () => {
  const insert = new Foreign();
  const log: unknown[] = [];
  const inner = async () => {
    await insert.promise;
    log.push((await rejection(sleep(0.1)))?.name);
    await turns(1);
    log.push((await rejection(timeout(5).with(() => sleep(0.1))))?.name);
    await turns(1);
    log.push(currentSignal().aborted);
  };
  await rejection(
    timeout(1).with(() => Promise.all([forever(), timeout(100).with(inner), inner()])),
  );
  await turns(1);
  insert.resolve();
  await turns(30);
  await sleep(1);
  assert.deepEqual(log, [
    "CancelledError",
    "CancelledError",
    "CancelledError",
    "CancelledError",
    true,
    true,
  ]);
});

runs("LINE-16: a scope that ended well leaves its branches alone", async () => {
  const insert = new Foreign();
  const log: string[] = [];
  await timeout(1).with(() => {
    insert.promise.then(() => sleep(0.1)).then(() => log.push("row"));
  });
  insert.resolve();
  await turns();
  await sleep(1);
  assert.deepEqual(log, ["row"]);
});

// ── signals

runs(
  "LINE-17: a call that obeys a fresh signal slowly is not cancelled again in its cleanup",
  async () => {
    const log: string[] = [];
    const answer = new Foreign();
    const task = createTask(async () => {
      const signal = currentSignal();
      try {
        await answer.promise;
        signal.throwIfAborted();
      } finally {
        await sleep(0.5);
        log.push("rolled back");
      }
    });
    await ticks();
    task.cancel("once");
    await sleep(5);
    await new Promise((resolve) => setTimeout(resolve, 50));
    answer.resolve();
    await assertCancelled(task, "once");
    assert.deepEqual(log, ["rolled back"]);
  },
);

runs("LINE-18: nor by a deadline that passes while the call obeys", async (_loop, reports) => {
  const log: string[] = [];
  const answer = new Foreign();
  const task = createTask(() =>
    timeout(2, { grace: null }).with(async () => {
      const signal = currentSignal();
      try {
        await answer.promise;
        signal.throwIfAborted();
      } finally {
        await sleep(0.5);
        log.push("rolled back");
      }
    })
  );
  await sleep(1);
  task.cancel("once");
  await sleep(3);
  answer.resolve();
  await assertCancelled(task, "once");
  assert.deepEqual(log, ["rolled back"]);
  assert.equal(reports.length, 0);
});

runs("LINE-19: asking for a task's signal from outside is no call of the task's", async () => {
  const query = new Foreign();
  const task = createTask(async () => {
    await query.promise;
    await forever();
  });
  await ticks();
  assert.equal(task.signal.aborted, false);
  task.cancel("not lost");
  assert.equal(task.signal.aborted, true);
  await new Promise((resolve) => setTimeout(resolve, 100));
  query.resolve();
  await assertCancelled(task, "not lost");
});

// ── messages, causes and what deadlines count

runs(
  "LINE-20: a deadline that leaves its body delivers an outer cancellation in its words",
  async () => {
    const cause = new Trouble("why");
    const outer = new AbortController();
    const task = createTask(() => timeout(1).with(never), { signal: outer.signal });
    await sleep(0.5);
    outer.abort(cause);
    const cancelled = await rejection(task);
    assert.ok(cancelled instanceof CancelledError);
    assert.equal(cancelled.cause, cause);
  },
);

runs("LINE-21: so does the end of a body that heard neither", async (loop) => {
  const query = new Foreign<string>();
  const task = createTask(() => timeout(1).with(() => query.promise));
  await sleep(0.5);
  task.cancel("the outer one");
  loop.callAt(1, () => query.resolve("value"));
  await assertCancelled(task, "the outer one");
});

runs(
  "LINE-22: a group whose failures were worth more re-arms the cancellation in its words",
  async () => {
    const seen: (string | undefined)[] = [];
    const task = createTask(async () => {
      await rejection(new TaskGroup().with(async () => {
        try {
          await forever();
        } catch {
          throw new Trouble();
        }
      }));
      seen.push((await rejection(sleep(1)))?.message);
    });
    await ticks();
    task.cancel("the outer one");
    await task;
    assert.deepEqual(seen, ["the outer one"]);
  },
);

runs(
  "LINE-23: timeout(0) does not swallow a cancellation that is pending (gh-134471)",
  async () => {
    const query = new Foreign();
    const task = createTask(async () => {
      await query.promise;
      return await timeout(0).with(forever);
    });
    await ticks();
    task.cancel("pending");
    query.resolve();
    await assertCancelled(task, "pending");
  },
);

runs("LINE-24: a deadline after a cancellation that was swallowed is a timeout", async () => {
  const task = createTask(async () => {
    await rejection(forever());
    return await rejection(timeout(0).with(forever));
  });
  await ticks();
  task.cancel();
  assert.ok(await task instanceof TimeoutError);
});

runs(
  "LINE-25: of two messages a wait that was pending takes the first, one that was woken the last",
  async () => {
    const future = new Future<void>();
    const pending = createTask(forever);
    const woken = createTask(async () => await future);
    await ticks();
    future.setResult();
    for (const task of [pending, woken]) {
      task.cancel("first");
      task.cancel("second");
    }
    await assertCancelled(pending, "first");
    await assertCancelled(woken, "second");
  },
);

// ── chains

runs("LINE-26: a chain of ten thousand tasks is cancelled from its end", async () => {
  let last = createTask(forever);
  for (let i = 0; i < 10_000; i++) {
    const next = last;
    last = createTask(async () => await next);
    if (i % 100 === 0) await ticks();
  }
  await ticks();
  last.cancel("all");
  await assertCancelled(last, "all");
});

runs("LINE-27: two tasks that await one are both answered by its cleanup", async () => {
  const log: string[] = [];
  const shared = createTask(async () => {
    try {
      await sleep(5);
    } finally {
      await sleep(1);
      log.push("cleaned up");
    }
  });
  const inner = createTask(async () => await shared);
  const tasks = [createTask(async () => await inner), createTask(async () => await inner)];
  const all = gather(tasks);
  await ticks(3);
  all.cancel();
  await rejection(all);
  await rejection(inner);
  assert.deepEqual([shared.cancelled(), inner.cancelled(), shared.cancelling()], [true, true, 2]);
});

runs("LINE-28: tasks that await each other in a ring end", async () => {
  const tasks: ReturnType<typeof createTask>[] = [];
  tasks.push(createTask(async () => await tasks[1]));
  tasks.push(createTask(async () => await tasks[0]));
  await ticks(2);
  tasks[0]!.cancel();
  for (const task of tasks) await assertCancelled(task);
});

// ── debug mode

test("LINE-29: debug mode tells once of a task that is cancelled in several lines", async () => {
  const warned: string[] = [];
  const { warn } = console;
  console.warn = (text: string) => void warned.push(text);
  try {
    await run(async () => {
      const task = createTask(() => Promise.all([sleep(0.001).then(forever), forever()]), {
        name: "two lines",
      });
      await sleep(0.02);
      task.cancel();
      task.cancel();
      await rejection(task);
      const one = createTask(forever);
      await sleep(0);
      one.cancel();
      await rejection(one);
    }, { debug: true });
  } finally {
    console.warn = warn;
  }
  assert.equal(warned.filter((text) => /several lines/.test(text)).length, 1);
  assert.match(warned.join(), /two lines/);
});

runs("LINE-30: uncancel() also takes back what is offered once more", async () => {
  const query = new Foreign();
  const task = createTask(async () => {
    beat();
    await sleep(0.6);
    await query.promise;
    await sleep(0.1);
    return currentTask()!.cancelling();
  });
  await sleep(1.1);
  task.cancel();
  await ticks(2);
  assert.equal(task.uncancel(), 0);
  query.resolve();
  assert.equal(await task, 0);
});

// ── requests

runs("LINE-31: a request leaves the states in which it is open once", async () => {
  const moves = new Map<Request, string[]>();
  observeRequests((request, before) => {
    const states = moves.get(request) ?? [];
    moves.set(request, states);
    states.push(before === null ? "made" : request.state);
  });
  try {
    const query = new Foreign();
    const task = createTask(async () => {
      beat();
      await sleep(0.6);
      await query.promise;
      await forever();
    });
    await sleep(1.1);
    task.cancel();
    await ticks(2);
    query.resolve();
    await rejection(task);
    const waiting = createTask(() => query.promise.then(forever));
    waiting.cancel();
    waiting.uncancel();
  } finally {
    observeRequests(null);
  }
  assert.deepEqual([...moves].map(([{ kind }, states]) => [kind, ...states]), [
    ["first", "made", "taken"],
    ["echo", "made", "pending", "taken"],
    ["first", "made", "pending", "withdrawn"],
  ]);
});
