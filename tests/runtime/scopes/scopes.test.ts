/** What scopes promise beyond the twelve rules: parallel deadlines, foreign awaits, signals, dropped promises, fairness. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import process from "node:process";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  asCompleted,
  CancelledError,
  createTask,
  currentSignal,
  currentTask,
  ensureFuture,
  ExceptionGroup,
  Future,
  gather,
  run,
  shield,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
  wait,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import {
  assertCancelled,
  runs,
  runsImpatiently,
  runsInRealTime,
  ticks,
  Trouble,
} from "../../_support/tasks.ts";

const forever = () => sleep(1e9);

/** What a promise rejects with; null when it does not. */
async function rejection(promise: PromiseLike<unknown>): Promise<Error | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error as Error;
  }
}

// ── parallel deadlines in one task

runs(
  "PARALLEL-01: deadlines side by side in one task never hit each other's bodies",
  async (loop) => {
    const body = (seconds: number) => async () => {
      await sleep(seconds);
      return loop.time();
    };
    const results = await Promise.allSettled([
      timeout(1).with(body(5)),
      timeout(3).with(body(2)),
      timeout(10).with(body(6)),
    ]);
    assert.deepEqual(results.map(({ status }) => status), ["rejected", "fulfilled", "fulfilled"]);
    assert.equal(loop.time(), 6);
    assert.equal(currentTask()!.cancelling(), 0);
  },
);

runs("PARALLEL-02: nor do groups", async () => {
  const [failed, fine] = await Promise.allSettled([
    new TaskGroup().with(async (group) => {
      group.createTask(async () => {
        await sleep(1);
        throw new Trouble();
      });
      await forever();
    }),
    new TaskGroup().with(async (group) => {
      const child = group.createTask(() => sleep(2, "child"));
      await sleep(3);
      return child.result();
    }),
  ]);
  assert.ok(failed.status === "rejected" && failed.reason instanceof ExceptionGroup);
  assert.deepEqual(fine, { status: "fulfilled", value: "child" });
});

runs("PARALLEL-03: a cancelled task ends all of them", async (loop) => {
  const seen: string[] = [];
  const task = createTask(() =>
    Promise.all([1, 2, 3].map((n) =>
      timeout(n * 100).with(async () => {
        try {
          await forever();
        } finally {
          seen.push(`branch ${n}`);
        }
      })
    ))
  );
  await sleep(1);
  task.cancel("all");
  await assertCancelled(task, "all");
  assert.deepEqual(seen.sort(), ["branch 1", "branch 2", "branch 3"]);
  assert.equal(loop.time(), 1);
});

runs("PARALLEL-04: a deadline around parallel branches ends them, and no other", async () => {
  const other = createTask(() => sleep(5, "other"));
  const error = await rejection(timeout(1).with(() => Promise.all([forever(), forever()])));
  assert.ok(error instanceof TimeoutError);
  assert.equal(await other, "other");
});

// ── foreign awaits

runsInRealTime("FOREIGN-01: a cancelled task in a foreign await is done when that is", async () => {
  const log: string[] = [];
  const release = deferred();
  const task = createTask(async () => {
    await release.promise;
    log.push("its code ran");
    await sleep(0);
    log.push("not reached");
  });
  await sleep(0.002);
  task.cancel();
  await sleep(0.002);
  assert.equal(task.done(), false);
  release.resolve();
  await assertCancelled(task);
  assert.deepEqual(log, ["its code ran"]);
});

runsInRealTime(
  "FOREIGN-02: a task that stays there for over a second is reported once",
  async (_loop, reports) => {
    const release = deferred();
    const task = createTask(async () => await release.promise, { name: "stuck" });
    await sleep(0);
    task.cancel();
    task.cancel();
    await sleep(1.3);
    const messages = reports.splice(0).map(({ message }) => message);
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, /"stuck".*currentSignal\(\)/);
    release.resolve();
    await assertCancelled(task);
  },
);

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => resolve = settle);
  return { promise, resolve };
}

