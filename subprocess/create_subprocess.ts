import type { EventLoop } from "../loop_interface.ts";
import { checkCall, makeProtocol } from "../net/core/arguments.ts";
import { currentScope } from "../runtime/core/frame.ts";
import { LazyModule } from "../runtime/core/lazy_module.ts";
import type { LoopCore } from "../runtime/core/loop_core.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import type { SubprocessOptions } from "./core/options.ts";
import { type Call, execCall, shellCall } from "./core/request.ts";
import type { SubprocessProtocol, SubprocessTransport } from "../runtime/contract/subprocesses.ts";
import type { Process } from "./process.ts";

/** What starting a child takes: the host of the runtime, and the transports of a child and its pipes. */
export const startCalls: LazyModule<typeof import("./start_process.ts")> = new LazyModule(
  "the code for subprocesses",
  () => import("./start_process.ts"),
  true,
);

/**
 * Starts a program (`asyncio.create_subprocess_exec`). No shell is involved, so the arguments reach it as they are.
 *
 * Streams that the options don't name are those of this process. A cancellation while it starts ends the program again.
 *
 * @param program a path, a file URL, or a name to be found on the PATH (that of `env`, if given)
 * @param args the arguments, without the program's name
 * @param options streams, directory, environment, user and session
 * @throws {FileNotFoundError} if there is no such program or directory
 * @throws {PermissionError} if it may not be executed, or Deno was not started with `--allow-run`
 * @throws {RangeError} if asyncio refuses the option (`text`, `encoding`, ...) or a value is out of range
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSubprocessExec, PIPE, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const process = await createSubprocessExec("echo", ["$HOME", "*"], { stdout: PIPE });
 *   const line = await process.stdout!.readline();
 *   assert.equal(new TextDecoder().decode(line), "$HOME *\n");
 *   assert.equal(await process.wait(), 0);
 * });
 * ```
 */
export function createSubprocessExec(
  program: string | URL,
  args: readonly string[] = [],
  options: SubprocessOptions = {},
): Promise<Process> {
  return inOwnScope(() => create(execCall(program, args, options, "inherit"), options));
}

/**
 * Runs a command of the shell, `/bin/sh` (`asyncio.create_subprocess_shell`).
 *
 * Never put a value that comes from outside into the command: the shell would execute it. Hand it over through `env`, or use
 * `createSubprocessExec`.
 *
 * @param command what you would type: pipes, `&&`, `$VARIABLES` and patterns work
 * @param options streams, directory, environment, user and session
 * @throws {RangeError} if the command is not a string, or asyncio refuses an option
 * @throws {PermissionError} if Deno was not started with `--allow-run` or `--allow-run=sh`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSubprocessShell, PIPE, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const env = { NAME: "world; exit 1" };
 *   const process = await createSubprocessShell('echo "hello $NAME" | tr a-z A-Z', { env, stdout: PIPE });
 *   const [stdout] = await process.communicate();
 *   assert.equal(new TextDecoder().decode(stdout!), "HELLO WORLD; EXIT 1\n");
 * });
 * ```
 */
export function createSubprocessShell(
  command: string,
  options: SubprocessOptions = {},
): Promise<Process> {
  return inOwnScope(() => create(shellCall(command, options, "inherit"), options));
}

function create(call: Call, { limit }: SubprocessOptions): Promise<Process> {
  const loop = currentScope().loop as LoopCore;
  return startCalls.call((it) => it.startWithStreams(loop, limit, call));
}

// ── the loop's calls

/**
 * `loop.subprocessExec`: starts a program, with pipes for the streams that the options don't name.
 *
 * A cancellation while it starts kills the program, waits for its end and leaves as CancelledError.
 *
 * @throws {RangeError | TypeError} if an argument is wrong, before anything has happened
 * @throws {FileNotFoundError | PermissionError | OSError} if the program can't be started
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
