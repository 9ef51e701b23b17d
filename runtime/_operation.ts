import type { Wait } from "./_wait.ts";

/** What is counted as under way while somebody on the loop waits for it: the testing clock stands still meanwhile. */
export interface OperationsHolder {
  readonly operations: Set<object>;
}

/** Counts a wait for the outside world as under way until it has ended. */
export function countAsOperation<T>(wait: Wait<T>): void {
  const { operations } = wait.scope.loop as unknown as OperationsHolder;
  operations.add(wait);
  const forget = (): void => {
    operations.delete(wait);
  };
  wait.promise.then(forget, forget);
}
