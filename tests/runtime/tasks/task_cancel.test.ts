import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentTask,
  Event,
  EventLoop,
  FatalError,
  Future,
  getRunningLoop,
  run,
  sleep,
  Task,
  TimeoutError,
} from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";

runs("TASK-32: cancel() cancels the wait at once, the task only when it has unwound", async () => {
  const gate = new Future<void>();
  const log: string[] = [];
  const task = createTask(async () => {
    try {
      await gate;
    } catch (error) {
      log.push((error as Error).name);
      throw error;
    }
  });
  await ticks();
  assert.equal(task.cancel(), true);
  assert.equal(gate.cancelled(), true);
  assert.deepEqual([task.done(), task.cancelled()], [false, false]);
  await assertCancelled(task);
  assert.deepEqual([task.done(), task.cancelled()], [true, true]);
  assert.deepEqual(log, ["CancelledError"]);
  assert.equal(task.cancel(), false);
});

runs("TASK-32: a sleeping task is cancelled without its time passing", async (loop) => {
  const task = createTask(() => sleep(10));
  await ticks();
  task.cancel();
  await assertCancelled(task);
  assert.equal(loop.time(), 0);
});

runs("TASK-32: a task in a primitive is cancelled at its wait", async () => {
  const event = new Event();
  const task = createTask(() => event.wait());
  await ticks();
  task.cancel("stop");
  await assertCancelled(task, "stop");
});

runs("TASK-33: cancelling the awaited future ends the task as cancelled", async () => {
  const gate = new Future<void>();
  const task = createTask(async () => await gate);
  await ticks();
  gate.cancel();
  await assertCancelled(task);
  assert.equal(task.cancelled(), true);
  assert.equal(task.cancelling(), 0);
});

runs("TASK-34: cancelling future and task in one tick is one CancelledError", async () => {
  const gate = new Future<void>();
  let errors = 0;
  const task = createTask(async () => {
    try {
      await gate;
    } catch (error) {
      errors++;
      await sleep(0);
      throw error;
    }
  });
  await ticks();
  gate.cancel();
  task.cancel();
  await assertCancelled(task);
  assert.equal(errors, 1);
  assert.equal(task.cancelled(), true);
});

runs("TASK-35: a coroutine that catches CancelledError and returns is finished", async () => {
  const task = createTask(async () => {
    try {
      await sleep(1);
    } catch {
      return "caught";
    }
    return "slept";
  });
  await ticks();
  task.cancel();
  assert.equal(await task, "caught");
  assert.equal(task.cancelled(), false);
});

runs("TASK-36: after one swallowed CancelledError further waits are left alone", async (loop) => {
  const task = createTask(async () => {
    try {
      await sleep(1);
    } catch {
      await sleep(5);
      await sleep(5);
    }
    return "done";
  });
  await ticks();
  task.cancel();
  assert.equal(await task, "done");
  assert.equal(loop.time(), 10);
});

runs("TASK-37: a task that cancels itself is interrupted at its very next await", async () => {
  const log: string[] = [];
  const gate = new Future<void>();
  const task: Task<void> = createTask(async () => {
    task.cancel();
    log.push("still running");
    await gate;
    log.push("never");
  });
  await assertCancelled(task);
  assert.deepEqual(log, ["still running"]);
  assert.equal(gate.cancelled(), true);
});

runs(
  "TASK-37: what a self-cancelled task was about to wait for is cancelled, nested tasks too",
  async () => {
    const gate = new Future<void>();
    const nested = createTask(async () => await gate);
    await ticks();
    const task: Task<void> = createTask(async () => {
      task.cancel();
      await nested;
    });
    await assertCancelled(task);
    assert.equal(nested.cancelled(), true);
    assert.equal(gate.cancelled(), true);
  },
);

