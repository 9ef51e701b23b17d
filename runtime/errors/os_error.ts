import { lookUpErrno } from "./errno.ts";
import { nameError } from "../base/format.ts";

/** What an {@link OSError} is made of besides its message. */
export interface OSErrorOptions extends ErrorOptions {
  /**
   * The POSIX name, "ECONNREFUSED".
   * @default {the code the class stands for, "UNKNOWN" for a class that stands for several}
   */
  code?: string;
  /**
   * Linux's number of the error, on every platform; null where it has none.
   * @default {the number that belongs to the code}
   */
  errno?: number | null;
  /**
   * The system call that failed, "connect"; null where it is not known.
   * @default {null}
   */
  syscall?: string | null;
}

/**
 * An error of the operating system, the same on Deno, Bun and Node (`OSError`): `code` is the POSIX name, `cause` the
 * runtime's own error. What a program commonly tells apart has a class of its own.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OSError } from "@asyncio/asyncio";
 *
 * const error = new OSError("the port is taken", { code: "EADDRINUSE", syscall: "listen" });
 * assert.equal(error.errno, 98);
 * ```
 */
export class OSError extends Error {
  static {
    nameError(this, "OSError");
  }

  /** The POSIX name, "ECONNREFUSED"; "UNKNOWN" where none is known. */
  readonly code: string;
  /** Linux's number of the error, on every platform; null where it has none. */
  readonly errno: number | null;
  /** The system call that failed, "connect"; null where it is not known. */
  readonly syscall: string | null;

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code, number, system call and cause
   */
  constructor(message?: string, options: OSErrorOptions = {}) {
    super(message, options);
    this.code = options.code ?? "UNKNOWN";
    this.errno = options.errno === undefined
      ? lookUpErrno(this.code)?.errno ?? null
      : options.errno;
    this.syscall = options.syscall ?? null;
  }
}

/**
 * A connection failed or was lost (`ConnectionError`): base of the four that say how.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConnectionError, ConnectionResetError } from "@asyncio/asyncio";
 *
 * assert.ok(new ConnectionResetError() instanceof ConnectionError);
 * ```
 */
export class ConnectionError extends OSError {
  static {
    nameError(this, "ConnectionError");
  }
}

/**
 * No server listens at that address (`ConnectionRefusedError`, ECONNREFUSED).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConnectionRefusedError } from "@asyncio/asyncio";
 *
 * assert.equal(new ConnectionRefusedError().code, "ECONNREFUSED");
 * ```
 */
export class ConnectionRefusedError extends ConnectionError {
  static {
    nameError(this, "ConnectionRefusedError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ECONNREFUSED unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ECONNREFUSED", ...options });
  }
}

/**
 * The other side cut the connection, or it is lost already (`ConnectionResetError`, ECONNRESET).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConnectionResetError } from "@asyncio/asyncio";
 *
 * assert.equal(new ConnectionResetError("Connection lost").code, "ECONNRESET");
 * ```
 */
export class ConnectionResetError extends ConnectionError {
  static {
    nameError(this, "ConnectionResetError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ECONNRESET unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ECONNRESET", ...options });
  }
}

/**
 * A connection was given up on this side, as when a TLS handshake takes too long (`ConnectionAbortedError`,
 * ECONNABORTED).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ConnectionAbortedError } from "@asyncio/asyncio";
 *
 * assert.equal(new ConnectionAbortedError().code, "ECONNABORTED");
 * ```
 */
export class ConnectionAbortedError extends ConnectionError {
  static {
    nameError(this, "ConnectionAbortedError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ECONNABORTED unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ECONNABORTED", ...options });
  }
}

/**
 * Written to a pipe or socket whose reader has closed it (`BrokenPipeError`, EPIPE).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BrokenPipeError } from "@asyncio/asyncio";
 *
 * assert.equal(new BrokenPipeError().code, "EPIPE");
 * ```
 */
