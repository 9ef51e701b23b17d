import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  ContextVar,
  copyContext,
  createTask,
  ensureFuture,
  EventLoop,
  Future,
  getEventLoop,
  InvalidStateError,
  isFuture,
  run,
  setEventLoop,
  sleep,
  Task,
  wrapFuture,
} from "../../../mod.ts";
import { assertCancelled, runs, ticks, Trouble } from "../../_support/tasks.ts";

runs("FUT-01: a fresh future is neither done nor cancelled", () => {
  const future = new Future<number>();
  assert.equal(future.done(), false);
  assert.equal(future.cancelled(), false);
});

runs(
  "FUT-01: reading a fresh future is an InvalidStateError that says what is missing",
  () => {
    const future = new Future<number>();
    assert.throws(() => future.result(), (error: Error) => {
      assert.ok(error instanceof InvalidStateError);
      assert.equal(error.message, "Result is not ready.");
      return true;
    });
    assert.throws(() => future.exception(), (error: Error) => {
      assert.ok(error instanceof InvalidStateError);
      assert.equal(error.message, "Exception is not set.");
      return true;
    });
  },
);

runs("FUT-02: cancel() takes effect at once", () => {
  const future = new Future<number>();
  assert.equal(future.cancel(), true);
  assert.equal(future.done(), true);
  assert.equal(future.cancelled(), true);
  assert.throws(() => future.result(), CancelledError);
  assert.throws(() => future.exception(), CancelledError);
});

runs("FUT-02: a cancelled future refuses setters and a second cancel()", () => {
  const future = new Future<number>();
  future.cancel();
  assert.throws(() => future.setResult(1), InvalidStateError);
  assert.throws(() => future.setException(new Trouble()), InvalidStateError);
  assert.equal(future.cancel(), false);
});

runs("FUT-03: setResult() gives the result and no exception", () => {
  const future = new Future<object>();
  const value = {};
  future.setResult(value);
  assert.equal(future.done(), true);
  assert.equal(future.cancelled(), false);
  assert.equal(future.result(), value);
  assert.equal(future.exception(), null);
});

runs("FUT-03: a future with a result refuses setters and cancel()", () => {
  const future = new Future<number>();
  future.setResult(1);
  assert.throws(() => future.setResult(2), InvalidStateError);
  assert.throws(() => future.setException(new Trouble()), InvalidStateError);
  assert.equal(future.cancel(), false);
  assert.equal(future.cancelled(), false);
  assert.equal(future.result(), 1);
});

runs("FUT-04: setException() hands out that very error each time", () => {
  const future = new Future<number>();
  const error = new Trouble("no");
  future.setException(error);
  for (let i = 0; i < 2; i++) {
    assert.throws(() => future.result(), (thrown) => thrown === error);
    assert.equal(future.exception(), error);
  }
  assert.equal(future.done(), true);
  assert.equal(future.cancelled(), false);
});

runs("FUT-04: a failed future refuses setters and cancel()", () => {
  const future = new Future<number>();
  future.setException(new Trouble());
  assert.throws(() => future.setResult(2), InvalidStateError);
  assert.throws(() => future.setException(new Trouble()), InvalidStateError);
  assert.equal(future.cancel(), false);
  assert.equal(future.cancelled(), false);
});

runs("FUT-04: an exception of undefined is still a failure", async () => {
  const future = new Future<number>();
  future.setException(undefined);
  let thrown = false;
  try {
    await future;
  } catch (error) {
    thrown = error === undefined;
  }
  assert.ok(thrown);
});

runs("FUT-05: setException() of a class stores an instance of it", () => {
  for (const ErrorClass of [Trouble, Error, RangeError]) {
    const future = new Future<number>();
    future.setException(ErrorClass);
    assert.ok(future.exception() instanceof ErrorClass);
  }
});

runs("FUT-07: the message of cancel() reaches result(), exception() and await", async () => {
  for (const read of ["result", "exception", "await"] as const) {
    const future = new Future<number>();
    future.cancel("why");
    await assertCancelled((async () => read === "await" ? await future : future[read]())(), "why");
  }
});

runs("FUT-07: cancel() without a message leaves it empty", async () => {
  const future = new Future<number>();
  future.cancel();
  await assertCancelled(future, "");
  await assertCancelled(future, "");
});

runs("FUT-07: every reader gets the message", async () => {
  const future = new Future<number>();
  future.cancel("again");
  await assertCancelled(future, "again");
  await assertCancelled(future, "again");
});

runs("FUT-09: a loop passed bare is a TypeError", (loop) => {
  const options = loop as unknown as { loop?: EventLoop };
  assert.throws(() => new Future(options), { name: "TypeError", message: /\{ loop \}/ });
  assert.throws(() => new Future(42 as unknown as { loop?: EventLoop }), TypeError);
});

