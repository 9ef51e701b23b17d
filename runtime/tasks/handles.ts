import type { Callable } from "../base/functions.ts";
import { isFatal } from "../core/cancelled.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { type Bindings, ContextCell } from "../core/context_cell.ts";
import { cellOf, type Context, contextOf } from "../core/context.ts";
import { runInScope, storedCell, storedScope } from "../core/frame.ts";
import { core, type LoopCore } from "../core/loop_core.ts";
import type { ReadyEntry, Turn } from "../core/scheduler.ts";
import { describePlace, describeValue, nameOf, showAs, staysInThread } from "../base/format.ts";
import { captureStack, framesOf, placeOf } from "../base/stack.ts";
import type { TimerEntry } from "../base/containers.ts";
import type { FutureEntry } from "./future_wait.ts";

const nothing = (): void => {};
let capturedResolve: (value: unknown) => void = nothing;
function capture(resolve: (value: unknown) => void): void {
  capturedResolve = resolve;
}

let call: (handle: Handle) => unknown;
let begin: (handle: Handle) => Turn | null;
let invoke: (handle: Handle) => void;
let isCancelled: (handle: Handle) => boolean;

/**
 * A callback that waits for its turn, as `callSoon` returns it.
 *
 * asyncio: `asyncio.Handle`
 *
 * @example
 * ```ts
 * import { getRunningLoop, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const handle = getRunningLoop().callSoon(() => assert.fail("it was cancelled"));
 *   handle.cancel();
 *   assert.ok(handle.cancelled());
 *   await sleep(0);
 * });
 * ```
 */
export class Handle {
  readonly #loop: LoopCore;
  #callback: Callable | null;
  #args: readonly unknown[] | null;
  readonly #bindings: Bindings;
  #cell: ContextCell | null;
  #cancelled = false;
  readonly #site: string | null;
  /** The call as it was before the handle let go of it, in debug mode. */
  #shown: string | null = null;
  /** Resolved to run the callback in the async context of the call that scheduled it. */
  readonly #carry: (value: unknown) => void;

  /** Made by the loop's `callSoon` and its relatives, not by hand. */
  constructor(
    callback: Callable,
    args: readonly unknown[],
    loop: EventLoop,
    context?: Context,
  ) {
    this.#callback = callback;
    this.#args = args;
    this.#loop = loop[core];
    this.#cell = context === undefined ? null : cellOf(context);
    this.#bindings = (this.#cell ?? storedCell()).bindings;
    this.#site = this.#loop.getDebug() ? captureStack(new.target) : null;
    new Promise(capture).then(invoke as (handle: unknown) => void);
    this.#carry = capturedResolve;
    // It leads to the promise and so to all that this one holds.
    capturedResolve = nothing;
  }

  /** Keeps the callback from running. Does nothing the second time. */
  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    if (this.#site !== null) this.#shown = this.#describeCall();
    this.#callback = null;
    this.#args = null;
  }

  /** Whether {@linkcode Handle.cancel} was called. */
  cancelled(): boolean {
    return this.#cancelled;
  }

