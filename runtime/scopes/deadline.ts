import { asCancellation, cancelledError, forgiveCancellation } from "../core/cancelled.ts";
import type { RequestWatcher } from "../core/delivery.ts";
import { describeSeconds } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { CancelledError } from "../errors/exceptions.ts";
import { openChildScope, runInScope } from "../core/frame.ts";
import { InternalTimer } from "../core/timers.ts";
import { type LoopCore, LoopState } from "../core/loop_core.ts";
import { duration, type OptionsOf, optionsOf, orNull } from "../base/options.ts";
import { Request, Scope } from "../core/scope.ts";
import { rejectShowingCaller } from "../base/stack.ts";
import { isThenable } from "../tasks/task.ts";

let capturedResolve: (value: unknown) => void;
let capturedReject: (error: unknown) => void;
function capture(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/**
 * - `running`: the body has not been asked to end.
 * - `asked`: it has been; the body unwinds, or what came of the request is not known yet.
 * - `over`: the body has ended, and the promise is settled.
 * - `left`: the promise is settled, the body goes on in an await that asyncio cannot interrupt.
 */
type Phase =
  | { readonly name: "running" | "over" | "left" }
  | { readonly name: "asked"; readonly request: Request };

const RUNNING: Phase = { name: "running" };
const OVER: Phase = { name: "over" };
const LEFT: Phase = { name: "left" };

/** Seconds for which a body that has its cancellation may stay in awaits that asyncio cannot interrupt. */
const GRACE = 1;
/** A body in asyncio waits is looked at so often within its grace. */
const LOOKS = 4;

/** What `grace` says in options. */
export interface GraceOption {
  /**
   * How long a body that has taken its cancellation, and then stays in awaits that are not asyncio's, is waited for: 1 second
   * by default; null: for ever. Then it is abandoned and reported once.
   */
  grace?: Delay | null;
}

/** The options of what has a grace alone. */
const GRACE_OPTIONS: OptionsOf<GraceOption> = optionsOf("{ grace: 5 }", {
  grace: orNull(duration),
});

/** The grace that options give, in seconds. */
export function graceOf(options: GraceOption | undefined, call: string): number | null {
  if (options === undefined) return GRACE;
  GRACE_OPTIONS.check(options, call);
  const { grace } = options;
  return grace === undefined ? GRACE : grace === null ? null : toSeconds(grace);
}

/**
 * A body in a scope that a timer or an abort signal may ask to end.
 *
 * - It converts the CancelledError only if it asked and no encloser has asked since it was entered.
 * - It waits until the body has unwound, except where the body sits in a foreign await, which nothing can interrupt: where it
 *   took no cancellation within one macrotask, or has no asyncio wait for the time of its grace. Then it is abandoned, so
 *   that the deadline holds.
 */
export abstract class Deadline<R> implements BodyRun<R>, RequestWatcher {
  readonly scope: Scope;
  readonly promise: Promise<R>;
  readonly #origin: { readonly name?: string };
  /** Requests that stood against the enclosing scopes, and had been met, when it was entered. */
  readonly #entry: number;
  readonly #grace: number | null;
  readonly #resolve: (value: R) => void;
  readonly #rejectPromise: (error: unknown) => void;
  #phase: Phase = RUNNING;
  /** The next look at a body that unwinds. */
  #look: InternalTimer | null = null;

  /** `origin`: the user's function, by whose name an abandoned body is reported. `grace`: in seconds. */
  constructor(origin: object, grace: number | null) {
    this.#origin = origin as { readonly name?: string };
    this.#grace = grace;
    this.scope = openChildScope();
    this.#entry = this.scope.metAbove();
    this.promise = new Promise(capture) as Promise<R>;
    this.#resolve = capturedResolve;
    this.#rejectPromise = capturedReject;
    this.scope.promise = this.promise;
  }

  /** The work. */
  abstract body(): R | PromiseLike<R>;

  /** Turns the CancelledError that unwound the body into what its `with` rejects with. */
  protected abstract convert(error: CancelledError): unknown;

  /** The body has ended, or has been abandoned: nothing is to fire any more. */
  protected abstract over(): void;

  start(): void {
    runBody(this.scope, this);
  }

  /** Asks the body to end. */
  fire(message?: string, cause?: unknown): void {
    if (this.#phase !== RUNNING) return;
    const request = new Request({ message, cause }, this.scope);
    this.#phase = { name: "asked", request };
    request.watcher = this;
    const certain = this.scope.cancel(request);
    if (!certain) this.requestMoved();
  }

  /** What was asked has come to another state, or the turn of code that got it is over. */
  requestMoved(): void {
    const phase = this.#phase;
    if (phase.name !== "asked") return;
    const { state } = phase.request;
    if (state === "taken") this.#watchBody();
    // One macrotask, so that a foreign await which is over already can end.
    else if (state === "pending") this.#loop.scheduler.host.hop(() => this.#leaveIfPending());
  }

  #leaveIfPending(): void {
    const phase = this.#phase;
    if (phase.name === "asked" && phase.request.state === "pending" && !holds(this.scope)) {
      this.#leaveBehind(phase.request);
    }
  }

  #watchBody(): void {
    if (this.#look === null && this.#grace !== null) this.#look = this.#nextLook(this.#grace);
  }

  /** When its body has had no asyncio wait for the time of its grace, it is abandoned. */
  #nextLook(grace: number): InternalTimer {
    const waits = holds(this.scope);
    this.scope.stirred();
    return InternalTimer.after(this.#loop, waits ? grace / LOOKS : grace, () => {
      const phase = this.#phase;
      if (phase.name !== "asked") return;
      if (waits || holds(this.scope) || this.scope.stirred()) {
        this.#look = this.#nextLook(grace);
      } else {
        this.#leaveBehind(phase.request);
        this.#reportLeft(grace);
      }
    });
  }

  /** The verdict comes before the scope is cut off, so that of two nested deadlines only one is a timeout. */
  #leaveBehind(request: Request): void {
    const { scope } = this;
    const { error, made } = this.#verdict(cancelledError(this.#loop, request), null);
    scope.moveTo(this.#loop.rootScope);
    if (request.open) request.take();
    scope.condemn(request);
    leftBehind.of(this.#loop).set(this, this.#origin.name || "anonymous");
    this.#end(LEFT);
    this.#reject(error, made);
  }

  onReturn(value: R): void {
    const { scope } = this;
    if (this.#phase === LEFT) {
      this.#endLate();
      return;
    }
    const request = scope.undelivered;
    // One that the body has met before, and that a group's failures were worth more than, is over with the body.
    if (request === null || request.kind === "again") {
      this.#end(OVER);
      scope.close();
      this.#resolve(value);
      return;
    }
    // The request came while the body sat in a foreign await and was never delivered: it counts here.
    request.take();
    const cancelled = cancelledError(this.#loop, request);
    const { error, made } = this.#phase === RUNNING
      ? { error: cancelled, made: false }
      : this.#verdict(cancelled, null);
    this.#end(OVER);
    scope.close(request);
    this.#reject(error, made);
  }

  onThrow(error: unknown): void {
    const { scope } = this;
    if (this.#phase === LEFT) {
      this.#endLate();
      if (asCancellation(error, false) === null) this.#reportLate(error);
      return;
    }
    const ending = scope.ending;
    const cancelled = ending === null ? null : asCancellation(error, this.#loop.getDebug());
    const verdict = cancelled === null || this.#phase === RUNNING
      ? { error, made: false }
      : this.#verdict(cancelled, error);
    this.#end(OVER);
    scope.close(cancelled === null ? null : ending);
    this.#reject(verdict.error, verdict.made);
  }

  /**
   * What leaves in the place of a cancellation. `thrown`: what the body threw; null: the error was made here, and says what
   * the request says that it delivers. `made`: it is not the body's.
   */
  #verdict(error: CancelledError, thrown: unknown): { error: unknown; made: boolean } {
    const { scope } = this;
    const outer = scope.outerRequestSince(this.#entry);
    if (outer === null) return { error: this.convert(error), made: true };
    // An encloser asked too: the error that leaves here delivers that request, unless it was made later than
    // the error, by the cleanup of the body.
    if (outer.open && (thrown !== error || outer.leftAt !== scope.tree.wakeups)) outer.take();
    if (thrown === error) return { error, made: false };
    return { error: cancelledError(this.#loop, outer, error.cause), made: true };
  }

  /** `made`: of the body's CancelledError. */
  #reject(error: unknown, made: boolean): void {
    forgiveCancellation(this.promise, error);
    const settling = { resolve: this.#resolve, reject: this.#rejectPromise };
    rejectShowingCaller(settling, error, made);
  }

  #end(phase: Phase): void {
    this.#phase = phase;
    this.#look?.cancel();
    this.#look = null;
    this.over();
  }

  #endLate(): void {
    leftBehind.peek(this.#loop)?.delete(this);
    this.scope.close(this.scope.doom);
  }

  #reportLeft(grace: number): void {
    const { name } = this.#origin;
    this.#loop.callExceptionHandler({
      message:
        `A deadline has left ${
          name ? `the body "${name}"` : "its body"
        } behind: it took its cancellation, but for ` +
        `${
          describeSeconds(grace)
        } it has sat in an await that asyncio cannot interrupt. Hand such calls currentSignal(), ` +
        "or give cleanup that needs longer more { grace }",
    });
  }

  #reportLate(error: unknown): void {
    this.#loop.callExceptionHandler({
      message:
        "Exception in a body that a deadline had left behind in an await that asyncio cannot interrupt",
      exception: error,
    });
  }

  get #loop(): LoopCore {
    return this.scope.loop as LoopCore;
  }
}

