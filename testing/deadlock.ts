import type { LoopCore } from "../runtime/core/loop_core.ts";
import { allTasks } from "../runtime/tasks/task_functions.ts";
import type { Task } from "../runtime/tasks/task.ts";
import type { EventLoop } from "../event_loop.ts";
import { blockersOf, findCycle } from "./blockers.ts";
import { DeadlockError } from "./errors.ts";
import { isInForeignAwait, type Outside } from "./outside.ts";
import { describeTasks } from "./task_report.ts";

/** Real milliseconds that a loop stands still before that is called a deadlock: a race with a foreign promise may end. */
const PATIENCE = 30;
/** The same while a transport, a server or a signal handler is open, since somebody else may be about to speak. */
const OPEN_PATIENCE = 1000;
/** The same for tasks in foreign awaits, once the test has failed anyway and its tasks have been cancelled. */
const LAST_PATIENCE = 1000;

/** What a stuck loop is judged by. */
export interface StuckLoop {
  readonly loop: LoopCore;
  readonly outside: Outside;
  /** What the run waits for comes from a foreign promise. */
  readonly awaitsPromise: boolean;
  /** The run only cleans up. */
  readonly closing: boolean;
}

/** Either after how many milliseconds to look again, or the error. */
export function judgeStuck(stuck: StuckLoop, milliseconds: number): number | DeadlockError {
  const { loop, outside } = stuck;
  const tasks = [...allTasks(loop as unknown as EventLoop)];
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
  const cycle = findCycle(blockersOf(tasks));
  if (cycle !== null) {
    const names = [...cycle, cycle[0]!].map((task) => `"${task.getName()}"`);
    lines.push(`They wait for each other: ${names.join(" for ")}`);
  }
  return lines.filter((line) => line !== "").join("\n");
}
