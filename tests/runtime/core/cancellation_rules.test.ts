/** The twelve rules of cancellation that a straightforward implementation misses; see docs/design.md. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  CancelledError,
  createTask,
  currentSignal,
  currentTask,
  EventLoop,
  ExceptionGroup,
  Future,
  gather,
  getEventLoop,
  run,
  RuntimeError,
  setEventLoop,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { Wait } from "../../../runtime/core/wait.ts";
import {
  assertCancelled,
  outcome,
  runsImpatiently as runs,
  runsInRealTime,
  ticks,
  Trouble,
} from "../../_support/tasks.ts";
import { impatientLoop } from "../../_support/impatient_loop.ts";

const forever = () => sleep(1e9);

/** An await that asyncio knows nothing of, ended by hand. */
class Foreign<T = void> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise: Promise<T> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** Lets the runtime's own loop turn some times. */
async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** What a promise rejects with; null when it does not. */
async function rejection(promise: PromiseLike<unknown>): Promise<Error | null> {
  try {
    await promise;
    return null;
  } catch (error) {
    return error as Error;
  }
}

// ── 1. Pending per wait

runs("RULE-1: a cancellation that meets a woken wait is taken off by uncancel()", async () => {
  const future = new Future<string>();
  const task = createTask(async () => await future);
  await ticks();
  future.setResult("result");
  task.cancel();
  assert.equal(task.uncancel(), 0);
  assert.equal(await task, "result");
});

runs("RULE-1: it marks that wait, and not the ones that follow", async () => {
  const future = new Future<string>();
  const task = createTask(async () => {
    const error = await rejection(future);
    await sleep(1);
    return error?.name;
  });
  await ticks();
  future.setResult("result");
  task.cancel();
  assert.equal(await task, "CancelledError");
});

runs("RULE-1: of two branches, one woken and one waiting, each is hit once", async () => {
  const [woken, waiting] = [new Future<void>(), new Future<void>()];
  const log: string[] = [];
  const branch = async (name: string, future: Future<void>) => {
    log.push(`${name} ${(await rejection(future))?.name}`);
    await sleep(1);
    log.push(`${name} cleaned up`);
  };
  const task = createTask(async () => {
    await Promise.all([branch("woken", woken), branch("waiting", waiting)]);
  });
  await ticks();
  woken.setResult();
  task.cancel();
  await task;
  assert.deepEqual(log.sort(), [
    "waiting CancelledError",
    "waiting cleaned up",
    "woken CancelledError",
    "woken cleaned up",
  ]);
});

runs("RULE-1: uncancel() to 0 also forgets what is pending anywhere in the task", async () => {
  const foreign = new Foreign();
  const task = createTask(() =>
    timeout(100).with(async () => {
      await foreign.promise;
      await sleep(1);
      return "went on";
    })
  );
  await ticks();
  task.cancel();
  task.cancel();
  assert.deepEqual([task.uncancel(), task.uncancel()], [1, 0]);
  foreign.resolve();
  assert.equal(await task, "went on");
});

runs("RULE-1: uncancel() above 0 forgets nothing", async () => {
  const foreign = new Foreign();
  const task = createTask(async () => {
    await foreign.promise;
    await sleep(1);
  });
  await ticks();
  task.cancel();
  task.cancel();
  assert.equal(task.uncancel(), 1);
  foreign.resolve();
  await assertCancelled(task);
});

// ── 2. Finding it

runs(
  "RULE-2: a new wait takes the nearest pending request, the next one that of further out",
  async () => {
    const foreign = new Foreign();
    const controller = new AbortController();
    const seen: unknown[] = [];
    const task = createTask(() =>
      withSignal(controller.signal, async () => {
        await foreign.promise;
        for (let i = 0; i < 2; i++) {
          const error = await rejection(sleep(1));
          seen.push(error?.cause ?? error?.message);
        }
        await sleep(1);
        seen.push("then nothing");
      })
    );
    await ticks();
    task.cancel("outer");
    controller.abort("inner");
    foreign.resolve();
    await task;
    assert.deepEqual(seen, ["inner", "outer", "then nothing"]);
  },
);

