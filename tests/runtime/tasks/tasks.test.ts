import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  CancelledError,
  copyContext,
  createEagerTaskFactory,
  createTask,
  currentTask,
  ensureFuture,
  EventLoop,
  Future,
  gather,
  getEventLoop,
  InvalidStateError,
  isFuture,
  run,
  RuntimeError,
  setEventLoop,
  sleep,
  Task,
} from "../../../mod.ts";
import { entriesOf } from "../../../runtime/tasks/future.ts";
import { runProgram } from "../../_support/programs.ts";
import { assertCancelled, runs, ticks, Trouble } from "../../_support/tasks.ts";

runs("TASK-01: a task is a future of its loop", async (loop) => {
  const task = createTask(() => 1);
  assert.ok(task instanceof Task);
  assert.ok(task instanceof Future);
  assert.equal(task.getLoop(), loop);
  assert.equal(await task, 1);
});

runs(
  "TASK-01: the coroutine starts in the next iteration, in the order of creation",
  async (loop) => {
    const log: string[] = [];
    loop.callSoon(() => log.push("before"));
    const task = createTask(() => void log.push("task"));
    loop.callSoon(() => log.push("after"));
    assert.deepEqual(log, []);
    await task;
    assert.deepEqual(log, ["before", "task", "after"]);
  },
);

runs("TASK-01: a plain function is a coroutine too", async () => {
  assert.equal(await createTask(() => 3), 3);
  assert.equal(await createTask(() => Promise.resolve(4)), 4);
  await assert.rejects(
    async () =>
      await createTask(() => {
        throw new Trouble();
      }),
    Trouble,
  );
});

runs("TASK-01: the coroutine is called without a receiver and without arguments", async () => {
  const seen: unknown[] = [];
  await createTask(function (this: unknown, ...args: unknown[]) {
    seen.push(this, args.length);
  });
  assert.deepEqual(seen, [undefined, 0]);
});

runs("TASK-02: what is no coroutine is a TypeError, every time", () => {
  for (let i = 0; i < 2; i++) {
    for (const wrong of [123, null, undefined, "work", {}]) {
      assert.throws(() => new Task(wrong as unknown as () => void), {
        name: "TypeError",
        message: /the work must be a coroutine function/,
      });
    }
  }
});

runs(
  "TASK-02: a promise in place of a coroutine is a TypeError that shows the right call",
  () => {
    const wrong = Promise.resolve() as unknown as () => void;
    assert.throws(() => createTask(wrong), {
      name: "TypeError",
      message: /createTask\(\(\) => work\(\)\)/,
    });
  },
);

runs("TASK-03: createTask() gives a task with the name it was told", async () => {
  const task = createTask(async () => {}, { name: "worker" });
  assert.equal(task.getName(), "worker");
  task.setName("other");
  assert.equal(task.getName(), "other");
  await task;
});

runs("TASK-03: unnamed tasks count up", () => {
  const names = [1, 2].map(() => createTask(async () => {})).map((task) => task.getName());
  const [first, second] = names.map((name) => Number(/^Task-(\d+)$/.exec(name)![1]));
  assert.ok(second! > first!);
});

runs("TASK-03: other types of name become strings", async () => {
  const name = 987654321 as unknown as string;
  const task = createTask(async () => {}, { name });
  assert.equal(task.getName(), "987654321");
  task.setName([1, 2] as unknown as string);
  assert.equal(task.getName(), "1,2");
  await task;
});

runs("TASK-04: getCoro() gives the coroutine, also after the end", async () => {
  const work = () => 1;
  const task = createTask(work);
  assert.equal(task.getCoro(), work);
  await task;
  assert.equal(task.getCoro(), work);
});

runs("TASK-04: getCoro() is null for an eager task that ended in its first step", () => {
  const task = createTask(() => 1, { eagerStart: true });
  assert.ok(task.done());
  assert.equal(task.getCoro(), null);
});

runs("TASK-05: getContext() is the very context passed in", async () => {
  const context = copyContext();
  const task = createTask(async () => {}, { context });
  assert.equal(task.getContext(), context);
  await task;
  assert.equal(task.getContext(), context);
});

