import { Handle } from "../tasks/handles.ts";
import type { LoopCore } from "../core/loop_core.ts";
import type { ReadyEntry } from "../core/scheduler.ts";
import { placeOf } from "../base/stack.ts";
import { StalledRun } from "./stalled_run.ts";
import { Wait } from "../core/wait.ts";
import { printWarning } from "../base/warnings.ts";

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

/** Who ran, and where that code is; null for the library's own. */
function describeEntry(entry: ReadyEntry): string | null {
  if (entry instanceof Handle) return String(entry);
  if (entry instanceof Wait) {
    const place = placeOf(entry.site);
    const since = place === "" ? "" : ` after its wait at ${place}`;
    return `${entry.scope.task ?? `the code that waited for ${entry.describe()}`}${since}`;
  }
  return entry.subject === undefined ? null : String(entry.subject);
}
