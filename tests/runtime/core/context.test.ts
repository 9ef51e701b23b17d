import { AsyncLocalStorage } from "node:async_hooks";
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Context,
  ContextVar,
  copyContext,
  createTask,
  currentTask,
  EventLoop,
  Future,
  gather,
  run,
  sleep,
  Task,
  timeout,
} from "../../../mod.ts";
import { runs, runsInRealTime, ticks, Trouble } from "../../_support/tasks.ts";

runs("CTX-01: a task works on a copy of its creator's context, taken at creation", async () => {
  const variable = new ContextVar("variable", { default: 0 });
  variable.set(1);
  const seen: number[] = [];
  const task = createTask(async () => {
    seen.push(variable.get());
    variable.set(10);
    await sleep(0);
    seen.push(variable.get());
  });
  variable.set(2);
  await task;
  assert.deepEqual(seen, [1, 10]);
  assert.equal(variable.get(), 2);
});

runs("CTX-02: what a done callback sets stays out of the task", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  const future = new Future<void>();
  const task = createTask(async () => {
    variable.set("task");
    future.addDoneCallback(() => {
      variable.set("callback");
    });
    await future;
    return variable.get();
  });
  await ticks();
  future.setResult();
  assert.equal(await task, "task");
  assert.equal(variable.get(), "default");
});

runs("CTX-02: a task's variables survive its awaits, foreign ones too", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  const task = createTask(async () => {
    variable.set("mine");
    await sleep(1);
    await Promise.resolve();
    await gather([() => sleep(1), () => variable.set("child")]);
    await timeout(5).with(async () => {
      await sleep(1);
    });
    return variable.get();
  });
  assert.equal(await task, "mine");
});

runs(
  "CTX-02: what a task leaves running sees the values of its task, one left apart from another",
  async () => {
    const variable = new ContextVar("variable", { default: "none" });
    const seen: unknown[] = [];
    const gate = new Future<void>();
    const leaveBehind = (): void => {
      void gate.then(() => seen.push([variable.get(), currentTask()]));
    };
    for (const value of ["a", "b"]) {
      variable.set(value);
      await createTask(leaveBehind);
    }
    variable.set("the creator's");
    gate.setResult();
    await ticks(3);
    assert.deepEqual(seen, [["a", null], ["b", null]]);
  },
);

runs(
  "CTX-02: what a task leaves running sees what the task has set, and both may change it",
  async () => {
    const variable = new ContextVar("variable", { default: 0 });
    const seen: number[] = [];
    const gate = new Future<void>();
    await createTask(() => {
      variable.set(1);
      void gate.then(() => variable.set(variable.get() + 1)).then(() => seen.push(variable.get()));
    });
    gate.setResult();
    await ticks(3);
    assert.deepEqual([seen, variable.get()], [[2], 0]);
  },
);

runs("CTX-02: what leftovers of ended tasks set stays with each of them", async () => {
  const variable = new ContextVar("variable", { default: 0 });
  const seen: number[] = [];
  const gate = new Future<void>();
  for (const value of [1, 2]) {
    await createTask(() => {
      void gate.then(async () => {
        variable.set(variable.get() + value);
        await sleep(0);
        seen.push(variable.get());
      });
    });
  }
  gate.setResult();
  await ticks(4);
  assert.deepEqual([seen, variable.get()], [[1, 2], 0]);
});

runs("CTX-02: what a timeout's body leaves running goes on in the task", async () => {
  const seen: unknown[] = [];
  const gate = new Future<void>();
  const task = createTask(async () => {
    await timeout(1).with(() => {
      void gate.then(() => seen.push(currentTask()?.getName()));
    });
    gate.setResult();
    await ticks(3);
  }, { name: "the task" });
  await task;
  assert.deepEqual(seen, ["the task"]);
});

runs("CTX-03: a hundred interleaved tasks keep a value each", async () => {
  const variable = new ContextVar("variable", { default: "outside" });
  const task = async (index: number): Promise<void> => {
    for (let round = 0; round < 10; round++) {
      variable.set(`${index} ${round}`);
      await sleep(((index * 7 + round * 3) % 5) / 1000);
      assert.equal(variable.get(), `${index} ${round}`);
    }
  };
  await gather(Array.from({ length: 100 }, (_, index) => () => task(index)));
  assert.equal(variable.get(), "outside");
});