runs("RULE-2: a wait in a scope with nothing pending finds that of its ancestors", async () => {
  const foreign = new Foreign();
  const task = createTask(async () => {
    await foreign.promise;
    return await timeout(10).with(() => withSignal(new AbortController().signal, () => sleep(1)));
  });
  await ticks();
  task.cancel("from above");
  foreign.resolve();
  await assertCancelled(task, "from above");
});

runs("RULE-2: it takes none of its siblings", async () => {
  const foreign = new Foreign();
  const controller = new AbortController();
  const task = createTask(() =>
    Promise.all([
      rejection(withSignal(controller.signal, async () => {
        await foreign.promise;
        await sleep(1);
      })),
      withSignal(new AbortController().signal, async () => {
        await foreign.promise;
        return await sleep(1, "untouched");
      }),
    ])
  );
  await ticks();
  controller.abort("only this one");
  foreign.resolve();
  assert.deepEqual(await task, ["only this one", "untouched"]);
});

// ── 3. Who asked

runs(
  "RULE-3: a deadline counts what stood against its ancestors at the entry as not asked",
  async () => {
    const task = createTask(async () => {
      await rejection(forever());
      assert.equal(currentTask()!.cancelling(), 1);
      return await rejection(timeout(1).with(() => timeout(5).with(forever)));
    });
    await ticks();
    task.cancel();
    assert.ok(await task instanceof TimeoutError);
  },
);

runs("RULE-3: of nested deadlines only the outermost that fired is a timeout", async () => {
  const names: unknown[] = [];
  const note = async (promise: Promise<unknown>) => {
    const error = await rejection(promise);
    names.push(error?.name);
    throw error;
  };
  const outermost = timeout(3).with(() =>
    note(timeout(1).with(() => note(timeout(1).with(() => note(timeout(2).with(forever))))))
  );
  assert.ok(await rejection(outermost) instanceof TimeoutError);
  assert.deepEqual(names, ["CancelledError", "CancelledError", "TimeoutError"]);
});

runs(
  "RULE-3: a group whose failure won over a deadline re-arms the deadline, not the task",
  async () => {
    const log: unknown[] = [];
    const error = await rejection(
      timeout(1).with(async () => {
        log.push(
          await rejection(
            new TaskGroup().with((group) => {
              group.createTask(async () => {
                await rejection(forever());
                throw new Trouble("while unwinding");
              });
            }),
          ),
        );
        log.push(await rejection(forever()));
        throw log[1];
      }),
    );
    assert.ok(log[0] instanceof ExceptionGroup);
    assert.ok(log[1] instanceof CancelledError);
    assert.ok(error instanceof TimeoutError);
    assert.equal(currentTask()!.cancelling(), 0);
    await sleep(1);
  },
);

runs("RULE-3: a group that failed by itself re-arms nobody", async () => {
  const block = timeout(100);
  await block.with(async () => {
    await rejection(
      new TaskGroup().with((group) => {
        group.createTask(() => {
          throw new Trouble();
        });
      }),
    );
    await sleep(1);
  });
  assert.equal(block.expired(), false);
});

// ── 4. Exit

runs(
  "RULE-4: a wait that outlives its scope is cancelled with the next one further out",
  async () => {
    let branch!: Promise<Error | null>;
    const task = createTask(async () => {
      await timeout(1).with(() => {
        branch = rejection(forever());
      });
      await forever();
    });
    await sleep(5);
    task.cancel("task");
    await assertCancelled(task, "task");
    assert.equal((await branch)?.message, "task");
  },
);

runs(
  "RULE-4: the deadline of a scope that has ended touches what it left no more",
  async (loop) => {
    let branch!: Promise<string>;
    await timeout(1).with(() => {
      branch = sleep(5, "went on");
    });
    assert.equal(await branch, "went on");
    assert.equal(loop.time(), 5);
  },
);

