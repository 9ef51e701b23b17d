/** Linux's number and wording of a POSIX error: what `OSError` carries on every runtime and platform. */
export interface Errno {
  readonly errno: number;
  readonly text: string;
}

type Row = readonly [code: string, errno: number, text: string];

/** A function, so that only programs that meet an error make the table. */
const rows = (): readonly Row[] => [
  ["EPERM", 1, "operation not permitted"],
  ["ENOENT", 2, "no such file or directory"],
  ["ESRCH", 3, "no such process"],
  ["EINTR", 4, "interrupted system call"],
  ["EIO", 5, "input/output error"],
  ["ENXIO", 6, "no such device or address"],
  ["E2BIG", 7, "argument list too long"],
  ["ENOEXEC", 8, "exec format error"],
  ["EBADF", 9, "bad file descriptor"],
  ["ECHILD", 10, "no child processes"],
  ["EAGAIN", 11, "resource temporarily unavailable"],
  ["ENOMEM", 12, "cannot allocate memory"],
  ["EACCES", 13, "permission denied"],
  ["EFAULT", 14, "bad address"],
  ["EBUSY", 16, "device or resource busy"],
  ["EEXIST", 17, "file exists"],
  ["EXDEV", 18, "invalid cross-device link"],
  ["ENODEV", 19, "no such device"],
  ["ENOTDIR", 20, "not a directory"],
  ["EISDIR", 21, "is a directory"],
  ["EINVAL", 22, "invalid argument"],
  ["ENFILE", 23, "too many open files in system"],
  ["EMFILE", 24, "too many open files"],
  ["ENOTTY", 25, "inappropriate ioctl for device"],
  ["ETXTBSY", 26, "text file busy"],
  ["EFBIG", 27, "file too large"],
  ["ENOSPC", 28, "no space left on device"],
  ["ESPIPE", 29, "illegal seek"],
  ["EROFS", 30, "read-only file system"],
  ["EMLINK", 31, "too many links"],
  ["EPIPE", 32, "broken pipe"],
  ["EDEADLK", 35, "resource deadlock avoided"],
  ["ENAMETOOLONG", 36, "file name too long"],
  ["ENOSYS", 38, "function not implemented"],
  ["ENOTEMPTY", 39, "directory not empty"],
  ["ELOOP", 40, "too many levels of symbolic links"],
  ["EPROTO", 71, "protocol error"],
  ["EOVERFLOW", 75, "value too large for defined data type"],
  ["EILSEQ", 84, "invalid or incomplete multibyte or wide character"],
  ["ENOTSOCK", 88, "socket operation on non-socket"],
  ["EDESTADDRREQ", 89, "destination address required"],
  ["EMSGSIZE", 90, "message too long"],
  ["EPROTOTYPE", 91, "protocol wrong type for socket"],
  ["ENOPROTOOPT", 92, "protocol not available"],
  ["EPROTONOSUPPORT", 93, "protocol not supported"],
  ["EOPNOTSUPP", 95, "operation not supported"],
  ["ENOTSUP", 95, "operation not supported"],
  ["EAFNOSUPPORT", 97, "address family not supported by protocol"],
  ["EADDRINUSE", 98, "address already in use"],
  ["EADDRNOTAVAIL", 99, "cannot assign requested address"],
  ["ENETDOWN", 100, "network is down"],
  ["ENETUNREACH", 101, "network is unreachable"],
  ["ENETRESET", 102, "network dropped connection on reset"],
  ["ECONNABORTED", 103, "software caused connection abort"],
  ["ECONNRESET", 104, "connection reset by peer"],
  ["ENOBUFS", 105, "no buffer space available"],
  ["EISCONN", 106, "transport endpoint is already connected"],
  ["ENOTCONN", 107, "transport endpoint is not connected"],
  ["ESHUTDOWN", 108, "cannot send after transport endpoint shutdown"],
  ["ETIMEDOUT", 110, "connection timed out"],
  ["ECONNREFUSED", 111, "connection refused"],
  ["EHOSTDOWN", 112, "host is down"],
  ["EHOSTUNREACH", 113, "no route to host"],
  ["EALREADY", 114, "operation already in progress"],
  ["EINPROGRESS", 115, "operation now in progress"],
  ["ECANCELED", 125, "operation canceled"],
  // The resolver's own, numbered as getaddrinfo does. ENOTFOUND and ENODATA are the names that Node gives to
  // EAI_NONAME and EAI_NODATA.
  ["ENOTFOUND", -2, "name or service not known"],
  ["EAI_NONAME", -2, "name or service not known"],
  ["EAI_BADFLAGS", -1, "bad value for flags"],
  ["EAI_AGAIN", -3, "temporary failure in name resolution"],
  ["EAI_FAIL", -4, "non-recoverable failure in name resolution"],
  ["ENODATA", -5, "no address associated with hostname"],
  ["EAI_NODATA", -5, "no address associated with hostname"],
  ["EAI_FAMILY", -6, "address family not supported by the resolver"],
  ["EAI_SOCKTYPE", -7, "socket type not supported by the resolver"],
  ["EAI_SERVICE", -8, "service not supported for the socket type"],
  ["EAI_ADDRFAMILY", -9, "address family for hostname not supported"],
  ["EAI_MEMORY", -10, "memory allocation failure in name resolution"],
  ["EAI_SYSTEM", -11, "system error in name resolution"],
  ["EAI_OVERFLOW", -12, "argument buffer overflow in name resolution"],
];

let byCode: ReadonlyMap<string, Errno> | null = null;

/** null for a code that is not POSIX's (a runtime's own, the TLS library's). */
export function lookUpErrno(code: string): Errno | null {
  byCode ??= new Map(rows().map(([code, errno, text]) => [code, { errno, text }]));
  return byCode.get(code) ?? null;
}
