import type { Future } from "../tasks/future.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { placeOf } from "../base/stack.ts";
import { allTasks } from "../tasks/task_functions.ts";
import { scopeOf, type Task } from "../tasks/task.ts";
import { waitsOf } from "../core/wait.ts";
import type { EventLoop } from "../../event_loop.ts";

/** Seconds that a run stands still before it is reported: what asyncio does not know of may still wake it. */
const PATIENCE = 1;
/** Tasks that a report names. */
const NAMED = 20;

/**
 * Debug mode: finds a run in which nothing can ever happen again. Nothing is ready, no timer is set, nothing of the host is
 * under way or open, and every task sits in an asyncio wait. A task in a foreign await (a fetch) is no stalled one.
 */
export class StalledRun {
  /** What the run waits for; null between runs. */
  main: Future<unknown> | null = null;
  readonly #loop: LoopCore;
  #parks = 0;
  #alarmed = false;
  #reported: Future<unknown> | null = null;

  constructor(loop: LoopCore) {
    this.#loop = loop;
  }

  /** The loop parks without a timer. */
  idle = (): void => {
    this.#parks++;
    if (!this.#alarmed && this.#isStalled()) this.#watch();
  };

  #watch(): void {
    const parks = this.#parks;
    this.#alarmed = true;
    this.#loop.scheduler.host.alarm(PATIENCE, () => {
      this.#alarmed = false;
      if (!this.#loop.getDebug() || !this.#isStalled()) return;
      if (this.#parks === parks) this.#report();
      else this.#watch();
    });
  }

  #isStalled(): boolean {
    const { main } = this;
    const { scheduler, operations, resources } = this.#loop;
    return main !== null && main !== this.#reported && !main.done() && scheduler.idle &&
      scheduler.nextTimer() === null && operations.size === 0 && resources.size === 0 &&
      this.#tasks().every((task) => waitsOf(scopeOf(task)).length > 0);
  }

  #report(): void {
    this.#reported = this.main;
    const tasks = this.#tasks();
    const lines = tasks.slice(0, NAMED).map(describeStalled);
    if (tasks.length > NAMED) lines.push(`and ${tasks.length - NAMED} more tasks`);
    this.#loop.callExceptionHandler({
      message: "Nothing that asyncio knows of can wake this run any more, and it is not done: " +
        "no callback is ready, no timer is set, no operation is under way. Only code outside asyncio could still do it\n" +
        lines.join("\n"),
      tasks,
    });
  }

  #tasks(): Task<unknown>[] {
    return [...allTasks(this.#loop as unknown as EventLoop)];
  }
}

/** One task and what it waits for, in a line. */
function describeStalled(task: Task<unknown>): string {
  const waits = waitsOf(scopeOf(task)).map((wait) => {
    const place = placeOf(wait.site);
    return place === "" ? wait.describe() : `${wait.describe()} at ${place}`;
  });
  return `  task "${task.getName()}" waits for ${waits.join(", ")}`;
}