runs(
  "RULE-4: waits that are made later in an ended scope belong to the first open one",
  async (loop) => {
    let branch!: Promise<unknown[]>;
    const block = timeout(10);
    const error = await rejection(block.with(async () => {
      await timeout(5).with(() =>
        withSignal(new AbortController().signal, () => {
          branch = (async () => {
            await sleep(7);
            return [await rejection(forever()), loop.time()];
          })();
        })
      );
      await forever();
    }));
    assert.ok(error instanceof TimeoutError);
    const [hit, time] = await branch;
    assert.ok(hit instanceof CancelledError);
    assert.equal(time, 10);
  },
);

runs(
  "RULE-4: a scope that outlives the one around it keeps its deadline and gets a new parent",
  async () => {
    let branches!: Promise<Error | null>[];
    const task = createTask(async () => {
      await timeout(1).with(() => {
        branches = [10, 100].map((seconds) => rejection(timeout(seconds).with(forever)));
      });
      await forever();
    });
    await sleep(50);
    task.cancel();
    await assertCancelled(task);
    const names = (await Promise.all(branches)).map((error) => error?.name);
    assert.deepEqual(names, ["TimeoutError", "CancelledError"]);
  },
);

runs("RULE-4: what a task leaves belongs to nobody until the loop ends", async () => {
  let branch!: Promise<string>;
  const task = createTask(() => {
    branch = sleep(5, "went on");
  });
  await task;
  assert.equal(task.cancel(), false);
  assert.equal(await branch, "went on");
});

// ── 5. Abandoned waits swallow nothing

runs("RULE-5: a wait that lost a race does not swallow the cancellation", async () => {
  const foreign = new Foreign();
  const task = createTask(async () => {
    await Promise.race([sleep(0.01), sleep(30)]);
    await foreign.promise;
    await forever();
  });
  await sleep(1);
  task.cancel("not lost");
  await turns();
  assert.equal(task.done(), false);
  foreign.resolve();
  await assertCancelled(task, "not lost");
});

runs("RULE-5: nor when the foreign await ends in the tick of the cancellation", async () => {
  const foreign = new Foreign();
  const task = createTask(async () => {
    await Promise.race([sleep(0.01), sleep(30)]);
    await foreign.promise;
    await forever();
  });
  await sleep(1);
  task.cancel("not lost");
  foreign.resolve();
  await assertCancelled(task, "not lost");
});

runs("RULE-5: nor when the code returns in that tick", async () => {
  const foreign = new Foreign<string>();
  const task = createTask(async () => {
    await Promise.race([sleep(0.01), sleep(30)]);
    return await foreign.promise;
  });
  await sleep(1);
  foreign.resolve("value");
  task.cancel("not lost");
  // Microtasks only, so that the code returns before the abandoned wait has ended.
  for (let i = 0; i < 5; i++) await null;
  await assertCancelled(task, "not lost");
});

runs(
  "RULE-5: code that does sit in an old wait is cancelled once, so that its cleanup can wait",
  async () => {
    const log: string[] = [];
    const task = createTask(async () => {
      try {
        await Promise.all([sleep(0.01), sleep(30)]);
      } finally {
        await sleep(1);
        log.push("cleaned up");
      }
    });
    await sleep(1);
    task.cancel();
    await assertCancelled(task);
    assert.deepEqual(log, ["cleaned up"]);
  },
);

runs("RULE-5: also when the old wait is for a task that takes long to unwind", async (loop) => {
  const log: string[] = [];
  const slow = createTask(async () => {
    try {
      await forever();
    } finally {
      await sleep(10);
      log.push("slow task unwound");
    }
  });
  const task = createTask(async () => {
    try {
      await Promise.all([slow, sleep(0.01)]);
    } finally {
      await sleep(1);
      log.push("cleaned up");
    }
  });
  await sleep(1);
  task.cancel();
  await assertCancelled(task);
  assert.deepEqual(log, ["slow task unwound", "cleaned up"]);
  assert.equal(loop.time(), 12);
});

runs("RULE-5: a deadline waits for that, too", async (loop) => {
  const slow = createTask(async () => {
    try {
      await forever();
    } finally {
      await sleep(10);
    }
  });
  const error = await rejection(
    timeout(1).with(async () => {
      try {
        await Promise.all([slow, sleep(0.01)]);
      } finally {
        await sleep(1);
      }
    }),
  );
  assert.ok(error instanceof TimeoutError);
  assert.equal(loop.time(), 12);
});

