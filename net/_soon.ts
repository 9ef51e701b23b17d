import { FatalError } from "../runtime/exceptions.ts";
import type { LoopCore } from "../runtime/_loop_core.ts";

/**
 * Runs a step of the library's own on the loop's next iteration, outside any task's context. Unlike
 * `callSoon` it copies no context: what it calls of users' code goes through a {@link Carry}.
 */
export function soon(loop: LoopCore, step: () => void): void {
  loop.scheduler.enqueue({
    run() {
      step();
      return null;
    },
    inOrder: true,
  });
}

/**
 * An error that no connection may absorb stops the loop, as it would from a callback. True when it
 * was one.
 */
export function stopsLoop(loop: LoopCore, error: unknown): boolean {
  if (!(error instanceof FatalError)) return false;
  loop.scheduler.fail(error);
  return true;
}
