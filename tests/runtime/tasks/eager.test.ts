import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  CancelledError,
  ContextVar,
  createEagerTaskFactory,
  createTask,
  currentTask,
  eagerTaskFactory,
  EventLoop,
  ExceptionGroup,
  FatalError,
  Future,
  gather,
  sleep,
  Task,
  TaskGroup,
} from "../../../mod.ts";
import type { Coroutine } from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";

/** A task that runs its first step inside this call. */
function eager<T>(coro: Coroutine<T>): Task<T> {
  return createTask(coro, { eagerStart: true });
}

runs("EAGER-01: an eager task factory makes instances of its class", async (loop) => {
  class Job<T> extends Task<T> {}
  const factory = createEagerTaskFactory(Job);
  loop.setTaskFactory(factory);
  assert.equal(loop.getTaskFactory(), factory);
  const task = loop.createTask(() => 1);
  assert.ok(task instanceof Job);
  assert.equal(await task, 1);
});

runs("EAGER-01: eagerTaskFactory makes plain tasks, with name and context", async (loop) => {
  loop.setTaskFactory(eagerTaskFactory);
  const context = currentTask()!.getContext();
  const task = createTask(() => 1, { name: "quick", context });
  assert.equal(task.constructor, Task);
  assert.equal(task.getName(), "quick");
  assert.equal(task.getContext(), context);
  assert.ok(task.done());
  assert.equal(await task, 1);
});

runs("EAGER-02: the coroutine runs inside createTask() up to its first wait", async () => {
  const log: string[] = [];
  const task = eager(async () => {
    log.push("first step");
    await sleep(0);
    log.push("second step");
  });
  log.push("created");
  assert.equal(task.done(), false);
  await task;
  assert.deepEqual(log, ["first step", "created", "second step"]);
});

runs("EAGER-02: a plain function is done when createTask() returns", () => {
  const task = eager(() => "there");
  assert.equal(outcome(task), "result there");
});

runs("EAGER-02: an async function that never waits is done some microtasks later", async (loop) => {
  let turned = false;
  loop.callSoon(() => turned = true);
  const task = eager(async () => await Promise.resolve("there"));
  assert.equal(outcome(task), "pending");
  for (let hop = 0; hop < 5; hop++) await Promise.resolve();
  assert.equal(outcome(task), "result there");
  assert.equal(turned, false);
});

runs("EAGER-02: awaiting a finished future does not end the eager step", async (loop) => {
  const future = new Future<string>();
  future.setResult("there");
  let turned = false;
  loop.callSoon(() => turned = true);
  const task = eager(async () => await future);
  for (let hop = 0; hop < 8; hop++) await Promise.resolve();
  assert.equal(outcome(task), "result there");
  assert.equal(turned, false);
});

runs("EAGER-02: a coroutine that returns a finished future is done at once", () => {
  const future = new Future<string>();
  future.setResult("there");
  assert.equal(outcome(eager(() => future)), "result there");
  const failed = new Future<string>();
  failed.setException(new Trouble("no"));
  assert.equal(outcome(eager(() => failed)), "error Trouble: no");
  const cancelled = new Future<string>();
  cancelled.cancel();
  assert.equal(outcome(eager(() => cancelled)), "cancelled");
});

runs("EAGER-03: an eager task that has to wait is an ordinary pending task", async () => {
  const gate = new Future<string>();
  const task = eager(async () => await gate);
  await ticks();
  assert.equal(outcome(task), "pending");
  gate.setResult("through");
  assert.equal(await task, "through");
});

test("EAGER-04: on a loop that does not run the start is an ordinary one", async () => {
  const loop = new EventLoop();
  let started = false;
  const task = loop.createTask(() => {
    started = true;
  }, { eagerStart: true });
  assert.equal(started, false);
  await loop.runUntilComplete(task);
  assert.equal(started, true);
  loop.close();
});

