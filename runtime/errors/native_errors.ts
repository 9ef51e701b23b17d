import { lookUpErrno } from "./errno.ts";
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
} from "./os_error.ts";
import { areFree } from "../base/platform.ts";
import { markFresh } from "../base/stack.ts";

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
  return markFresh(makeOSError(error, code, syscall, context));
}

function makeOSError(
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

/** POSIX codes of Deno's error classes, for those of its errors that carry no code themselves. */
const denoClasses: ReadonlyMap<string, string> = new Map([
  ["NotFound", "ENOENT"],
  ["PermissionDenied", "EACCES"],
  ["NotCapable", "EPERM"],
  ["ConnectionRefused", "ECONNREFUSED"],
  ["ConnectionReset", "ECONNRESET"],
  ["ConnectionAborted", "ECONNABORTED"],
  ["NotConnected", "ENOTCONN"],
  ["AddrInUse", "EADDRINUSE"],
  ["AddrNotAvailable", "EADDRNOTAVAIL"],
  ["NetworkUnreachable", "ENETUNREACH"],
  ["BrokenPipe", "EPIPE"],
  ["AlreadyExists", "EEXIST"],
  ["TimedOut", "ETIMEDOUT"],
  ["Interrupted", "EINTR"],
  ["WouldBlock", "EAGAIN"],
  ["WriteZero", "EIO"],
  ["UnexpectedEof", "ECONNRESET"],
  ["BadResource", "EBADF"],
  ["Busy", "EBUSY"],
  ["NotSupported", "ENOTSUP"],
  ["FilesystemLoop", "ELOOP"],
  ["IsADirectory", "EISDIR"],
  ["NotADirectory", "ENOTDIR"],
]);

/** What the system would have said, where Node stops a call on a stream that has ended on its own account. */
const synonyms: ReadonlyMap<string, string> = new Map([
  ["EWOULDBLOCK", "EAGAIN"],
  ["EAI_NONAME", "ENOTFOUND"],
  ["EAI_NODATA", "ENODATA"],
  ["ERR_STREAM_DESTROYED", "ECONNRESET"],
  ["ERR_SOCKET_CLOSED", "ECONNRESET"],
  ["ERR_STREAM_PREMATURE_CLOSE", "ECONNRESET"],
  ["ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "ECONNABORTED"],
  ["ERR_STREAM_WRITE_AFTER_END", "EPIPE"],
]);

/**
 * The POSIX (or TLS library's) code of a runtime's error: its own `code`, else what its text or Deno's class says, else
 * null.
 */
export function nativeCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  const code: unknown = Reflect.get(error, "code");
  if (typeof code === "string" && code !== "") return synonyms.get(code) ?? code;
  if (!(error instanceof Error)) return null;
  // Deno.kill says NotFound for a process that has ended: its text is more exact than its class.
  const prefix = /^(E[A-Z0-9]+): /.exec(error.message)?.[1];
  if (prefix !== undefined) return prefix;
  const resolver = /^failed to lookup address information: (.*)/.exec(error.message)?.[1];
  if (resolver !== undefined) return resolverCode(resolver);
  // Bun's words for a listen that found no descriptor, without a code.
  if (error.message.startsWith("Failed to listen at ") && !areFree(1)) return "EMFILE";
  const byClass = denoClasses.get(error.name);
  if (byClass !== undefined) return byClass;
  // All addresses of a host failed (happy eyeballs): the first one's error speaks for them.
  return error instanceof AggregateError ? nativeCode(error.errors[0]) : null;
}

/** Deno.connect hands on what the C library says, without a code. */
function resolverCode(text: string): string {
  if (/temporary failure/i.test(text)) return "EAI_AGAIN";
  if (/no address associated/i.test(text)) return "ENODATA";
  if (/non-recoverable/i.test(text)) return "EAI_FAIL";
  return "ENOTFOUND";
}

/** What the system calls do, for people. */
const phrases: Readonly<Record<string, string>> = {
  connect: "connect to",
  getaddrinfo: "look up",
  getnameinfo: "look up the name of",
  listen: "listen on",
  sendto: "send to",
};

/** "connect to 127.0.0.1:80": what was attempted, after "Cannot". */
export function attemptOf(syscall: string | null, what: string): string {
  if (syscall === null) return what === "" ? "do this" : `use ${what}`;
  return `${phrases[syscall] ?? syscall} ${what}`.trimEnd();
}

/**
 * The one text for what a runtime's permissions forbid.
 *
 * @param attempt what was attempted, "connect to 127.0.0.1:80"
 * @param flag what allows it, "--allow-net=127.0.0.1:80"
 */
export function missingPermission(
  attempt: string,
  flag: string,
  options: OSErrorOptions = {},
  runtime: "Deno" | "Node" = "Deno",
): PermissionError {
  return new PermissionError(
    `Cannot ${attempt}: ${runtime} was not given the permission, run it with ${flag}`,
    { code: "EPERM", ...options },
  );
}

/** The flag that would have allowed what Deno's own text refuses, which names it without the value. */
function denoFlagIn(text: string): string {
  const [, kind, value] = /^Requires (\w+) access(?: to "(.*?)")?, run/.exec(text) ?? [];
  if (kind === undefined) return `the permission that it names: ${text}`;
  return `--allow-${kind}${value === undefined ? "" : `=${value}`}`;
}

/** Why a certificate was refused, by the verification codes of OpenSSL, which all three runtimes use. */
const verification: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate"],
  ["UNABLE_TO_GET_CRL", "unable to get certificate CRL"],
  ["UNABLE_TO_DECRYPT_CERT_SIGNATURE", "unable to decrypt certificate's signature"],
  ["UNABLE_TO_DECRYPT_CRL_SIGNATURE", "unable to decrypt CRL's signature"],
  ["UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "unable to decode issuer public key"],
  ["CERT_SIGNATURE_FAILURE", "certificate signature failure"],
  ["CRL_SIGNATURE_FAILURE", "CRL signature failure"],
  ["CERT_NOT_YET_VALID", "certificate is not yet valid"],
  ["CERT_HAS_EXPIRED", "certificate has expired"],
  ["CRL_NOT_YET_VALID", "CRL is not yet valid"],
  ["CRL_HAS_EXPIRED", "CRL has expired"],
  ["ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field"],
  ["ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field"],
  ["ERROR_IN_CRL_LAST_UPDATE_FIELD", "format error in CRL's lastUpdate field"],
  ["ERROR_IN_CRL_NEXT_UPDATE_FIELD", "format error in CRL's nextUpdate field"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"],
  ["CERT_CHAIN_TOO_LONG", "certificate chain too long"],
  ["CERT_REVOKED", "certificate revoked"],
  ["INVALID_CA", "invalid CA certificate"],
  ["PATH_LENGTH_EXCEEDED", "path length constraint exceeded"],
  ["INVALID_PURPOSE", "unsuitable certificate purpose"],
  ["CERT_UNTRUSTED", "certificate not trusted"],
  ["CERT_REJECTED", "certificate rejected"],
  ["HOSTNAME_MISMATCH", "hostname mismatch"],
]);

/** How a TLS code reads: the same on every runtime, whose own texts differ or are full of source lines. */
export interface TlsFailure {
  readonly text: string;
  readonly certificate: boolean;
}

/** null for a code that is none of the TLS library's. */
function lookUpTlsCode(code: string, error: object): TlsFailure | null {
  const reason = verification.get(code);
  if (reason !== undefined) return { text: reason, certificate: true };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return { text: readText(error, "reason") ?? "hostname mismatch", certificate: true };
  }
  const library = /^ERR_(?:SSL|OSSL)_([\w/]+)$/.exec(code)?.[1];
  if (library !== undefined) {
    return { text: library.toLowerCase().replaceAll("_", " "), certificate: false };
  }
  if (!code.startsWith("ERR_TLS_")) return null;
  return { text: readText(error, "message") ?? code, certificate: false };
}

function readText(error: object, field: string): string | null {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" && value !== "" ? value : null;
}
