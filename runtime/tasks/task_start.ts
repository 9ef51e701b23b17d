import { type Future, markRetrieved } from "./future.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";
import type { Scope } from "../core/scope.ts";

/** A task whose start the end of the stack broke off, and what its coroutine had come to by then. */
export interface BrokenStart {
  task: object | null;
  result: unknown;
  /** `result` is what it threw. */
  failed: boolean;
  next: BrokenStart | null;
}

/**
 * What went wrong where the stack had run out: there nothing can be called any more, so it is noted by assignments alone, and
 * mended by the next task that starts from the loop, or by the next look at the tasks.
 */
export const trouble: {
  starts: BrokenStart | null;
  /** Tasks that go on, though the call that made them has thrown. */
  dropped: BrokenStart | null;
  /** Notes made beforehand: on V8 even an object literal may throw where the stack has run out. */
  spare: BrokenStart | null;
  /**
   * Something was thrown out of an entered scope. On Deno and Node the async context is then still that scope's, so that it
   * does not tell for the frames above which task they belong to.
   */
  scopeLost: boolean;
} = { starts: null, dropped: null, spare: null, scopeLost: false };

/** The first start that has room gives notes back. */
for (let count = 0; count < 128; count++) {
  trouble.spare = { task: null, result: null, failed: false, next: trouble.spare };
}

/** What `tasks.ts` does for a start; this file knows nothing of tasks. */
export const starting: {
  /** Runs the coroutine up to its first wait. */
  enter: (start: TaskStart) => void;
  /** Whether the task was ended, or cancelled, before its start. */
  endedBefore: (start: TaskStart) => boolean;
  /** Ends the tasks whose start was broken off, or lets them end. Where the stack has room. */
  mend: () => void;
} = { enter: () => {}, endedBefore: () => false, mend: () => {} };

/** What `dropped` tasks throw is not called lost: their makers had an error. Where the stack has room. */
function disownDropped(): void {
  for (; trouble.dropped !== null; trouble.dropped = trouble.dropped.next) {
    const task = trouble.dropped.task as Future<unknown>;
    if (task.done()) markRetrieved(task);
    else task.addDoneCallback(markRetrieved);
  }
}

const nothing = (): void => {};
let capturedResolve: (value: unknown) => void = nothing;
function capture(resolve: (value: unknown) => void): void {
  capturedResolve = resolve;
}

/** A task's start in the ready queue, with the async context of the call that made the task. */
export class TaskStart implements ReadyEntry {
  readonly task: object;
  readonly scope: Scope;
  readonly #carry: (value: unknown) => void;

  constructor(task: object, scope: Scope) {
    this.task = task;
    this.scope = scope;
    new Promise(capture).then(starting.enter as (start: unknown) => void);
    this.#carry = capturedResolve;
    // It leads to the promise and so to all that this one holds.
    capturedResolve = nothing;
  }

  get subject(): object {
    return this.task;
  }

  run(): Turn | null {
    if (trouble.scopeLost) {
      starting.mend();
      disownDropped();
      trouble.scopeLost = false;
    }
    if (starting.endedBefore(this)) return null;
    this.#carry(this);
    return this.scope.tree;
  }
}