runs(
  "TASK-38: a self-cancelled task that returns without another await ends cancelled",
  async () => {
    const task: Task<string> = createTask(async () => {
      await sleep(0);
      task.cancel("late");
      return "lost";
    });
    await assertCancelled(task, "late");
    assert.equal(task.cancelled(), true);
  },
);

runs("TASK-38: a self-cancelled task that throws ends with its error", async () => {
  const task: Task<string> = createTask(async () => {
    await sleep(0);
    task.cancel();
    throw new Trouble();
  });
  await assert.rejects(async () => await task, Trouble);
  assert.equal(task.cancelled(), false);
});

runs("TASK-39: cancel() before the first step: the coroutine is never called", async () => {
  let called = false;
  const task = createTask(() => {
    called = true;
  });
  assert.equal(task.cancel("too early"), true);
  await assertCancelled(task, "too early");
  assert.equal(called, false);
  assert.equal(task.cancelled(), true);
});

runs("TASK-39: an already aborted { signal } keeps the coroutine from being called", async () => {
  let called = false;
  const task = createTask(() => {
    called = true;
  }, { signal: AbortSignal.abort("why") });
  await assert.rejects(async () => await task, (error: Error) => {
    assert.ok(error instanceof CancelledError);
    assert.equal(error.cause, "why");
    return true;
  });
  assert.equal(called, false);
});

for (const read of ["result", "exception", "await"] as const) {
  runs(`TASK-40: the message of cancel() comes out of ${read}`, async () => {
    const task = createTask(() => sleep(1));
    await ticks();
    task.cancel("my message");
    while (!task.done()) await sleep(0);
    await assertCancelled(
      (async () => read === "await" ? await task : task[read]())(),
      "my message",
    );
  });
}

runs("TASK-40: without a message the error has none", async () => {
  for (const message of [undefined, ""]) {
    const task = createTask(() => sleep(1));
    await ticks();
    task.cancel(message);
    await assertCancelled(task, "");
  }
});

runs(
  "TASK-40: the first reader gets the original object, later ones an error of their own",
  async () => {
    let original: unknown;
    const task = createTask(async () => {
      try {
        await sleep(1);
      } catch (error) {
        original = error;
        throw error;
      }
    });
    await ticks();
    task.cancel("once");
    await assert.rejects(async () => await task, (error) => error === original);
    await assert.rejects(async () => await task, (error: Error) => {
      assert.ok(error instanceof CancelledError);
      assert.notEqual(error, original);
      assert.equal(error.message, "");
      return true;
    });
  },
);

runs(
  "TASK-41: an error thrown in place of a CancelledError can carry it as its cause",
  async () => {
    const task = createTask(async () => {
      try {
        await sleep(1);
      } catch (cause) {
        throw new Trouble("wrapped", { cause });
      }
    });
    await ticks();
    task.cancel("inside");
    await assert.rejects(async () => await task, (error: Error) => {
      assert.ok(error instanceof Trouble);
      assert.ok(error.cause instanceof CancelledError);
      assert.equal(error.cause.message, "inside");
      return true;
    });
  },
);

for (const read of ["result", "exception"] as const) {
  runs(`TASK-42: ${read}() of a cancelled task throws the very error thrown inside`, async () => {
    let inside: unknown;
    const task = createTask(async () => {
      try {
        await sleep(1);
      } catch (error) {
        inside = error;
        throw error;
      }
    });
    await ticks();
    task.cancel();
    while (!task.done()) await sleep(0);
    assert.throws(() => task[read](), (error) => error === inside);
  });
}

runs(
  "TASK-43: cancellation reaches the innermost await, handlers run from the inside out",
  async () => {
    const gate = new Future<void>();
    const log: string[] = [];
    const inner = async (): Promise<void> => {
      try {
        await gate;
      } catch (error) {
        log.push("inner");
        throw error;
      }
    };
    const task = createTask(async () => {
      try {
        await inner();
      } catch (error) {
        log.push("outer");
        throw error;
      }
    });
    await ticks();
    task.cancel();
    await assertCancelled(task);
    assert.equal(gate.cancelled(), true);
    assert.deepEqual(log, ["inner", "outer"]);
  },
);

