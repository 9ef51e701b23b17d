import { Deadline, graceOf, type GraceOption } from "./deadline.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { notABody } from "../base/functions.ts";
import { describeSeconds, describeType, showAs, staysInThread } from "../base/format.ts";
import { type CancelledError, RuntimeError, TimeoutError } from "../errors/exceptions.ts";
import { currentScope } from "../core/frame.ts";
import { InternalTimer } from "../core/timers.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { HOUR, warnOfHours } from "../core/debug_warnings.ts";

/** `created → active → expiring → expired`, or `active → finished`. */
type State = "created" | "active" | "expiring" | "expired" | "finished";

/** A Timeout so many seconds from now, whose error can tell how many they were. */
let within: (seconds: number, grace: number | null) => Timeout;
let graceIn: (timeout: Timeout) => number | null;
let setGrace: (timeout: Timeout, grace: number | null) => Timeout;
let toTimeoutError: (timeout: Timeout, cause: Error) => TimeoutError;
let leave: (timeout: Timeout) => void;

class TimeoutBody<R> extends Deadline<R> {
  readonly #timeout: Timeout;
  readonly #work: (timeout: Timeout) => R | PromiseLike<R>;

  constructor(timeout: Timeout, work: (timeout: Timeout) => R | PromiseLike<R>) {
    super(work, graceIn(timeout));
    this.#timeout = timeout;
    this.#work = work;
  }

  body(): R | PromiseLike<R> {
    const work = this.#work;
    return work(this.#timeout);
  }

  protected convert(error: CancelledError): TimeoutError {
    return toTimeoutError(this.#timeout, error);
  }

  protected over(): void {
    leave(this.#timeout);
  }
}

/**
 * A deadline for a body, as {@linkcode timeout} and {@linkcode timeoutAt} make it. Enter it once.
 *
 * asyncio: `asyncio.Timeout`
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, sleep, timeout } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const deadline = timeout({ milliseconds: 5 });
 *   await deadline.with(async () => {
 *     deadline.reschedule(getRunningLoop().time() + 60); // it needs longer, as turns out
 *     await sleep({ milliseconds: 10 });
 *   });
 *   assert.equal(deadline.expired(), false);
 * });
 * ```
 */
export class Timeout {
  static {
    within = (seconds, grace) => {
      const timeout = new Timeout((currentScope().loop as LoopCore).time() + seconds);
      timeout.#seconds = seconds;
      return setGrace(timeout, grace);
    };
    setGrace = (timeout, grace) => {
      timeout.#grace = grace;
      return timeout;
    };
    graceIn = (timeout) => timeout.#grace;
    toTimeoutError = (timeout, cause) => timeout.#toTimeoutError(cause);
    leave = (timeout) => timeout.#leave();
    showAs(this.prototype);
  }

  #state: State = "created";
  #when: number | null;
  /** How long it was made for; null: it was made for a point in time, or was moved. */
  #seconds: number | null = null;
  #loop: LoopCore | null = null;
  #deadline: Deadline<unknown> | null = null;
  #timer: InternalTimer | null = null;
  #grace: number | null = 1;

  /** `when`: seconds on the loop's clock; null: never. */
  constructor(when: number | null) {
    this.#when = checkWhen(when);
  }

  /**
   * Runs the body; at the deadline interrupts it, waits until it has unwound, and rejects. A body in a foreign await, which
   * nothing can interrupt, is abandoned so that the deadline holds: at once where it has taken no cancellation, after its
   * `grace` where it has.
   *
   * @throws {TimeoutError} if the deadline passed; `cause` is the CancelledError that unwound the body
   * @throws {RuntimeError} if it has been entered before
   */
  with<R>(body: (timeout: this) => R | PromiseLike<R>): Promise<R> {
    if (this.#state !== "created") {
      return Promise.reject(
        new RuntimeError("Timeout has already been entered: make one for each with()"),
      );
    }
    if (typeof body !== "function") {
      return Promise.reject(notABody(body));
    }
    const deadline = new TimeoutBody<R>(this, body as (timeout: Timeout) => R | PromiseLike<R>);
    this.#deadline = deadline as Deadline<unknown>;
    this.#loop = deadline.scope.loop as LoopCore;
    this.#state = "active";
    this.#arm();
    deadline.start();
    return deadline.promise;
  }

  /** The deadline in seconds on the loop's clock; null: none. */
  when(): number | null {
    return this.#when;
  }

  /**
   * Moves the deadline of a body that runs.
   *
   * @throws {RuntimeError} if it has not been entered, has fired or has finished
   */
  reschedule(when: number | null): void {
    if (this.#state !== "active") {
      throw new RuntimeError(
        this.#state === "created"
          ? "Timeout has not been entered: reschedule() is for while its body runs"
          : `Cannot change state of ${this.#state} Timeout: its body has been ended`,
      );
    }
    this.#when = checkWhen(when);
    this.#seconds = null;
    this.#timer?.cancel();
    this.#arm();
  }

  /** Whether the deadline has interrupted the body. */
  expired(): boolean {
    return this.#state === "expiring" || this.#state === "expired";
  }

  /** `<Timeout [active] when=12.3>` */
  toString(): string {
    const when = this.#state === "active" ? ` when=${this.#when}` : "";
    return `<Timeout [${this.#state}]${when}>`;
  }

  #arm(): void {
    const when = this.#when;
    if (when === null || when === Infinity) {
      this.#timer = null;
      return;
    }
    this.#timer = InternalTimer.at(this.#loop!, when, () => {
      this.#state = "expiring";
      this.#deadline!.fire();
    });
  }

