import assert from "node:assert/strict";
import {
  ALL_COMPLETED,
  createTask,
  currentTask,
  FIRST_COMPLETED,
  FIRST_EXCEPTION,
  Future,
  sleep,
  wait,
} from "../../../mod.ts";
import type { Task } from "../../../mod.ts";
import { assertCancelled, outcome, runs, ticks, Trouble } from "../../_support/tasks.ts";
import { hasTimers } from "../../_support/virtual_loop.ts";

function sleeper(seconds: number, result = `slept ${seconds}`): Task<string> {
  return createTask(() => sleep(seconds, result));
}

function failing(seconds: number, message = "failed"): Task<string> {
  return createTask(async () => {
    await sleep(seconds);
    throw new Trouble(message);
  });
}

/** The sets of a wait as sorted texts. */
function shown(sets: [Set<Future<unknown>>, Set<Future<unknown>>]): string[][] {
  return sets.map((set) => [...set].map(outcome).sort());
}

runs("WAIT-01: it waits for all and gives them as done", async (loop) => {
  const tasks = [sleeper(1), sleeper(2)];
  const [done, pending] = await wait(tasks);
  assert.deepEqual(done, new Set(tasks));
  assert.deepEqual(pending, new Set());
  assert.equal(loop.time(), 2);
});

runs("WAIT-01: ALL_COMPLETED is the default", async () => {
  const a = sleeper(1);
  const b = failing(2);
  const [done] = await wait([a, b], { returnWhen: ALL_COMPLETED });
  assert.deepEqual(done, new Set([a, b]));
  const again = await wait([a, b]);
  assert.deepEqual(again, [new Set([a, b]), new Set()]);
  assert.ok(b.exception() instanceof Trouble);
});

runs(
  "WAIT-01: asked again about finished tasks it takes no time, only a turn of the loop",
  async (loop) => {
    const tasks = [sleeper(1), sleeper(2)];
    await wait(tasks);
    let turned = false;
    loop.callSoon(() => turned = true);
    const [done, pending] = await wait(tasks);
    assert.deepEqual([done.size, pending.size], [2, 0]);
    assert.equal(loop.time(), 2);
    // So a busy loop over wait() starves nobody.
    assert.equal(turned, true);
  },
);

runs("WAIT-02: a task that is listed twice is in the sets once", async () => {
  const task = sleeper(1);
  const late = sleeper(5);
  const [done, pending] = await wait([task, late, task, late], { timeout: 2 });
  assert.deepEqual([[...done], [...pending]], [[task], [late]]);
  await late;
});

runs("WAIT-03: nothing to wait for is refused", async () => {
  await assert.rejects(wait([]), RangeError);
  await assert.rejects(wait(new Set<Task<unknown>>()), RangeError);
});

runs("WAIT-03: an unknown returnWhen is refused before the members are looked at", async () => {
  const task = sleeper(0);
  await assert.rejects(wait([task], { returnWhen: "SOMETIMES" as never }), RangeError);
  await assert.rejects(wait(["no task" as never], { returnWhen: -1 as never }), RangeError);
  await task;
});

runs("WAIT-03: a future or coroutine in place of a collection is a TypeError", async () => {
  const task = sleeper(0);
  await assert.rejects(wait(task as never), TypeError);
  await assert.rejects(wait((() => sleep(0)) as never), TypeError);
  await assert.rejects(wait(null as never), TypeError);
  await task;
});

runs(
  "WAIT-03: coroutines and promises among the members are a TypeError, and never start",
  async () => {
    let started = false;
    const body = async () => {
      started = true;
      await sleep(0);
    };
    const task = sleeper(0);
    await assert.rejects(wait([task, body as never]), /createTask/);
    await assert.rejects(wait([Promise.resolve() as never]), TypeError);
    await task;
    assert.equal(started, false);
  },
);

runs(
  "WAIT-04: FIRST_COMPLETED returns with the first and leaves the others alone",
  async (loop) => {
    const [quick, slow] = [sleeper(1, "quick"), sleeper(10, "slow")];
    const [done, pending] = await wait([slow, quick], { returnWhen: FIRST_COMPLETED });
    assert.deepEqual([[...done], [...pending]], [[quick], [slow]]);
    assert.equal(loop.time(), 1);
    assert.equal(slow.cancelling(), 0);
    assert.equal(await slow, "slow");
  },
);

runs("WAIT-05: what ends between its wake-up and its resume is in the done set", async (loop) => {
  const [a, b, c] = [new Future(), new Future(), new Future()];
  const waiting = createTask(async () =>
    shown(await wait([a, b, c], { returnWhen: FIRST_COMPLETED }))
  );
  await ticks(2);
  a.setResult("a");
  loop.callSoon(() => b.setResult("b"));
  assert.deepEqual(await waiting, [["result a", "result b"], ["pending"]]);
});

runs("WAIT-06: FIRST_EXCEPTION returns when one fails", async (loop) => {
  const [a, b, c] = [sleeper(1), failing(2), sleeper(10)];
  const [done, pending] = await wait([a, b, c], { returnWhen: FIRST_EXCEPTION });
  assert.deepEqual([done, pending], [new Set([a, b]), new Set([c])]);
  assert.equal(loop.time(), 2);
  assert.ok(b.exception() instanceof Trouble);
  await c;
});