test("TASK-44: a FatalError during cancellation ends the run and is the task's exception", async () => {
  const loop = new EventLoop();
  const fatal = new FatalError("exit");
  const task = loop.createTask(async () => {
    try {
      await sleep(10);
    } catch {
      throw fatal;
    }
  });
  await loop.runUntilComplete(() => sleep(0));
  assert.equal(task.cancel(), true);
  await assert.rejects(loop.runUntilComplete(task), (error) => error === fatal);
  assert.equal(task.done(), true);
  assert.equal(task.cancelled(), false);
  assert.equal(task.exception(), fatal);
  loop.close();
});

runs(
  "TASK-45: cancel() on a failed task silences the report about its error",
  async (_loop, reports) => {
    const task = createTask(() => {
      throw new Trouble();
    });
    await ticks(3);
    assert.equal(task.cancel(), false);
    (getRunningLoop() as unknown as { reportUnretrieved(): void }).reportUnretrieved();
    assert.deepEqual(reports, []);
  },
);

runs("TASK-46: cancelling() counts the requests and is not reset by the error", async () => {
  const task = createTask(async () => {
    try {
      await sleep(1);
    } catch {
      await sleep(1);
    }
    return "done";
  });
  assert.equal(task.cancelling(), 0);
  await ticks();
  assert.equal(task.cancel(), true);
  assert.equal(task.cancelling(), 1);
  await ticks(2);
  assert.equal(task.cancelling(), 1);
  assert.equal(await task, "done");
});

runs("TASK-46: each further cancel() gives true and counts", async () => {
  const task = createTask(() => sleep(1));
  await ticks();
  for (let count = 1; count <= 3; count++) {
    assert.equal(task.cancel(), true);
    assert.equal(task.cancelling(), count);
  }
  await assertCancelled(task);
});

runs("TASK-47: uncancel() counts down, not below 0", async () => {
  const task = createTask(async () => {
    for (let i = 0; i < 2; i++) {
      try {
        await sleep(1);
      } catch {
        continue;
      }
    }
    return "done";
  });
  await ticks();
  task.cancel();
  await ticks(2);
  assert.equal(task.uncancel(), 0);
  assert.equal(task.uncancel(), 0);
  assert.doesNotMatch(String(task), /cancelling/);
  assert.equal(task.cancel(), true);
  assert.equal(task.cancelling(), 1);
  assert.match(String(task), /cancelling/);
  assert.equal(await task, "done");
});

runs("TASK-47: after the end uncancel() leaves the state as it is", async () => {
  const task = createTask(() => sleep(1));
  await ticks();
  task.cancel();
  await assertCancelled(task);
  task.uncancel();
  assert.equal(task.cancelled(), true);
});

runs("TASK-48: a deadline made of cancel() and uncancel() works", async (loop) => {
  const deadline = async <T>(seconds: number, body: () => Promise<T>): Promise<T> => {
    const task = currentTask()!;
    let fired = false;
    const handle = loop.callLater(seconds, () => {
      fired = true;
      task.cancel();
    });
    try {
      return await body();
    } catch (error) {
      if (fired && task.uncancel() === 0 && error instanceof CancelledError) {
        throw new TimeoutError("", { cause: error });
      }
      throw error;
    } finally {
      handle.cancel();
    }
  };
  const main = currentTask()!;
  assert.equal(await deadline(2, () => sleep(1, "in time")), "in time");
  await assert.rejects(deadline(1, () => sleep(5)), TimeoutError);
  assert.equal(main.cancelling(), 0);
  await sleep(3);
  await assert.rejects(
    deadline(1, async () => {
      try {
        await sleep(5);
      } finally {
        await Promise.reject(new Trouble());
      }
    }),
    Trouble,
  );
  assert.equal(main.cancelling(), 0);
});

