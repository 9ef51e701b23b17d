import { environmentVariable } from "../base/platform.ts";
import type { Future } from "../tasks/future.ts";
import { allTasks } from "../tasks/task_functions.ts";
import { scopeOf, type Task } from "../tasks/task.ts";
import { publicLoop } from "../tasks/task_options.ts";
import { Handle } from "../tasks/handles.ts";
import type { LoopCore } from "../core/loop_core.ts";
import type { ReadyEntry } from "../core/scheduler.ts";
import { placeOf } from "../base/stack.ts";
import { Wait, waitsOf } from "../core/wait.ts";
import { printWarning } from "../base/warnings.ts";

let known: boolean | null = null;

/** Whether ASYNCIO_DEBUG is set to something. On Deno it counts only where `--allow-env` was given: the user is not asked. */
export function debugByDefault(): boolean {
  known ??= (environmentVariable("ASYNCIO_DEBUG") ?? "") !== "";
  return known;
}

/** What the debug mode of one loop watches while it runs. Nothing here is called outside debug mode. */
export class DebugMode {
  readonly stalled: StalledRun;
  readonly #loop: LoopCore;

  constructor(loop: LoopCore) {
    this.#loop = loop;
    this.stalled = new StalledRun(loop);
  }

  set(enabled: boolean): void {
    const { scheduler } = this.#loop;
    scheduler.onRan = enabled ? this.#ran : null;
    scheduler.onIdle = enabled ? this.stalled.idle : null;
  }

  /** An entry of the ready queue, and the code it woke up to its next wait, took so long (LOOP-39). */
  #ran = (entry: ReadyEntry, seconds: number): void => {
    if (seconds < this.#loop.slowCallbackDuration) return;
    const what = describeEntry(entry);
    if (what === null) return;
    printWarning(`Executing ${what} took ${seconds.toFixed(3)} seconds`);
  };
}

/** What ran, and where that code is; null for the library's own. */
function describeEntry(entry: ReadyEntry): string | null {
  if (entry instanceof Handle) return String(entry);
  if (entry instanceof Wait) {
    const place = placeOf(entry.site);
    const since = place === "" ? "" : ` after its wait at ${place}`;
    return `${entry.scope.task ?? `the code that waited for ${entry.describe()}`}${since}`;
  }
  return entry.subject === undefined ? null : String(entry.subject);
}

/** Seconds that a run stands still before it is reported: what asyncio does not know of may still wake it. */
const PATIENCE = 1;
/** Tasks that a report names. */
const NAMED = 20;

/**
 * Debug mode: finds a run in which nothing can ever happen again. Nothing is ready, no timer is set, nothing of the host is
 * under way or open, and every task sits in an asyncio wait. A task in a foreign await (a fetch) does not count.
 */
class StalledRun {
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
    return [...allTasks(publicLoop(this.#loop))];
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
