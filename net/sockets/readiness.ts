import { copyContext } from "../../runtime/core/context.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { Handle } from "../../runtime/tasks/handles.ts";
import { WaitList } from "../core/operations.ts";

/**
 * Whether a socket is ready for one direction, for those who wait for it and for the callback that
 * watches it. Level-triggered: the callback is called once per iteration as long as the socket is
 * ready (FD-01).
 */
export class Readiness {
  /** Whether it is ready now, or nothing will follow. */
  readonly isReady: () => boolean;
  /** Somebody is interested from now on. */
  readonly #wanted: () => void;
  readonly #what: string;
  readonly #waits: WaitList = new WaitList();
  #watch: Watch | null = null;
  #over = false;

  constructor(what: string, isReady: () => boolean, wanted: () => void = () => {}) {
    this.#what = what;
    this.isReady = () => this.#over || isReady();
    this.#wanted = wanted;
  }

  /** Something has changed: tells those who wait, if it is ready now. */
  changed(): void {
    if (!this.isReady()) return;
    this.#waits.wakeAll();
    this.#watch?.schedule();
  }

  /**
   * Waits until it is ready; by then somebody else may have been quicker. Does not wait when it is
   * ready already.
   */
  async ready(): Promise<void> {
    while (!this.isReady()) {
      this.#wanted();
      // Wanting may have made it ready, and told nobody since nobody waited yet.
      if (this.isReady()) return;
      await this.#waits.wait(this.#what);
    }
  }

  /**
   * Calls the callback while it is ready, in a copy of the caller's context; replaces the one
   * before.
   */
  watch(loop: EventLoop, callback: () => unknown): void {
    this.unwatch();
    this.#watch = new Watch(loop, copyContext().bind(callback), this.isReady);
    this.#wanted();
    if (this.isReady()) this.#watch.schedule();
  }

  /** The socket is closed, or another's: nobody is called any more, and those who wait go on and find out. */
  end(): void {
    this.#over = true;
    this.unwatch();
    this.#waits.wakeAll();
  }

  /** It did not come to that after all. */
  goOn(): void {
    this.#over = false;
  }

  /** False when nothing was watching. */
  unwatch(): boolean {
    if (this.#watch === null) return false;
    this.#watch.cancel();
    this.#watch = null;
    return true;
  }
}

class Watch {
  readonly #loop: EventLoop;
  readonly #callback: () => unknown;
  readonly #isReady: () => boolean;
  #handle: Handle | null = null;
  #cancelled = false;

  constructor(loop: EventLoop, callback: () => unknown, isReady: () => boolean) {
    this.#loop = loop;
    this.#callback = callback;
    this.#isReady = isReady;
  }

  schedule(): void {
    if (this.#handle !== null || this.#cancelled || this.#loop.isClosed()) return;
    this.#handle = this.#loop.callSoon(this.#run);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#handle?.cancel();
  }

  #run = (): unknown => {
    this.#handle = null;
    if (!this.#isReady()) return undefined;
    try {
      return this.#callback();
    } finally {
      if (this.#isReady()) this.schedule();
    }
  };
}
