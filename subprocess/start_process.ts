import type { EventLoop } from "../loop_interface.ts";
import { CapturedContext } from "../runtime/core/captured_context.ts";
import { builtin, onBun, onDeno } from "../runtime/base/platform.ts";
import { noteDescriptors } from "../runtime/core/lazy_module.ts";
import { core, type LoopCore } from "../runtime/core/loop_core.ts";
import { Waiter } from "../runtime/core/wait.ts";
import { OSError } from "../runtime/errors/exceptions.ts";
import { missingPermission, toOSError } from "../runtime/errors/native_errors.ts";
import type { RawChild, SubprocessHost } from "./core/host.ts";
import type { Call } from "./core/request.ts";
import type { SubprocessProtocol, SubprocessTransport } from "../runtime/contract/subprocesses.ts";
import { bunHost } from "./hosts/bun.ts";
import { denoHost } from "./hosts/deno.ts";
import { nodeHost } from "./hosts/node.ts";
import { Process } from "./process.ts";
import { ProcessTransport } from "./transport/process_transport.ts";
import { SubprocessStreamProtocol } from "./transport/stream_protocol.ts";

/** Starts a checked call for a protocol of the user's. */
export async function startWithProtocol<P extends SubprocessProtocol>(
  loop: EventLoop,
  protocol: P,
  call: Call,
): Promise<[SubprocessTransport, P]> {
  return [await startProcess(loop[core], protocol, call), protocol];
}

/** Starts a checked call whose child is read and written through streams. */
export async function startWithStreams(
  loop: LoopCore,
  limit: number | undefined,
  call: Call,
): Promise<Process> {
  const protocol = new SubprocessStreamProtocol(limit, loop.publicLoop as EventLoop);
  const transport = await startProcess(loop, protocol, call);
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
    // The caller never gets this child, which must not outlive the call.
    transport.close();
    await transport.finished();
    throw error;
  }
}

/** The host of the runtime that this runs on. */
export const host: SubprocessHost = onDeno ? denoHost : onBun ? bunHost : nodeHost;

/** Starts a checked call. */
async function spawn(call: Call): Promise<RawChild> {
  const { join, user, group } = call;
  const request = {
    ...call.request,
    ...(user === null ? {} : { uid: accountNumber("user", user) }),
    ...(group === null ? {} : { gid: accountNumber("group", group) }),
  };
  if (!join) return await host.spawn(request);
  // For a missing program the shell has only an exit code, which could be the program's own.
  await host.check(request);
  return await host.spawn({
    ...request,
    program: "/bin/sh",
    args: ["-c", JOIN, "sh", request.program, ...request.args],
  });
}

/** The kernel joins the streams, so what is written to both stays in order; `exec` keeps the process the same. */
const JOIN = 'exec "$@" 2>&1';

/** The files of the system with the numbers of names. */
const FILES = { user: "/etc/passwd", group: "/etc/group" } as const;

/**
 * The number of a user or group, by the files that every unix system has. No runtime can look up what only other services know (LDAP).
 *
 * @throws {RangeError} if there is no such name
 * @throws {PermissionError} on Deno without `--allow-read` of the file
 */
function accountNumber(kind: keyof typeof FILES, name: string): number {
  const file = FILES[kind];
  for (const line of read(file).split("\n")) {
    const [known, , number] = line.split(":");
    if (known === name && number !== undefined && /^\d+$/.test(number)) return Number(number);
  }
  throw new RangeError(
    `Cannot run as the ${kind} ${JSON.stringify(name)}: ${file} has no such name. ` +
      "Write the number where only another service knows the name",
  );
}

function read(file: string): string {
  try {
    return builtin("node:fs").readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && error.name === "NotCapable") {
      throw missingPermission(`look up a name in ${file}`, `--allow-read=${file}`, {
        cause: error,
      });
    }
    const mapped = toOSError(error, "open", file);
    throw mapped instanceof OSError ? mapped : error;
  }
}
