import type { Wait } from "./wait.ts";

/** Counts a wait for the outside world as under way until it has ended: the testing clock stands still meanwhile. */
export function countAsOperation<T>(wait: Wait<T>): void {
  const { operations } = wait.scope.loop;
  operations.add(wait);
  // Not by a reaction of its promise, which would hide the awaiting code from stack traces.
  if (!wait.pending && !wait.woken && !wait.cancelled) operations.delete(wait);
  const run = wait.run;
  wait.run = () => {
    operations.delete(wait);
    return run.call(wait);
  };
}
