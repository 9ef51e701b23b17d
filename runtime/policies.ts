import type { EventLoop } from "../event_loop.ts";
import { describeType } from "./_describe.ts";
import { BaseEventLoop } from "./base_event_loop.ts";
import { RuntimeError } from "./exceptions.ts";
import { providePlainScope, storedScope } from "./_frame.ts";
import type { LoopCore } from "./_loop_core.ts";

let createLoop: (options?: { ambient?: boolean }) => EventLoop = (options) =>
  new BaseEventLoop(options) as unknown as EventLoop;

/** The loop's class stands above this folder and is handed down here; until then it is the portable core. */
export function provideLoopClass(create: (options?: { ambient?: boolean }) => EventLoop): void {
  createLoop = create;
}

/** Loops made by a run: they never serve plain code. */
const ownedByRuns: WeakSet<EventLoop> = new WeakSet();

/** Marks a loop as a run's own. */
export function markOwnedByRun(loop: EventLoop): void {
  ownedByRuns.add(loop);
}

/** Decides which loop serves code outside tasks and callbacks. asyncio: `asyncio.AbstractEventLoopPolicy` */
export abstract class AbstractEventLoopPolicy {
  /** The loop for plain code. */
  abstract getEventLoop(): EventLoop;
  /** Sets the loop for plain code; null restores the default. */
  abstract setEventLoop(loop: EventLoop | null): void;
  /** A new loop, not running. */
  abstract newEventLoop(): EventLoop;
}

/**
 * The policy that holds unless another is set: plain code runs on the thread's ambient loop, which is made when it is first
 * asked for, drives itself, and never closes.
 *
 * asyncio: `asyncio.DefaultEventLoopPolicy`
 */
export class DefaultEventLoopPolicy extends AbstractEventLoopPolicy {
  #set: EventLoop | null = null;
  #ambient: EventLoop | null = null;

  /** The loop that was set, else the ambient loop. */
  getEventLoop(): EventLoop {
    return this.#set ?? (this.#ambient ??= createLoop({ ambient: true }));
  }

  /** Sets the loop for plain code; null restores the ambient loop. A run's own loop is ignored: it never serves plain code. */
  setEventLoop(loop: EventLoop | null): void {
    if (loop !== null && !(loop instanceof BaseEventLoop)) {
      throw new TypeError(`loop must be an EventLoop or null: got ${describeType(loop)}`);
    }
    if (loop !== null && ownedByRuns.has(loop)) return;
    this.#set = loop;
  }

  /** A new loop, not running. */
  newEventLoop(): EventLoop {
    return createLoop();
  }
}

const defaultPolicy = new DefaultEventLoopPolicy();
let policy: AbstractEventLoopPolicy = defaultPolicy;

/** The policy in force. asyncio: `asyncio.get_event_loop_policy()` */
export function getEventLoopPolicy(): AbstractEventLoopPolicy {
  return policy;
}

/** Sets the policy; null restores the default one. asyncio: `asyncio.set_event_loop_policy()` */
export function setEventLoopPolicy(replacement: AbstractEventLoopPolicy | null): void {
  if (replacement !== null && !(replacement instanceof AbstractEventLoopPolicy)) {
    throw new TypeError(
      `policy must be an AbstractEventLoopPolicy or null: got ${describeType(replacement)}`,
    );
  }
  policy = replacement ?? defaultPolicy;
}

/** The loop of the running task or callback; null where there is none. */
export function runningLoop(): EventLoop | null {
  return (storedScope()?.loop ?? null) as unknown as EventLoop | null;
}

/**
 * The loop of the running task or callback.
 *
 * asyncio: `asyncio.get_running_loop()`
 *
 * @throws {RuntimeError} where no asyncio code runs
 */
export function getRunningLoop(): EventLoop {
  const loop = runningLoop();
  if (loop === null) {
    throw new RuntimeError("no running event loop: call this inside run(), a task or a callback");
  }
  return loop;
}

/**
 * The running loop, else the loop of plain code: the one that was set, or the thread's ambient loop.
 *
 * asyncio: `asyncio.get_event_loop()`
 */
export function getEventLoop(): EventLoop {
  return runningLoop() ?? policy.getEventLoop();
}

/**
 * What {@linkcode getEventLoop} gives outside a running loop; null restores the ambient loop. A loop set here is driven only
 * by its own `runForever` and `runUntilComplete`.
 *
 * asyncio: `asyncio.set_event_loop()`
 */
export function setEventLoop(loop: EventLoop | null): void {
  policy.setEventLoop(loop);
}

/** A new loop, not running. asyncio: `asyncio.new_event_loop()` */
export function newEventLoop(): EventLoop {
  return policy.newEventLoop();
}

providePlainScope(() => (policy.getEventLoop() as unknown as LoopCore).rootScope);
