/**
 * A loop whose clock jumps as soon as nothing of asyncio's is ready, over foreign awaits too, for which the testing loop
 * waits: deadlines over them are what some tests are about.
 */
import type { EventLoop } from "../../mod.ts";
import { BaseEventLoop } from "../../runtime/loop/base_event_loop.ts";
import { RuntimeHost } from "../../runtime/core/host.ts";

/** Macrotasks that foreign promises get before the clock jumps. */
const PATIENCE = 3;

class ImpatientHost extends RuntimeHost {
  #now = 0;
  #parked = 0;

  override now(): number {
    return this.#now;
  }

  override park(deadline: number | null, wake: () => void): void {
    const parked = ++this.#parked;
    if (deadline !== null) this.#jumpLater(PATIENCE, parked, deadline, wake);
  }

  override unpark(): void {
    this.#parked++;
  }

  #jumpLater(hops: number, parked: number, deadline: number, wake: () => void): void {
    this.hop(() => {
      if (parked !== this.#parked) return;
      if (hops > 1) this.#jumpLater(hops - 1, parked, deadline, wake);
      else {
        this.#now = Math.max(this.#now, deadline);
        wake();
      }
    });
  }
}

/** A fresh one, for `run(main, { loopFactory: impatientLoop })`. Its clock starts at 0. */
export function impatientLoop(): EventLoop {
  return new BaseEventLoop({ host: new ImpatientHost() }).publicLoop;
}
