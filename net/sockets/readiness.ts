import { copyContext } from "../../runtime/core/context.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { Handle } from "../../runtime/tasks/handles.ts";
import { WaitList } from "../core/operations.ts";

/**
 * Whether a socket is ready for one direction, for the calls that wait for it and for the callback that
 * watches it. Level-triggered: the callback is called once per iteration as long as the socket is
 * ready (FD-01).
 */
export class Readiness {
  /** Whether it is ready now, or nothing will follow. */
  readonly isReady: () => boolean;
  /** Called when the first call waits, or a callback watches. */
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

  /** Something has changed: wakes the calls that wait, if it is ready now. */
  changed(): void {
    if (!this.isReady()) return;
    this.#waits.wakeAll();
    this.#watch?.schedule();
  }

  /**
   * Waits until it is ready; by then another call may have been quicker. Does not wait when it is
   * ready already.
   */
  async ready(): Promise<void> {
    while (!this.isReady()) {
      this.#wanted();
      // That may have made it ready, and has woken no call since none waited yet.
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

  /** The socket is closed, or used by a transport: the callback is not called any more, and calls that wait go on and find out. */
  end(): void {
    this.#over = true;
    this.unwatch();
    this.#waits.wakeAll();
  }

  /** Takes `end` back. */
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
