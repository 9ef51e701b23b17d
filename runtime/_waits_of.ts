import type { Scope } from "./_scope.ts";
import type { Wait } from "./_wait.ts";

/** The waits in a scope and below it, the latest first. */
export function waitsOf(scope: Scope): Wait<unknown>[] {
  const waits: Wait<unknown>[] = [];
  collect(scope, waits);
  // Stable, so that what was made in one step stays in the order of the lists, which is latest first.
  return waits.sort((a, b) => b.step - a.step);
}

function collect(scope: Scope, waits: Wait<unknown>[]): void {
  for (const wait of scope.waits()) waits.push(wait as Wait<unknown>);
  for (const child of scope.children()) collect(child, waits);
}

/** What a task waits for in the first place; null where it is in no asyncio wait. */
export function currentWait(scope: Scope): Wait<unknown> | null {
  return waitsOf(scope)[0] ?? null;
}
