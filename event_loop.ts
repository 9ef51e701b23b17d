/**
 * The event loop: the portable core with the net, executors, subprocesses and signals behind one class.
 *
 * @module
 */
import { NetEventLoop } from "./net/net_event_loop.ts";
import { showAs } from "./runtime/base/format.ts";
import { provideLoopClass } from "./runtime/loop/policies.ts";
import { addSignalHandler, removeSignalHandler } from "./runtime/loop/signals.ts";
import type { Signal } from "./runtime/base/signal_names.ts";
import type { EventLoop as AbstractEventLoop } from "./loop_interface.ts";
import type { SubprocessOptions } from "./subprocess/core/options.ts";
import { subprocessExec, subprocessShell } from "./subprocess/create_subprocess.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./runtime/contract/subprocesses.ts";

/** The class behind it, for `testing/`, which gives it another clock. */
export class FullEventLoop extends NetEventLoop implements AbstractEventLoop {
  addSignalHandler<A extends unknown[]>(
    signal: Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    addSignalHandler(this, signal, callback, ...args);
  }

  removeSignalHandler(signal: Signal): boolean {
    return removeSignalHandler(this, signal);
  }

  subprocessExec<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    program: string | URL,
    args?: readonly string[],
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]> {
    return subprocessExec(this, protocolFactory, program, args, options);
  }

  subprocessShell<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    command: string,
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]> {
    return subprocessShell(this, protocolFactory, command, options);
  }

  static {
    showAs(this.prototype);
    Object.defineProperty(this, "name", { value: "EventLoop" });
  }
}

/** The event loop; see `AbstractEventLoop`, which is the same. */
export type EventLoop = AbstractEventLoop;

/** The class of the loops that `run()` and `newEventLoop()` make. */
export const EventLoop: { new (): EventLoop } = FullEventLoop as { new (): EventLoop };

provideLoopClass((options) => new FullEventLoop(options));
