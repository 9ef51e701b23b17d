import { lookUpErrno } from "./_errno.ts";
import { attemptOf, denoFlagIn, missingPermission } from "./_missing_permission.ts";
import { nativeCode } from "./_native_code.ts";
import { lookUpTlsCode } from "./_tls_codes.ts";
import {
  BlockingIOError,
  BrokenPipeError,
  ConnectionAbortedError,
  ConnectionRefusedError,
  ConnectionResetError,
  FileNotFoundError,
  GaiError,
  OSError,
  type OSErrorOptions,
  PermissionError,
  ProcessLookupError,
  SSLCertVerificationError,
  SSLError,
} from "./os_error_family.ts";

type OSErrorClass = new (message?: string, options?: OSErrorOptions) => OSError;

/** The classes that stand for a code; the same pairs as in CPython. */
const classOf: ReadonlyMap<string, OSErrorClass> = new Map<string, OSErrorClass>([
  ["ECONNREFUSED", ConnectionRefusedError],
  ["ECONNRESET", ConnectionResetError],
  ["ECONNABORTED", ConnectionAbortedError],
  ["EPIPE", BrokenPipeError],
  ["ESHUTDOWN", BrokenPipeError],
  ["EAGAIN", BlockingIOError],
  ["EALREADY", BlockingIOError],
  ["EINPROGRESS", BlockingIOError],
  ["ESRCH", ProcessLookupError],
  ["ENOENT", FileNotFoundError],
  ["EACCES", PermissionError],
  ["EPERM", PermissionError],
]);

/**
 * An error of Deno, Bun or Node as asyncio's: the class that stands for its POSIX code, a text that is the same on every
 * runtime ("connect 127.0.0.1:9: connection refused (ECONNREFUSED)"), the original as `cause`. One that is an OSError
 * already comes back as it is; one that is none of the operating system's becomes an OSError with its own text.
 *
 * @param syscall the call that failed; without it, what the error itself says
 * @param context what it was made on, as an address or a path; without it, what the error itself says
 */
export function toOSError(error: unknown, syscall?: string, context?: string): OSError {
  if (error instanceof OSError) return error;
  return convert(error, nativeCode(error), syscall, context);
}

/**
 * As {@link toOSError} for the errors of the operating system, the resolver and the TLS library; anything else (an abort,
 * a RangeError for a port, a bug) comes back as it is.
 */
export function translateError(error: unknown, syscall?: string, context?: string): unknown {
  if (error instanceof OSError) return error;
  const code = nativeCode(error);
  if (code === null || !isForeignCode(code, error)) return error;
  return convert(error, code, syscall, context);
}

function isForeignCode(code: string, error: unknown): boolean {
  return lookUpErrno(code) !== null || lookUpTlsCode(code, Object(error)) !== null ||
    isResolving(error);
}

function convert(
  error: unknown,
  code: string | null,
  syscall: string | undefined,
  context: string | undefined,
): OSError {
  const resolving = isResolving(error) || (code !== null && isResolverCode(code));
  const options = {
    code: code ?? "UNKNOWN",
    syscall: (resolving ? ownSyscall(error) ?? "getaddrinfo" : syscall ?? ownSyscall(error)) ??
      null,
    cause: error,
  };
  const where = [options.syscall, context ?? ownContext(error)].filter(Boolean).join(" ");
  const compose = (text: string): string => {
    const shown = code === null ? text : `${text} (${code})`;
    return where === "" ? shown : `${where}: ${shown}`;
  };
  const flag = missingFlag(error, options.code, resolving);
  if (flag !== null) {
    const attempt = attemptOf(options.syscall, context ?? ownContext(error) ?? "");
    return missingPermission(attempt, flag, options);
  }
  const tls = lookUpTlsCode(options.code, Object(error));
  if (tls?.certificate) {
    return new SSLCertVerificationError(compose(tls.text), { ...options, verifyMessage: tls.text });
  }
  if (tls !== null) return new SSLError(compose(tls.text), options);
  const message = compose(lookUpErrno(options.code)?.text ?? ownMessage(error));
  if (resolving && options.code !== "EACCES" && options.code !== "EPERM") {
    return new GaiError(message, options);
  }
  return new (classOf.get(options.code) ?? OSError)(message, options);
}

/** What Deno would have to be run with; null: that is not what is wrong. Its look-up says nothing but EPERM. */
function missingFlag(error: unknown, code: string, resolving: boolean): string | null {
  if (error instanceof Error && error.name === "NotCapable") return denoFlagIn(error.message);
  return resolving && code === "EPERM" ? "--allow-net" : null;
}

function isResolverCode(code: string): boolean {
  return code === "ENOTFOUND" || code === "ENODATA" || code.startsWith("EAI_");
}

function isResolving(error: unknown): boolean {
  const syscall = ownSyscall(error);
  return syscall === "getaddrinfo" || syscall === "getnameinfo";
}

/** Node's "spawn /bin/x" is a call and its context. */
function ownSyscall(error: unknown): string | undefined {
  const syscall = field(error, "syscall");
  return typeof syscall === "string" && syscall !== "" ? syscall.split(" ")[0] : undefined;
}

function ownContext(error: unknown): string | undefined {
  const address = field(error, "address");
  const port = field(error, "port");
  if (typeof address === "string" && typeof port === "number" && port >= 0) {
    return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  }
  return [address, field(error, "path"), field(error, "hostname")].find((value) =>
    typeof value === "string" && value !== ""
  ) as string | undefined;
}

function ownMessage(error: unknown): string {
  const message = field(error, "message");
  return typeof message === "string" && message !== "" ? message : String(error);
}

function field(error: unknown, name: string): unknown {
  return typeof error === "object" && error !== null ? Reflect.get(error, name) : undefined;
}
