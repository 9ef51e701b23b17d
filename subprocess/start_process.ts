import { core, type LoopCore } from "../runtime/core/loop_core.ts";
import type { EventLoop } from "../loop_interface.ts";
import { CapturedContext } from "../runtime/core/captured_context.ts";
import { noteDescriptors } from "../runtime/core/lazy_module.ts";
import { Waiter } from "../runtime/core/wait.ts";
import { Process } from "./process.ts";
import { ProcessTransport } from "./transport/process_transport.ts";
import type { Call } from "./core/request.ts";
import { spawn } from "./hosts/select.ts";
import { SubprocessStreamProtocol } from "./transport/stream_protocol.ts";
import type { SubprocessProtocol, SubprocessTransport } from "../runtime/contract/subprocesses.ts";

/** A checked call for somebody's protocol. */
export async function startWithProtocol<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocol: P,
  call: Call,
): Promise<[SubprocessTransport, P]> {
  return [await startProcess(loop[core], protocol, call), protocol];
}

/** A checked call whose child is read and written through streams. */
export async function startWithStreams(
  loop: EventLoop,
  limit: number | undefined,
  call: Call,
): Promise<Process> {
  const protocol = new SubprocessStreamProtocol(limit, loop);
  const transport = await startProcess(loop[core], protocol, call);
  const { stdin, stdout, stderr } = protocol.handOver();
  return new Process(transport, stdin, stdout, stderr);
}

/** Starts a checked call and waits until `connectionMade` has been called. */
async function startProcess(
  loop: LoopCore,
  protocol: SubprocessProtocol,
  call: Call,
): Promise<ProcessTransport> {
  const made = new Waiter<void>(`${call.request.program} to start`);
  const context = CapturedContext.capture(loop);
  const { newSession } = call.request;
  const transport = new ProcessTransport(loop, protocol, context, spawn(call), made, newSession);
  try {
    await made.promise;
    noteDescriptors(1);
    return transport;
  } catch (error) {
    // Nobody will ever hold this child: it must not outlive the call.
    transport.close();
    await transport.finished();
    throw error;
  }
}
