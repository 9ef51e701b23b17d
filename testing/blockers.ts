import { entriesOf, type Future } from "../runtime/tasks/future.ts";
import { isFuture } from "../runtime/tasks/futures.ts";
import type { Scope } from "../runtime/core/scope.ts";
import type { Site } from "../runtime/base/stack.ts";
import { isTask, scopeOf, type Task } from "../runtime/tasks/task.ts";
import { type Wait, waitsOf } from "../runtime/core/wait.ts";

/** A wait for a lock, as far as it is needed here; locks stand beside this folder, not below it. */
interface LockWait {
  readonly lock?: { readonly ownerScope: Scope | null; readonly takenAt: Site | null };
}

/** The lock that is waited for, and who holds it. */
export function lockOf(wait: Wait<unknown>): NonNullable<LockWait["lock"]> | null {
  const { lock } = wait as LockWait;
  return lock !== undefined && "ownerScope" in lock ? lock : null;
}

/** For each task the tasks that have to do something before it can go on. */
export function blockersOf(tasks: readonly Task<unknown>[]): Map<Task<unknown>, Task<unknown>[]> {
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

/** Tasks that wait for each other in a ring, each for the next; null when there is none. */
export function findCycle(
  blockers: ReadonlyMap<Task<unknown>, readonly Task<unknown>[]>,
): Task<unknown>[] | null {
  const open = new Map<Task<unknown>, number>();
  const finished = new Set<Task<unknown>>();
  for (const start of blockers.keys()) {
    // Depth first on a list of its own: a chain may be longer than the stack of calls.
    const path = finished.has(start) ? [] : [{ task: start, next: 0 }];
    open.set(start, 0);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = blockers.get(top.task)?.[top.next++];
      if (next === undefined) {
        finished.add(top.task);
        open.delete(top.task);
        path.pop();
      } else if (open.has(next)) return path.slice(open.get(next)!).map(({ task }) => task);
      else if (!finished.has(next)) {
        open.set(next, path.length);
        path.push({ task: next, next: 0 });
      }
    }
    open.clear();
  }
  return null;
}
