import type { Wait } from "./wait.ts";

/** What is counted as under way while code on the loop waits for it: the testing clock stands still meanwhile. */
export interface OperationsHolder {
  readonly operations: Set<object>;
}

/** Counts a wait for the outside world as under way until it has ended. */
export function countAsOperation<T>(wait: Wait<T>): void {
  const { operations } = wait.scope.loop as unknown as OperationsHolder;
  operations.add(wait);
  // Not by a reaction of its promise, which would hide the awaiting code from stack traces.
  if (!wait.pending && !wait.woken && !wait.cancelled) operations.delete(wait);
  const run = wait.run;
  wait.run = () => {
    operations.delete(wait);
    return run.call(wait);
  };
}
