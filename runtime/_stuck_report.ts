import type { LoopCore } from "./_loop_core.ts";
import type { Scope, ScopeTask } from "./_scope.ts";

/** Seconds after which a task that cannot be interrupted is reported. */
const PATIENCE = 1;

/** Tells, once per task, that a cancelled task sits in a foreign await, which nothing can interrupt from outside. */
export class StuckReport {
  static readonly #told: WeakSet<object> = new WeakSet();

  static watch(task: ScopeTask, scope: Scope, loop: LoopCore): void {
    loop.scheduler.host.alarm(PATIENCE, () => {
      if (task.done() || scope.pending === null || this.#told.has(task) || loop.isClosed()) return;
      this.#told.add(task);
      loop.callExceptionHandler({
        message:
          `Task "${task.getName()}" was cancelled ${PATIENCE} second ago but sits in an await ` +
          "that asyncio cannot interrupt: hand such calls currentSignal(), or wrap their promise in ensureFuture()",
        task,
      });
    });
  }
}