runsImpatiently("FOREIGN-03: a deadline over a foreign await is prompt", async (loop) => {
  const never = new Promise(() => {});
  const errors = await Promise.all([
    rejection(timeout(1).with(() => never)),
    rejection(waitFor(() => never, 1)),
    rejection(waitFor(never, 1)),
    rejection(withSignal(AbortSignal.timeout(1), () => never)),
  ]);
  const names = errors.map((error) => error?.name);
  assert.deepEqual(names, Array(4).fill("TimeoutError"));
  assert.equal(loop.time(), 1);
});

runsImpatiently(
  "FOREIGN-04: ensureFuture() makes a foreign await one that can be cancelled",
  async () => {
    const task = createTask(async () => await ensureFuture(new Promise(() => {})));
    await ticks();
    task.cancel();
    await assertCancelled(task);
  },
);

runsImpatiently(
  "FOREIGN-05: an AbortError that ends a cancelled task counts as its cancellation",
  async () => {
    const abort = new DOMException("aborted", "AbortError");
    const calls = deferred();
    const fail = async () => {
      await calls.promise;
      throw abort;
    };
    const tasks = [createTask(fail), createTask(() => new TaskGroup().with(fail))];
    await ticks();
    for (const task of tasks) task.cancel();
    calls.resolve();
    for (const task of tasks) {
      const error = await rejection(task);
      assert.ok(error instanceof CancelledError);
      assert.equal(error.cause, abort);
      assert.equal(task.cancelled(), true);
    }
  },
);

runsImpatiently("FOREIGN-05: one that nobody asked for is an error like any other", async () => {
  const abort = new DOMException("aborted", "AbortError");
  const fail = () => {
    throw abort;
  };
  const task = createTask(fail);
  assert.equal(await rejection(task), abort);
  assert.equal(task.cancelled(), false);
  assert.equal(await rejection(timeout(1).with(fail)), abort);
  assert.ok(await rejection(new TaskGroup().with(fail)) instanceof ExceptionGroup);
});

// ── currentSignal(), task.signal

runs(
  "SIGNAL-01: currentSignal() aborts with the innermost scope that is asked to end",
  async () => {
    const aborted: string[] = [];
    const note = (name: string) =>
      currentSignal().addEventListener("abort", () => aborted.push(name));
    const task = createTask(async () => {
      note("task");
      await rejection(
        timeout(1).with(async () => {
          note("timeout");
          await forever();
        }),
      );
      assert.deepEqual(aborted, ["timeout"]);
      await new TaskGroup().with(async () => {
        note("group");
        await withSignal(new AbortController().signal, async () => {
          note("withSignal");
          await forever();
        });
      });
    });
    await sleep(5);
    task.cancel();
    await assertCancelled(task);
    assert.deepEqual(aborted.sort(), ["group", "task", "timeout", "withSignal"]);
  },
);

runs("SIGNAL-01: the reason is the CancelledError", async () => {
  let signal!: AbortSignal;
  const task = createTask(async () => {
    signal = currentSignal();
    await forever();
  });
  await ticks();
  assert.equal(signal.aborted, false);
  task.cancel("message");
  assert.equal(signal.aborted, true);
  assert.ok(signal.reason instanceof CancelledError);
  assert.equal(signal.reason.message, "message");
  await assertCancelled(task, "message");
});

runs("SIGNAL-01: asked for in a scope that was asked to end it is aborted already", async () => {
  const task = createTask(async () => {
    await rejection(forever());
    return [currentSignal().aborted, await timeout(5).with(() => currentSignal().aborted)];
  });
  await ticks();
  task.cancel();
  assert.deepEqual(await task, [true, true]);
});

runs("SIGNAL-01: two calls in one scope give one signal, other scopes have others", async () => {
  const signal = currentSignal();
  assert.equal(currentSignal(), signal);
  assert.equal(currentTask()!.signal, signal);
  await timeout(5).with(() => assert.notEqual(currentSignal(), signal));
  await createTask(() => assert.notEqual(currentSignal(), signal));
});

runs("SIGNAL-01: waitFor() gives its coroutine a signal, too", async () => {
  let signal!: AbortSignal;
  await rejection(waitFor(async () => {
    signal = currentSignal();
    await forever();
  }, 1));
  assert.equal(signal.aborted, true);
  assert.equal(currentSignal().aborted, false);
});

test("SIGNAL-01: where nothing encloses, it never aborts", async () => {
  const signal = currentSignal();
  await rejection(timeout(0.001).with(() => sleep(60)));
  assert.equal(signal.aborted, false);
});

