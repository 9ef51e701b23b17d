import type { LoopCore } from "../runtime/core/loop_core.ts";
import type { ReadyEntry, Turn } from "../runtime/core/scheduler.ts";
import type { Scope, ScopeTask, ScopeWait } from "../runtime/core/scope.ts";
import type { Site } from "../runtime/base/stack.ts";

/** What the report needs to know of a lock. */
export interface WatchedLock {
  /** Who holds it. */
  readonly ownerScope: Scope | null;
  /** Where it was taken. */
  readonly takenAt: Site | null;
  /** The public object. */
  readonly face: object;
}

/** What the report needs to know of somebody who waits for a lock. */
export interface LockRequest extends ScopeWait {
  readonly scope: Scope;
  readonly lock: WatchedLock;
  readonly pending: boolean;
  readonly site: Site | null;
}

interface Edge {
  readonly request: LockRequest;
  readonly task: ScopeTask;
  readonly holder: ScopeTask;
}

const requestsOf: WeakMap<ScopeTask, Set<LockRequest>> = new WeakMap();
const reported: WeakSet<LockRequest> = new WeakSet();

/**
 * Debug mode: somebody begins to wait for a lock. If the tasks and locks form a ring (A holds 1 and waits for 2, B holds 2
 * and waits for 1), the exception handler of the loop is told, once.
 *
 * A task may run several branches (`Promise.all`), of which one holds and another waits, and then nothing is stuck. So a
 * ring counts only if, one iteration later, its tasks wait for locks and for nothing else; and a task that waits for a lock
 * which it holds itself is not reported, since that is what two branches sharing a lock look like all the time.
 */
export function watchForCycle(request: LockRequest): void {
  const task = request.scope.task;
  if (task === null) return;
  let requests = requestsOf.get(task);
  if (requests === undefined) requestsOf.set(task, requests = new Set());
  requests.add(request);
  if (findCycle(request) !== null) request.scope.loop.scheduler.enqueue(new CycleCheck(request));
}

/** The wait is over. */
export function unwatch(request: LockRequest): void {
  const task = request.scope.task;
  if (task !== null) requestsOf.get(task)?.delete(request);
}

class CycleCheck implements ReadyEntry {
  readonly #request: LockRequest;

  constructor(request: LockRequest) {
    this.#request = request;
  }

  run(): Turn | null {
    const cycle = findCycle(this.#request);
    if (cycle === null || cycle.some(({ request }) => reported.has(request))) return null;
    if (!cycle.every(isStuck)) return null;
    for (const { request } of cycle) reported.add(request);
    report(cycle);
    return null;
  }
}

/** The ring that `start` closes, or null. */
function findCycle(start: LockRequest): Edge[] | null {
  const visited = new Set<ScopeTask>();
  const path: Edge[] = [];
  const follow = (request: LockRequest): boolean => {
    const task = request.scope.task;
    const holder = request.lock.ownerScope?.task ?? null;
    if (!request.pending || task === null || holder === null || holder === task) return false;
    path.push({ request, task, holder });
    if (holder === start.scope.task) return true;
    if (!visited.has(holder)) {
      visited.add(holder);
      for (const next of requestsOf.get(holder) ?? []) {
        if (follow(next)) return true;
      }
    }
    path.pop();
    return false;
  };
  return follow(start) ? path : null;
}

function isStuck({ request, task }: Edge): boolean {
  return !task.done() && waitsOnlyFor(requestsOf.get(task)!, request.scope.root);
}

function waitsOnlyFor(requests: Set<LockRequest>, scope: Scope): boolean {
  for (const wait of scope.waits()) {
    if (!requests.has(wait as LockRequest)) return false;
  }
  for (const child of scope.children()) {
    if (!waitsOnlyFor(requests, child)) return false;
  }
  return true;
}

function report(cycle: Edge[]): void {
  const lines = cycle.map(({ request, task, holder }) =>
    `task '${task.getName()}' waits for ${request.lock.face}${at(request.site)}, ` +
    `held by task '${holder.getName()}', which took it${at(request.lock.takenAt)}`
  );
  (cycle[0]!.request.scope.loop as unknown as LoopCore).callExceptionHandler({
    message: `Deadlock: ${cycle.length} tasks wait for each other's locks: ${lines.join("; ")}`,
    tasks: cycle.map(({ task }) => task),
    locks: cycle.map(({ request }) => request.lock.face),
    takenAt: cycle.map(({ request }) => request.lock.takenAt?.text ?? null),
    waitingAt: cycle.map(({ request }) => request.site?.text ?? null),
  });
}

/** The frame that matters: the caller's, not those of this folder. */
function at(site: Site | null): string {
  // Where this folder's files are, as stack frames name them.
  const ownFolder = new URL(".", import.meta.url).pathname;
  const frames = site?.text.split("\n") ?? [];
  const frame = frames.find((line) => !line.includes(ownFolder)) ?? frames[0];
  return frame === undefined ? "" : ` ${frame.trim()}`;
}
