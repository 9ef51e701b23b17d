import type { LoopCore } from "./loop_core.ts";
import type { ReadyEntry, Turn } from "./scheduler.ts";
import type { TimerEntry } from "../base/containers.ts";

/** A timer of the library's own: no context, no carried stores. */
export class InternalTimer implements TimerEntry, ReadyEntry {
  readonly whenDue: number;
  order = 0;
  #live = true;
  #inHeap = true;
  readonly #loop: LoopCore;
  readonly #callback: () => void;

  private constructor(loop: LoopCore, when: number, callback: () => void) {
    this.whenDue = when;
    this.#loop = loop;
    this.#callback = callback;
  }

  /**
   * `when` in seconds on the loop's clock. What is due already stands in line with the callbacks of this moment, as with
   * CPython's timeouts.
   */
  static at(loop: LoopCore, when: number, callback: () => void): InternalTimer {
    const timer = new InternalTimer(loop, when, callback);
    const now = loop.time();
    if (when <= now) timer.due();
    else loop.scheduler.addTimer(timer, now);
    return timer;
  }

  /** `delay` in seconds from now. What is due already comes behind the callbacks of this moment, as with `callLater`. */
  static after(loop: LoopCore, delay: number, callback: () => void): InternalTimer {
    const now = loop.time();
    const timer = new InternalTimer(loop, now + delay, callback);
    loop.scheduler.addTimer(timer, now);
    return timer;
  }

  get live(): boolean {
    return this.#live;
  }

  due(): void {
    this.#inHeap = false;
    this.#loop.scheduler.enqueue(this);
  }

  cancel(): void {
    if (!this.#live) return;
    this.#live = false;
    if (this.#inHeap) this.#loop.scheduler.noteDeadTimer();
  }

  run(): Turn | null {
    if (this.#live) {
      this.#live = false;
      this.#callback();
    }
    return null;
  }
}
