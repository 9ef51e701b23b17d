import type { EventLoop } from "../../event_loop.ts";
import type { BaseEventLoop } from "../../runtime/loop/base_event_loop.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";
import { currentScope } from "../../runtime/core/frame.ts";
import { FatalError } from "../../runtime/errors/exceptions.ts";

/** What the net needs of the loop's class beyond what its users see. */
export type NetLoop = LoopCore & Pick<BaseEventLoop, "resources" | "operations">;

/** The inside of a loop that was passed in by its public type. */
export function netLoop(loop: EventLoop): NetLoop {
  return loop as unknown as NetLoop;
}

/** The loop of the caller. */
export function ambientLoop(): EventLoop {
  return currentScope().loop as unknown as EventLoop;
}

/**
 * Runs a step of the library's own on the loop's next iteration, outside any task's context. Unlike
 * `callSoon` it copies no context: users' code that it calls runs in a CapturedContext.
 */
export function callSoonInternal(loop: LoopCore, step: () => void): void {
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
