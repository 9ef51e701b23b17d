import { currentScope } from "../core/frame.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import type { ScopeLoop } from "../core/scope.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { type Context, contextKind } from "../core/context.ts";
import {
  abortSignal,
  anything,
  flag,
  type Kind,
  type OptionsOf,
  optionsOf,
} from "../base/options.ts";

export const eventLoop: Kind<EventLoop> = {
  wanted: "an event loop",
  accepts: (value) => typeof value === "object" && value !== null && core in value,
};

/** How a task is made. */
export interface TaskOptions {
  /** For messages and debugging. @default {"Task-N"} */
  name?: string;
  /** The context to run in. @default {a copy of the current one} */
  context?: Context;
  /** Run the first step at once, inside the call. An async function's end is still seen some microtasks later. */
  eagerStart?: boolean;
  /** The loop to run on. @default {the running one} */
  loop?: EventLoop;
  /** Cancels the task when it aborts; the signal's reason becomes the CancelledError's `cause`. */
  signal?: AbortSignal;
}

const OPTIONS: OptionsOf<TaskOptions> = optionsOf('{ name: "worker" }', {
  // Other values become strings.
  name: anything(),
  context: contextKind,
  eagerStart: flag,
  loop: eventLoop,
  signal: abortSignal,
});

/** Options that were checked for the next task. */
let checked: TaskOptions | null = null;

/** Those of `loop.createTask` for the constructor, checked. */
export function optionsOnLoop(options: TaskOptions, loop: EventLoop): TaskOptions {
  OPTIONS.check(options, "createTask()");
  if (options.loop !== undefined && options.loop !== loop) {
    throw new TypeError(
      "Cannot call createTask() of a loop or group: the option loop must not be another one; call createTask() of that",
    );
  }
  checked = { ...options, loop };
  return checked;
}

/** Checks them, unless they were. */
export function checkTaskOptions(options: TaskOptions, what: string): void {
  if (options !== checked) OPTIONS.check(options, what);
  checked = null;
}

/** What the constructors take that know of a loop only. */
export const LOOP_OPTIONS: OptionsOf<{ loop?: EventLoop }> = optionsOf("{ loop }", {
  loop: eventLoop,
});
export const NO_OPTIONS: { loop?: EventLoop } = {};
export const CALLBACK_OPTIONS: OptionsOf<{ context?: Context }> = optionsOf(
  "{ context: copyContext() }",
  {
    context: contextKind,
  },
);

/** A loop as its users have it. */
export function publicLoop(loop: ScopeLoop): EventLoop {
  return loop.publicLoop as EventLoop;
}

/** The loop that serves the code which runs now. */
export function currentLoop(): EventLoop {
  return currentScope().loop.publicLoop as EventLoop;
}

/**
 * The core of a loop that was given as an option; of the current one without.
 *
 * @throws {TypeError} if it is not a loop
 */
export function coreFor(loop: EventLoop | undefined): LoopCore {
  if (loop === undefined || loop === null) return currentScope().loop as LoopCore;
  const found: LoopCore | undefined = loop[core];
  if (found === undefined) LOOP_OPTIONS.check({ loop }, "An option");
  return found;
}

/** Whether there is nothing to check in options: they are a loop's own, or just as good. */
export function hasLoopAlone(options: { loop?: EventLoop }, loop: LoopCore): boolean {
  const { ownOptions } = loop;
  if (options === ownOptions) return true;
  if (ownOptions.loop !== options.loop) return false;
  for (const name in options) if (name !== "loop") return false;
  return true;
}