runs(
  "SIGNAL-02: task.signal aborts when the task is asked to cancel, from outside as well",
  async () => {
    const task = createTask(forever);
    const { signal } = task;
    let reason: unknown;
    signal.addEventListener("abort", () => reason = signal.reason);
    await ticks();
    task.cancel("message");
    assert.ok(reason instanceof CancelledError);
    await assertCancelled(task, "message");
  },
);

runs("SIGNAL-02: it is fresh once uncancel() has brought the count back to 0", async () => {
  const task = createTask(async () => {
    await rejection(forever());
    currentTask()!.uncancel();
    const { signal } = currentTask()!;
    return signal.aborted;
  });
  const { signal } = task;
  await ticks();
  task.cancel();
  assert.equal(await task, false);
  assert.equal(signal.aborted, true);
  assert.notEqual(task.signal, signal);
});

runs("SIGNAL-02: asking for it keeps no task from being cancelled before its start", async () => {
  let started = false;
  const task = createTask(async () => {
    started = true;
    await sleep(1);
  });
  const { signal } = task;
  task.cancel("early");
  assert.equal(signal.aborted, true);
  await assertCancelled(task, "early");
  assert.equal(started, false);
});

runs("SIGNAL-02: of a task that is done it tells whether it was cancelled", async () => {
  const [done, cancelled] = [createTask(() => {}), createTask(forever)];
  await ticks();
  cancelled.cancel();
  await ticks(2);
  assert.deepEqual([done.signal.aborted, cancelled.signal.aborted], [false, true]);
});

// ── signals from outside

runs(
  "WITHSIGNAL-01: an abort cancels the body, waits for it, and its reason leaves",
  async (loop) => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let seen: unknown;
    loop.callLater(1, () => controller.abort(reason));
    const error = await rejection(withSignal(controller.signal, async () => {
      try {
        await forever();
      } catch (error) {
        seen = error;
        throw error;
      } finally {
        await sleep(2);
      }
    }));
    assert.equal(error, reason);
    assert.ok(seen instanceof CancelledError);
    assert.equal(seen.cause, reason);
    assert.equal(loop.time(), 3);
    assert.equal(currentTask()!.cancelling(), 0);
  },
);

runs("WITHSIGNAL-01: without an abort the body's outcome leaves", async () => {
  const { signal } = new AbortController();
  assert.equal(await withSignal(signal, () => sleep(1, "value")), "value");
  assert.equal(await withSignal(signal, () => "plain"), "plain");
  assert.ok(
    await rejection(withSignal(signal, () => {
      throw new Trouble();
    })) instanceof Trouble,
  );
});

runs("WITHSIGNAL-01: with a signal that is aborted already the body never starts", async () => {
  let started = false;
  const reason = new Error("before");
  const promise = withSignal(AbortSignal.abort(reason), () => {
    started = true;
  });
  assert.equal(await rejection(promise), reason);
  assert.equal(started, false);
});

runs("WITHSIGNAL-01: a body that answers with an error of its own, or swallows", async () => {
  for (const answer of ["error", "value"]) {
    const controller = new AbortController();
    const promise = withSignal(controller.signal, async () => {
      await rejection(forever());
      if (answer === "error") throw new Trouble("own");
      return "swallowed";
    });
    await ticks();
    controller.abort();
    if (answer === "error") await assert.rejects(promise, Trouble);
    else assert.equal(await promise, "swallowed");
  }
  await sleep(1);
});

runs("WITHSIGNAL-01: cancelled from outside it is a cancellation", async () => {
  const task = createTask(() => withSignal(new AbortController().signal, forever));
  await ticks();
  task.cancel("outside");
  await assertCancelled(task, "outside");
});

runs("WITHSIGNAL-01: abort and cancellation at once: CancelledError", async () => {
  const controller = new AbortController();
  const task = createTask(() => withSignal(controller.signal, forever));
  await ticks();
  controller.abort(new Error("reason"));
  task.cancel();
  await assertCancelled(task);
});

