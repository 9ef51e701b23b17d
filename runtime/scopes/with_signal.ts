import { noteReason } from "../core/cancelled.ts";
import type { Coroutine } from "../base/functions.ts";
import { Deadline, graceOf, type GraceOption } from "./deadline.ts";
import { describeType } from "../base/format.ts";
import { requireCoroutine } from "../tasks/task.ts";

/**
 * Runs the body in a scope that is cancelled when the signal aborts, waits until it has unwound, and then rejects with the
 * signal's reason. With a signal that is aborted already the body never starts. A body in a foreign await is abandoned; one
 * that has taken its cancellation only after its `grace` (1 second; null: for ever).
 *
 * @throws the signal's reason when it aborts
 *
 * @example
 * ```ts
 * import { run, sleep, withSignal } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const stop = new AbortController();
 *   setTimeout(() => stop.abort(new Error("enough")), 5);
 *   await assert.rejects(withSignal(stop.signal, () => sleep(3600)), /enough/);
 * });
 * ```
 */
export function withSignal<T>(
  signal: AbortSignal,
  body: Coroutine<T>,
  options?: GraceOption,
): Promise<T> {
  let grace: number | null;
  try {
    if (!(signal instanceof AbortSignal)) throw notASignal(signal);
    requireCoroutine(body, "withSignal");
    grace = graceOf(options, "withSignal()");
  } catch (error) {
    return Promise.reject(error);
  }
  if (signal.aborted) return Promise.reject(signal.reason);
  const deadline = new SignalBody(signal, body, grace);
  signal.addEventListener("abort", deadline, { once: true });
  deadline.start();
  return deadline.promise;
}

class SignalBody<T> extends Deadline<T> implements EventListenerObject {
  readonly #signal: AbortSignal;
  readonly body: Coroutine<T>;

  constructor(signal: AbortSignal, body: Coroutine<T>, grace: number | null) {
    super(body, grace);
    this.#signal = signal;
    this.body = body;
  }

  handleEvent(): void {
    this.fire(undefined, noteReason(this.#signal.reason));
  }

  protected convert(): unknown {
    return this.#signal.reason;
  }

  protected over(): void {
    this.#signal.removeEventListener("abort", this);
  }
}

function notASignal(value: unknown): TypeError {
  const call = value instanceof AbortController
    ? "pass its signal, withSignal(controller.signal, work)"
    : "write withSignal(signal, work)";
  return new TypeError(
    `Cannot call withSignal(): an AbortSignal comes first, received ${
      describeType(value)
    }; ${call}`,
  );
}
