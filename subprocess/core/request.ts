import { describeType } from "../../runtime/base/format.ts";
import { operatingSystem } from "../../runtime/base/platform.ts";
import { NotImplementedError } from "../../runtime/errors/exceptions.ts";
import type { SpawnRequest, StreamUse } from "./host.ts";
import { DEVNULL, PIPE, STDOUT, type SubprocessOptions, subprocessOptions } from "./options.ts";

/** A checked call. */
export interface Call {
  /** What to start, or what to start through a shell that joins its streams. */
  readonly request: SpawnRequest;
  /** stderr goes into the pipe of stdout. */
  readonly join: boolean;
  /** The name of the user to run as; null: the request has the number, if there is one. */
  readonly user: string | null;
  /** The same for the group. */
  readonly group: string | null;
}

/**
 * Checks the arguments of `subprocessExec` and friends.
 *
 * @param streams where the streams lead that the options don't name
 * @throws {TypeError | RangeError} as asyncio's ValueError
 */
export function execCall(
  program: string | URL,
  args: readonly string[],
  options: SubprocessOptions,
  streams: StreamUse,
): Call {
  requireOptions(options, false);
  if (!Array.isArray(args)) {
    throw new TypeError(
      `Cannot take ${describeType(args)} as arguments of the program: write them as an array, ` +
        `as in createSubprocessExec("ls", ["-l"])`,
    );
  }
  return makeCall(toPath(program, "program"), args, options, streams);
}

/** The same for a shell command. */
export function shellCall(command: string, options: SubprocessOptions, streams: StreamUse): Call {
  requireOptions(options, true);
  if (typeof command !== "string") {
    // A ValueError in asyncio, too, though it is about a type (SUBP-16).
    throw new RangeError(
      `Cannot start the shell: cmd must be a string, received ${describeType(command)}`,
    );
  }
  if (operatingSystem().startsWith("win")) {
    throw new NotImplementedError(
      `Cannot start the shell: there is no /bin/sh on Windows. Write createSubprocessExec("cmd", ["/c", ...])`,
    );
  }
  return makeCall("/bin/sh", ["-c", command], options, streams);
}

function makeCall(
  program: string,
  args: readonly unknown[],
  options: SubprocessOptions,
  streams: StreamUse,
): Call {
  const stdout = streamUse("stdout", options.stdout, streams);
  const join = options.stderr === STDOUT && stdout === "pipe";
  const user = toAccount("user", options.user, "uid", options.uid);
  const group = toAccount("group", options.group, "gid", options.gid);
  const request: SpawnRequest = {
    program: requireText(program, "the program"),
    args: args.map((value, index) => requireText(value, `argument ${index}`)),
    stdin: streamUse("stdin", options.stdin, streams),
    stdout,
    stderr: join
      ? "inherit"
      : options.stderr === STDOUT
      ? alike(stdout)
      : streamUse("stderr", options.stderr, streams),
    cwd: options.cwd === undefined ? null : requireText(toPath(options.cwd, "cwd"), "cwd"),
    env: options.env === undefined ? null : toEnvironment(options.env),
    uid: typeof user === "number" ? user : null,
    gid: typeof group === "number" ? group : null,
    newSession: options.startNewSession === true,
  };
  return {
    request,
    join,
    user: typeof user === "string" ? user : null,
    group: typeof group === "string" ? group : null,
  };
}

/** What the options must be before anything is made of them. */
function requireOptions(options: SubprocessOptions, shell: boolean): void {
  subprocessOptions.check(options, shell ? "createSubprocessShell()" : "createSubprocessExec()");
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of ["universalNewlines", "text"]) {
    if (given[name]) {
      throw new RangeError(`Cannot start a child with ${name}: streams are bytes, ${DECODE}`);
    }
  }
  for (const name of ["encoding", "errors"]) {
    if (given[name] !== undefined && given[name] !== null) {
      throw new RangeError(`Cannot start a child with ${name}: streams are bytes, ${DECODE}`);
    }
  }
  if (given.bufsize !== undefined && given.bufsize !== 0) {
    throw new RangeError(`Cannot start a child: bufsize must be 0, received ${given.bufsize}`);
  }
  if (given.shell !== undefined && Boolean(given.shell) !== shell) {
    throw new RangeError(
      `Cannot start a child: shell must be ${shell}, received ${given.shell}. Write ${
        shell ? "createSubprocessExec" : "createSubprocessShell"
      } for the other`,
    );
  }
  const { limit } = options;
  if (limit !== undefined && !(limit > 0)) {
    throw new RangeError(`Limit cannot be <= 0: current value is ${limit}`);
  }
}

const DECODE = "decode them with new TextDecoder()";

