import { describeType } from "../../runtime/base/format.ts";
import type { StreamUse } from "./host.ts";
import { DEVNULL, PIPE, STDOUT } from "./options.ts";

/** Descriptors are of C's type int; Node ends the whole process over a larger one. */
const LAST_DESCRIPTOR = 0x7fff_ffff;

/**
 * Checks the option of one of the child's streams.
 *
 * @param otherwise what it is when the option is not given
 * @throws {TypeError | RangeError} with a text that tells what can be given
 */
export function streamUse(name: string, value: unknown, otherwise: StreamUse): StreamUse {
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
