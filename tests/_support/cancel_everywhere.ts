/** Runs a program again and again, and cancels it somewhere else each time. */
import assert from "node:assert/strict";
import {
  allTasks,
  createTask,
  ExceptionGroup,
  Runner,
  sleep,
  wait,
  withSignal,
} from "../../mod.ts";
import type { EventLoop, ExceptionContext, Task } from "../../mod.ts";
import { core } from "../../runtime/core/loop_core.ts";
import type { BaseEventLoop } from "../../runtime/loop/base_event_loop.ts";
import type { ReadyEntry } from "../../runtime/core/scheduler.ts";
import { scopeOf } from "../../runtime/tasks/task.ts";
import { impatientLoop } from "./impatient_loop.ts";
import { Trouble } from "./tasks.ts";

/** What a program is given. */
export interface Attempt {
  readonly loop: EventLoop;
  /** Makes an error that must not be lost: it leaves the program, or it is reported. */
  trouble(message: string): Trouble;
  /** To be checked when the program has ended and everything it left has ended, too. */
  afterwards(check: () => void): void;
}

interface Point {
  /** By `task.cancel()`, or by an abort signal that ends a scope around the program. */
  readonly how: "task" | "signal";
  /** When a wait has just been woken and not resumed, or when the code that was resumed sits in its next wait. */
  readonly when: "woken" | "waiting";
  /** The how manieth entry of the loop's ready queue it is. */
  readonly count: number;
}

/** Loop time after which a program counts as stuck. */
const PATIENCE = 1e6;

/**
 * Cancels the program before its start, then at each entry of the ready queue that it or its tasks make, and checks each time
 * that it ends cancelled (or with a trouble of its own), and that afterwards there is no task, wait, timer, resource or open
 * request left, and no trouble lost. Returns the number of points at which it was cancelled.
 */
export async function cancelEverywhere(
  program: (attempt: Attempt) => PromiseLike<unknown> | unknown,
): Promise<number> {
  let points = 0;
  for (const how of ["task", "signal"] as const) {
    for (const when of ["woken", "waiting"] as const) {
      for (let count = 0; await cancelAt(program, { how, when, count }); count++) points++;
    }
  }
  return points;
}

/** False when the program ended before that point. */
async function cancelAt(
  program: (attempt: Attempt) => PromiseLike<unknown> | unknown,
  point: Point,
): Promise<boolean> {
  const reports: ExceptionContext[] = [];
  try {
    return await new Runner({ loopFactory: impatientLoop }).with(async (runner) => {
      const loop = runner.getLoop();
      loop.setExceptionHandler((_loop, context) => reports.push(context));
      return await runner.run(() => new Run(loop, point, reports).drive(program));
    });
  } catch (error) {
    throw new Error(`Cancelled as ${JSON.stringify(point)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

class Run implements Attempt {
  readonly loop: EventLoop;
  readonly #point: Point;
  readonly #reports: ExceptionContext[];
  readonly #troubles: Trouble[] = [];
  readonly #checks: (() => void)[] = [];
  readonly #controller = new AbortController();
  readonly #reason = new Trouble("the signal's reason");
  #target: Task<unknown> | null = null;
  #entries = 0;
  #cancelled = false;

  constructor(loop: EventLoop, point: Point, reports: ExceptionContext[]) {
    this.loop = loop;
    this.#point = point;
    this.#reports = reports;
  }

  trouble(message: string): Trouble {
    const error = new Trouble(message);
    this.#troubles.push(error);
    return error;
  }

  afterwards(check: () => void): void {
    this.#checks.push(check);
  }

  async drive(program: (attempt: Attempt) => PromiseLike<unknown> | unknown): Promise<boolean> {
    const body = () => program(this);
    const { signal } = this.#controller;
    const target = this.#target = createTask(
      this.#point.how === "task" ? body : () => withSignal(signal, body),
      { name: "target" },
    );
    this.#watchEntries();
    if (this.#point.count === 0) this.#cancel();
    const [, pending] = await wait([target], { timeout: PATIENCE });
    assert.equal(pending.size, 0, "the program is stuck");
    // What it left may end by itself.
    await sleep(PATIENCE);
    if (!this.#cancelled) {
      // The program's own end, with its own failures.
      this.#troublesOf(target);
      this.#reports.length = 0;
      return false;
    }
    this.#checkOutcome(target);
    this.#checkTroubles(target);
    this.#checkLeft(target);
    for (const check of this.#checks) check();
    return true;
  }

  #watchEntries(): void {
    const { scheduler } = this.#core;
    const enqueue = scheduler.enqueue.bind(scheduler);
    scheduler.enqueue = (entry: ReadyEntry) => {
      enqueue(entry);
      const mine = ++this.#entries === this.#point.count;
      if (!mine) return;
      if (this.#point.when === "woken") this.#cancel();
      else enqueue({ run: () => this.#cancel() });
    };
  }

  #cancel(): null {
    const target = this.#target!;
    if (target.done()) return null;
    this.#cancelled = true;
    if (this.#point.how === "task") target.cancel("cancelled everywhere");
    else this.#controller.abort(this.#reason);
    return null;
  }

  #checkOutcome(target: Task<unknown>): void {
    if (target.cancelled()) {
      assert.equal(this.#point.how, "task", "a signal must leave with its reason");
      return;
    }
    const error = target.exception();
    assert.notEqual(error, null, "the cancellation was lost: the program returned a value");
    const known = [this.#reason, ...this.#troubles];
    assert.ok(leavesOf(error).some((leaf) => known.includes(leaf as Trouble)), String(error));
  }

  #troublesOf(target: Task<unknown>): unknown[] {
    const outcome = target.cancelled() ? [] : leavesOf(target.exception());
    // What nobody took is reported at the end of a run at the latest; here that end is now.
    this.#core.reportUnretrieved();
    return outcome;
  }

  #checkTroubles(target: Task<unknown>): void {
    const outcome = this.#troublesOf(target);
    const reported = this.#reports.map(({ exception }) => exception);
    for (const { exception, message } of this.#reports) {
      const known = leavesOf(exception).some((leaf) => this.#troubles.includes(leaf as Trouble));
      assert.ok(known, `${message}: ${exception}`);
    }
    const told = [...outcome, ...reported.flatMap(leavesOf)];
    for (const trouble of this.#troubles) assert.ok(told.includes(trouble), `${trouble} was lost`);
    this.#reports.length = 0;
  }

  #checkLeft(target: Task<unknown>): void {
    const core = this.#core;
    const tasks = [...allTasks(this.loop)];
    assert.equal(tasks.length, 1, `tasks are left: ${tasks.slice(1)}`);
    const others = [...core.rootScope.children()].filter((scope) => scope.task !== tasks[0]);
    assert.equal(others.length, 0, "scopes are left");
    const waits = [...core.rootScope.waits(), ...scopeOf(tasks[0]!).waits()];
    assert.deepEqual(waits.map(String), [], "waits are left");
    assert.equal(core.scheduler.nextTimer(), null, "timers are left");
    assert.deepEqual([core.resources.size, core.operations.size], [0, 0]);
    assert.equal(target.cancelling(), this.#point.how === "task" ? 1 : 0, "requests are left");
    assert.equal(scopeOf(target).tree.open, 0, "a request is pending");
  }

  get #core(): BaseEventLoop {
    return this.loop[core] as BaseEventLoop;
  }
}

/** An error, or those in a group. */
function leavesOf(error: unknown): unknown[] {
  return error instanceof ExceptionGroup ? error.leaves() : [error];
}