runs("EAGER-04: a task of another loop is no eager one", () => {
  const other = new EventLoop();
  let started = false;
  const task = new Task(() => {
    started = true;
  }, { loop: other, eagerStart: true });
  assert.equal(started, false);
  task.cancel();
  other.close();
});

runs("EAGER-05: cancel() after the eager end changes nothing", async () => {
  const task = eager(() => "there");
  assert.equal(task.cancel(), false);
  assert.equal(task.cancelled(), false);
  assert.equal(await task, "there");
});

runs("EAGER-06: cancel(msg) after the eager step blocked reaches the awaiter", async () => {
  const task = eager(async () => await sleep(1));
  assert.equal(task.cancel("stop"), true);
  assert.equal(task.cancelling(), 1);
  await assertCancelled(task, "stop");
});

runs(
  "EAGER-07: currentTask() is the new task during its step, then the creator again",
  async () => {
    const main = currentTask();
    const seen: unknown[] = [];
    const task = eager(async () => {
      seen.push(currentTask());
      await sleep(0);
      seen.push(currentTask());
    });
    assert.equal(currentTask(), main);
    await task;
    assert.equal(currentTask(), main);
    assert.deepEqual(seen, [task, task]);
  },
);

runs("EAGER-07: nested eager starts each see themselves", () => {
  const seen: unknown[] = [];
  let inner: Task<void> | null = null;
  const outer = eager(() => {
    seen.push(currentTask());
    inner = eager(() => {
      seen.push(currentTask());
    });
    seen.push(currentTask());
  });
  assert.deepEqual(seen, [outer, inner, outer]);
});

runs("EAGER-08: allTasks() has an eager task during its step, and not after its end", () => {
  let during: Set<Task<unknown>> | null = null;
  const task = eager(() => {
    during = allTasks();
  });
  assert.ok(during!.has(task));
  assert.ok(!allTasks().has(task));
});

runs("EAGER-08: allTasks() has an eager task that waits until its end", async () => {
  const task = eager(async () => await sleep(0));
  assert.ok(allTasks().has(task));
  await task;
  assert.ok(!allTasks().has(task));
});

runs("EAGER-09: the eager step works on a copy of the creator's context and keeps it", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  variable.set("creator");
  const seen: string[] = [];
  const task = eager(async () => {
    seen.push(variable.get());
    variable.set("task");
    await sleep(0);
    seen.push(variable.get());
  });
  assert.equal(variable.get(), "creator");
  await task;
  assert.deepEqual(seen, ["creator", "task"]);
});

/** Counts the tasks that did not start inside the call that made them. */
function countScheduled(loop: EventLoop, options: { eagerly: boolean }): () => number {
  let scheduled = 0;
  loop.setTaskFactory((loop, coro, given) => {
    let started = false;
    const noting: typeof coro = () => {
      started = true;
      return coro();
    };
    const task = new Task(noting, { ...given, eagerStart: options.eagerly, loop });
    if (!started) scheduled++;
    return task;
  });
  return () => scheduled;
}

runs("EAGER-10: a chain of a hundred awaited coroutines makes no task", async (loop) => {
  const scheduled = countScheduled(loop, { eagerly: false });
  const chain = async (depth: number): Promise<number> =>
    depth === 0 ? 0 : 1 + await chain(depth - 1);
  assert.equal(await chain(100), 100);
  assert.equal(scheduled(), 0);
});

const WIDTH = 5;
const DEPTH = 4;
/** 1 + 5 + 25 + 125 + 625 tasks. */
const TREE = 781;

