import { areFree } from "./_descriptors.ts";

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
  // Deno.kill says NotFound for a process that is gone: its text is more exact than its class.
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