runs("FUT-10: inside a run a future belongs to the running loop", (loop) => {
  assert.equal(new Future().getLoop(), loop);
});

test("FUT-10: in plain code a future belongs to the loop of setEventLoop()", () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  try {
    assert.equal(new Future().getLoop(), loop);
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

test("FUT-10: without a loop set, plain code's futures belong to the ambient loop", async () => {
  const future = new Future<number>();
  assert.equal(future.getLoop(), getEventLoop());
  getEventLoop().callSoon(() => future.setResult(7));
  assert.equal(await future, 7);
});

test("FUT-10: { loop } decides over the running loop", () =>
  run(() => {
    const other = new EventLoop();
    assert.equal(new Future({ loop: other }).getLoop(), other);
    other.close();
  }));

runs("FUT-11: getLoop() names the owner", (loop) => {
  assert.equal(loop.createFuture().getLoop(), loop);
  assert.equal(createTask(async () => {}).getLoop(), loop);
});

runs("FUT-11: an object that skipped the constructor has no loop and throws", () => {
  const bare: Future<number> = Object.create(Future.prototype);
  assert.throws(() => bare.getLoop(), TypeError);
});

runs("FUT-13: isFuture() holds for futures, tasks and instances of subclasses", async () => {
  class Special extends Future<number> {}
  const task = createTask(async () => {});
  assert.ok(isFuture(new Future()));
  assert.ok(isFuture(new Special()));
  assert.ok(isFuture(task));
  await task;
});

runs("FUT-13: isFuture() holds for nothing else", () => {
  const lookAlike = { done: () => false, result: () => 1, addDoneCallback: () => {} };
  for (const other of [Future, Task, 1, null, undefined, "x", Promise.resolve(), lookAlike, {}]) {
    assert.equal(isFuture(other), false);
  }
});

runs("FUT-14: a foreign thenable is wrapped, and gives its value", async () => {
  const foreign: PromiseLike<number> = {
    then: (resolve) => Promise.resolve(5).then(resolve),
  };
  const ensured = ensureFuture(foreign);
  const wrapped = wrapFuture(foreign);
  assert.ok(isFuture(ensured));
  assert.ok(isFuture(wrapped));
  assert.deepEqual([await ensured, await wrapped], [5, 5]);
});

runs("FUT-15: wrapFuture(future) is that future", async () => {
  const future = new Future<number>();
  const task = createTask(() => 1);
  assert.equal(wrapFuture(future), future);
  assert.equal(wrapFuture(task), task);
  await task;
});

runs(
  "FUT-19: a due timer's result for a sleep that is cancelled just before is dropped",
  async (loop) => {
    let task: Task<string> | null = null;
    // Both are due in one iteration, the cancellation first.
    loop.callAt(1, () => task!.cancel());
    task = createTask(() => sleep(1, "late"));
    await assertCancelled(task);
    await ticks(3);
    assert.ok(task.cancelled());
    assert.equal(loop.time(), 1);
  },
);

runs("FUT-20: setResult() runs no done callback itself", async () => {
  const future = new Future<number>();
  const seen: unknown[] = [];
  future.addDoneCallback((done) => seen.push(done));
  future.setResult(1);
  assert.deepEqual(seen, []);
  await ticks();
  assert.deepEqual(seen, [future]);
});

runs("FUT-20: setException() and cancel() run their done callbacks through the loop", async () => {
  for (const end of ["fail", "cancel"]) {
    const future = new Future<number>();
    const seen: unknown[] = [];
    future.addDoneCallback((done) => seen.push(done));
    if (end === "fail") future.setException(new Trouble());
    else future.cancel();
    assert.deepEqual(seen, []);
    await ticks();
    assert.deepEqual(seen, [future]);
    if (end === "fail") assert.ok(future.exception() instanceof Trouble);
  }
});

runs("FUT-20: done callbacks run in the order of their registration, once", async () => {
  const future = new Future<number>();
  const seen: string[] = [];
  for (const name of ["a", "b", "c"]) future.addDoneCallback(() => seen.push(name));
  future.setResult(1);
  await ticks(3);
  assert.deepEqual(seen, ["a", "b", "c"]);
});

runs("FUT-20: a done callback must be a function", () => {
  const future = new Future<number>();
  assert.throws(() => future.addDoneCallback(1 as unknown as () => void), TypeError);
});

runs("FUT-21: addDoneCallback() on a finished future goes through the loop", async () => {
  const future = new Future<number>();
  future.setResult(1);
  const seen: unknown[] = [];
  future.addDoneCallback((done) => seen.push(done));
  assert.deepEqual(seen, []);
  await ticks();
  assert.deepEqual(seen, [future]);
});

runs("FUT-22: a callback added n times runs n times", async () => {
  const future = new Future<number>();
  let calls = 0;
  const count = () => calls++;
  for (let i = 0; i < 3; i++) future.addDoneCallback(count);
  future.setResult(1);
  await ticks();
  assert.equal(calls, 3);
});

runs("FUT-22: removeDoneCallback() takes all its entries out and counts them", async () => {
  const first = () => void seen.push("first");
  const second = () => void seen.push("second");
  const seen: string[] = [];
  const future = new Future<number>();
  for (const callback of [first, second, first, first]) future.addDoneCallback(callback);
  assert.equal(future.removeDoneCallback(first), 3);
  assert.equal(future.removeDoneCallback(first), 0);
  future.setResult(1);
  await ticks();
  assert.deepEqual(seen, ["second"]);
});

runs("FUT-22: the last callback can be removed, and nothing runs", async () => {
  const future = new Future<number>();
  let calls = 0;
  const count = () => calls++;
  future.addDoneCallback(count);
  assert.equal(future.removeDoneCallback(count), 1);
  future.setResult(1);
  await ticks(2);
  assert.equal(calls, 0);
});

runs("FUT-23: removeDoneCallback() does not reach what the loop has been handed", async () => {
  const future = new Future<number>();
  let calls = 0;
  const count = () => calls++;
  future.addDoneCallback(count);
  future.setResult(1);
  assert.equal(future.removeDoneCallback(count), 0);
  await ticks();
  assert.equal(calls, 1);
});

runs("FUT-23: a callback cannot remove another one of its batch", async () => {
  const future = new Future<number>();
  const seen: string[] = [];
  const other = () => void seen.push("other");
  future.addDoneCallback(() => {
    seen.push(`removed ${future.removeDoneCallback(other)}`);
  });
  future.addDoneCallback(other);
  future.setResult(1);
  await ticks();
  assert.deepEqual(seen, ["removed 0", "other"]);
});

runs("FUT-25: a done callback runs in a copy of its registrar's context", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  const future = new Future<number>();
  const seen: string[] = [];
  variable.set("at registration");
  future.addDoneCallback(() => {
    seen.push(variable.get());
    variable.set("by callback");
  });
  variable.set("at completion");
  future.setResult(1);
  await ticks();
  assert.deepEqual(seen, ["at registration"]);
  assert.equal(variable.get(), "at completion");
});

runs("FUT-25: a done callback runs in the context it was given", async () => {
  const variable = new ContextVar("variable", { default: "default" });
  const context = copyContext();
  context.run(() => variable.set("given"));
  const future = new Future<number>();
  const seen: string[] = [];
  future.addDoneCallback(() => {
    seen.push(variable.get());
    variable.set("changed");
  }, { context });
  future.setResult(1);
  await ticks();
  assert.deepEqual(seen, ["given"]);
  assert.equal(context.get(variable), "changed");
});

runs("FUT-26: awaiting a finished future costs no iteration of the loop", async (loop) => {
  const future = new Future<string>();
  future.setResult("there");
  let turned = false;
  loop.callSoon(() => turned = true);
  assert.equal(await future, "there");
  assert.equal(turned, false);
});

runs("FUT-26: of two awaits in a row on a pending future only the first waits", async (loop) => {
  const future = new Future<string>();
  loop.callSoon(() => future.setResult("there"));
  assert.equal(await future, "there");
  let turned = false;
  loop.callSoon(() => turned = true);
  assert.equal(await future, "there");
  assert.equal(turned, false);
});

runs("FUT-26: a future can be awaited by many at once", async () => {
  const future = new Future<string>();
  const tasks = [1, 2, 3].map((n) => createTask(async () => n + await future));
  await ticks();
  future.setResult("!");
  assert.deepEqual(await Promise.all(tasks), ["1!", "2!", "3!"]);
});

runs("FUT-26: a future works where a promise is due", async () => {
  const future = new Future<number>();
  const log: string[] = [];
  const chains = Promise.all([
    future.then((value) => log.push(`then ${value}`)),
    future.catch(() => log.push("never")),
    future.finally(() => log.push("finally")),
    Promise.race([future]),
  ]);
  future.setResult(3);
  assert.equal((await chains)[3], 3);
  assert.deepEqual(log.sort(), ["finally", "then 3"]);
});

runs("FUT-27: an array arrives as that array", async () => {
  const value = [1, [2]];
  const future = new Future<unknown[]>();
  const task = createTask(async () => await future);
  await ticks();
  future.setResult(value);
  assert.equal(await task, value);
  assert.equal(await future, value);
});

runs("FUT-30: a future prints class, state and outcome", () => {
  class Special extends Future<number> {}
  const shown = (end: (future: Future<unknown>) => void, future = new Future<unknown>()) => {
    end(future);
    if (future.done() && !future.cancelled()) future.exception();
    return String(future);
  };
  assert.equal(shown(() => {}), "<Future pending>");
  assert.equal(shown((future) => future.cancel()), "<Future cancelled>");
  assert.equal(shown((future) => future.setResult(4)), "<Future finished result=4>");
  assert.equal(shown((future) => future.setResult("a")), '<Future finished result="a">');
  assert.equal(
    shown((future) => future.setException(new Trouble("no"))),
    '<Future finished exception=Trouble("no")>',
  );
  assert.equal(
    shown((future) => future.setException(new Trouble())),
    "<Future finished exception=Trouble()>",
  );
  assert.equal(shown(() => {}, new Special() as Future<unknown>), "<Special pending>");
});

runs("FUT-30: a pending future prints its callbacks, many shortened", () => {
  const future = new Future<number>();
  const named = (name: string) => Object.defineProperty(() => {}, "name", { value: name });
  future.addDoneCallback(named("first"));
  assert.equal(String(future), "<Future pending cb=[first]>");
  future.addDoneCallback(named("second"));
  assert.equal(String(future), "<Future pending cb=[first, second]>");
  for (let i = 0; i < 7; i++) future.addDoneCallback(named(`more${i}`));
  future.addDoneCallback(named("last"));
  assert.equal(String(future), "<Future pending cb=[first, <8 more>, last]>");
  future.setResult(1);
  assert.equal(String(future), "<Future finished result=1>");
});

runs("FUT-30: in debug mode a future prints where it was made", (loop) => {
  loop.setDebug(true);
  const future = new Future<number>();
  assert.match(
    String(future),
    /^<Future pending created at .*futures\.test\.[jt]s:\d+(:\d+)?\)?>$/,
  );
});