runs(
  "TASK-06: setResult() and setException() on a task are a RuntimeError, and it goes on",
  async () => {
    const task = createTask(() => 1);
    assert.throws(() => task.setResult(2), {
      name: "RuntimeError",
      message: /does not support setResult/,
    });
    assert.throws(() => task.setException(new Trouble()), {
      name: "RuntimeError",
      message: /does not support setException/,
    });
    assert.equal(await task, 1);
  },
);

for (const end of ["returns", "throws"] as const) {
  runs(
    `TASK-07: a forced result holds; that the coroutine ${end} later is reported once`,
    async (_loop, reports) => {
      const gate = new Future<void>();
      const task = createTask(async () => {
        await gate;
        if (end === "throws") throw new Trouble();
        return 1;
      });
      await ticks();
      Future.prototype.setResult.call(task, 2);
      assert.equal(await task, 2);
      gate.setResult();
      await ticks(3);
      assert.equal(task.result(), 2);
      const [report, ...more] = reports.splice(0);
      assert.ok(report!.exception instanceof InvalidStateError);
      assert.match(report!.exception.message, /already done/);
      assert.equal(report!.task, task);
      assert.deepEqual(more, []);
    },
  );
}

runs("TASK-07: a forced exception is the outcome", async (_loop, reports) => {
  const gate = new Future<void>();
  const task = createTask(async () => await gate);
  await ticks();
  Future.prototype.setException.call(task, new Trouble());
  await assert.rejects(async () => await task, Trouble);
  gate.setResult();
  await ticks(3);
  assert.ok(task.exception() instanceof Trouble);
  assert.equal(reports.splice(0).length, 1);
});

runs(
  "TASK-08: currentTask() is the task whose code runs, right when tasks interleave",
  async (loop) => {
    const main = currentTask();
    const tasks: Task<unknown>[] = [];
    const seen: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      tasks.push(createTask(async () => {
        for (let round = 0; round < 3; round++) {
          seen.push(currentTask() === tasks[i], currentTask(loop) === tasks[i]);
          await sleep(0);
        }
        seen.push(currentTask() === tasks[i]);
      }));
    }
    assert.equal(currentTask(), main);
    await gather(tasks);
    assert.equal(currentTask(), main);
    assert.equal(seen.length, 21);
    assert.ok(seen.every(Boolean));
  },
);

runs("TASK-08: currentTask() of another loop is null", () => {
  const other = new EventLoop();
  assert.equal(currentTask(other), null);
  other.close();
});

test("TASK-08: currentTask() in plain code is null", () => {
  assert.equal(currentTask(), null);
});

runs("TASK-09: allTasks() is the set of the loop's unfinished tasks", async (loop) => {
  const main = currentTask()!;
  const quick = createTask(async () => {});
  const slow = createTask(() => sleep(1));
  assert.deepEqual(new Set([main, quick, slow]), allTasks(loop));
  await quick;
  assert.deepEqual(new Set([main, slow]), allTasks());
  await slow;
  assert.deepEqual([main], [...allTasks()]);
});

runs("TASK-09: allTasks() of another loop knows none of these", () => {
  const other = new EventLoop();
  assert.equal(allTasks(other).size, 0);
  other.close();
});

test("TASK-11: a task that its loop refuses is not in allTasks()", () => {
  const loop = new EventLoop();
  loop.close();
  assert.throws(() => new Task(async () => {}, { loop }), RuntimeError);
  assert.equal(allTasks(loop).size, 0);
});

runs("TASK-12: a task prints name, coroutine and state", async () => {
  const gate = new Future<string>();
  async function work(): Promise<string> {
    return await gate;
  }
  const task = createTask(work, { name: "X" });
  assert.equal(String(task), '<Task pending name="X" coro=<work()>>');
  gate.setResult("abc");
  await task;
  assert.equal(String(task), '<Task finished name="X" coro=<work()> result="abc">');
});

