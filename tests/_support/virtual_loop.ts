/** The testing loop as the tests of the core use it, which drive it with `Runner` and look inside. */
import type { EventLoop } from "../../mod.ts";
import { core } from "../../runtime/core/loop_core.ts";
import { VirtualEventLoop } from "../../testing/virtual_event_loop.ts";
import type { VirtualHost } from "../../testing/virtual_host.ts";

/** A fresh one, for `run(main, { loopFactory: virtualLoop })`. Its clock starts at 0. */
export function virtualLoop(): EventLoop {
  const loop = new VirtualEventLoop();
  // As in production: what prints itself must not show where it was made.
  loop.recordNoSites();
  return loop.publicLoop;
}

/** Moves the clock of a virtual loop: the code that runs now takes so many seconds. */
export function advance(loop: EventLoop, seconds: number): void {
  (loop[core].scheduler.host as VirtualHost).spend(seconds);
}

/** Whether a timer is armed that can still fire. */
export function hasTimers(loop: EventLoop): boolean {
  return loop[core].scheduler.nextTimer() !== null;
}