runs("RULE-5: a wait made while old ones are still unwinding takes the request", async () => {
  const foreign = new Foreign();
  const slow = createTask(async () => {
    try {
      await forever();
    } finally {
      await sleep(10);
    }
  });
  const task = createTask(async () => {
    await Promise.race([slow, sleep(0.01)]);
    await foreign.promise;
    await forever();
  });
  await sleep(1);
  task.cancel("not lost");
  await sleep(1);
  foreign.resolve();
  await assertCancelled(task, "not lost");
  assert.equal(slow.done(), false);
  await rejection(slow);
});

runs("RULE-5: old waits cost a cancelled task no second error", async () => {
  const task = createTask(async () => {
    await Promise.race([sleep(0.01), sleep(30), sleep(40)]);
    const first = await rejection(forever());
    await sleep(1);
    return first?.message;
  });
  await sleep(1);
  task.cancel("first");
  assert.equal(await task, "first");
});

runs("RULE-5: a deadline over an abandoned wait and a foreign await is prompt", async (loop) => {
  const foreign = new Foreign();
  const error = await rejection(
    timeout(1).with(async () => {
      await Promise.race([sleep(0.01), sleep(30)]);
      await foreign.promise;
    }),
  );
  assert.ok(error instanceof TimeoutError);
  assert.ok(loop.time() < 30);
  foreign.resolve();
});

// ── 6. No double hit

/** Rejects as soon as the signal aborts. */
function obeying(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

runs("RULE-6: what a signal has ended is not cancelled a second time in its cleanup", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await obeying(currentSignal());
    } finally {
      await sleep(1);
      log.push("cleaned up");
    }
  });
  await ticks();
  task.cancel("message");
  await assertCancelled(task, "message");
  assert.deepEqual(log, ["cleaned up"]);
});

runs("RULE-6: the same under a deadline", async () => {
  const log: string[] = [];
  const error = await rejection(
    timeout(1).with(async () => {
      try {
        await obeying(currentSignal());
      } finally {
        await sleep(1);
        log.push("cleaned up");
      }
    }),
  );
  assert.ok(error instanceof TimeoutError);
  assert.deepEqual(log, ["cleaned up"]);
});

runs("RULE-6: code that swallows the end of its call goes on uncancelled", async () => {
  const task = createTask(async () => {
    await rejection(obeying(currentSignal()));
    return await sleep(1, "swallowed");
  });
  await ticks();
  task.cancel();
  assert.equal(await task, "swallowed");
});

runs(
  "RULE-6: a signal that was asked for since the last wake-up counts as having told",
  async () => {
    const foreign = new Foreign();
    const task = createTask(async () => {
      const signal = currentSignal();
      await foreign.promise;
      await sleep(1);
      assert.throws(() => signal.throwIfAborted(), /told by its signal/);
      assert.equal(currentSignal().aborted, true);
      return "not hit";
    });
    await ticks();
    task.cancel("told by its signal");
    await sleep(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    foreign.resolve();
    assert.equal(await task, "not hit");
  },
);

runs(
  "RULE-6: one that was asked for some steps ago loses none, however soon the call ends",
  async () => {
    const foreign = new Foreign();
    const task = createTask(async () => {
      currentSignal();
      await sleep(1);
      await foreign.promise;
      // This wait may be a cleanup's; the one after it is not spared.
      await sleep(1);
      await forever();
    });
    await sleep(2);
    task.cancel("not lost");
    await turns(1);
    foreign.resolve();
    await assertCancelled(task, "not lost");
  },
);

runsInRealTime(
  "RULE-6: a fetch is ended by its signal, and the cleanup after it can wait",
  async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const log: string[] = [];
    const download = async () => {
      try {
        await fetch(`http://127.0.0.1:${port}/`, { signal: currentSignal() });
      } finally {
        await sleep(0.005);
        log.push("cleaned up");
      }
    };
    const task = createTask(download);
    await sleep(0.05);
    task.cancel("enough");
    await assertCancelled(task, "enough");
    assert.ok(await rejection(timeout(0.05).with(download)) instanceof TimeoutError);
    assert.deepEqual(log, ["cleaned up", "cleaned up"]);
    server.closeAllConnections();
    server.close();
  },
);

