/**
 * The event loop: the portable core with the net, subprocesses and signals behind one class.
 *
 * @module
 */
import { NetEventLoop } from "./net/net_event_loop.ts";
import { provideLoopClass } from "./runtime/policies.ts";
import type { EventLoop as EventLoopInterface } from "./loop_interface.ts";

export type { ExceptionContext, ExceptionHandler } from "./loop_interface.ts";

/** The loop's methods; see `loop_interface.ts`. */
export interface EventLoop extends EventLoopInterface {}

class FullEventLoop extends NetEventLoop {
  static {
    Object.defineProperty(this, "name", { value: "EventLoop" });
  }
}

/** `new EventLoop()` makes a loop that is not running; most programs use `run()` instead. */
export const EventLoop: { new (): EventLoop } = FullEventLoop as unknown as { new (): EventLoop };

provideLoopClass((options) => new FullEventLoop(options) as unknown as EventLoop);