runs("TASK-12: a task prints what it waits for", async () => {
  const gate = new Future<string>();
  const outer = createTask(async () => await gate, { name: "X" });
  await ticks();
  assert.match(String(outer), /^<Task pending name="X" coro=<.*> wait_for=<Future pending>>$/);
  const callback = () => {};
  outer.addDoneCallback(callback);
  assert.match(String(outer), / wait_for=<Future pending> cb=\[callback\]>$/);
  gate.setResult("");
  await outer;
});

runs("TASK-12: tasks that wait for each other print without end", async () => {
  const tasks: Task<unknown>[] = [];
  for (const other of [1, 0]) {
    tasks.push(createTask(async () => {
      await sleep(0);
      await tasks[other];
    }, { name: `wait for ${other}` }));
  }
  await ticks(3);
  assert.match(String(tasks[0]), /wait_for=<Task pending name="wait for 0".*wait_for=.*\.\.\./);
  for (const task of tasks) task.cancel();
  for (const task of tasks) await assertCancelled(task);
});

runs("TASK-12: a task prints cancelling while requests are open, then cancelled", async () => {
  const task = createTask(() => sleep(1), { name: "X" });
  await ticks();
  task.cancel();
  assert.match(String(task), /^<Task cancelling name="X"/);
  await assertCancelled(task);
  assert.match(String(task), /^<Task cancelled name="X" coro=<.*>>$/);
});

runs("TASK-12: a failed task prints its exception", async () => {
  const task = createTask(() => {
    throw new Trouble("no");
  }, { name: "X" });
  await assert.rejects(async () => await task, Trouble);
  assert.match(String(task), /^<Task finished name="X" coro=<.*> exception=Trouble\("no"\)>$/);
});

runs("TASK-12: a subclass prints its own name", async () => {
  class Job extends Task<number> {}
  const job = new Job(() => 1, { name: "X" });
  assert.match(String(job), /^<Job pending /);
  await job;
});

runs(
  "TASK-13: in debug mode getStack() is where the task waits, newest frame last",
  async (loop) => {
    loop.setDebug(true);
    async function inner(): Promise<void> {
      await sleep(1);
    }
    async function outer(): Promise<void> {
      await sleep(0);
      await inner();
    }
    const task = createTask(outer);
    await ticks(3);
    const frames = task.getStack();
    assert.match(frames.at(-1)!, /inner.*tasks\.test/);
    assert.match(frames.at(-2)!, /outer.*tasks\.test/);
    assert.deepEqual(task.getStack({ limit: 1 }), frames.slice(-1));
    assert.deepEqual(task.getStack({ limit: 0 }), []);
    await task;
    assert.deepEqual(task.getStack(), []);
  },
);

runs("TASK-13: before its start getStack() is where the task was made", async (loop) => {
  loop.setDebug(true);
  function makeOne(): Task<void> {
    const made = createTask(() => {});
    assert.ok(made instanceof Task);
    return made;
  }
  const task = makeOne();
  assert.match(task.getStack().at(-1)!, /makeOne.*tasks\.test/);
  await task;
});

runs("TASK-13: printStack() writes the frames to a file", async (loop) => {
  loop.setDebug(true);
  const texts: string[] = [];
  const file = { write: (text: string) => void texts.push(text) };
  const task = createTask(() => sleep(1), { name: "X" });
  await ticks();
  task.printStack({ file });
  assert.match(texts.join(""), /^Stack for <Task pending name="X".*\n(.|\n)*tasks\.test\.[jt]s:/);
  await task;
  texts.length = 0;
  task.printStack({ file });
  assert.match(texts.join(""), /^No stack for <Task finished name="X"/);
});