runs("WITHSIGNAL-01: two signals, one inside the other", async () => {
  const [outer, inner] = [new AbortController(), new AbortController()];
  const reason = new Error("outer");
  let insideError: unknown;
  const promise = withSignal(outer.signal, async () => {
    insideError = await rejection(withSignal(inner.signal, forever));
    throw insideError;
  });
  await ticks();
  outer.abort(reason);
  assert.equal(await rejection(promise), reason);
  assert.ok(insideError instanceof CancelledError);
});

runs("WITHSIGNAL-01: what is no signal or no function is refused", async () => {
  await assert.rejects(withSignal({} as never, forever), TypeError);
  await assert.rejects(withSignal(AbortSignal.abort(), forever() as never), TypeError);
});

runs("TASKSIGNAL-01: { signal } cancels a task, the reason becomes the cause", async () => {
  const controller = new AbortController();
  const reason = new Error("reason");
  const task = createTask(forever, { signal: controller.signal });
  await ticks();
  controller.abort(reason);
  const error = await rejection(task);
  assert.ok(error instanceof CancelledError);
  assert.equal(error.cause, reason);
  assert.equal(task.cancelled(), true);
});

runs("TASKSIGNAL-01: also where the task awaits another one", async () => {
  const controller = new AbortController();
  const inner = createTask(forever);
  const task = createTask(async () => await inner, { signal: controller.signal });
  await ticks(2);
  controller.abort("reason");
  assert.equal((await rejection(task))?.cause, "reason");
  assert.equal(inner.cancelled(), true);
});

runs("TASKSIGNAL-01: aborted already it keeps the task from starting", async () => {
  let started = false;
  const task = createTask(() => {
    started = true;
  }, { signal: AbortSignal.abort() });
  await assert.rejects(async () => await task, CancelledError);
  assert.equal(started, false);
});

/** A signal that counts its listeners. */
class Counted {
  readonly controller = new AbortController();
  now = 0;
  most = 0;
  added = 0;

  get signal(): AbortSignal {
    const { signal } = this.controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      this.added++;
      this.most = Math.max(this.most, ++this.now);
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      this.now--;
      remove(...args);
    };
    return signal;
  }
}

runs(
  "LISTENER-01: 100,000 operations under one signal add a listener each and remove it",
  async () => {
    const counted = new Counted();
    const { signal } = counted;
    const operations: (() => PromiseLike<unknown>)[] = [
      () => withSignal(signal, () => sleep(0)),
      () => withSignal(signal, () => "plain"),
      () => createTask(() => sleep(0), { signal }),
      () => createTask(() => {}, { signal }),
      () => rejection(withSignal(signal, () => Promise.reject(new Trouble()))),
    ];
    for (let i = 0; i < 20_000; i++) {
      for (const operation of operations) await operation();
      assert.equal(counted.now, 0);
    }
    assert.deepEqual([counted.added, counted.most], [100_000, 1]);
  },
);

runs("LISTENER-01: a scope has one listener, however much goes on in it", async () => {
  const counted = new Counted();
  await withSignal(counted.signal, async () => {
    for (let i = 0; i < 100; i++) await Promise.all([sleep(0), timeout(1).with(() => sleep(0))]);
    assert.deepEqual([counted.added, counted.now], [1, 1]);
  });
  assert.equal(counted.now, 0);
});

runs("LISTENER-01: none is left after a cancellation, an abort or a left-behind body", async () => {
  const counted = new Counted();
  const { signal } = counted;
  const task = createTask(() => withSignal(signal, forever), { signal });
  await ticks();
  assert.equal(counted.now, 2);
  task.cancel();
  await assertCancelled(task);
  assert.equal(counted.now, 0);
  await rejection(timeout(1).with(() => withSignal(signal, forever)));
  assert.equal(counted.now, 0);
});

test("LISTENER-01: run() removes its own", async () => {
  const counted = new Counted();
  await run(() => sleep(0), { signal: counted.signal });
  assert.deepEqual([counted.added, counted.now], [1, 0]);
});

// ── hot branches

runs("HOT-01: a hot promise made inside a task is cancelled with it", async () => {
  let branch!: Promise<Error | null>;
  const task = createTask(async () => {
    branch = rejection(forever());
    await forever();
  });
  await ticks();
  task.cancel("task");
  await assertCancelled(task, "task");
  assert.equal((await branch)?.message, "task");
});