for (const make of ["new Task", "createTask", "loop.createTask"] as const) {
  runs(`CTX-04: ${make} with { context } runs in that very context`, async (loop) => {
    const variable = new ContextVar("variable", { default: 0 });
    const context = copyContext();
    const start = (coro: () => Promise<void>): Task<void> =>
      make === "new Task"
        ? new Task(coro, { context })
        : make === "createTask"
        ? createTask(coro, { context })
        : loop.createTask(coro, { context });
    const work = async (): Promise<void> => {
      variable.set(variable.get() + 1);
      await sleep(0);
      variable.set(variable.get() + 1);
    };
    const first = start(work);
    assert.equal(first.getContext(), context);
    await first;
    assert.equal(context.get(variable), 2);
    await start(work);
    assert.equal(context.get(variable), 4);
    assert.equal(variable.get(), 0);
  });
}

runs("CTX-04: what is no Context is a TypeError", () => {
  const context = new Map() as unknown as ReturnType<typeof copyContext>;
  assert.throws(() => createTask(() => {}, { context }), TypeError);
});

runs("CTX-05: library state in a variable stays apart per task under gather", async () => {
  const precision = new ContextVar("precision", { default: 28 });
  /** A library's scope: it sets its state, and takes it back when it is left. */
  const withPrecision = async <T>(digits: number, body: () => Promise<T>): Promise<T> => {
    const token = precision.set(digits);
    try {
      return await body();
    } finally {
      precision.reset(token);
    }
  };
  const fraction = (): string => (1 / 3).toFixed(precision.get());
  const compute = async (digits: number): Promise<string[]> =>
    await withPrecision(digits, async () => {
      const first = fraction();
      await sleep(0.1);
      return [first, fraction()];
    });
  const [two, five] = await gather([() => compute(2), () => compute(5)]);
  assert.deepEqual([two, five], [["0.33", "0.33"], ["0.33333", "0.33333"]]);
  assert.equal(precision.get(), 28);
});