runs("FUT-31: a task whose result contains the task prints without end", async () => {
  const holder: unknown[] = [];
  const task: Task<unknown> = createTask(() => holder);
  holder.push(task);
  await task;
  assert.ok(String(task).length < 200, String(task));
  const future = new Future<unknown>();
  future.setResult(future);
  assert.match(String(future), /\.\.\./);
});

runs(
  "FUT-32: in debug mode a future remembers the stack of its creation, newest frame last",
  async (loop, reports) => {
    loop.setDebug(true);
    function makeOne(): Future<number> {
      return new Future<number>();
    }
    makeOne().setException(new Trouble("unread"));
    await ticks(2);
    (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
    const [report] = reports.splice(0);
    const stack = report!["sourceTraceback"] as string[];
    assert.match(stack.at(-1)!, /makeOne.*futures\.test/);
  },
);

runs("FUT-34: a pending future that is dropped is not reported", async (loop, reports) => {
  new Future<number>();
  await sweep(loop);
  assert.deepEqual(reports, []);
});

runs("FUT-34: a result is not reported, read or not", async (loop, reports) => {
  new Future<number>().setResult(1);
  const read = new Future<number>();
  read.setResult(1);
  read.result();
  await sweep(loop);
  assert.deepEqual(reports, []);
});

for (const read of ["result", "exception", "cancel", "await"] as const) {
  runs(`FUT-34: an error that ${read}() has taken is not reported`, async (loop, reports) => {
    const future = new Future<number>();
    future.setException(new Trouble());
    if (read === "result") assert.throws(() => future.result(), Trouble);
    else if (read === "exception") assert.ok(future.exception() instanceof Trouble);
    else if (read === "cancel") assert.equal(future.cancel(), false);
    else await assert.rejects(async () => await future, Trouble);
    await sweep(loop);
    assert.deepEqual(reports, []);
  });

  runs(
    `FUT-34: neither is one that ${read}() takes some iterations later`,
    async (loop, reports) => {
      const future = new Future<number>();
      future.setException(new Trouble());
      await ticks(3);
      if (read === "result") assert.throws(() => future.result(), Trouble);
      else if (read === "exception") assert.ok(future.exception() instanceof Trouble);
      else if (read === "cancel") assert.equal(future.cancel(), false);
      else await assert.rejects(async () => await future, Trouble);
      await sweep(loop);
      assert.deepEqual(reports, []);
    },
  );
}

runs(
  "FUT-36: awaiting a failed future again and again throws the same error, its stack as it was",
  async () => {
    const future = new Future<number>();
    const error = new Trouble("once");
    const stack = error.stack;
    future.setException(error);
    for (let i = 0; i < 5; i++) {
      await assert.rejects(async () => await future, (thrown) => thrown === error);
    }
    assert.equal(error.stack, stack);
  },
);

/** Brings on the report that the end of a run makes. */
async function sweep(loop: EventLoop): Promise<void> {
  await ticks(2);
  (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
}