runs("TASK-49: uncancel() to 0 before the resume lets the task have its result", async () => {
  const gate = new Future<string>();
  const task = createTask(async () => await gate);
  await ticks();
  gate.setResult("kept");
  assert.equal(task.cancel(), true);
  assert.equal(task.uncancel(), 0);
  assert.equal(await task, "kept");
  assert.equal(task.cancelled(), false);
});

runs("TASK-49: a self-cancel that is taken back is forgotten", async () => {
  const task: Task<string> = createTask(async () => {
    task.cancel();
    task.uncancel();
    return await sleep(1, "slept");
  });
  assert.equal(await task, "slept");
});

runs("TASK-49: cancel() and uncancel() in one tick leave a sleep(0) as it was", async () => {
  const task = createTask(() => sleep(0, "slept"));
  await ticks();
  task.cancel();
  assert.equal(task.uncancel(), 0);
  assert.equal(await task, "slept");
});

runs("TASK-49: a wait that was not woken yet is cancelled all the same, at once", async (loop) => {
  const task = createTask(() => sleep(5, "slept"));
  await ticks();
  task.cancel("too late to take back");
  assert.equal(task.uncancel(), 0);
  await assertCancelled(task, "too late to take back");
  assert.equal(loop.time(), 0);
});

runs("TASK-51: two cancels in one tick are one CancelledError with the first message", async () => {
  const errors: string[] = [];
  const task = createTask(async () => {
    for (let i = 0; i < 2; i++) {
      try {
        await sleep(1);
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
    return "done";
  });
  await ticks();
  task.cancel("first");
  task.cancel("second");
  assert.equal(await task, "done");
  assert.deepEqual(errors, ["first"]);
  assert.equal(task.cancelling(), 2);
});

/** Each begins a task for a test that cancels it; in an array, since a promise of a task would be awaited. */
const begun: Record<string, () => Promise<[Task<unknown>]>> = {
  async "a wait that had been woken"() {
    const gate = new Future<void>();
    const task: Task<unknown> = createTask(() => gate);
    await ticks();
    gate.setResult();
    return [task];
  },
  async "a sleep(0)"() {
    const task: Task<unknown> = createTask(() => sleep(0));
    await ticks();
    return [task];
  },
  async "a task that has not begun"() {
    return [createTask(() => sleep(5)) as Task<unknown>];
  },
};

for (const [what, begin] of Object.entries(begun)) {
  runs(`TASK-51: two cancels of ${what} are one CancelledError with the last message`, async () => {
    const [task] = await begin();
    task.cancel("first");
    task.cancel("last");
    await assertCancelled(task, "last");
  });
}

runs("TASK-51: two that wait for the next wait are delivered with the last message", async () => {
  const task: Task<unknown> = createTask(() => {
    task.cancel("first");
    task.cancel("last");
    return sleep(5);
  });
  await assertCancelled(task, "last");
});

runs("TASK-51: cancels in separate ticks are an error each", async () => {
  const errors: string[] = [];
  const task = createTask(async () => {
    for (let i = 0; i < 3; i++) {
      try {
        await sleep(1);
      } catch (error) {
        errors.push((error as Error).message);
      }
    }
  });
  await ticks();
  task.cancel("first");
  await ticks(2);
  task.cancel("second");
  await task;
  assert.deepEqual(errors, ["first", "second"]);
  assert.equal(task.cancelling(), 2);
});

runs("TASK-52: cancel() in the tick in which the awaited future finished", async () => {
  const gate = new Future<string>();
  const task = createTask(async () => await gate);
  await ticks();
  gate.setResult("kept by the future");
  assert.equal(task.cancel("won"), true);
  await assertCancelled(task, "won");
  assert.equal(gate.result(), "kept by the future");
});

runs(
  "TASK-52: an error that lost against the cancellation is reported, since nobody took it",
  async (loop, reports) => {
    const gate = new Future<string>();
    const task = createTask(async () => await gate);
    await ticks();
    const error = new Trouble();
    gate.setException(error);
    task.cancel();
    await assertCancelled(task);
    (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
    assert.deepEqual(reports.splice(0).map(({ exception }) => exception), [error]);
  },
);

runs("TASK-53: an awaited task that absorbs the cancellation decides", async () => {
  const inner = createTask(async () => {
    try {
      await sleep(1);
    } catch {
      await sleep(0);
    }
    return "absorbed";
  });
  const outer = createTask(async () => await inner + " twice");
  await ticks();
  assert.equal(outer.cancel(), true);
  assert.equal(await outer, "absorbed twice");
  assert.equal(outer.cancelled(), false);
  assert.equal(outer.cancelling(), 1);
});

runs("TASK-54: a cancel() that hits sleep(0) is thrown where that sleep resumes", async () => {
  const log: string[] = [];
  const task = createTask(async () => {
    log.push("before");
    try {
      await sleep(0);
    } catch {
      log.push("thrown");
    }
  });
  await ticks();
  task.cancel();
  await task;
  assert.deepEqual(log, ["before", "thrown"]);
});

runs("TASK-55: the message goes down a chain of awaited tasks and comes back up", async () => {
  const seen: string[] = [];
  const innermost = createTask(async () => {
    try {
      await sleep(1);
    } catch (error) {
      seen.push((error as Error).message);
      throw error;
    }
  });
  const middle = createTask(async () => await innermost);
  const outer = createTask(async () => await middle);
  await ticks(2);
  outer.cancel("all the way");
  await assertCancelled(outer, "all the way");
  assert.deepEqual(seen, ["all the way"]);
  assert.ok(innermost.cancelled() && middle.cancelled());
});

runs(
  "TASK-55: a chain of awaited tasks longer than the stack is deep is cancelled whole",
  async () => {
    let outer: Task<unknown> = createTask(() => sleep(1));
    const chain = [outer];
    for (let i = 0; i < 10_000; i++) {
      const inner = outer;
      outer = createTask(async () => {
        await inner;
      });
      chain.push(outer);
    }
    await ticks(2);
    outer.cancel();
    await assertCancelled(outer);
    assert.ok(chain.every((task) => task.cancelled()));
  },
);

runs("TASK-56: in done callbacks and callSoon callbacks currentTask() is null", async (loop) => {
  const seen: unknown[] = [];
  const task = createTask(() => {});
  task.addDoneCallback(() => seen.push(currentTask()));
  loop.callSoon(() => seen.push(currentTask()));
  loop.callLater(0, () => seen.push(currentTask()));
  await sleep(1);
  assert.deepEqual(seen, [null, null, null]);
});

runs("TASK-56: in an async callback currentTask() is null after an await too", async (loop) => {
  const seen: unknown[] = [];
  loop.callSoon(async () => {
    await sleep(0);
    seen.push(currentTask());
  });
  await ticks(3);
  assert.deepEqual(seen, [null]);
});

runs("TASK-32: tasks that wait for each other in a ring can be cancelled", async () => {
  const ring: Task<unknown>[] = [];
  for (let i = 0; i < 3; i++) {
    ring.push(createTask(async () => {
      await sleep(0);
      await ring[(i + 1) % 3];
    }));
  }
  await ticks(3);
  ring[0]!.cancel();
  for (const task of ring) await assertCancelled(task);
  assert.deepEqual(ring.map(outcome), ["cancelled", "cancelled", "cancelled"]);
});

test("TASK-32: a cancelled task whose promise nobody has is no unhandled rejection", async () => {
  await run(async () => {
    for (let i = 0; i < 10; i++) createTask(() => sleep(10));
    await ticks();
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(true, "an unhandled rejection would have failed the test run");
});