runs("TASK-14: in debug mode a task remembers where it was made", async (loop, reports) => {
  loop.setDebug(true);
  function makeOne(): Task<void> {
    const made = createTask(() => {
      throw new Trouble();
    });
    assert.ok(made instanceof Task);
    return made;
  }
  const task = makeOne();
  assert.match(String(task), / created at .*tasks\.test\.[jt]s:\d+/);
  await ticks(3);
  (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
  const stack = reports.splice(0)[0]!["sourceTraceback"] as string[];
  assert.match(stack.at(-1)!, /makeOne.*tasks\.test/);
});

for (const debug of [false, true]) {
  runs(
    `TASK-17: a coroutine that awaits another runs it inline${debug ? ", in debug mode too" : ""}`,
    async (loop) => {
      loop.setDebug(debug);
      const task = currentTask();
      let turned = false;
      const inner = () => {
        assert.equal(currentTask(), task);
        return "inner";
      };
      loop.callSoon(() => turned = true);
      assert.equal(await (async () => await inner())(), "inner");
      assert.equal(turned, false);
      assert.equal(allTasks().size, 1);
    },
  );
}

runs("TASK-18: a coroutine that returns a future gives what the future resolves to", async () => {
  const gate = new Future<number>();
  const task = createTask(() => gate);
  await ticks(2);
  assert.equal(task.done(), false);
  gate.setResult(5);
  assert.equal(await task as unknown, 5);
});

runs("TASK-18: inside an object the future itself is handed on", async () => {
  const gate = new Future<number>();
  const { future } = await createTask(() => ({ future: gate }));
  assert.equal(future, gate);
});

runs("TASK-18: a coroutine may return a thenable that calls back from another task", async () => {
  let resolveIt: (value: number) => void = () => {};
  const thenable: PromiseLike<number> = {
    then(resolve) {
      resolveIt = resolve as (value: number) => void;
      return new Promise(() => {});
    },
  };
  const first = createTask(() => thenable);
  await ticks();
  const second = createTask(async () => {
    resolveIt(1);
    await sleep(0);
    return 2;
  });
  assert.deepEqual([await first, await second], [1, 2]);
});

runs("TASK-19: awaiting another loop's future throws a RuntimeError inside the task", async () => {
  const other = new EventLoop();
  const foreign = new Future<void>({ loop: other });
  const task = createTask(async () => {
    await assert.rejects(async () => await foreign, {
      name: "RuntimeError",
      message: /^Task <Task .*> got Future <Future pending> attached to a different loop$/,
    });
    return "caught";
  });
  assert.equal(await task, "caught");
  other.close();
});

runs("TASK-20: a task that awaits itself gets a RuntimeError", async () => {
  const task: Task<string> = createTask(async () => {
    await assert.rejects(async () => await task, {
      name: "RuntimeError",
      message: /Task cannot await on itself/,
    });
    return "caught";
  });
  assert.equal(await task, "caught");
});

runs("TASK-22: one await registers one callback and gets the exact object", async () => {
  class Special extends Future<object> {}
  for (const future of [new Future<object>(), new Special()]) {
    const task = createTask(async () => ({ got: await future }));
    await ticks();
    assert.equal(entriesOf(future as Future<unknown>).length, 1);
    const value = {};
    future.setResult(value);
    assert.equal((await task).got, value);
  }
});

runs("TASK-23: a subclass with a broken getLoop() can be awaited", async () => {
  class Broken extends Future<number> {
    override getLoop(): EventLoop {
      throw new Trouble("no loop");
    }
  }
  const future = new Broken();
  const task = createTask(async () => await future);
  await ticks();
  future.setResult(3);
  assert.equal(await task, 3);
});

runs("TASK-25: exception() has the stack of the line that threw", async () => {
  function fails(): never {
    throw new Trouble();
  }
  const task = createTask(async () => {
    await sleep(0);
    fails();
  });
  await assert.rejects(async () => await task, Trouble);
  assert.match((task.exception() as Error).stack!, /fails.*tasks\.test/);
});

runs(
  "TASK-26: ensureFuture() of a coroutine is a task of the running loop, or of { loop }",
  async (loop) => {
    const task = ensureFuture(() => 1);
    assert.ok(task instanceof Task);
    assert.equal(task.getLoop(), loop);
    assert.equal(await task, 1);
    const other = new EventLoop();
    const elsewhere = ensureFuture(() => 1, { loop: other });
    assert.ok(elsewhere instanceof Task);
    assert.equal(elsewhere.getLoop(), other);
    elsewhere.cancel();
    other.close();
  },
);

test("TASK-26: in plain code ensureFuture() goes to the set loop, else to the ambient one", async () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  const task = ensureFuture(() => 1);
  setEventLoop(null);
  assert.equal(task.getLoop(), loop);
  assert.equal(await loop.runUntilComplete(task), 1);
  loop.close();
  const ambient = ensureFuture(() => 2);
  assert.equal(ambient.getLoop(), getEventLoop());
  assert.equal(await ambient, 2);
});

