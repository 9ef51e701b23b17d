import type { EventLoop } from "../loop_interface.ts";
import { checkCall, makeProtocol } from "../net/core/arguments.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import { LazyModule } from "../runtime/core/lazy_module.ts";
import type { SubprocessOptions } from "./core/options.ts";
import { execCall, shellCall } from "./core/request.ts";
import type { SubprocessProtocol, SubprocessTransport } from "../runtime/contract/subprocesses.ts";

/** What only those need who start a child: the host of the runtime, and the transports of a child and its pipes. */
export const startCalls: LazyModule<typeof import("./start_process.ts")> = new LazyModule(
  "the code for subprocesses",
  () => import("./start_process.ts"),
  true,
);

/**
 * `loop.subprocessExec`: starts a program, with pipes for the streams that the options don't name.
 *
 * A cancellation while it starts kills the program, waits for its end and leaves as CancelledError.
 *
 * @throws {RangeError | TypeError} when an argument is wrong, before anything has happened
 * @throws {FileNotFoundError | PermissionError | OSError} when the program can't be started
 */
export function subprocessExec<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  program: string | URL,
  args: readonly string[] = [],
  options: SubprocessOptions = {},
): Promise<[SubprocessTransport, P]> {
  return inOwnScope(() => {
    checkCall(loop, protocolFactory);
    const call = execCall(program, args, options, "pipe");
    const protocol = makeProtocol(protocolFactory);
    return startCalls.call((it) => it.startWithProtocol(loop, protocol, call));
  });
}

/** `loop.subprocessShell`: the same for a command of `/bin/sh`. */
export function subprocessShell<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  command: string,
  options: SubprocessOptions = {},
): Promise<[SubprocessTransport, P]> {
  return inOwnScope(() => {
    checkCall(loop, protocolFactory);
    const call = shellCall(command, options, "pipe");
    const protocol = makeProtocol(protocolFactory);
    return startCalls.call((it) => it.startWithProtocol(loop, protocol, call));
  });
}
