import type { LoopCore } from "../runtime/core/loop_core.ts";
import type { ReadyEntry, Turn } from "../runtime/core/scheduler.ts";
import type { Scope, ScopeTask, ScopeWait } from "../runtime/core/scope.ts";
import type { Site } from "../runtime/base/stack.ts";

/** What the report needs of a lock. */
export interface WatchedLock {
  /** The scope that holds it; null while it is free. */
  readonly ownerScope: Scope | null;
  /** Where it was taken. */
  readonly takenAt: Site | null;
  /** The public object. */
  readonly publicObject: object;
}

/** What the report needs of a wait for a lock. */
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
 * Debug mode: called when a task begins to wait for a lock. If the tasks and locks form a cycle (A holds 1 and waits for 2, B
 * holds 2 and waits for 1), the exception handler of the loop gets one report of it.
 *
 * A task may run several branches (`Promise.all`), of which one holds and another waits, and then nothing is stuck. So a
 * cycle counts only if, one iteration later, its tasks wait for locks and for nothing else; and a task that waits for a lock
 * which it holds itself is not reported, since two branches that share a lock look like that all the time.
 */
export function watchForCycle(request: LockRequest): void {
  const task = request.scope.task;
  if (task === null) return;
  let requests = requestsOf.get(task);
  if (requests === undefined) requestsOf.set(task, requests = new Set());
  requests.add(request);
  if (cycleOf(request) !== null) request.scope.loop.scheduler.enqueue(new CycleCheck(request));
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
    const cycle = cycleOf(this.#request);
    if (cycle === null || cycle.some(({ request }) => reported.has(request))) return null;
    if (!cycle.every(isStuck)) return null;
    for (const { request } of cycle) reported.add(request);
    report(cycle);
    return null;
  }
}

/** The cycle that `start` closes, or null. */
function cycleOf(start: LockRequest): Edge[] | null {
  const first = edgeOf(start);
  if (first === null) return null;
  const holders = (task: ScopeTask): ScopeTask[] =>
    task === first.task ? [first.holder] : edgesFrom(task).map(({ holder }) => holder);
  const tasks = findCycle([first.task], holders, first.task);
  if (tasks === null) return null;
  return tasks.map((task, index) => {
    const next = tasks[(index + 1) % tasks.length];
    return index === 0 ? first : edgesFrom(task).find(({ holder }) => holder === next)!;
  });
}

/** Null where the request waits for no other task. */
function edgeOf(request: LockRequest): Edge | null {
  const { task } = request.scope;
  const holder = request.lock.ownerScope?.task ?? null;
  if (!request.pending || task === null || holder === null || holder === task) return null;
  return { request, task, holder };
}

function edgesFrom(task: ScopeTask): Edge[] {
  return [...requestsOf.get(task) ?? []].map(edgeOf).filter((edge) => edge !== null);
}

/**
 * Nodes that lead to each other in a cycle, each to the next; null where there is none.
 *
 * @param through counts only the cycles that this node is in; otherwise any that can be reached
 */
export function findCycle<N>(
  starts: Iterable<N>,
  nextOf: (node: N) => readonly N[],
  through?: N,
): N[] | null {
  const open = new Map<N, number>();
  const finished = new Set<N>();
  for (const start of starts) {
    // Depth first on a list of its own: a chain may be longer than the stack of calls.
    const path = finished.has(start) ? [] : [{ node: start, targets: nextOf(start), index: 0 }];
    open.set(start, 0);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const target = top.targets[top.index++];
      if (target === undefined) {
        finished.add(top.node);
        open.delete(top.node);
        path.pop();
      } else if (open.has(target)) {
        if (through !== undefined && target !== through) continue;
        return path.slice(open.get(target)!).map(({ node }) => node);
      } else if (!finished.has(target)) {
        open.set(target, path.length);
        path.push({ node: target, targets: nextOf(target), index: 0 });
      }
    }
    open.clear();
  }
  return null;
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
    `task '${task.getName()}' waits for ${request.lock.publicObject}${at(request.site)}, ` +
    `held by task '${holder.getName()}', which took it${at(request.lock.takenAt)}`
  );
  (cycle[0]!.request.scope.loop as LoopCore).callExceptionHandler({
    message: `Deadlock: ${cycle.length} tasks wait for each other's locks: ${lines.join("; ")}`,
    tasks: cycle.map(({ task }) => task),
    locks: cycle.map(({ request }) => request.lock.publicObject),
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
