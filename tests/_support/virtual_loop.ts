/** The testing loop as the tests of the core use it, which drive it with `Runner` and look inside. */
import type { EventLoop } from "../../mod.ts";
import type { BaseEventLoop } from "../../runtime/loop/base_event_loop.ts";
import { VirtualEventLoop } from "../../testing/virtual_event_loop.ts";
import type { VirtualHost } from "../../testing/virtual_host.ts";

function coreOf(loop: EventLoop): BaseEventLoop {
  return loop as unknown as BaseEventLoop;
}

/** A fresh one, for `run(main, { loopFactory: virtualLoop })`. Its clock starts at 0. */
export function virtualLoop(): EventLoop {
  const loop = new VirtualEventLoop();
  // As in production: what prints itself must not show where it was made.
  loop.recordNoSites();
  return loop as unknown as EventLoop;
}

/** Moves the clock of a virtual loop: the code that runs now takes so many seconds. */
export function advance(loop: EventLoop, seconds: number): void {
  (coreOf(loop).scheduler.host as VirtualHost).spend(seconds);
}

/** Whether a timer is armed that can still fire. */
export function hasTimers(loop: EventLoop): boolean {
  return coreOf(loop).scheduler.nextTimer() !== null;
}
