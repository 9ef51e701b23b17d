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

/**
 * One at a time, in the order in which they came. Who is cancelled while waiting leaves the line; a turn that it had been
 * given already goes to the next one.
 */
export class Turns {
  /** What has its turn; null: nothing. */
  holder: string | null = null;
  readonly #line: Set<Turn> = new Set();

  /** Calls `use` when its turn has come: at once, when nothing else has it. `what` is for reports of deadlocks. */
  async run<T>(what: string, use: () => Promise<T>): Promise<T> {
    if (this.holder === null) this.holder = what;
    else await new Turn(what, this.#line, this.#pass).promise;
    try {
      return await use();
    } finally {
      this.#pass();
    }
  }

  readonly #pass = (): void => {
    this.holder = null;
    for (const next of this.#line) {
      this.#line.delete(next);
      // One that was cancelled meanwhile can't take it.
      if (!next.wakeWith(undefined)) continue;
      this.holder = next.what;
      return;
    }
  };
}

class Turn extends Waiter<void> {
  readonly what: string;
  readonly #line: Set<Turn>;
  readonly #pass: () => void;

  constructor(what: string, line: Set<Turn>, pass: () => void) {
    super(`the turn of ${what}`);
    this.what = what;
    this.#line = line;
    this.#pass = pass;
    // On a closed loop a wait is over from the start.
    if (this.pending || this.cancelled) line.add(this);
  }

  protected override onCancel(): void {
    this.#line.delete(this);
    if (this.woken) this.#pass();
  }
}
