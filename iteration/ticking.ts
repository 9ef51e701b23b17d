import { currentScope } from "../runtime/core/frame.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import { InternalTimer } from "../runtime/core/timers.ts";
import { Wait } from "../runtime/core/wait.ts";

/** Part of an interval by which a tick may be late and still be this one: what sums of fractions differ by. */
const ROUNDING = 1e-9;

type Tick = IteratorResult<number, undefined>;

/** The wait for a tick; it leaves no timer when it is cancelled. */
class TickWait extends Wait<Tick> {
  readonly #due: number;
  readonly #timer: InternalTimer | null = null;
  readonly #over: (wait: TickWait, cancelled: boolean) => Tick;

  constructor(due: number, over: (wait: TickWait, cancelled: boolean) => Tick) {
    super();
    this.#due = due;
    this.#over = over;
    if (!this.pending) return;
    this.#timer = InternalTimer.at(this.scope.loop as LoopCore, due, () => this.wake());
  }

  override describe(): string {
    return `the tick at loop time ${this.#due.toFixed(3)}`;
  }

  protected onWake(): Tick {
    this.#timer?.cancel();
    return this.#over(this, false);
  }

  protected override onCancel(): void {
    this.#timer?.cancel();
    this.#over(this, true);
  }
}

/** `ticks()`: a cancelled `next()` takes no tick, so the loop may be taken up again. */
export class Ticking implements AsyncIterator<number, undefined> {
  readonly #first: number;
  readonly #interval: number;
  readonly #waits: Set<TickWait> = new Set();
  /** Null before the first call, which skips nothing. */
  #next: number | null = null;
  #left = false;

  /** @param first the loop time of tick 0 */
  constructor(first: number, interval: number) {
    this.#first = first;
    this.#interval = interval;
  }

  next(): Promise<Tick> {
    if (this.#left) return Promise.resolve({ value: undefined, done: true });
    const number = this.#next === null ? 0 : Math.max(this.#next, this.#due);
    this.#next = number + 1;
    const wait = new TickWait(this.#first + number * this.#interval, (ended, cancelled) => {
      this.#waits.delete(ended);
      if (cancelled) this.#next = Math.min(this.#next ?? number, number);
      return this.#left ? { value: undefined, done: true } : { value: number, done: false };
    });
    if (wait.pending) this.#waits.add(wait);
    return wait.promise;
  }

  /** The first tick that is not over. */
  get #due(): number {
    const passed = ((currentScope().loop as LoopCore).time() - this.#first) / this.#interval;
    return Math.ceil(passed - ROUNDING);
  }

  return(): Promise<Tick> {
    this.#left = true;
    for (const wait of this.#waits) wait.wake();
    return Promise.resolve({ value: undefined, done: true });
  }
}