for (const eagerly of [true, false]) {
  const count = eagerly ? "none of their tasks when they start eagerly" : "one task per child";

  runs(`EAGER-10: nested gathers schedule ${count}`, async (loop) => {
    const scheduled = countScheduled(loop, { eagerly });
    let leaves = 0;
    const tree = async (depth: number): Promise<void> => {
      if (depth === 0) leaves++;
      else await gather(Array.from({ length: WIDTH }, () => () => tree(depth - 1)));
    };
    await createTask(() => tree(DEPTH));
    assert.equal(leaves, WIDTH ** DEPTH);
    assert.equal(scheduled(), eagerly ? 0 : TREE);
  });

  runs(`EAGER-10: nested groups schedule ${count}`, async (loop) => {
    const scheduled = countScheduled(loop, { eagerly });
    let leaves = 0;
    const tree = async (depth: number): Promise<void> => {
      if (depth === 0) {
        leaves++;
        return;
      }
      await new TaskGroup().with((group) => {
        for (let i = 0; i < WIDTH; i++) group.createTask(() => tree(depth - 1));
      });
    };
    await createTask(() => tree(DEPTH));
    assert.equal(leaves, WIDTH ** DEPTH);
    assert.equal(scheduled(), eagerly ? 0 : TREE);
  });
}

runs(
  "EAGER-10: nested gathers of plain functions that end eagerly are done when they return",
  (loop) => {
    loop.setTaskFactory(eagerTaskFactory);
    const tree = (depth: number): unknown =>
      depth === 0 ? depth : gather(Array.from({ length: WIDTH }, () => () => tree(depth - 1)));
    const gathered = gather([() => tree(DEPTH), () => 2]);
    assert.ok(gathered.done());
    assert.equal(gathered.result()[1], 2);
  },
);

runs(
  "EAGER-10: a group of plain functions that end eagerly ends without an iteration",
  async (loop) => {
    loop.setTaskFactory(eagerTaskFactory);
    let turned = false;
    loop.callSoon(() => turned = true);
    await new TaskGroup().with((group) => {
      for (let i = 0; i < WIDTH; i++) group.createTask(() => i);
    });
    assert.equal(turned, false);
  },
);

runs("EAGER-11: an error in the eager step belongs to the task", async () => {
  const task = eager(() => {
    throw new Trouble();
  });
  assert.ok(task.done());
  await assert.rejects(async () => await task, Trouble);
});

runs(
  "EAGER-11: a task that cancels itself in its eager step and returns is cancelled",
  async () => {
    const task = eager(() => {
      currentTask()!.cancel("myself");
      return "lost";
    });
    assert.ok(task.cancelled());
    await assertCancelled(task, "myself");
  },
);

runs("EAGER-11: a self-cancelled eager task is interrupted at its next wait", async () => {
  const task = eager(async () => {
    currentTask()!.cancel();
    await sleep(1);
  });
  await assertCancelled(task);
});

test("EAGER-11: a FatalError in the eager step ends the run", async () => {
  const loop = new EventLoop();
  const fatal = new FatalError();
  let task: Task<void> | null = null;
  const running = loop.runUntilComplete(async () => {
    task = eager(() => {
      throw fatal;
    });
    await sleep(10);
  });
  await assert.rejects(running, (error) => error === fatal);
  assert.equal(task!.exception(), fatal);
  for (const left of allTasks(loop)) left.cancel();
  await loop.runUntilComplete(() => sleep(0));
  loop.close();
});

runs(
  "EAGER-12: a group's child that fails eagerly interrupts the body at its next await",
  async (loop) => {
    loop.setTaskFactory(eagerTaskFactory);
    const log: string[] = [];
    const group = new TaskGroup().with(async (group) => {
      group.createTask(() => {
        throw new Trouble();
      });
      log.push("body goes on");
      try {
        await sleep(1);
        log.push("never");
      } catch (error) {
        log.push(error instanceof CancelledError ? "interrupted" : "other");
        throw error;
      }
    });
    await assert.rejects(group, (error: Error) => {
      assert.ok(error instanceof ExceptionGroup);
      assert.ok(error.errors[0] instanceof Trouble);
      return true;
    });
    assert.deepEqual(log, ["body goes on", "interrupted"]);
    assert.equal(currentTask()!.cancelling(), 0);
    assert.equal(loop.time(), 0);
  },
);
