import { publicLoop } from "../tasks/task_options.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { describeType } from "../base/format.ts";
import { BaseEventLoop } from "./base_event_loop.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import { providePlainScope, storedScope } from "../core/frame.ts";
import { keepServersOutside } from "./foreign_servers.ts";
import { core } from "../core/loop_core.ts";

let createLoop: (options?: { ambient?: boolean }) => EventLoop = (options) =>
  publicLoop(new BaseEventLoop(options));

/** The loop's class stands above this folder and is handed down here; until then it is the portable core. */
export function provideLoopClass(create: (options?: { ambient?: boolean }) => EventLoop): void {
  createLoop = create;
}

/**
 * Decides which loop serves code outside tasks and callbacks.
 *
 * asyncio: `asyncio.AbstractEventLoopPolicy`
 *
 * @example
 * ```ts
 * import { AbstractEventLoopPolicy, EventLoop, run, setEventLoopPolicy } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * class DebugPolicy extends AbstractEventLoopPolicy {
 *   #loop: EventLoop | null = null;
 *   override getEventLoop(): EventLoop {
 *     return this.#loop ??= this.newEventLoop();
 *   }
 *   override setEventLoop(loop: EventLoop | null): void {
 *     this.#loop = loop;
 *   }
 *   override newEventLoop(): EventLoop {
 *     const loop = new EventLoop();
 *     loop.setDebug(true);
 *     return loop;
 *   }
 * }
 *
 * setEventLoopPolicy(new DebugPolicy());
 * assert.equal(await run(() => "runs on a loop of the policy's"), "runs on a loop of the policy's");
 * setEventLoopPolicy(null);
 * ```
 */
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
 *
 * @example
 * ```ts
 * import { DefaultEventLoopPolicy, EventLoop } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const policy = new DefaultEventLoopPolicy();
 * const loop = policy.newEventLoop();
 * policy.setEventLoop(loop);
 * assert.equal(policy.getEventLoop(), loop);
 * loop.close();
 * ```
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
      throw new TypeError(
        `Cannot call setEventLoop(): the loop must be an EventLoop or null, received ${
          describeType(loop)
        }`,
      );
    }
    if (loop !== null && loop[core].ownedByRun) return;
    this.#set = loop;
  }

  /** A new loop, not running. */
  newEventLoop(): EventLoop {
    return createLoop();
  }
}

const defaultPolicy = new DefaultEventLoopPolicy();
let policy: AbstractEventLoopPolicy = defaultPolicy;

/**
 * The policy in force.
 *
 * asyncio: `asyncio.get_event_loop_policy()`
 *
 * @example
 * ```ts
 * import { DefaultEventLoopPolicy, getEventLoopPolicy } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * assert.ok(getEventLoopPolicy() instanceof DefaultEventLoopPolicy);
 * ```
 */
export function getEventLoopPolicy(): AbstractEventLoopPolicy {
  return policy;
}

/**
 * Sets the policy; null restores the default one.
 *
 * asyncio: `asyncio.set_event_loop_policy()`
 *
 * @throws {TypeError} if it is neither a policy nor null
 *
 * @example
 * ```ts
 * import { DefaultEventLoopPolicy, getEventLoopPolicy, setEventLoopPolicy } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const policy = new DefaultEventLoopPolicy();
 * setEventLoopPolicy(policy);
 * assert.equal(getEventLoopPolicy(), policy);
 * setEventLoopPolicy(null);
 * ```
 */
export function setEventLoopPolicy(replacement: AbstractEventLoopPolicy | null): void {
  if (replacement !== null && !(replacement instanceof AbstractEventLoopPolicy)) {
    throw new TypeError(
      `Cannot call setEventLoopPolicy(): the policy must be an AbstractEventLoopPolicy or null, received ${
        describeType(replacement)
      }`,
    );
  }
  policy = replacement ?? defaultPolicy;
}

/** The loop of the running task or callback; null where there is none. */
export function runningLoop(): EventLoop | null {
  const scope = storedScope();
  return scope === undefined ? null : publicLoop(scope.loop);
}

/**
 * The loop of the running task or callback.
 *
 * asyncio: `asyncio.get_running_loop()`
 *
 * @throws {RuntimeError} where no asyncio code runs
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, RuntimeError } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(() => assert.ok(getRunningLoop().isRunning()));
 * assert.throws(() => getRunningLoop(), RuntimeError);
 * ```
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
 *
 * @example
 * ```ts
 * import { getEventLoop, getRunningLoop, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const ambient = getEventLoop();
 * assert.ok(ambient.isRunning());
 * await run(() => {
 *   assert.equal(getEventLoop(), getRunningLoop());
 *   assert.notEqual(getEventLoop(), ambient);
 * });
 * ```
 */
export function getEventLoop(): EventLoop {
  return runningLoop() ?? policy.getEventLoop();
}

/**
 * What {@linkcode getEventLoop} gives outside a running loop; null restores the ambient loop. A loop set here is driven only
 * by its own `runForever` and `runUntilComplete`.
 *
 * asyncio: `asyncio.set_event_loop()`
 *
 * @throws {TypeError} if it is neither a loop nor null
 *
 * @example
 * ```ts
 * import { EventLoop, Future, getEventLoop, setEventLoop } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const loop = new EventLoop();
 * setEventLoop(loop);
 * assert.equal(getEventLoop(), loop);
 * assert.equal(new Future().getLoop(), loop);
 * setEventLoop(null);
 * loop.close();
 * ```
 */
export function setEventLoop(loop: EventLoop | null): void {
  policy.setEventLoop(loop);
}

/**
 * A new loop, not running.
 *
 * asyncio: `asyncio.new_event_loop()`
 *
 * @example
 * ```ts
 * import { newEventLoop, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const loop = newEventLoop();
 * assert.equal(await loop.runUntilComplete(() => sleep(0, "done")), "done");
 * loop.close();
 * ```
 */
export function newEventLoop(): EventLoop {
  return policy.newEventLoop();
}

keepServersOutside();
providePlainScope(() => policy.getEventLoop()[core].rootScope);
