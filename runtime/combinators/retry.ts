import { callOf } from "../base/functions.ts";
import { isCancelled, isFatal } from "../core/cancelled.ts";
import { describeType } from "../base/format.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import {
  duration,
  flag,
  func,
  type Kind,
  limit,
  number,
  type OptionsOf,
  optionsOf,
  orNull,
} from "../base/options.ts";
import { currentScope } from "../core/frame.ts";
import type { LoopCore } from "../core/loop_core.ts";
import { inOwnScope } from "../scopes/known.ts";
import { sleep } from "./sleep.ts";

/** How {@linkcode retry} tries again. */
export interface RetryOptions {
  /** How many attempts there are at most, the first one included. @default {10, or Infinity with `within`} */
  attempts?: number;
  /** What is waited before the second attempt, without jitter. @default {0.1} */
  delay?: Delay;
  /** How many times longer each further wait is. @default {2} */
  factor?: number;
  /** The longest wait. @default {30} */
  maxDelay?: Delay;
  /** Waits a random part of the delay, so that clients which failed together do not come back together. @default {true} */
  jitter?: boolean;
  /** No attempt begins later than this after the first one. @default {null} */
  within?: Delay | null;
  /** Whether an error is worth another attempt. @default {() => true} */
  retryIf?: (error: unknown) => boolean;
  /** Called before each wait: the error, the number of the attempt that failed, and the seconds until the next; awaited. */
  onRetry?: (error: unknown, attempt: number, delay: number) => unknown;
}

const notNegative: Kind<number> = {
  wanted: "a number",
  accepts: number.accepts,
  verify: (value, name, what) => {
    if (value as number >= 0) return;
    throw new RangeError(`${callOf(what)}: ${name} must be 0 or above, received ${value}`);
  },
};

const OPTIONS: OptionsOf<RetryOptions> = optionsOf("{ attempts: 3 }", {
  attempts: limit,
  delay: duration,
  factor: notNegative,
  maxDelay: duration,
  jitter: flag,
  within: orNull(duration),
  retryIf: func(),
  onRetry: func(),
}, {
  retries: "write attempts, which counts the first one too",
  times: "write attempts",
  minTimeout: "write delay, in seconds",
  maxTimeout: "write maxDelay, in seconds",
  maxRetryTime: "write within, in seconds",
  onFailedAttempt: "write onRetry: (error, attempt, delay) => ...",
  shouldRetry: "write retryIf: (error) => ...",
  signal: "wrap the call: withSignal(signal, () => retry(work))",
});

const ATTEMPTS = 10;
const DELAY = 0.1;
const LONGEST = 30;

/**
 * Calls `fn` until it succeeds, waiting between the attempts `delay * factor ** n`, at most `maxDelay`, of that a random part
 * unless `jitter` is false.
 *
 * - Never tries again after a CancelledError or a FatalError, nor where `retryIf` says no.
 * - Throws the last error itself; its property `attempts` says how many attempts there were.
 * - A deadline for each attempt goes inside, `retry(() => timeout(2).with(work))`, one for all of them around, or as `within`,
 *   which does not end an attempt but begins none that would come too late.
 *
 * tenacity: `@retry`
 *
 * @param fn is given the number of the attempt, from 1 on
 * @returns what `fn` returns in the end
 * @throws {TypeError} if `fn` is not a function, or an option does not exist or is of another type
 * @throws {RangeError} if an option makes no sense: `attempts` below 1
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { retry, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const value = await retry((attempt) => {
 *     if (attempt < 3) throw new Error("not yet");
 *     return `attempt ${attempt}`;
 *   }, { attempts: 5, delay: { milliseconds: 1 } });
 *   assert.equal(value, "attempt 3");
 * });
 * ```
 */
export function retry<T>(
  fn: (attempt: number) => T | PromiseLike<T>,
  options: RetryOptions = {},
): Promise<T> {
  try {
    if (typeof fn !== "function") {
      throw new TypeError(
        `Cannot retry ${describeType(fn)}: the work is a function, as in retry(() => fetch(url))`,
      );
    }
    OPTIONS.check(options, "retry()");
    return inOwnScope(() => tryAgain(fn, options));
  } catch (error) {
    return Promise.reject(error);
  }
}

async function tryAgain<T>(
  fn: (attempt: number) => T | PromiseLike<T>,
  options: RetryOptions,
): Promise<T> {
  const within = options.within === undefined || options.within === null
    ? Infinity
    : toSeconds(options.within);
  const { attempts = within === Infinity ? ATTEMPTS : Infinity, retryIf, onRetry } = options;
  const loop = currentScope().loop as LoopCore;
  const end = loop.time() + within;
  for (let attempt = 1;; attempt++) {
    try {
      return await fn(attempt);
    } catch (error) {
      if (isCancelled(error) || isFatal(error)) throw error;
      const seconds = attempt < attempts ? delayAfter(attempt, options) : Infinity;
      if (seconds === Infinity || loop.time() + seconds > end || retryIf?.(error) === false) {
        throw counted(error, attempt);
      }
      await onRetry?.(error, attempt, seconds);
      await sleep(seconds);
    }
  }
}

/** Seconds. */
function delayAfter(attempt: number, options: RetryOptions): number {
  const { delay = DELAY, factor = 2, maxDelay = LONGEST, jitter = true } = options;
  const longest = Math.max(0, toSeconds(maxDelay));
  const first = Math.max(0, toSeconds(delay));
  // 0 times Infinity is NaN.
  const seconds = first === 0 ? 0 : Math.min(longest, first * factor ** (attempt - 1));
  return jitter ? seconds * Math.random() : seconds;
}

/** Says in the error how many attempts there were, where it can be said: not in a string, nor in what is frozen. */
function counted(error: unknown, attempts: number): unknown {
  if (typeof error === "object" && error !== null) {
    Reflect.defineProperty(error, "attempts", {
      value: attempts,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
  return error;
}