  #toTimeoutError(cause: Error): TimeoutError {
    const limit = this.#seconds === null
      ? `at loop time ${Number(this.#when!.toFixed(3))}`
      : `after ${describeSeconds(Math.max(0, this.#seconds))}`;
    return new TimeoutError(`timed out ${limit}`, { cause });
  }

  #leave(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#deadline = null;
    this.#state = this.#state === "expiring" ? "expired" : "finished";
  }
}

/**
 * Interrupts a body after `delay` (counted from this call); null: never. `grace`: how long a body that has taken its
 * cancellation, and then stays in awaits that are not asyncio's, is waited for (1 second; null: for ever).
 *
 * asyncio: `asyncio.timeout()`
 *
 * @throws {RangeError} if the delay is NaN
 * @throws {TypeError} if it is not a delay
 *
 * @example
 * ```ts
 * import { run, sleep, timeout, TimeoutError } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   await assert.rejects(
 *     timeout({ milliseconds: 5 }).with(async () => {
 *       await sleep(3600);
 *     }),
 *     TimeoutError,
 *   );
 * });
 * ```
 */
export function timeout(delay: Delay | null, options?: GraceOption): Timeout {
  const grace = graceOf(options, "timeout()");
  if (delay === null) return setGrace(new Timeout(null), grace);
  if (delay === undefined) {
    throw new TypeError(
      "timeout() needs its limit: seconds as in timeout(5), { milliseconds: 250 }, or null for none",
    );
  }
  const seconds = toSeconds(delay);
  if (seconds > HOUR) warnOfHours("timeout", delay, currentScope().loop);
  return within(seconds, grace);
}

/**
 * Interrupts a body at `when`, in seconds on the clock of `loop.time()`; null: never. `grace` as with {@linkcode timeout}.
 *
 * asyncio: `asyncio.timeout_at()`
 *
 * @throws {RangeError} if it is NaN
 * @throws {TypeError} if it is neither a number nor null
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, sleep, timeoutAt, TimeoutError } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const when = getRunningLoop().time() + 0.005;
 *   await assert.rejects(timeoutAt(when).with(() => sleep(3600)), TimeoutError);
 * });
 * ```
 */
export function timeoutAt(when: number | null, options?: GraceOption): Timeout {
  return setGrace(new Timeout(when), graceOf(options, "timeoutAt()"));
}

function checkWhen(when: number | null): number | null {
  if (when === null) return null;
  if (typeof when !== "number") {
    throw new TypeError(
      `Cannot use the deadline: when must be a number of seconds or null, received ${
        describeType(when)
      }`,
    );
  }
  if (Number.isNaN(when)) {
    throw new RangeError(
      "Cannot use the deadline: when must be a number of seconds or null, received NaN",
    );
  }
  return when;
}

staysInThread(
  "pass a function that uses it: toThread(work, (seconds) => timeout.reschedule(seconds))",
  Timeout,
);