runs("WAIT-06: FIRST_EXCEPTION returns at once when one has failed already", async (loop) => {
  const [a, b] = [failing(0), sleeper(10)];
  await wait([a]);
  const [done, pending] = await wait([b, a], { returnWhen: FIRST_EXCEPTION });
  assert.deepEqual([done, pending], [new Set([a]), new Set([b])]);
  assert.equal(loop.time(), 0);
  assert.ok(a.exception() instanceof Trouble);
  await b;
});

runs("WAIT-06: with FIRST_EXCEPTION a cancelled member is no failure", async (loop) => {
  const [a, b] = [sleeper(5), sleeper(3)];
  loop.callLater(1, () => a.cancel());
  const sets = await wait([a, b], { returnWhen: FIRST_EXCEPTION });
  assert.deepEqual(shown(sets), [["cancelled", "result slept 3"], []]);
  assert.equal(loop.time(), 3);
});

runs("WAIT-06: FIRST_EXCEPTION without a failure waits for all", async (loop) => {
  const sets = await wait([sleeper(1), sleeper(3)], { returnWhen: FIRST_EXCEPTION });
  assert.deepEqual(shown(sets), [["result slept 1", "result slept 3"], []]);
  assert.equal(loop.time(), 3);
});

runs("WAIT-07: errors of members are read from the done set", async () => {
  const sets = await wait([failing(1, "a"), sleeper(2), failing(3, "c")]);
  assert.deepEqual(shown(sets), [["error Trouble: a", "error Trouble: c", "result slept 2"], []]);
});

runs("WAIT-07: an error that nobody reads there is reported", async (loop, reports) => {
  const task = failing(1, "unseen");
  const [done] = await wait([task]);
  assert.equal(done.size, 1);
  const seen: string[] = [];
  (loop as unknown as { reportUnretrieved(): void }).reportUnretrieved();
  seen.push(...reports.splice(0).map(({ message }) => message));
  assert.deepEqual(seen, ["Task exception was never retrieved"]);
});

runs("WAIT-08: at its timeout it gives what is done and cancels nothing", async (loop) => {
  const [a, b] = [sleeper(1), sleeper(10)];
  const [done, pending] = await wait([a, b], { timeout: 2 });
  assert.deepEqual([done, pending], [new Set([a]), new Set([b])]);
  assert.equal(loop.time(), 2);
  assert.equal(await b, "slept 10");
});

runs("WAIT-08: what ends on the dot counts as done", async () => {
  const [a, b] = [sleeper(1), sleeper(1.5)];
  // In a task of its own, so that its timer is younger than the sleep's.
  const [done, pending] = await createTask(() => wait([b, a], { timeout: 1 }));
  assert.deepEqual([done, pending], [new Set([a]), new Set([b])]);
  await b;
});

runs("WAIT-08: a timeout of zero leaves one turn to what is ready", async (loop) => {
  const [ready, late] = [createTask(() => "ready"), sleeper(1)];
  const sets = await wait([ready, late as Task<unknown>], { timeout: 0 });
  assert.deepEqual(shown(sets), [["result ready"], ["pending"]]);
  assert.equal(loop.time(), 0);
  await late;
});

runs("WAIT-08: its timer is gone when all are done in time", async (loop) => {
  await wait([sleeper(1)], { timeout: 1000 });
  assert.equal(hasTimers(loop), false);
});

runs("WAIT-08: a timeout may be a duration object, and null means none", async (loop) => {
  const task = sleeper(2);
  await wait([task], { timeout: { milliseconds: 500 } });
  assert.equal(loop.time(), 0.5);
  await wait([task], { timeout: null });
  assert.equal(loop.time(), 2);
  await assert.rejects(wait([task], { timeout: NaN }), RangeError);
});

runs("WAIT-09: a one-shot generator of tasks will do", async () => {
  function* tasks() {
    yield sleeper(1);
    yield sleeper(2);
  }
  assert.deepEqual(shown(await wait(tasks())), [["result slept 1", "result slept 2"], []]);
  assert.deepEqual(shown(await wait([sleeper(1)].values())), [["result slept 1"], []]);
});

runs("WAIT-10: cancelling the task that waits leaves the members running", async (loop) => {
  const member = sleeper(5);
  const waiting = createTask(() => wait([member], { timeout: 100 }));
  await ticks();
  waiting.cancel("enough");
  await assertCancelled(waiting, "enough");
  assert.equal(loop.time(), 0);
  assert.equal(member.cancelling(), 0);
  assert.equal(await member, "slept 5");
  assert.equal(hasTimers(loop), false);
});

runs("WAIT-10: a cancellation on its way is taken even when all members are done", async () => {
  const task = sleeper(1);
  await task;
  const waiting = createTask(async () => {
    currentTask()!.cancel();
    await wait([task]);
  });
  await assertCancelled(waiting);
});
