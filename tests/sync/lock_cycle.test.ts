import assert from "node:assert/strict";
import {
  createTask,
  Event,
  type ExceptionContext,
  gather,
  getRunningLoop,
  Lock,
  sleep,
  type Task,
} from "../../mod.ts";
import { runs, ticks } from "../_support/sync.ts";

interface CycleReport extends ExceptionContext {
  tasks?: Task<unknown>[];
  locks?: Lock[];
  takenAt?: (string | null)[];
}

function recorded(debug = true): CycleReport[] {
  const loop = getRunningLoop();
  const reports: CycleReport[] = [];
  loop.setDebug(debug);
  loop.setExceptionHandler((_loop, context) => reports.push(context));
  return reports;
}

/** Holds `first`, then wants `second`. */
function wants(first: Lock, second: Lock): () => Promise<void> {
  // With `await`: Bun's engine drops the frame of a call in tail position, and the report would name its caller.
  return async () => {
    await first.with(async () => {
      await sleep(0);
      await second.with(() => {});
    });
  };
}

async function ended(tasks: Task<unknown>[]): Promise<void> {
  for (const task of tasks) task.cancel();
  await gather(tasks, { returnExceptions: true });
}

runs("LOCK-02: debug mode reports two tasks that wait for each other's locks, once", async () => {
  const reports = recorded();
  const one = new Lock();
  const two = new Lock();
  const tasks = [
    createTask(wants(one, two), { name: "A" }),
    createTask(wants(two, one), { name: "B" }),
  ];
  await ticks(8);
  assert.equal(reports.length, 1);
  const [report] = reports;
  assert.match(report!.message, /^Deadlock: 2 tasks/);
  assert.match(report!.message, /task 'A' waits for <Lock #\d+ \[locked, waiters:1\]>/);
  assert.match(report!.message, /held by task 'B', which took it at .*lock_cycle/);
  assert.deepEqual(new Set(report!.tasks), new Set(tasks));
  assert.deepEqual(new Set(report!.locks), new Set([one, two]));
  for (const site of report!.takenAt!) assert.match(String(site), /lock_cycle/);
  await ended(tasks);
});

runs("LOCK-02: debug mode finds longer rings, and rings through contended locks", async () => {
  const reports = recorded();
  const [one, two, three] = [new Lock(), new Lock(), new Lock()];
  await one.acquire();
  const tasks = [
    createTask(wants(one, two), { name: "A" }),
    createTask(wants(two, three), { name: "B" }),
    createTask(wants(three, one), { name: "C" }),
  ];
  await ticks(4);
  assert.equal(reports.length, 0);
  one.release();
  await ticks(8);
  assert.equal(reports.length, 1);
  assert.deepEqual(new Set(reports[0]!.tasks), new Set(tasks));
  await ended(tasks);
});

runs("LOCK-02: locks taken in one order are no ring", async () => {
  const reports = recorded();
  const one = new Lock();
  const two = new Lock();
  await gather([wants(one, two), wants(one, two), wants(one, two)]);
  assert.deepEqual(reports, []);
});

runs("LOCK-02: a task with a branch that still gets on is not stuck", async () => {
  const reports = recorded();
  const one = new Lock();
  const two = new Lock();
  const go = new Event();
  const tasks = [
    createTask(() =>
      Promise.all([one.with(() => go.wait()), sleep(0).then(() => two.with(() => {}))])
    ),
    createTask(() =>
      Promise.all([two.with(() => go.wait()), sleep(0).then(() => one.with(() => {}))])
    ),
  ];
  await ticks(6);
  assert.equal(one.statistics().waiting + two.statistics().waiting, 2);
  go.set();
  await gather(tasks);
  assert.deepEqual(reports, []);
});

runs("LOCK-02: two branches of a task that share a lock are not reported", async () => {
  const reports = recorded();
  const lock = new Lock();
  const foreign = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
  await Promise.all([lock.with(foreign), lock.with(foreign)]);
  assert.deepEqual(reports, []);
});

runs("LOCK-02: without debug mode nothing is watched", async () => {
  const reports = recorded(false);
  const one = new Lock();
  const two = new Lock();
  const tasks = [createTask(wants(one, two)), createTask(wants(two, one))];
  await ticks(8);
  assert.deepEqual(reports, []);
  await ended(tasks);
});