// ── 7. Leaving a body behind

runs(
  "RULE-7: of two deadlines over one foreign await, one is the timeout and the other passes",
  async () => {
    const foreign = new Foreign();
    const inside: unknown[] = [];
    const error = await rejection(
      timeout(1).with(async () => {
        inside.push(await rejection(timeout(1).with(() => foreign.promise)));
        throw inside[0];
      }),
    );
    await turns();
    assert.ok(error instanceof TimeoutError);
    assert.ok(inside[0] instanceof CancelledError);
    assert.equal(currentTask()!.cancelling(), 0);
    foreign.resolve();
    await sleep(1);
  },
);

runs(
  "RULE-7: the error of a body that was left behind is reported once",
  async (_loop, reports) => {
    const foreign = new Foreign();
    const late = new Trouble("late");
    await rejection(timeout(1).with(() => timeout(1).with(() => foreign.promise)));
    assert.equal(reports.length, 0);
    foreign.reject(late);
    await turns();
    assert.deepEqual(reports.splice(0).map(({ exception }) => exception), [late]);
  },
);

runs(
  "RULE-7: it gets one CancelledError at its next wait, so that its cleanup can wait",
  async (_loop, reports) => {
    const foreign = new Foreign();
    const log: unknown[] = [];
    const error = await rejection(
      timeout(1).with(async () => {
        await foreign.promise;
        try {
          await forever();
        } catch (cancelled) {
          log.push((cancelled as Error).name);
          await sleep(1);
          log.push("cleaned up");
          throw cancelled;
        }
      }),
    );
    assert.ok(error instanceof TimeoutError);
    foreign.resolve();
    await sleep(5);
    assert.deepEqual(log, ["CancelledError", "cleaned up"]);
    assert.equal(reports.length, 0);
  },
);

runs("RULE-7: what it returns late is nobody's", async (_loop, reports) => {
  const foreign = new Foreign<string>();
  assert.ok(await rejection(waitFor(() => foreign.promise, 1)) instanceof TimeoutError);
  foreign.resolve("late");
  await sleep(1);
  assert.equal(reports.length, 0);
});

runs(
  "RULE-7: a task that was cancelled meanwhile gets the cancellation, not the timeout",
  async () => {
    const foreign = new Foreign();
    const task = createTask(() => timeout(5).with(() => foreign.promise));
    await sleep(1);
    task.cancel("task");
    await ticks(5);
    assert.equal(task.done(), false);
    await sleep(10);
    assert.equal(task.cancelled(), true);
    foreign.resolve();
  },
);

runs(
  "RULE-7: an outer deadline that fires first leaves the inner one behind with the body",
  async () => {
    const foreign = new Foreign();
    let inner!: Promise<Error | null>;
    const outer = timeout(1).with(async () => {
      inner = rejection(timeout(2).with(() => foreign.promise));
      await inner;
    });
    assert.ok(await rejection(outer) instanceof TimeoutError);
    await sleep(5);
    // Its own deadline passed later: it asked itself, but so had the outer one.
    assert.ok(await inner instanceof CancelledError);
    foreign.resolve();
  },
);

// ── 8. Undelivered at the end of a scope

runs(
  "RULE-8: a body that returns before its deadline could be delivered has timed out",
  async (loop) => {
    const foreign = new Foreign<string>();
    const block = timeout(1);
    const promise = block.with(() => foreign.promise);
    loop.callAt(1, () => foreign.resolve("too late"));
    assert.ok(await rejection(promise) instanceof TimeoutError);
    assert.equal(block.expired(), true);
  },
);

runs("RULE-8: a body that throws then keeps its error", async (loop) => {
  const foreign = new Foreign();
  const promise = timeout(1).with(() => foreign.promise);
  loop.callAt(1, () => foreign.reject(new Trouble("its own")));
  assert.ok(await rejection(promise) instanceof Trouble);
  await sleep(1);
});

