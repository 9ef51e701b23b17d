import type { Future } from "../runtime/tasks/future.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import type { ReadyEntry } from "../runtime/core/scheduler.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { scopeOf, type Task } from "../runtime/tasks/task.ts";
import type { Wait } from "../runtime/core/wait.ts";
import { WrappedFuture } from "../runtime/combinators/ensure_future.ts";
import type { Hold } from "./virtual_host.ts";

/** Real milliseconds for which the clock stands still after an operation of the host was first seen. */
const OPERATION_PATIENCE = 1000;
/** The same for a task in an await that is not asyncio's. */
const FOREIGN_PATIENCE = 200;

/**
 * What of a program is outside its loop: operations of the host, open transports, and tasks in awaits that are not asyncio's.
 *
 * Tasks can be many, so only those are looked at whose code ran since the last look, and those that were found outside.
 */
export class Outside {
  readonly #loop: LoopCore;
  readonly #realIo: boolean;
  /** Roots of the tasks whose code ran since the last look. */
  readonly #ran: Set<Scope> = new Set();
  readonly #lastRun: WeakMap<Scope, number> = new WeakMap();
  /** Roots that have been looked at once; a task that starts eagerly is not an entry of the ready queue. */
  readonly #known: WeakSet<Scope> = new WeakSet();
  readonly #foreign: Map<Scope, { activity: number; since: number }> = new Map();
  readonly #operations: WeakMap<object, number> = new WeakMap();

  constructor(loop: LoopCore, realIo: boolean) {
    this.#loop = loop;
    this.#realIo = realIo;
  }

  /** An entry of the ready queue has run, with the code that it woke. */
  ran(entry: ReadyEntry): void {
    const root = (entry as { readonly scope?: Scope }).scope?.root;
    if (root === undefined || root.task === null) return;
    this.#ran.add(root);
    this.#lastRun.set(root, this.#loop.time());
  }

  /** Loop time at which the task's code ran last, as far as known. */
  lastRun(task: Task<unknown>): number | null {
    return this.#lastRun.get(scopeOf(task)) ?? null;
  }

  hold(): Hold {
    if (!this.#realIo) return "given up";
    const { operations, resources } = this.#loop;
    const real = performance.now();
    this.#findForeign(real);
    let hold: Hold = resources.size > 0 ? "quiet" : this.#foreign.size > 0 ? "given up" : "nothing";
    for (const operation of operations) {
      let since = this.#operations.get(operation);
      if (since === undefined) this.#operations.set(operation, since = real);
      if (real - since < OPERATION_PATIENCE) return "still";
      hold = "real";
    }
    for (const { since } of this.#foreign.values()) {
      if (real - since < FOREIGN_PATIENCE) return "still";
    }
    return hold;
  }

  #findForeign(real: number): void {
    this.#findNew();
    for (const root of this.#ran) if (isForeign(root)) this.#note(root, real);
    this.#ran.clear();
    for (const root of this.#foreign.keys()) {
      if (isForeign(root)) this.#note(root, real);
      else this.#foreign.delete(root);
    }
  }

  /** New scopes stand in front of the older ones. */
  #findNew(): void {
    const { rootScope } = this.#loop;
    if (rootScope.firstChild === null || this.#known.has(rootScope.firstChild)) return;
    for (const scope of rootScope.children()) {
      if (this.#known.has(scope)) return;
      this.#known.add(scope);
      if (scope.task !== null) this.#ran.add(scope);
    }
  }

  /** One that made a wait in between began its foreign await anew. */
  #note(root: Scope, real: number): void {
    const found = this.#foreign.get(root);
    if (found === undefined || found.activity !== root.tree.activity) {
      this.#foreign.set(root, { activity: root.tree.activity, since: real });
    }
  }
}

/** Whether a task sits in an await that something outside asyncio has to end. */
export function isInForeignAwait(task: Task<unknown>): boolean {
  return isForeign(scopeOf(task));
}

function isForeign(root: Scope): boolean {
  const { task } = root;
  if (task === null || task.done() || root.closed) return false;
  // A body that a deadline has abandoned belongs to no task any more.
  if (scopeOf(task as Task<unknown>) !== root) return false;
  return !hasInnerWait(root);
}

function hasInnerWait(scope: Scope): boolean {
  for (let wait = scope.firstWait; wait !== null; wait = wait.nextWait) {
    if (!isForPromise(wait as Wait<unknown>)) return true;
  }
  if (scope.firstChild === null) return false;
  for (const child of scope.children()) if (hasInnerWait(child)) return true;
  return false;
}

/** Whether the wait is for a foreign promise that a future wraps. */
function isForPromise(wait: Wait<unknown>): boolean {
  const { awaited } = wait;
  if (awaited === null) return false;
  if (awaited instanceof WrappedFuture) return true;
  const { members } = awaited as { readonly members?: ReadonlySet<Future<unknown>> };
  if (members === undefined) return false;
  for (const member of members) {
    if (!member.done() && member instanceof WrappedFuture) return true;
  }
  return false;
}
