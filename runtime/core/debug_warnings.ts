import { PATIENCE, provideStuckReport, type Request } from "./delivery.ts";
import type { LoopCore } from "./loop_core.ts";
import type { Scope } from "./scope.ts";
import { captureStack, placeOf } from "../base/stack.ts";
import { waitsOf } from "./wait.ts";
import { printWarning } from "../base/warnings.ts";

/** The places that were warned of, so that each is warned of once. */
const told: Set<string> = new Set();

/** Debug mode: a task was asked to cancel, got its CancelledError, and returned as though nothing had been. */
export function warnOfSwallowed(task: { toString(): string }, loop: LoopCore): void {
  if (!loop.getDebug() || loop.isClosed()) return;
  printWarning(
    `A cancellation was swallowed: the coroutine of ${task} returned although it was asked to end. ` +
      "Throw the CancelledError on after the cleanup, or take the request back with uncancel()",
  );
}

/**
 * Debug mode: a promise was handed over where a coroutine could be, and this very step of the code made a wait that is no
 * argument itself. Then the promise is most likely `work()` in place of `() => work()`: work that has begun in the task that
 * called it, and that goes on when what was given the promise is cancelled.
 */
export function warnOfStarted(promise: PromiseLike<unknown>, scope: Scope): void {
  if (!(promise instanceof Promise) || scope.task === null || !scope.loop.getDebug()) return;
  const step = scope.tree.wakeups;
  const begun = waitsOf(scope.root).filter((wait) => wait.step === step);
  if (begun.length === 0 || begun.some((wait) => wait.promise === promise)) return;
  const place = placeOf(captureStack(warnOfStarted));
  if (told.has(place)) return;
  told.add(place);
  printWarning(
    `A promise was handed over whose work seems to have started here, in ${scope.task}: it goes on when what takes it is ` +
      `cancelled. Hand over the function, () => work(), instead of work()${
        place === "" ? "" : ` at ${place}`
      }`,
  );
}

/** Above an hour a number of seconds may be one of milliseconds. */
export const HOUR = 3600;
/** A day in milliseconds: above it the number was meant as "never" in either unit. */
const LONGEST = 86_400_000;

/**
 * Debug mode: a delay above an hour was given as a bare number, as code does that comes from `setTimeout`. One that names its
 * unit is believed. Callers compare with {@linkcode HOUR} first, as they are hot.
 *
 * @param call what was called: "sleep"
 */
export function warnOfHours(
  call: string,
  delay: unknown,
  loop: Pick<LoopCore, "getDebug">,
): void {
  if (typeof delay !== "number" || delay > LONGEST || !loop.getDebug()) return;
  const place = placeOf(captureStack(warnOfHours));
  const key = `${call} ${place}`;
  if (told.has(key)) return;
  told.add(key);
  const hours = Number((delay / HOUR).toPrecision(2));
  console.warn(
    `${call}() was given ${delay}, which is ${hours} hours: numbers are seconds; did you mean ` +
      `{ milliseconds: ${delay} }? If not, { seconds: ${delay} } says so${
        place === "" ? "" : ` at ${place}`
      }`,
  );
}

/** Tells, once per task, that a cancelled task sits in a foreign await, which nothing can interrupt from outside. */
export class StuckReport {
  static readonly #told: WeakSet<object> = new WeakSet();

  /** `request`: of a task; nothing shows that the code has met it, or will. */
  static watch(request: Request): void {
    const scope = request.scope as Scope;
    const loop = scope.loop as LoopCore;
    if (scope.task === null || scope.root !== scope) return;
    const { activity } = scope.tree;
    loop.scheduler.host.alarm(PATIENCE, () => {
      const task = scope.task!;
      if (task.done() || this.#told.has(task) || loop.isClosed()) return;
      if (!request.open && scope.tree.activity !== activity) return;
      if (request.state === "withdrawn") return;
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

provideStuckReport((request) => StuckReport.watch(request));