export class BrokenPipeError extends ConnectionError {
  static {
    nameError(this, "BrokenPipeError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (EPIPE unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "EPIPE", ...options });
  }
}

/**
 * A non-blocking call would have had to wait (`BlockingIOError`, EAGAIN).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { BlockingIOError } from "@asyncio/asyncio";
 *
 * assert.equal(new BlockingIOError().code, "EAGAIN");
 * ```
 */
export class BlockingIOError extends OSError {
  static {
    nameError(this, "BlockingIOError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (EAGAIN unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "EAGAIN", ...options });
  }
}

/**
 * The process to signal does not exist any more (`ProcessLookupError`, ESRCH).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { ProcessLookupError } from "@asyncio/asyncio";
 *
 * assert.equal(new ProcessLookupError().code, "ESRCH");
 * ```
 */
export class ProcessLookupError extends OSError {
  static {
    nameError(this, "ProcessLookupError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ESRCH unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ESRCH", ...options });
  }
}

/**
 * No such file, program or unix socket (`FileNotFoundError`, ENOENT).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { FileNotFoundError } from "@asyncio/asyncio";
 *
 * assert.equal(new FileNotFoundError().code, "ENOENT");
 * ```
 */
export class FileNotFoundError extends OSError {
  static {
    nameError(this, "FileNotFoundError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ENOENT unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ENOENT", ...options });
  }
}

/**
 * Not allowed, by the system (EACCES, EPERM) or by Deno (then the text names the flag that would allow it)
 * (`PermissionError`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { PermissionError } from "@asyncio/asyncio";
 *
 * assert.equal(new PermissionError().code, "EACCES");
 * ```
 */
export class PermissionError extends OSError {
  static {
    nameError(this, "PermissionError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (EACCES unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "EACCES", ...options });
  }
}

/**
 * A name that can't be resolved (`socket.gaierror`); `code` is "ENOTFOUND" or the resolver's own, such as "EAI_AGAIN".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { GaiError } from "@asyncio/asyncio";
 *
 * assert.equal(new GaiError("no such host").errno, -2);
 * ```
 */
export class GaiError extends OSError {
  static {
    nameError(this, "GaiError");
  }

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options code (ENOTFOUND unless given), number, system call and cause
   */
  constructor(message?: string, options?: OSErrorOptions) {
    super(message, { code: "ENOTFOUND", ...options });
  }
}

/**
 * TLS went wrong (`ssl.SSLError`); `code` is the TLS library's, such as "ERR_SSL_WRONG_VERSION_NUMBER".
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { OSError, SSLError } from "@asyncio/asyncio";
 *
 * assert.ok(new SSLError("no protocol in common") instanceof OSError);
 * ```
 */
export class SSLError extends OSError {
  static {
    nameError(this, "SSLError");
  }
}

/** What an {@link SSLCertVerificationError} is made of besides its message. */
export interface SSLCertVerificationErrorOptions extends OSErrorOptions {
  /**
   * Why the certificate was refused, in the TLS library's words.
   * @default {the message}
   */
  verifyMessage?: string;
}

/**
 * The certificate of the other side can't be trusted (`ssl.SSLCertVerificationError`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { SSLCertVerificationError } from "@asyncio/asyncio";
 *
 * const error = new SSLCertVerificationError("connect localhost:443: self-signed certificate", {
 *   code: "DEPTH_ZERO_SELF_SIGNED_CERT",
 *   verifyMessage: "self-signed certificate",
 * });
 * assert.equal(error.verifyMessage, "self-signed certificate");
 * ```
 */
export class SSLCertVerificationError extends SSLError {
  static {
    nameError(this, "SSLCertVerificationError");
  }

  /** Why the certificate was refused, in the TLS library's words. */
  readonly verifyMessage: string;

  /**
   * An error of this class; the number follows from the code.
   *
   * @param message what failed, on what
   * @param options the reason, code, number, system call and cause
   */
  constructor(message?: string, options: SSLCertVerificationErrorOptions = {}) {
    super(message, options);
    this.verifyMessage = options.verifyMessage ?? this.message;
  }
}
