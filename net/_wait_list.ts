import { Waiter } from "../runtime/_wait.ts";

/** Waits that end together. */
export class WaitList {
  readonly #waits: Set<Waiter<void>> = new Set();

  /** Waits for the next `wakeAll` or `failAll`. `what` is for reports of deadlocks. */
  wait(what: string): Promise<void> {
    return new ListedWait(what, this.#waits).promise;
  }

  wakeAll(): void {
    for (const wait of this.#waits) wait.wakeWith(undefined);
  }

  failAll(error: unknown): void {
    for (const wait of this.#waits) wait.failWith(error);
  }
}

class ListedWait extends Waiter<void> {
  readonly #list: Set<Waiter<void>>;

  constructor(what: string, list: Set<Waiter<void>>) {
    super(what);
    this.#list = list;
    // On a closed loop a wait is over from the start.
    if (this.pending || this.cancelled) list.add(this);
  }

  protected override onWake(): void {
    this.#list.delete(this);
    super.onWake();
  }

  protected override onCancel(): void {
    this.#list.delete(this);
  }
}
