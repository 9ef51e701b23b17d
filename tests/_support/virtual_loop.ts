/** A loop whose clock jumps: seconds of loop time pass while nothing is ready, and no test waits for them. */
import type { EventLoop } from "../../mod.ts";
import { BaseEventLoop } from "../../runtime/base_event_loop.ts";
import { type Host, RuntimeHost } from "../../runtime/host.ts";

/** Macrotasks that foreign promises get before the clock jumps. */
const PATIENCE = 3;

/** The runtime's own host with a clock that stands still while something is ready, and jumps to the next timer after. */
class VirtualHost implements Host {
  readonly #real = new RuntimeHost();
  #now = 0;
  #parked = 0;

  now(): number {
    return this.#now;
  }

  tick(): number {
    return Math.floor(this.#now * 1000);
  }

  hop(callback: () => void): void {
    this.#real.hop(callback);
  }

  microtask(callback: () => void): void {
    this.#real.microtask(callback);
  }

  afterMicrotasks(callback: () => void): void {
    this.#real.afterMicrotasks(callback);
  }

  park(deadline: number | null, wake: () => void): void {
    const parked = ++this.#parked;
    if (deadline === null) return;
    let left = PATIENCE;
    const jump = (): void => {
      if (parked !== this.#parked) return;
      if (--left > 0) {
        this.hop(jump);
        return;
      }
      this.#now = Math.max(this.#now, deadline);
      wake();
    };
    this.hop(jump);
  }

  unpark(): void {
    this.#parked++;
  }

  alarm(seconds: number, callback: () => void): void {
    this.#real.alarm(seconds, callback);
  }

  keepAlive(): () => void {
    return this.#real.keepAlive();
  }

  /** As if the code that runs now took this long. */
  advance(seconds: number): void {
    this.#now += seconds;
  }
}

function coreOf(loop: EventLoop): BaseEventLoop {
  return loop as unknown as BaseEventLoop;
}

/** A fresh one, for `run(main, { loopFactory: virtualLoop })`. Its clock starts at 0. */
export function virtualLoop(): EventLoop {
  return new BaseEventLoop({ host: new VirtualHost() }) as unknown as EventLoop;
}

/** Moves the clock of a virtual loop: the code that runs now takes so many seconds. */
export function advance(loop: EventLoop, seconds: number): void {
  (coreOf(loop).scheduler.host as VirtualHost).advance(seconds);
}

/** Whether a timer is armed that can still fire. */
export function hasTimers(loop: EventLoop): boolean {
  return coreOf(loop).scheduler.nextTimer() !== null;
}