runs(
  "RULE-8: a task that returns before its cancellation could be delivered is cancelled",
  async () => {
    const foreign = new Foreign<string>();
    const task = createTask(() => foreign.promise);
    await ticks();
    task.cancel("undelivered");
    foreign.resolve("value");
    await assertCancelled(task, "undelivered");
  },
);

runs(
  "RULE-8: withSignal() that returns before its signal could be delivered has been aborted",
  async () => {
    const foreign = new Foreign<string>();
    const controller = new AbortController();
    const promise = withSignal(controller.signal, () => foreign.promise);
    controller.abort("reason");
    foreign.resolve("value");
    assert.equal(await rejection(promise), "reason");
  },
);

// ── 9. A woken task's turn

async function nested(depth: number, bottom: () => PromiseLike<unknown>): Promise<void> {
  if (depth === 0) await bottom();
  else await nested(depth - 1, bottom);
}

for (const depth of [0, 1, 10, 25, 100, 1000]) {
  runs(
    `RULE-9: a woken task runs before the next callback, behind ${depth} nested functions`,
    async (loop) => {
      const log: string[] = [];
      const future = new Future<void>();
      const task = createTask(async () => {
        await nested(depth, () => future);
        log.push("resumed");
      });
      await ticks(2);
      future.setResult();
      loop.callSoon(() => log.push("callback"));
      await task;
      await ticks(2);
      assert.deepEqual(log, ["resumed", "callback"]);
    },
  );
}

const wrappers: Record<string, (body: () => Promise<void>) => Promise<unknown>> = {
  "timeout().with": (body) => timeout(10).with(body),
  "waitFor": (body) => waitFor(body, 10),
  "withSignal": (body) => withSignal(new AbortController().signal, body),
  "Promise.all": (body) => Promise.all([body(), body()]),
  "then and finally": (body) => body().then(() => {}).finally(() => {}),
  "an async generator": async (body) => {
    async function* generate() {
      yield await body();
    }
    for await (const _ of generate());
  },
};

for (const [name, wrap] of Object.entries(wrappers)) {
  runs(`RULE-9: also through ${name}`, async (loop) => {
    const log: string[] = [];
    const future = new Future<void>();
    const task = createTask(async () => {
      await nested(5, () => wrap(() => nested(5, () => wrap(() => nested(5, () => future)))));
      log.push("resumed");
    });
    await ticks(2);
    future.setResult();
    loop.callSoon(() => log.push("callback"));
    await task;
    await ticks(2);
    assert.deepEqual(log, ["resumed", "callback"]);
  });
}

runs("RULE-9: the same for a task that is cancelled", async (loop) => {
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await nested(25, forever);
    } finally {
      log.push("unwound");
    }
  });
  await ticks(2);
  task.cancel();
  loop.callSoon(() => log.push("callback"));
  await assertCancelled(task);
  assert.deepEqual(log, ["unwound", "callback"]);
});

// ── 10. Root context

const store = new AsyncLocalStorage<string>();

class Probe extends Wait<string | undefined> {
  protected onWake(): string | undefined {
    return store.getStore();
  }
}

runs("RULE-10: the loop does not keep the stores of whoever woke it", async () => {
  const probe = new Probe();
  // The timer's callback wakes an idle loop, inside a store of its own.
  store.run("waker", () => setTimeout(() => probe.wake(), 5));
  assert.equal(await probe.promise, undefined);
});

runs("RULE-10: each task keeps its own stores, whoever wakes it", async () => {
  const future = new Future<void>();
  const seen = store.run("mine", () =>
    createTask(async () => {
      await future;
      return store.getStore();
    }));
  await ticks();
  store.run("waker", () => future.setResult());
  assert.equal(await seen, "mine");
});

test("RULE-10: a loop that was started inside a store hands it to nobody", async () => {
  const seen: (string | undefined)[] = [];
  await store.run("starter", async () => {
    await run(async () => {
      const probe = new Probe();
      setTimeout(() => probe.wake(), 1);
      seen.push(await probe.promise, store.getStore());
    });
  });
  assert.deepEqual(seen, [undefined, "starter"]);
});