/** Whether anything in the scope or below it can still be interrupted, or is shielded from that. */
function holds(scope: Scope): boolean {
  if (scope.firstWait !== null) return true;
  for (const child of scope.children()) if (child.shield || holds(child)) return true;
  return false;
}

/** What a `with` form runs in a scope of its own. */
export interface BodyRun<R> {
  readonly body: () => R | PromiseLike<R>;
  onReturn(value: R): void;
  onThrow(error: unknown): void;
}

/** Runs the body inside `scope`; its end is reported once, at once where it never waits. */
export function runBody<R>(scope: Scope, run: BodyRun<R>): void {
  runInScope(scope, start as (run: BodyRun<R>) => void, run);
}

function start(run: BodyRun<unknown>): void {
  let result: unknown;
  try {
    result = run.body();
  } catch (error) {
    run.onThrow(error);
    return;
  }
  // Asked for inside the scope, so that the wait for a future which the body returned belongs to it.
  if (isThenable(result)) {
    result.then((value) => run.onReturn(value), (error) => run.onThrow(error));
  } else run.onReturn(result);
}

/** A loop's bodies that deadlines have abandoned and that have not ended yet, with their names: for the report at the end of a run. */
export const leftBehind: LoopState<Map<object, string>> = new LoopState(() => new Map());
