import { siteOf } from "../runtime/tasks/future.ts";
import { placeOf } from "../runtime/base/stack.ts";
import { scopeOf, type Task } from "../runtime/tasks/task.ts";
import { type Wait, waitsOf } from "../runtime/core/wait.ts";
import type { WatchedLock } from "../sync/lock_cycle.ts";

/** Tasks, and waits of one task, that a report names. */
const NAMED = 50;

/** One line for each task: what it waits for, since when, and where it was made. */
export function describeTasks(
  tasks: readonly Task<unknown>[],
  lastRun: (task: Task<unknown>) => number | null,
): string {
  const lines = tasks.slice(0, NAMED).map((task) => `  ${describeTask(task, lastRun(task))}`);
  if (tasks.length > NAMED) lines.push(`  and ${tasks.length - NAMED} more tasks`);
  return lines.join("\n");
}

/** `task "Task-1" (made at file:1:2) waits since 3.000 for <Event ...> at file:3:4` */
function describeTask(task: Task<unknown>, lastRun: number | null): string {
  const since = lastRun === null ? "" : ` since ${lastRun.toFixed(3)}`;
  const waits = waitsOf(scopeOf(task));
  const subject = nameTask(task);
  if (waits.length === 0) return `${subject} sits${since} in an await that is not asyncio's`;
  const named = waits.slice(0, NAMED).map(describeWait);
  if (waits.length > NAMED) named.push(`${waits.length - NAMED} more`);
  return `${subject} waits${since} for ${named.join(", and for ")}`;
}

/** `task "Task-1" (fetchAll(), made at file:1:2)` */
function nameTask(task: Task<unknown>): string {
  const coro = task.getCoro()?.name ?? "";
  const place = placeOf(siteOf(task));
  const facts = [coro === "" ? "" : `${coro}()`, place === "" ? "" : `made at ${place}`]
    .filter((fact) => fact !== "");
  return `task "${task.getName()}"${facts.length === 0 ? "" : ` (${facts.join(", ")})`}`;
}

function describeWait(wait: Wait<unknown>): string {
  const place = placeOf(wait.site);
  const taken = placeOf(lockOf(wait)?.takenAt ?? null);
  return `${wait.describe()}${taken === "" ? "" : ` (taken at ${taken})`}${
    place === "" ? "" : ` at ${place}`
  }`;
}

/** The lock that is waited for, and the scope that holds it; null for other waits. */
export function lockOf(wait: Wait<unknown>): WatchedLock | null {
  const { lock } = wait as { readonly lock?: WatchedLock };
  return lock !== undefined && "ownerScope" in lock ? lock : null;
}
