import { publicLoop } from "../runtime/tasks/task_options.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import { waitsOf } from "../runtime/core/wait.ts";
import { entriesOf, type Future } from "../runtime/tasks/future.ts";
import { allTasks, isFuture } from "../runtime/tasks/task_functions.ts";
import { isTask, scopeOf, type Task } from "../runtime/tasks/task.ts";
import { findCycle } from "../sync/lock_cycle.ts";
import { DeadlockError } from "./errors.ts";
import { isInForeignAwait, type Outside } from "./outside.ts";
import { describeTasks, lockOf } from "./task_report.ts";

/** Real milliseconds that a loop stands still before that is called a deadlock: a race with a foreign promise may end. */
const PATIENCE = 30;
/** The same while a transport, a server or a signal handler is open, since its peer may be about to send. */
const OPEN_PATIENCE = 1000;
/** The same for tasks in foreign awaits, once the test has failed anyway and its tasks have been cancelled. */
const LAST_PATIENCE = 1000;

/** What tells whether a loop that stands still is in a deadlock. */
export interface StuckLoop {
  readonly loop: LoopCore;
  readonly outside: Outside;
  /** What the run waits for comes from a foreign promise. */
  readonly awaitsPromise: boolean;
  /** The run only cleans up. */
  readonly closing: boolean;
}

/** Either after how many milliseconds to look again, or the error. */
export function checkDeadlock(stuck: StuckLoop, milliseconds: number): number | DeadlockError {
  const { loop, outside } = stuck;
  const tasks = [...allTasks(publicLoop(loop))];
  const foreign = stuck.awaitsPromise || tasks.some(isInForeignAwait);
  if (loop.operations.size > 0 || foreign && !stuck.closing) return Infinity;
  const patience = foreign ? LAST_PATIENCE : loop.resources.size > 0 ? OPEN_PATIENCE : PATIENCE;
  if (milliseconds < patience) return patience - milliseconds;
  return new DeadlockError(describeDeadlock(tasks, loop.time(), outside), tasks);
}

function describeDeadlock(
  tasks: readonly Task<unknown>[],
  now: number,
  outside: Outside,
): string {
  const head = `Deadlock at loop time ${
    now.toFixed(3)
  }: nothing can ever run again, and it is not done`;
  const lines = [head, describeTasks(tasks, (task) => outside.lastRun(task))];
  const blockers = blockersOf(tasks);
  const cycle = findCycle(blockers.keys(), (task) => blockers.get(task) ?? []);
  if (cycle !== null) {
    const names = [...cycle, cycle[0]!].map((task) => `"${task.getName()}"`);
    lines.push(`They wait for each other: ${names.join(" for ")}`);
  }
  return lines.filter((line) => line !== "").join("\n");
}

/** For each task the tasks that have to do something before it can go on. */
function blockersOf(tasks: readonly Task<unknown>[]): Map<Task<unknown>, Task<unknown>[]> {
  const blockers = new Map<Task<unknown>, Task<unknown>[]>(tasks.map((task) => [task, []]));
  for (const task of tasks) {
    for (const waiting of awaitersOf(task, new Set())) blockers.get(waiting)?.push(task);
    for (const wait of waitsOf(scopeOf(task))) {
      const owner = lockOf(wait)?.ownerScope?.task ?? null;
      if (isTask(owner) && !owner.done()) blockers.get(task)!.push(owner);
    }
  }
  return blockers;
}

/** The tasks that go on when the future is done, directly or through a gather, a group, a shield. */
function awaitersOf(future: Future<unknown>, seen: Set<object>): Set<Task<unknown>> {
  const found = new Set<Task<unknown>>();
  for (const { awaiter } of entriesOf(future)) {
    if (awaiter === null || seen.has(awaiter)) continue;
    seen.add(awaiter);
    if (isTask(awaiter)) found.add(awaiter);
    else if (isFuture(awaiter)) {
      for (const task of awaitersOf(awaiter, seen)) found.add(task);
    }
  }
  return found;
}