  /** The context in which the callback runs. */
  getContext(): Context {
    this.#cell ??= new ContextCell(this.#bindings);
    return contextOf(this.#cell);
  }

  /** `<Handle name()>` or `<Handle cancelled>`; in debug mode with the arguments and the place where it was made. */
  toString(): string {
    const parts = [this.constructor.name];
    if (this.#cancelled) parts.push("cancelled");
    const call = this.#shown ?? this.#describeCall();
    parts.push(...this.describeMore());
    if (call !== "") parts.push(call);
    return `<${parts.join(" ")}${describePlace(placeOf(this.#site))}>`;
  }

  /** What a subclass has to tell in `toString()`. */
  protected describeMore(): string[] {
    return [];
  }

  /** The callback, with its arguments in debug mode; "" when it has been let go. */
  #describeCall(): string {
    if (this.#callback === null) return "";
    const args = this.#site === null ? [] : this.#args!.map(describeValue);
    return `${nameOf(this.#callback)}(${args.join(", ")})`;
  }

  static {
    showAs(this.prototype);
    isCancelled = (handle) => handle.#cancelled;
    begin = (handle) => {
      if (handle.#cancelled) return null;
      handle.#carry(handle);
      return handle.#loop.rootScope.tree;
    };
    invoke = (handle) => {
      const loop = handle.#loop;
      // Between the ready queue and here microtasks run, in which it may have been cancelled.
      if (handle.#cancelled) {
        loop.rootScope.tree.activity++;
        return;
      }
      const frame = loop.callbackFrame(handle.#bindings, handle.#cell);
      try {
        const result = storedScope() === frame
          ? call(handle)
          : runInScope(frame, call as (handle: Handle) => unknown, handle);
        if (result instanceof Promise) {
          result.then(undefined, (error) => handle.#report(error));
        } else loop.rootScope.tree.activity++;
      } catch (error) {
        loop.rootScope.tree.activity++;
        handle.#report(error);
      }
    };
    call = (handle) => (handle.#callback as (...args: unknown[]) => unknown)(...handle.#args!);
  }

  #report(error: unknown): void {
    if (isFatal(error)) {
      this.#loop.scheduler.fail(error);
      return;
    }
    this.#loop.callExceptionHandler({
      message: `Exception in callback ${this.#shown ?? (this.#describeCall() || "cancelled")}`,
      exception: error,
      handle: this,
      ...(this.#site === null ? {} : { sourceTraceback: framesOf(this.#site) }),
    });
  }
}

/**
 * A timed callback, as `callLater` and `callAt` return it.
 *
 * asyncio: `asyncio.TimerHandle`
 *
 * @example
 * ```ts
 * import { getRunningLoop, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(() => {
 *   const loop = getRunningLoop();
 *   const timer = loop.callAt(loop.time() + 60, () => {});
 *   assert.ok(timer.when() > loop.time());
 *   timer.cancel();
 * });
 * ```
 */
export class TimerHandle extends Handle {
  readonly #when: number;

  /** Made by the loop's `callLater` and `callAt`, not by hand. */
  constructor(
    when: number,
    callback: Callable,
    args: readonly unknown[],
    loop: EventLoop,
    context?: Context,
  ) {
    super(callback, args, loop, context);
    this.#when = when;
  }

  /** Loop time at which it is due, in seconds. */
  when(): number {
    return this.#when;
  }

  /** The time, for `toString()`. */
  protected override describeMore(): string[] {
    return [`when=${this.#when}`];
  }
}

/** A handle in the ready queue. */
export class SoonHandle extends Handle implements ReadyEntry {
  run(): Turn | null {
    return begin(this);
  }

  static {
    Object.defineProperty(this, "name", { value: "Handle" });
  }
}

/** A handle in the timer heap. */
export class TimedHandle extends TimerHandle implements ReadyEntry, TimerEntry {
  order = 0;
  readonly #core: LoopCore;
  #inHeap = true;

  constructor(when: number, callback: Callable, args: readonly unknown[], loop: EventLoop) {
    super(when, callback, args, loop);
    this.#core = loop[core];
  }

  get whenDue(): number {
    return this.when();
  }

  get live(): boolean {
    return !isCancelled(this);
  }

  due(): void {
    this.#inHeap = false;
    this.#core.scheduler.enqueue(this);
  }

  override cancel(): void {
    if (isCancelled(this)) return;
    super.cancel();
    if (this.#inHeap) this.#core.scheduler.noteDeadTimer();
  }

  run(): Turn | null {
    return begin(this);
  }

  static {
    Object.defineProperty(this, "name", { value: "TimerHandle" });
  }
}

staysInThread("pass a function that uses it: toThread(work, () => handle.cancel())", Handle);

/** A user's callback. */
export class DoneCallback implements FutureEntry {
  readonly callback: unknown;
  readonly awaiter = null;
  readonly #handle: SoonHandle;
  readonly #loop: LoopCore;

  constructor(callback: unknown, handle: SoonHandle, loop: LoopCore) {
    this.callback = callback;
    this.#handle = handle;
    this.#loop = loop;
  }

  notify(): void {
    this.#loop.scheduler.enqueue(this.#handle);
  }
}

/** Names of the users' callbacks among the entries. */
export function callbackNames(entries: readonly FutureEntry[]): string[] {
  return entries.filter((entry) => entry instanceof DoneCallback)
    .map(({ callback }) => nameOf(callback as { name: string }));
}

/** A callback of the library's own: no context, no carried stores. */
export class InternalCallback<F extends { getLoop(): EventLoop }>
  implements FutureEntry, ReadyEntry {
  readonly #future: F;
  readonly #callback: (future: F) => void;
  readonly awaiter: object | null;

  constructor(future: F, callback: (future: F) => void, awaiter: object | null = null) {
    this.#future = future;
    this.#callback = callback;
    this.awaiter = awaiter;
  }

  notify(): void {
    this.#future.getLoop()[core].scheduler.enqueue(this);
  }

  run(): Turn | null {
    this.#callback(this.#future);
    return null;
  }
}
