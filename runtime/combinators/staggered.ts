import { isFatal } from "../core/cancelled.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { Coroutine } from "../base/functions.ts";
import { type Delay, toSeconds } from "../base/durations.ts";
import { CancelledError } from "../errors/exceptions.ts";
import { InternalTimer } from "../core/timers.ts";
import { core } from "../core/loop_core.ts";
import type { Task } from "../tasks/task.ts";
import { Waiter } from "../core/wait.ts";
import { wait } from "./wait.ts";

/**
 * The race behind happy eyeballs (RFC 8305). Starts attempts one after the other, the next one when the last has failed or `delay` has passed, until one succeeds; then
 * cancels the others and waits for their end (`asyncio.staggered.staggered_race`).
 *
 * @param attempts in the order in which to start them
 * @param delay how long an attempt is alone; null: the next starts only when it has failed
 * @param discard gets the value of an attempt that succeeded too late
 * @returns the winner's value and index, null and null without one; and what became of each started attempt: its error, a
 * CancelledError, or null for the winner
 */
export async function staggeredRace<T>(
  loop: EventLoop,
  attempts: readonly Coroutine<T>[],
  delay: Delay | null,
  discard: (value: T) => void = () => {},
): Promise<[value: T | null, index: number | null, errors: unknown[]]> {
  const seconds = delay === null ? null : toSeconds(delay);
  const race = new Race(loop, attempts, discard);
  let done = false;
  try {
    for (let index = 0; index < attempts.length && race.index === null; index++) {
      race.start(index);
      await race.next(index === attempts.length - 1 ? null : seconds);
    }
    if (attempts.length > 0) await race.finish();
    done = true;
    return [race.value, race.index, race.errors];
  } finally {
    if (!done) race.abandon();
  }
}

class Race<T> {
  value: T | null = null;
  index: number | null = null;
  readonly errors: unknown[] = [];
  readonly #loop: EventLoop;
  readonly #attempts: readonly Coroutine<T>[];
  readonly #discard: (value: T) => void;
  readonly #tasks: Task<void>[] = [];
  #step: Waiter<void> | null = null;
  #running = 0;

  constructor(
    loop: EventLoop,
    attempts: readonly Coroutine<T>[],
    discard: (value: T) => void,
  ) {
    this.#loop = loop;
    this.#attempts = attempts;
    this.#discard = discard;
  }

  start(index: number): void {
    this.errors.push(null);
    this.#running++;
    this.#tasks.push(this.#loop.createTask(() => this.#run(index)));
  }

  /** Waits until the attempt started last has failed, one has won, or `seconds` have passed. */
  async next(seconds: number | null): Promise<void> {
    const step = this.#step = new Waiter<void>("an attempt of a race");
    const timer = seconds === null
      ? null
      : InternalTimer.after(this.#loop[core], seconds, () => step.wakeWith(undefined));
    try {
      await step.promise;
    } finally {
      timer?.cancel();
      this.#step = null;
    }
  }

  /** Waits until all attempts have ended, those that lost by a cancellation. */
  async finish(): Promise<void> {
    while (this.index === null && this.#running > 0) await this.next(null);
    await wait(this.#tasks);
    this.#tasks.forEach((task, index) => {
      // One that was cancelled before its first step never came to say so.
      if (task.cancelled()) this.errors[index] ??= new CancelledError();
      else task.result();
    });
  }

  /** The race itself was cancelled, or a fatal error ended it: no code takes what was won. */
  abandon(): void {
    this.#cancelOthers(null);
    if (this.index !== null) this.#discard(this.value as T);
  }

  #cancelOthers(winner: number | null): void {
    this.#tasks.forEach((task, index) => {
      if (index !== winner) task.cancel();
    });
  }

  async #run(index: number): Promise<void> {
    try {
      const value = await this.#attempts[index]!();
      if (this.index === null) this.#won(index, value);
      else this.#discard(value);
    } catch (error) {
      if (isFatal(error)) throw error;
      this.errors[index] = error;
    } finally {
      this.#running--;
      const isLast = index === this.#tasks.length - 1;
      if (isLast || this.index !== null || this.#running === 0) this.#step?.wakeWith(undefined);
    }
  }

  #won(index: number, value: T): void {
    this.value = value;
    this.index = index;
    // At once: another attempt may have succeeded in the same iteration, and its wait can still be cancelled.
    this.#cancelOthers(index);
  }
}
