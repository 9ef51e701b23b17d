import type { EventLoop } from "../event_loop.ts";
import { checkCall, makeProtocol } from "../net/_arguments.ts";
import { Carry } from "../net/_carry.ts";
import { type NetLoop, netLoop } from "../net/_net_loop.ts";
import { Waiter } from "../runtime/_wait.ts";
import type { SubprocessOptions } from "./options.ts";
import { ProcessTransport } from "./_process_transport.ts";
import { type Call, execCall, shellCall } from "./_request.ts";
import { spawn } from "./_spawn.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./subprocess_transport.ts";

/**
 * `loop.subprocessExec`: starts a program, with pipes for the streams that the options don't name.
 *
 * A cancellation while it starts kills the program, waits for its end and leaves as CancelledError.
 *
 * @throws {RangeError | TypeError} when an argument is wrong, before anything has happened
 * @throws {FileNotFoundError | PermissionError | OSError} when the program can't be started
 */
export async function subprocessExec<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  program: string | URL,
  args: readonly string[] = [],
  options: SubprocessOptions = {},
): Promise<[SubprocessTransport, P]> {
  checkCall(loop, protocolFactory);
  const call = execCall(program, args, options, "pipe");
  const protocol = makeProtocol(protocolFactory);
  return [await startProcess(netLoop(loop), protocol, call), protocol];
}

/** `loop.subprocessShell`: the same for a command of `/bin/sh`. */
export async function subprocessShell<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  command: string,
  options: SubprocessOptions = {},
): Promise<[SubprocessTransport, P]> {
  checkCall(loop, protocolFactory);
  const call = shellCall(command, options, "pipe");
  const protocol = makeProtocol(protocolFactory);
  return [await startProcess(netLoop(loop), protocol, call), protocol];
}

/** Starts a checked call and waits until `connectionMade` has been called. */
export async function startProcess(
  loop: NetLoop,
  protocol: SubprocessProtocol,
  call: Call,
): Promise<ProcessTransport> {
  const made = new Waiter<void>(`${call.request.program} to start`);
  const carry = Carry.capture(loop);
  const { newSession } = call.request;
  const transport = new ProcessTransport(loop, protocol, carry, spawn(call), made, newSession);
  try {
    await made.promise;
    return transport;
  } catch (error) {
    // Nobody will ever hold this child: it must not outlive the call.
    transport.close();
    await transport.wait();
    throw error;
  }
}