runs("CTX-06: the exception handler runs in the context of the task that failed", async (loop) => {
  const variable = new ContextVar("variable", { default: "outside" });
  const seen: string[] = [];
  loop.setExceptionHandler(() => seen.push(variable.get()));
  createTask(() => {
    variable.set("in the task");
    throw new Trouble();
  });
  await ticks(3);
  (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
  assert.deepEqual(seen, ["in the task"]);
});

runs(
  "CTX-06: the exception handler runs in the context of the handle that failed",
  async (loop) => {
    const variable = new ContextVar("variable", { default: "outside" });
    const seen: string[] = [];
    loop.setExceptionHandler(() => seen.push(variable.get()));
    variable.set("at scheduling");
    loop.callSoon(() => {
      throw new Trouble();
    });
    variable.set("later");
    await ticks(2);
    assert.deepEqual(seen, ["at scheduling"]);
  },
);

runs("CTX-06: the exception handler runs in the context a task was given", async (loop) => {
  const variable = new ContextVar("variable", { default: "outside" });
  const context = copyContext();
  context.run(() => variable.set("given"));
  const seen: string[] = [];
  loop.setExceptionHandler(() => seen.push(variable.get()));
  const task = createTask(() => {}, { context });
  await task;
  loop.callExceptionHandler({ message: "about a task", task });
  assert.deepEqual(seen, ["given"]);
});

// ── what asyncio leaves to contextvars' own tests

runs(
  "CONTEXT-01: callbacks and timers run in a copy of their scheduler's context",
  async (loop) => {
    const variable = new ContextVar("variable", { default: "default" });
    const seen: string[] = [];
    const note = (): void => {
      seen.push(variable.get());
      variable.set("changed by a callback");
    };
    variable.set("at scheduling");
    loop.callSoon(note);
    loop.callLater(1, note);
    loop.callAt(2, note);
    loop.callSoonThreadsafe(note);
    variable.set("after");
    await sleep(3);
    assert.deepEqual(seen, Array(4).fill("at scheduling"));
    assert.equal(variable.get(), "after");
  },
);

runs("CONTEXT-01: a bound callback runs in the context itself", async (loop) => {
  const variable = new ContextVar("variable", { default: 0 });
  const context = copyContext();
  const increase = (): void => {
    variable.set(variable.get() + 1);
  };
  loop.callSoon(context.bind(increase));
  loop.callLater(1, context.bind(increase));
  await sleep(2);
  assert.equal(context.get(variable), 2);
  assert.equal(variable.get(), 0);
});

runs("CONTEXT-01: an async callback keeps what it set across its awaits", async (loop) => {
  const variable = new ContextVar("variable", { default: "default" });
  const seen: string[] = [];
  for (const name of ["a", "b"]) {
    loop.callSoon(async () => {
      variable.set(name);
      await sleep(1);
      seen.push(variable.get());
    });
  }
  await sleep(2);
  assert.deepEqual(seen, ["a", "b"]);
});

runs("CONTEXT-02: get() falls back to the argument, then the default, then throws", () => {
  const bare = new ContextVar<number>("bare");
  assert.equal(bare.get(1), 1);
  assert.throws(() => bare.get(), { name: "ReferenceError", message: /"bare"/ });
  const fallback = new ContextVar("fallback", { default: 2 });
  assert.equal(fallback.get(), 2);
  assert.equal(fallback.get(3), 3);
  fallback.set(4);
  assert.equal(fallback.get(3), 4);
});

runs("CONTEXT-02: undefined is a value like any other", () => {
  const variable = new ContextVar<undefined | number>("variable", { default: 1 });
  variable.set(undefined);
  assert.equal(variable.get(), undefined);
  assert.equal(variable.get(5), undefined);
});

runs("CONTEXT-03: reset() takes back what set() did", () => {
  const variable = new ContextVar<string>("variable");
  const first = variable.set("first");
  assert.deepEqual([first.var, first.hadValue, first.oldValue], [variable, false, undefined]);
  const second = variable.set("second");
  assert.deepEqual([second.hadValue, second.oldValue], [true, "first"]);
  variable.reset(second);
  assert.equal(variable.get(), "first");
  variable.reset(first);
  assert.equal(variable.get("nothing"), "nothing");
});

runs("CONTEXT-03: a token can be used once, for its own variable, in its own context", () => {
  const variable = new ContextVar("variable", { default: 0 });
  const other = new ContextVar("other", { default: 0 });
  const token = variable.set(1);
  assert.throws(() => other.reset(token), RangeError);
  assert.throws(() => copyContext().run(() => variable.reset(token)), RangeError);
  variable.reset(token);
  assert.throws(() => variable.reset(token), {
    name: "RuntimeError",
    message: /already been used/,
  });
  assert.throws(() => variable.reset({} as typeof token), TypeError);
});

runs("CONTEXT-03: a token resets at the end of a using block", () => {
  const variable = new ContextVar("variable", { default: "outside" });
  const token = variable.set("inside");
  token[Symbol.dispose]();
  assert.equal(variable.get(), "outside");
  token[Symbol.dispose]();
  assert.equal(variable.get(), "outside");
});

runs("CONTEXT-04: a context is a read-only map of its variables", () => {
  const variable = new ContextVar("variable", { default: 1 });
  const unset = new ContextVar("unset", { default: 2 });
  const context = copyContext();
  const before = context.size;
  context.run(() => variable.set(5));
  assert.equal(context.size, before + 1);
  assert.equal(context.has(variable), true);
  assert.equal(context.has(unset), false);
  assert.equal(context.get(variable), 5);
  assert.equal(context.get(unset), undefined);
  assert.equal(context.get(unset, 7), 7);
  assert.deepEqual([...context].filter(([key]) => key === variable), [[variable, 5]]);
});

runs("CONTEXT-04: keys(), values() and entries() go over its variables", () => {
  const [one, two] = [new ContextVar("one", { default: 0 }), new ContextVar("two", { default: 0 })];
  const context = new Context();
  context.run(() => {
    one.set(1);
    two.set(2);
  });
  assert.deepEqual([...context.keys()], [one, two]);
  assert.deepEqual([...context.values()], [1, 2]);
  assert.deepEqual([...context.entries()], [[one, 1], [two, 2]]);
});

runs("CONTEXT-04: a copy of a context goes its own way", () => {
  const variable = new ContextVar("variable", { default: 1 });
  const context = copyContext();
  context.run(() => variable.set(5));
  const copy = context.copy();
  copy.run(() => variable.set(6));
  assert.deepEqual([context.get(variable), copy.get(variable)], [5, 6]);
});

runs("CONTEXT-05: Context.run() gives arguments, result and error through", () => {
  const context = copyContext();
  assert.equal(context.run((a: number, b: number) => a + b, 1, 2), 3);
  assert.throws(
    () =>
      context.run(() => {
        throw new Trouble();
      }),
    Trouble,
  );
  assert.equal(context.run(() => 1), 1);
});

runs(
  "CONTEXT-05: entering a context that is entered is a RuntimeError, across awaits too",
  async () => {
    const context = copyContext();
    context.run(() => {
      assert.throws(() => context.run(() => {}), {
        name: "RuntimeError",
        message: /already entered/,
      });
    });
    const body = context.run(() => sleep(1));
    assert.throws(() => context.run(() => {}), { name: "RuntimeError" });
    await body;
    await ticks();
    assert.equal(context.run(() => "again"), "again");
  },
);

runs(
  "CONTEXT-05: inside Context.run() the task is still the current one and can be cancelled",
  async () => {
    const task: Task<void> = createTask(() =>
      copyContext().run(async () => {
        assert.equal(currentTask(), task);
        await sleep(5);
      })
    );
    await ticks();
    task.cancel();
    await assert.rejects(async () => await task, { name: "CancelledError" });
  },
);

test("CONTEXT-06: outside tasks Context.run() gives a handler a context of its own", async () => {
  const variable = new ContextVar("variable", { default: 0 });
  const handler = async (value: number): Promise<number> => {
    variable.set(value);
    await sleep(0);
    return variable.get();
  };
  const apart = [1, 2].map((value) => copyContext().run(handler, value));
  assert.deepEqual(await Promise.all(apart), [1, 2]);
  assert.equal(variable.get(), 0);
});

test("CONTEXT-06: a run works on a copy of the caller's context", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  const token = variable.set("caller");
  await run(() => {
    assert.equal(variable.get(), "caller");
    variable.set("run");
  });
  assert.equal(variable.get(), "caller");
  variable.reset(token);
});

