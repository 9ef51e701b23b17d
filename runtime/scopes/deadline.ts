import { asCancellation, forgiveCancellation, makeCancelledError } from "../core/cancelled.ts";
import { CancelledError } from "../errors/exceptions.ts";
import { openChildScope, runInScope } from "../core/frame.ts";
import { type LoopCore, LoopState } from "../core/loop_core.ts";
import { Reaction } from "../core/delivery.ts";
import { Scope } from "../core/scope.ts";
import { rejectShowingCaller } from "../base/stack.ts";
import { isThenable } from "../tasks/task.ts";

let capturedResolve: (value: unknown) => void;
let capturedReject: (error: unknown) => void;
function capture(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  capturedResolve = resolve;
  capturedReject = reject;
}

/**
 * A body in a scope that somebody (a timer, an abort signal) may ask to end.
 *
 * - It converts the CancelledError only if it asked and nobody who encloses it has asked since it was entered.
 * - It waits until the body has unwound, except where the body took no cancellation within one macrotask: then it sits in a
 *   foreign await, which nothing can interrupt, and is left behind so that the deadline holds.
 */
export abstract class Deadline<R> implements BodyRun<R> {
  readonly scope: Scope;
  readonly promise: Promise<R>;
  readonly #origin: { readonly name?: string };
  /** Requests that stood against the enclosing scopes when it was entered. */
  readonly #base: number;
  readonly #resolve: (value: R) => void;
  readonly #rejectPromise: (error: unknown) => void;
  #fired = false;
  #settled = false;
  #left = false;

  /** `origin`: the user's function, by whose name a body that is left behind is reported. */
  constructor(origin: object) {
    this.#origin = origin as { readonly name?: string };
    this.scope = openChildScope();
    this.#base = this.scope.requestsAbove();
    this.promise = new Promise(capture) as Promise<R>;
    this.#resolve = capturedResolve;
    this.#rejectPromise = capturedReject;
    this.scope.promise = this.promise;
  }

  /** The work. */
  abstract body(): R | PromiseLike<R>;

  /** Turns the CancelledError that unwound the body into what its `with` rejects with. */
  protected abstract convert(error: CancelledError): unknown;

  /** The body has ended, or has been left behind: nobody is to fire any more. */
  protected abstract over(): void;

  get fired(): boolean {
    return this.#fired;
  }

  start(): void {
    runBody(this.scope, this);
  }

  /** Asks the body to end. */
  fire(message?: string, cause?: unknown): void {
    if (this.#fired || this.#settled) return;
    this.#fired = true;
    const hit = this.scope.cancel(cause === undefined ? { message } : { message, cause });
    if (!hit) this.#checkLater();
  }

  /** One macrotask, so that a foreign await which is over already can end. */
  #checkLater(): void {
    this.#loop.scheduler.host.hop(() => {
      if (this.#settled) return;
      // Taken meanwhile: the body is unwinding, which may last as long as it needs.
      if (this.scope.pending !== null) this.#leaveBehind();
      else this.#checkWhenLeft();
    });
  }

  /** What was hit may turn out to be nothing that the body waits for. */
  #checkWhenLeft(): void {
    const reaction = Reaction.of(this.scope);
    if (reaction !== null) reaction.onLeft = () => this.#checkLater();
  }

  /** The counts are compared before the scope is cut off, so that of two nested deadlines only one is a timeout. */
  #leaveBehind(): void {
    const { scope } = this;
    const request = scope.pending!;
    const cancelled = makeCancelledError(request.message, this.#loop.getDebug());
    const error = this.#verdict(cancelled, request.cause);
    this.#left = true;
    scope.moveTo(this.#loop.rootScope);
    leftBehind.of(this.#loop).set(this, this.#origin.name || "anonymous");
    this.#end();
    this.#reject(error, error !== cancelled);
  }

  onReturn(value: R): void {
    if (this.#settled) {
      leftBehind.peek(this.#loop)?.delete(this);
      this.scope.close();
      return;
    }
    const undelivered = this.scope.requests > 0 ? this.scope.undelivered : null;
    // One that the body has met before, and that a group's failures were worth more than, is over with the body.
    if (undelivered === null || undelivered.again === true) {
      this.#end();
      this.scope.close();
      this.#resolve(value);
      return;
    }
    // The request came while the body sat in a foreign await and was never delivered: it counts here.
    const cancelled = makeCancelledError(undelivered.message, this.#loop.getDebug());
    const error = this.#fired ? this.#verdict(cancelled, undelivered.cause) : cancelled;
    this.#end();
    this.scope.close();
    this.#reject(error, error !== cancelled);
  }

  onThrow(error: unknown): void {
    if (this.#settled) {
      leftBehind.peek(this.#loop)?.delete(this);
      this.scope.close();
      if (this.#left && asCancellation(error, false) === null) this.#reportLate(error);
      return;
    }
    const cancelled = this.#fired ? asCancellation(error, this.#loop.getDebug()) : null;
    const verdict = cancelled === null
      ? error
      : this.#verdict(cancelled, undefined, cancelled === error);
    this.#end();
    this.scope.close();
    this.#reject(verdict, cancelled !== null && verdict !== cancelled);
  }

  /** `delivered`: a wait threw it in the body. */
  #verdict(error: CancelledError, cause: unknown, delivered = false): unknown {
    if (cause !== undefined) error.cause ??= cause;
    const { scope } = this;
    if (scope.requestsAbove() <= this.#base) return this.convert(error);
    // Somebody who encloses this asked too: the error that leaves here delivers that request, unless it was made later than
    // the error, by the cleanup of the body.
    const asked = scope.nearestAskedAbove();
    if (!delivered || asked?.pending?.leftAt !== scope.root.step) asked?.clearPending();
    return error;
  }

  /** `made`: of the body's CancelledError. */
  #reject(error: unknown, made: boolean): void {
    forgiveCancellation(this.promise, error);
    const settling = { resolve: this.#resolve, reject: this.#rejectPromise };
    rejectShowingCaller(settling, error, made);
  }

  #end(): void {
    this.#settled = true;
    this.over();
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

/** What a `with` form runs in a scope of its own. */
export interface BodyRun<R> {
  readonly body: () => R | PromiseLike<R>;
  onReturn(value: R): void;
  onThrow(error: unknown): void;
}

/** Runs the body inside `scope`; how it ends is told once, at once where it never waits. */
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

/** A loop's bodies that deadlines have left behind and that have not ended yet, with their names: for the report at the end of a run. */
export const leftBehind: LoopState<Map<object, string>> = new LoopState(() => new Map());