runs("HOT-01: it knows the task it was made in", async () => {
  let branch!: Promise<boolean>;
  const task = createTask(async () => {
    const mine = currentTask();
    branch = (async () => {
      await sleep(1);
      return currentTask() === mine;
    })();
    await sleep(2);
  });
  await task;
  assert.equal(await branch, true);
});

runs("HOT-01: once its task is done it belongs to no task", async () => {
  let branch!: Promise<unknown>;
  await createTask(() => {
    branch = (async () => {
      await sleep(1);
      return currentTask();
    })();
  });
  assert.equal(await branch, null);
});

// ── dropped promises

const droppings: Record<string, () => unknown> = {
  "sleep": () => forever(),
  "a future's then": () => new Future().then(() => {}),
  "a future's finally": () => new Future().finally(() => {}),
  "gather": () => gather([forever, forever]),
  "wait": () => wait([createTask(forever)]),
  "waitFor of a coroutine": () => waitFor(forever, 1e6),
  "waitFor of a future": () => waitFor(new Future(), null),
  "waitFor of a promise": () => waitFor(new Promise(() => {}), 1e6),
  "timeout": () => timeout(1e6).with(forever),
  "withSignal": () => withSignal(new AbortController().signal, forever),
  "a group": () => new TaskGroup().with((group) => group.createTask(forever)),
  "a shield": () => shield(forever).then(),
  "asCompleted": () => [...asCompleted([forever, forever])],
};

for (const [name, drop] of Object.entries(droppings)) {
  runs(`DROP-01: a dropped ${name} that is cancelled is nobody's unhandled rejection`, async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", note);
    const task = createTask(async () => {
      drop();
      await forever();
    });
    await ticks(3);
    task.cancel();
    await assertCancelled(task);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off("unhandledRejection", note);
    assert.deepEqual(unhandled, []);
  });
}

runs("DROP-01: nor is what loses a race", async () => {
  const task = createTask(async () => {
    await Promise.race([sleep(1), forever(), wait([createTask(forever)]), waitFor(forever, 50)]);
    return "won";
  });
  assert.equal(await task, "won");
  await sleep(100);
});

// ── fairness

runsInRealTime(
  "STARVE-01: two tasks that play ping-pong for ever starve neither timers nor sockets",
  async (loop) => {
    const server = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const balls = [new Future<void>(), new Future<void>()];
    let rounds = 0;
    const player = (me: number) => async () => {
      for (;;) {
        await balls[me];
        rounds++;
        balls[me] = new Future();
        if (!balls[1 - me]!.done()) balls[1 - me]!.setResult();
      }
    };
    const players = [createTask(player(0)), createTask(player(1))];
    await ticks();
    balls[0]!.setResult();
    const arrived: string[] = [];
    await Promise.all([
      new Promise<void>((resolve) =>
        setTimeout(() => {
          arrived.push("host timer");
          resolve();
        }, 20)
      ),
      new Promise<void>((resolve) =>
        loop.callLater(0.02, () => {
          arrived.push("loop timer");
          resolve();
        })
      ),
      new Promise<void>((resolve, reject) => {
        const socket = connect(port, "127.0.0.1", () => socket.write("ping"));
        socket.once("error", reject);
        socket.once("data", () => {
          arrived.push("socket");
          socket.end();
          resolve();
        });
      }),
    ]);
    assert.deepEqual(arrived.sort(), ["host timer", "loop timer", "socket"]);
    assert.ok(rounds > 100, `${rounds} rounds`);
    for (const task of players) task.cancel();
    await wait(players);
    server.close();
  },
);

runsInRealTime("STARVE-01: nor does a task that spins on sleep(0)", async () => {
  let rounds = 0;
  const spinner = createTask(async () => {
    for (;; rounds++) await sleep(0);
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  await sleep(0.01);
  assert.ok(rounds > 100, `${rounds} rounds`);
  spinner.cancel();
  await assertCancelled(spinner);
});

runs(
  "STARVE-01: what is ready when an iteration begins runs in it, what is added waits",
  async (loop) => {
    const order: string[] = [];
    loop.callSoon(() => {
      order.push("first");
      loop.callSoon(() => order.push("added"));
    });
    loop.callSoon(() => order.push("second"));
    await ticks(3);
    assert.deepEqual(order, ["first", "second", "added"]);
  },
);
