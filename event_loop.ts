/**
 * The event loop: the portable core with the net, executors, subprocesses and signals behind one class.
 *
 * @module
 */
import { NetEventLoop } from "./net/net_event_loop.ts";
import { showAs } from "./runtime/base/format.ts";
import { provideLoopClass } from "./runtime/loop/policies.ts";
import { addSignalHandler, removeSignalHandler, type Signal } from "./runtime/signals/signals.ts";
import type { AbstractEventLoop } from "./loop_interface.ts";
import type { SubprocessOptions } from "./subprocess/core/options.ts";
import { subprocessExec, subprocessShell } from "./subprocess/subprocess_exec.ts";
import type {
  SubprocessProtocol,
  SubprocessTransport,
} from "./subprocess/core/subprocess_transport.ts";

export type {
  AbstractEventLoop,
  AcceptedOptions,
  AddressInfo,
  AddressInfoOptions,
  DatagramOptions,
  ExceptionContext,
  ExceptionHandler,
  SendfileOptions,
  StartTlsOptions,
} from "./loop_interface.ts";

/**
 * The event loop: the low-level API, for authors of libraries. `new EventLoop()` makes one that is not running; programs use
 * `run()`, and the functions of the high-level API find the running loop by themselves.
 *
 * asyncio: `asyncio.AbstractEventLoop`
 *
 * @example
 * ```ts
 * import { EventLoop } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const loop = new EventLoop();
 * assert.equal(await loop.runUntilComplete(() => 42), 42);
 * loop.close();
 * ```
 */
export interface EventLoop extends AbstractEventLoop {}

/** The class behind it, for `testing/`, which gives it another clock. */
export class FullEventLoop extends NetEventLoop {
  addSignalHandler<A extends unknown[]>(
    signal: Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    addSignalHandler(publicLoop(this), signal, callback, ...args);
  }

  removeSignalHandler(signal: Signal): boolean {
    return removeSignalHandler(publicLoop(this), signal);
  }

  subprocessExec<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    program: string | URL,
    args?: readonly string[],
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]> {
    return subprocessExec(publicLoop(this), protocolFactory, program, args, options);
  }

  subprocessShell<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    command: string,
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]> {
    return subprocessShell(publicLoop(this), protocolFactory, command, options);
  }

  static {
    showAs(this.prototype);
    Object.defineProperty(this, "name", { value: "EventLoop" });
  }
}

/** See the interface of the same name. */
export const EventLoop: { new (): EventLoop } = FullEventLoop as unknown as { new (): EventLoop };

provideLoopClass((options) => publicLoop(new FullEventLoop(options)));

function publicLoop(loop: FullEventLoop): EventLoop {
  return loop as unknown as EventLoop;
}
