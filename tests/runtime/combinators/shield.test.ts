import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  currentTask,
  Future,
  gather,
  getEventLoop,
  newEventLoop,
  setEventLoop,
  shield,
  sleep,
  Task,
  wait,
  waitFor,
} from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";

runs("SHLD-01: it takes over the inner result", async () => {
  const inner = new Future<number>();
  const outer = shield(inner);
  await ticks();
  inner.setResult(42);
  assert.equal(await outer, 42);
});

runs("SHLD-01: it takes over the inner error, the same object", async () => {
  const error = new Trouble("inner");
  const inner = new Future<number>();
  const outer = shield(inner);
  inner.setException(error);
  await ticks(2);
  assert.equal(outer.exception(), error);
});

runs("SHLD-01: it takes over the inner cancellation", async () => {
  const inner = new Future<number>();
  const outer = shield(inner);
  inner.cancel();
  await ticks(2);
  assert.equal(outer.cancelled(), true);
});

runs("SHLD-02: cancelling it leaves the inner task running", async () => {
  const inner = createTask(() => sleep(10, "result"));
  await ticks();
  const outer = shield(inner);
  const waiting = createTask(async () => await outer);
  await ticks();
  assert.equal(outer.cancel(), true);
  await assertCancelled(waiting);
  assert.equal(outer.cancelled(), true);
  assert.equal(inner.cancelling(), 0);
  assert.equal(await inner, "result");
});

runs("SHLD-02: cancelling the task that awaits it cancels it, not the inner task", async () => {
  const log: string[] = [];
  const inner = async () => {
    await sleep(5);
    log.push("inner done");
  };
  const waiting = createTask(async () => {
    await shield(inner);
    log.push("not reached");
  });
  await ticks(2);
  waiting.cancel("only the waiter");
  await assertCancelled(waiting, "only the waiter");
  await sleep(6);
  assert.deepEqual(log, ["inner done"]);
});

runs("SHLD-02: after its cancellation no callback stays behind", async () => {
  const inner = new Future<void>();
  const outer = shield(inner);
  outer.addDoneCallback(() => {});
  outer.cancel();
  await ticks(2);
  // Callbacks show in the printed form.
  assert.equal(String(outer), "<Future cancelled>");
  assert.equal(String(inner), "<Future pending>");
});

runs("SHLD-03: of something done it is that very object", async () => {
  const done = new Future<string>();
  done.setResult("done");
  assert.equal(shield(done) === done, true);
  const failed = new Future<string>();
  failed.setException(new Trouble());
  assert.equal(shield(failed) === failed, true);
  await assert.rejects(shield(failed), Trouble);
});

runs("SHLD-04: a coroutine becomes a task on the running loop", async (loop) => {
  let inner: Task<unknown> | null = null;
  const outer = shield(async () => {
    inner = currentTask();
    return await sleep(0, 42);
  });
  assert.equal(outer.getLoop(), loop);
  assert.equal(await outer, 42);
  assert.ok((inner as unknown) instanceof Task);
});

test("SHLD-04: without a running loop the set or the ambient one takes it", async () => {
  const ambient = shield(() => sleep(0, 42));
  assert.equal(ambient.getLoop(), getEventLoop());
  assert.equal(await ambient, 42);
  const loop = newEventLoop();
  setEventLoop(loop);
  try {
    const outer = shield(() => sleep(0, 43));
    assert.equal(outer.getLoop(), loop);
    assert.equal(await loop.runUntilComplete(outer), 43);
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

runs("SHLD-05: a gather behind it goes on to its results", async () => {
  const [a, b] = [new Future<string>(), new Future<string>()];
  const inner = gather([a, b]);
  const outer = shield(inner);
  await ticks();
  outer.cancel();
  await ticks();
  assert.equal(outer.cancelled(), true);
  a.setResult("a");
  b.setResult("b");
  assert.deepEqual(await inner, ["a", "b"]);
});

runs(
  "SHLD-06: an inner error after its cancellation is reported at once",
  async (_loop, reports) => {
    const error = new Trouble("nobody sees me");
    const inner = new Future<void>();
    const outer = shield(inner);
    outer.cancel();
    await ticks();
    inner.setException(error);
    assert.equal(reports.length, 0);
    await ticks(2);
    const told = reports.splice(0);
    assert.equal(told.length, 1);
    const report = told[0];
    assert.equal(report!.message, "Trouble exception in shielded future");
    assert.equal(report!.exception, error);
    assert.ok(report!.future === inner);
  },
);

runs(
  "SHLD-06: several cancelled shields over one future report its error once",
  async (_loop, reports) => {
    const inner = new Future<void>();
    for (const outer of [shield(inner), shield(inner), shield(inner)]) outer.cancel();
    await ticks();
    inner.setException(new Trouble());
    await ticks(2);
    assert.equal(reports.splice(0).length, 1);
  },
);

runs("SHLD-06: so is one of the very tick of the cancellation", async (_loop, reports) => {
  const error = new Trouble();
  const inner = new Future<void>();
  const waiting = createTask(async () => await shield(inner));
  await ticks();
  inner.setException(error);
  waiting.cancel();
  await assertCancelled(waiting);
  await ticks(2);
  assert.deepEqual(reports.splice(0).map(({ exception }) => exception), [error]);
});

for (
  const [who, take] of [
    ["a second shield", (inner: Future<void>) => shield(inner).catch((error) => error)],
    ["a task", (inner: Future<void>) => createTask(() => inner.catch((error) => error))],
    ["gather", async (inner: Future<void>) => {
      const [error] = await gather([inner], { returnExceptions: true });
      return error;
    }],
    ["waitFor", (inner: Future<void>) => waitFor(inner, 60).catch((error) => error)],
    ["wait", async (inner: Future<void>) => {
      const [done] = await wait([inner]);
      return [...done][0]!.exception();
    }],
  ] as const
) {
  for (const when of ["before", "after"] as const) {
    if (who === "wait" && when === "after") continue;
    runs(
      `SHLD-06: an error that ${who} takes, begun ${when} the cancellation, is no report`,
      async (_loop, reports) => {
        const error = new Trouble("taken");
        const inner = new Future<void>();
        const early = when === "before" ? take(inner) : null;
        await ticks(2);
        const outer = shield(inner);
        outer.cancel();
        await ticks(2);
        const taken = early ?? take(inner);
        await ticks(2);
        inner.setException(error);
        assert.equal(await taken, error);
        await ticks(3);
        assert.deepEqual(reports, []);
      },
    );
  }
}

runs("SHLD-06: a result or a cancellation after it is no report", async (_loop, reports) => {
  const [a, b] = [new Future<string>(), new Future<string>()];
  for (const inner of [a, b]) shield(inner).cancel();
  await ticks();
  a.setResult("a");
  b.cancel();
  await ticks(3);
  assert.deepEqual(reports, []);
  assert.deepEqual([outcome(a), outcome(b)], ["result a", "cancelled"]);
});

runs("SHLD-02: what is shielded is not collected before it is done", async () => {
  let ended = false;
  const outer = shield(async () => {
    await sleep(5);
    ended = true;
  });
  outer.cancel();
  await assert.rejects(outer, CancelledError);
  await sleep(10);
  assert.equal(ended, true);
});
