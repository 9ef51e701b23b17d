import { theProcess } from "../../runtime/base/platform.ts";
import { lookUpErrno } from "../../runtime/errors/errno.ts";
import {
  BlockingIOError,
  FileNotFoundError,
  NotImplementedError,
  OSError,
  PermissionError,
  ProcessLookupError,
} from "../../runtime/errors/exceptions.ts";
import { nativeCode } from "../../runtime/errors/native_errors.ts";
import { signalName } from "../../runtime/base/signal_names.ts";
import type { SpawnRequest } from "../core/host.ts";

/** What kept the program from starting, where ENOENT or EACCES alone does not show it. */
export type Culprit = "program" | "interpreter" | "cwd";

/** The POSIX code of a runtime's error; null for one that is none of the operating system's. */
export function posixCode(error: unknown): string | null {
  const code = nativeCode(error);
  return code !== null && lookUpErrno(code) !== null ? code : null;
}

/** The error of a program that could not be started, with a text that says what to do. */
export function spawnError(
  code: string,
  request: SpawnRequest,
  culprit: Culprit,
  cause: unknown,
): OSError {
  const options = { code, syscall: "spawn", cause };
  const program = JSON.stringify(request.program);
  const where = `in ${JSON.stringify(request.cwd)}`;
  if (code === "ENOENT") {
    return new FileNotFoundError(
      culprit === "cwd"
        ? `Cannot start ${program} ${where}: there is no such directory, create it or correct cwd`
        : culprit === "interpreter"
        ? `Cannot start ${program}: the interpreter that its first line names does not exist`
        : request.program === ""
        ? "Cannot start a program without a name"
        : request.program.includes("/")
        ? `Cannot start ${program}: there is no such file, check the path` +
          (request.cwd === null ? "" : `, which is relative to cwd (${request.cwd})`)
        : `Cannot start ${program}: no directory on the PATH has such a program, install it, ` +
          `check the spelling, or give its path`,
      options,
    );
  }
  if (code === "ENOTDIR" && culprit === "cwd") {
    return new OSError(`Cannot start ${program} ${where}: that is not a directory`, options);
  }
  if (code === "EACCES" || code === "EPERM") {
    return new PermissionError(
      culprit === "cwd"
        ? `Cannot start ${program} ${where}: that directory may not be entered`
        : request.uid !== null || request.gid !== null
        ? `Cannot start ${program}: it may not be executed, or not as user ${request.uid} and group ${request.gid}`
        : `Cannot start ${program}: it may not be executed, is it a program and has it the x permission?`,
      options,
    );
  }
  if (code === "EBADF" && namesDescriptor(request)) {
    return new OSError(
      `Cannot start ${program} with ${describeStreams(request)}: there is no such open ` +
        `descriptor, a file must stay open until the child has started`,
      options,
    );
  }
  const text = `Cannot start ${program}: ${lookUpErrno(code)?.text ?? code}`;
  return code === "EAGAIN" ? new BlockingIOError(text, options) : new OSError(text, options);
}

/** What a runtime throws that won't take a descriptor for a stream: a TypeError. Null where that is not the reason. */
export function descriptorError(error: unknown, request: SpawnRequest): Error | null {
  if (!(error instanceof TypeError) || !namesDescriptor(request)) return null;
  return new NotImplementedError(
    `Cannot start ${JSON.stringify(request.program)} with ${describeStreams(request)}: this ` +
      `runtime does not give these descriptors to these streams (${error.message})`,
    { cause: error },
  );
}

function namesDescriptor(request: SpawnRequest): boolean {
  return STREAM_NAMES.some((name) => typeof request[name] === "number");
}

function describeStreams(request: SpawnRequest): string {
  return STREAM_NAMES.filter((name) => typeof request[name] === "number")
    .map((name) => `${name}: ${request[name]}`).join(", ");
}

const STREAM_NAMES = ["stdin", "stdout", "stderr"] as const;

/** The error of a signal that could not be sent. */
export function killError(code: string, pid: number, signal: number, cause: unknown): OSError {
  const what = `Cannot send ${signalName(signal)} to process ${pid}`;
  const options = { code, syscall: "kill", cause };
  if (code === "ESRCH") return new ProcessLookupError(`${what}: it has ended`, options);
  if (code === "EPERM" || code === "EACCES") {
    return new PermissionError(`${what}: it belongs to another user`, options);
  }
  return new OSError(`${what}: ${lookUpErrno(code)?.text ?? code}`, options);
}

/** Sends a signal to a process, or to a group by its negative number, with the errors that the hosts promise. */
export function sendSignal(pid: number, signal: number): void {
  try {
    theProcess().kill(pid, signal);
  } catch (error) {
    const code = posixCode(error);
    throw code === null ? error : killError(code, pid, signal, error);
  }
}