/** Where stderr goes when it is to follow a stdout that is not a pipe. */
function alike(stdout: StreamUse): StreamUse {
  return stdout === "inherit" ? 1 : stdout;
}

function toPath(value: string | URL, what: string): string {
  if (typeof value === "string") return value;
  if (!(value instanceof URL)) {
    throw new TypeError(
      `Cannot take ${describeType(value)} as ${what}: a string or a file URL is expected`,
    );
  }
  if (value.protocol !== "file:" || value.host !== "") {
    throw new RangeError(`Cannot take ${value.href} as ${what}: a file URL is expected`);
  }
  if (/%2f/i.test(value.pathname)) {
    throw new RangeError(`Cannot take ${value.href} as ${what}: an encoded "/" is part of no name`);
  }
  const path = decodeURIComponent(value.pathname);
  return operatingSystem().startsWith("win") ? path.slice(1) : path;
}

function requireText(value: unknown, what: string): string {
  if (typeof value !== "string") {
    throw new TypeError(`Cannot take ${describeType(value)} as ${what}: a string is expected`);
  }
  if (value.includes("\0")) {
    throw new RangeError(
      `Cannot take ${JSON.stringify(value)} as ${what}: embedded null character`,
    );
  }
  return value;
}

function toEnvironment(env: unknown): Record<string, string> {
  if (typeof env !== "object" || env === null) {
    throw new TypeError(`Cannot take ${describeType(env)} as env: an object is expected`);
  }
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name === "" || /[=\0]/.test(name)) {
      throw new RangeError(
        `Cannot set the environment variable ${
          JSON.stringify(name)
        }: a name must not be empty or contain "=" or a null character`,
      );
    }
    checked[name] = requireText(value, `the environment variable ${name}`);
  }
  return checked;
}

/** The user or group that the child runs as. Names are looked up when it is started, by code that is loaded then. */
function toAccount(
  kind: "user" | "group",
  given: unknown,
  numberName: string,
  number: unknown,
): number | string | null {
  if (given === undefined) return toId(numberName, number);
  if (number !== undefined) {
    throw new RangeError(
      `Cannot take both ${kind} and ${numberName}: they mean the same. Write one of them`,
    );
  }
  if (typeof given === "number") return toId(kind, given);
  if (typeof given === "string") return requireText(given, kind);
  throw new TypeError(
    `Cannot take ${describeType(given)} as ${kind}: a name or number is expected`,
  );
}

function toId(name: string, value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot take ${describeType(value)} as ${name}: a number is expected`);
  }
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_fffe) {
    throw new RangeError(
      `Cannot take ${value} as ${name}: the number of a user or group is expected`,
    );
  }
  return value;
}

/** Descriptors are of C's type int; Node ends the whole process over a larger one. */
const LAST_DESCRIPTOR = 0x7fff_ffff;

/**
 * Checks the option of one of the child's streams.
 *
 * @param otherwise what it is when the option is not given
 * @throws {TypeError | RangeError} if the option can't be used
 */
function streamUse(name: string, value: unknown, otherwise: StreamUse): StreamUse {
  if (value === undefined) return otherwise;
  if (value === null) return "inherit";
  if (value === PIPE || value === DEVNULL) return value;
  if (value === STDOUT) throw new RangeError("STDOUT can only be used for stderr");
  if (typeof value === "number") return requireDescriptor(name, value, value);
  if (typeof value === "object" && "fd" in value) {
    const { fd } = value;
    if (typeof fd === "number") return requireDescriptor(name, fd, value);
    throw new TypeError(
      `Cannot take ${describeType(value)} as ${name}: its fd is ${describeType(fd)}, ` +
        `is it open yet? ${expected(name)}`,
    );
  }
  if (typeof value === "string") {
    throw new RangeError(`Cannot take ${JSON.stringify(value)} as ${name}: ${expected(name)}`);
  }
  throw new TypeError(`Cannot take ${describeType(value)} as ${name}: ${expected(name)}`);
}

function requireDescriptor(name: string, fd: number, value: unknown): number {
  if (Number.isInteger(fd) && fd >= 0 && fd <= LAST_DESCRIPTOR) return fd;
  const what = typeof value === "number" ? String(fd) : `${describeType(value)} with the fd ${fd}`;
  const closed = fd === -1 && typeof value !== "number" ? "it is closed, " : "";
  throw new RangeError(`Cannot take ${what} as ${name}: ${closed}${expected(name)}`);
}

function expected(name: string): string {
  return `PIPE, DEVNULL${name === "stderr" ? ", STDOUT" : ""}, null, a file descriptor, ` +
    `or an object with one as its fd (an open file of node:fs) is expected`;
}
