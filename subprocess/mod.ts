/**
 * Child processes: start programs, talk to them through streams, wait for them, end them.
 *
 * @module
 */
export { createSubprocessExec, createSubprocessShell } from "./create_subprocess.ts";
export { DEVNULL, PIPE, STDOUT, type SubprocessOptions } from "./core/options.ts";
export { Process, type TerminateOptions, terminateProcess } from "./process.ts";
export type { SubprocessProtocol, SubprocessTransport } from "../runtime/contract/subprocesses.ts";
export type { Signal } from "../runtime/base/signal_names.ts";