runs("TASK-27: ensureFuture() of a future or task is that object", async (loop) => {
  const future = new Future<void>();
  const task = createTask(async () => {});
  assert.equal(ensureFuture(future), future);
  assert.equal(ensureFuture(task), task);
  assert.equal(ensureFuture(future, { loop }), future);
  await task;
});

runs("TASK-27: ensureFuture() with another loop than the future's is a RangeError", () => {
  const other = new EventLoop();
  assert.throws(() => ensureFuture(new Future<void>(), { loop: other }), {
    name: "RangeError",
    message: "The future belongs to a different loop than the one specified as the loop argument",
  });
  other.close();
});

runs("TASK-28: ensureFuture() wraps a promise, and its failure", async () => {
  const future = ensureFuture(Promise.resolve(4));
  assert.ok(isFuture(future));
  assert.equal(await future, 4);
  await assert.rejects(async () => await ensureFuture(Promise.reject(new Trouble())), Trouble);
});

runs("TASK-28: the wait for a wrapped promise can be cancelled", async () => {
  const task = createTask(async () => await ensureFuture(new Promise<void>(() => {})));
  await ticks();
  task.cancel();
  await assertCancelled(task);
});

runs("TASK-28: ensureFuture() of what cannot be awaited is a TypeError", () => {
  for (const wrong of [1, null, undefined, {}, "x"]) {
    assert.throws(() => ensureFuture(wrong as unknown as Promise<void>), TypeError);
  }
});

test("TASK-30: runUntilComplete() that stop() ends rejects; the task can finish later", async () => {
  const loop = new EventLoop();
  const gate = loop.createFuture<string>();
  const task = loop.createTask(async () => {
    loop.callSoon(() => loop.stop());
    return await gate;
  });
  await assert.rejects(loop.runUntilComplete(task), {
    name: "RuntimeError",
    message: "Event loop stopped before Future completed.",
  });
  assert.equal(task.done(), false);
  gate.setResult("later");
  assert.equal(await loop.runUntilComplete(task), "later");
  loop.close();
});

test("TASK-31 LOOP-29: ASYNCIO_DEBUG gives the default of debug mode, an empty one not", async () => {
  const program = new URL("../loop/_print_debug_program.ts", import.meta.url);
  const shown = async (env: Record<string, string>) =>
    (await runProgram(program, { env })).stdout.trim();
  assert.equal(await shown({ ASYNCIO_DEBUG: "1" }), "true");
  assert.equal(await shown({ ASYNCIO_DEBUG: "" }), "false");
});

test("TASK-31: run() with { debug } overrules the environment", async () => {
  for (const debug of [true, false]) {
    assert.equal(await run(() => currentTask()!.getLoop().getDebug(), { debug }), debug);
  }
});

runs("TASK-01: a subclass of Task works as the class of an eager factory", async (loop) => {
  class Job<T> extends Task<T> {}
  loop.setTaskFactory(createEagerTaskFactory(Job));
  const task = createTask(() => 1);
  assert.ok(task instanceof Job);
  assert.equal(await task, 1);
});

for (const eagerStart of [false, true]) {
  runs(
    `TASK-01: work with a wrong { signal } never starts, eagerStart: ${eagerStart}`,
    async () => {
      let started = false;
      const work = (): void => {
        started = true;
      };
      const signal = new AbortController() as unknown as AbortSignal;
      assert.throws(() => createTask(work, { signal, eagerStart }), TypeError);
      await sleep(0);
      assert.equal(started, false);
    },
  );
}

runs("TASK-01: { signal } cancels the task when it aborts, with the reason as cause", async () => {
  const controller = new AbortController();
  const task = createTask(() => sleep(1), { signal: controller.signal });
  await ticks();
  const reason = new Trouble("enough");
  controller.abort(reason);
  await assert.rejects(async () => await task, (error: Error) => {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, reason);
    return true;
  });
});