// ── 11. Plain code

test("RULE-11: plain code waits on the loop that serves it, without a task", async () => {
  assert.equal(currentTask(), null);
  assert.equal(await sleep(0.001, "slept"), "slept");
  const future = new Future<string>();
  setTimeout(() => future.setResult("set"), 1);
  assert.equal(await future, "set");
  assert.equal(future.getLoop(), getEventLoop());
});

test("RULE-11: it asks for the loop each time", async () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  try {
    const future = new Future<string>();
    assert.equal(future.getLoop(), loop);
    const waiting = sleep(0, "on the set loop");
    assert.equal(await loop.runUntilComplete(waiting), "on the set loop");
  } finally {
    setEventLoop(null);
    loop.close();
  }
  assert.notEqual(new Future().getLoop(), loop);
});

test("RULE-11: scopes of plain handlers have nothing in common", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const handler = (signal: AbortSignal) =>
    withSignal(signal, () => timeout(60).with(() => sleep(0.02, "done")));
  const promises = [handler(first.signal), handler(second.signal)];
  first.abort("first");
  const [one, two] = await Promise.allSettled(promises);
  assert.deepEqual(one, { status: "rejected", reason: "first" });
  assert.deepEqual(two, { status: "fulfilled", value: "done" });
});

test("RULE-11: each thread has plain code of its own", async () => {
  const worker = new Worker(new URL("../loop/_plain_worker.ts", import.meta.url));
  const message = await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  await worker.terminate();
  assert.deepEqual(message, { slept: "slept", task: null, timeout: "TimeoutError" });
});

// ── 12. End of a loop

test("RULE-12: closing cancels what waits, lets it clean up, then refuses", async () => {
  const log: string[] = [];
  const loop = impatientLoop();
  await loop.runUntilComplete(() => {
    const branch = async () => {
      try {
        await forever();
      } catch (error) {
        log.push((error as Error).name);
        await sleep(0);
        log.push("a turn of the loop");
        await rejection(sleep(1)).then((error) => log.push(error!.name));
        await rejection(sleep(0)).then((error) => log.push(error!.name));
      }
    };
    branch();
  });
  loop.close();
  assert.equal(loop.isClosed(), true);
  await turns();
  assert.deepEqual(log, ["CancelledError", "a turn of the loop", "CancelledError", "RuntimeError"]);
});

test("RULE-12: what is behind several turns of the loop ends, too", async () => {
  const log: string[] = [];
  const loop = impatientLoop();
  await loop.runUntilComplete(() => {
    const branch = async () => {
      try {
        await gather([new Future(), gather([new Future(), new Future()])]);
      } finally {
        log.push("finally");
      }
    };
    branch().catch((error) => log.push(error.name));
  });
  loop.close();
  await turns();
  assert.deepEqual(log, ["finally", "CancelledError"]);
});

test("RULE-12: a closed loop runs no timer any more", async () => {
  let called = false;
  const loop = new EventLoop();
  await loop.runUntilComplete(() => {
    loop.callLater(0.005, () => called = true);
  });
  loop.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(called, false);
});

test("RULE-12: a wait of a left-behind body on a closed loop throws its CancelledError", async () => {
  const foreign = new Foreign();
  const seen: unknown[] = [];
  await run(async () => {
    await rejection(
      timeout(0.001).with(async () => {
        await foreign.promise;
        seen.push(await rejection(sleep(0)), await rejection(sleep(0)));
      }),
    );
  });
  foreign.resolve();
  await turns();
  assert.ok(seen[0] instanceof CancelledError);
  assert.ok(seen[1] instanceof RuntimeError);
});

test("RULE-12: futures of a closed loop keep what they have", async () => {
  const loop = new EventLoop();
  const future = new Future<string>({ loop });
  future.setResult("kept");
  loop.close();
  assert.equal(await future, "kept");
  assert.equal(outcome(future), "result kept");
});