// ── other libraries' AsyncLocalStorage

const storage = new AsyncLocalStorage<string>();

runs("STORE-01: another library's store flows into a task, across its awaits", async () => {
  const seen: unknown[] = [];
  const task = storage.run("request 1", () =>
    createTask(async () => {
      seen.push(storage.getStore());
      await sleep(1);
      seen.push(storage.getStore());
      await new Future<void>({ loop: currentTask()!.getLoop() }).catch(() => {});
    }));
  await sleep(2);
  seen.push(storage.getStore());
  task.cancel();
  await ticks(2);
  assert.deepEqual(seen, ["request 1", "request 1", undefined]);
});

runs(
  "STORE-01: another library's store flows into callSoon, callLater, callAt and done callbacks",
  async (loop) => {
    const seen: [string, unknown][] = [];
    const note = (from: string) => (): void => {
      seen.push([from, storage.getStore()]);
    };
    const future = new Future<void>();
    storage.run("mine", () => {
      loop.callSoon(note("callSoon"));
      loop.callSoonThreadsafe(note("callSoonThreadsafe"));
      loop.callLater(1, note("callLater"));
      loop.callAt(2, note("callAt"));
      future.addDoneCallback(note("addDoneCallback"));
    });
    storage.run("somebody else's", () => loop.callLater(3, () => future.setResult()));
    await sleep(4);
    assert.deepEqual(seen, [
      ["callSoon", "mine"],
      ["callSoonThreadsafe", "mine"],
      ["callLater", "mine"],
      ["callAt", "mine"],
      ["addDoneCallback", "mine"],
    ]);
  },
);

runs("STORE-01: who resumes a task does not lend it its store", async () => {
  const future = new Future<void>();
  const seen: unknown[] = [];
  const waiting = storage.run("waiter", () =>
    createTask(async () => {
      await future;
      seen.push(storage.getStore());
    }));
  await ticks();
  storage.run("waker", () => future.setResult());
  await waiting;
  assert.deepEqual(seen, ["waiter"]);
});

runs(
  "STORE-01: another library's store flows into groups' tasks, timeouts and eager tasks",
  async () => {
    const seen: unknown[] = [];
    const note = (): void => void seen.push(storage.getStore());
    await storage.run("mine", async () => {
      await timeout(1).with(async () => {
        await sleep(0);
        note();
      });
      await gather([note, async () => {
        await sleep(0);
        note();
      }]);
      await createTask(note, { eagerStart: true });
    });
    assert.deepEqual(seen, ["mine", "mine", "mine", "mine"]);
  },
);

runsInRealTime("STORE-01: a store set inside a callback stays there", async (loop) => {
  const seen: unknown[] = [];
  loop.callSoon(() => storage.enterWith("leaked"));
  loop.callSoon(() => seen.push(storage.getStore()));
  await ticks(2);
  seen.push(storage.getStore());
  createTask(() => seen.push(storage.getStore()));
  await ticks(2);
  assert.deepEqual(seen, [undefined, undefined, undefined]);
});

test("STORE-01: a loop does not keep the store of whoever woke it", async () => {
  const loop = new EventLoop();
  const seen: unknown[] = [];
  const gate = loop.createFuture<void>();
  gate.addDoneCallback(() => seen.push(storage.getStore()));
  const done = loop.runUntilComplete(async () => {
    await gate;
    await sleep(0);
    seen.push(storage.getStore());
  });
  await sleep(0.005);
  storage.run("outside", () => gate.setResult());
  await done;
  loop.close();
  assert.deepEqual(seen, [undefined, undefined]);
});
