import { addEntry, coreOf, type Future, type FutureEntry, removeEntry } from "./_future.ts";
import { currentScope } from "./_frame.ts";
import { Wait } from "./_wait.ts";

/** Waits until a future is done, whatever its end; cancelling this wait leaves the future alone. */
export class WaitUntilDone extends Wait<void> implements FutureEntry {
  readonly #future: Future<unknown>;

  constructor(future: Future<unknown>) {
    super(currentScope(), coreOf(future).scheduler);
    this.#future = future;
    addEntry(future, this);
  }

  get awaiter(): object | null {
    return this.scope.task;
  }

  override get awaited(): object {
    return this.#future;
  }

  notify(): void {
    this.wake();
  }

  override describe(): string {
    return `the end of ${this.#future}`;
  }

  protected onWake(): void {}

  protected override onCancel(): void {
    removeEntry(this.#future, this);
  }
}
