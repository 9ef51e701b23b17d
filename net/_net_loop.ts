import type { EventLoop } from "../event_loop.ts";
import type { BaseEventLoop } from "../runtime/base_event_loop.ts";
import type { LoopCore } from "../runtime/_loop_core.ts";

/** What the net needs of the loop's class beyond what its users see. */
export type NetLoop = LoopCore & Pick<BaseEventLoop, "resources" | "operations">;

/** The inside of a loop that was passed in by its public type. */
export function netLoop(loop: EventLoop): NetLoop {
  return loop as unknown as NetLoop;
}
