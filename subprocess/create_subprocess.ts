import type { EventLoop } from "../loop_interface.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import { getEventLoop } from "../runtime/loop/policies.ts";
import type { SubprocessOptions } from "./core/options.ts";
import type { Process } from "./process.ts";
import { type Call, execCall, shellCall } from "./core/request.ts";
import { startCalls } from "./subprocess_exec.ts";

/**
 * Starts a program (`asyncio.create_subprocess_exec`). No shell is involved, so the arguments reach it as they are.
 *
 * The streams that the options don't name are ours. A cancellation while it starts ends the program again.
 *
 * @param program a path, a file URL, or a name to be found on the PATH (that of `env`, if given)
 * @param args the arguments, without the program's name
 * @param options streams, directory, environment, user and session
 * @throws {FileNotFoundError} when there is no such program or directory
 * @throws {PermissionError} when it may not be executed, or Deno was not started with `--allow-run`
 * @throws {RangeError} for an option that asyncio refuses (`text`, `encoding`, ...) or a value out of range
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
 * @throws {RangeError} when the command is no string, or for an option that asyncio refuses
 * @throws {PermissionError} when Deno was not started with `--allow-run` or `--allow-run=sh`
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
  const loop: EventLoop = getEventLoop();
  return startCalls.call((it) => it.startWithStreams(loop, limit, call));
}
