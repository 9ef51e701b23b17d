import { describeType } from "../../runtime/base/format.ts";
import { builtin, onDeno } from "../../runtime/base/platform.ts";
import { OSError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";

/** Which file stands at a path: enough to see whether another one has taken its place. */
export interface FileIdentity {
  readonly dev: number | bigint;
  readonly ino: number | bigint | null;
  readonly isSocket: boolean;
}

/** False for an abstract name. */
export function hasFile(path: string): boolean {
  return !path.startsWith("\0");
}

/** What fits into the system's address structure. */
const MAX_PATH_BYTES = 107;

/**
 * Refuses a path that the system has no room for, where Node 20 would cut it off and go on, and one that is none, for which
 * the runtimes have different errors.
 *
 * @throws {OSError} "EINVAL"
 */
export function checkUnixPath(path: string): void {
  if (typeof path !== "string") {
    throw new TypeError(
      `Cannot use the path of a unix socket: it must be text, received ${describeType(path)}`,
    );
  }
  if (path === "" || path.includes("\0", 1)) {
    throw new OSError(
      `Cannot use the path of a unix socket: it is empty or holds a zero, received ${
        JSON.stringify(path)
      } (EINVAL)`,
      { code: "EINVAL" },
    );
  }
  const { length } = new TextEncoder().encode(path);
  if (length <= MAX_PATH_BYTES) return;
  throw new OSError(
    `Cannot use the path of a unix socket: it may have ${MAX_PATH_BYTES} bytes at most, received ${length} in ${
      JSON.stringify(path)
    }`,
    { code: "EINVAL" },
  );
}

/** What stands at the path; null when nothing does. */
export function identify(path: string): FileIdentity | null {
  try {
    const { lstat } = files();
    return lstat(path);
  } catch (error) {
    const mapped = toOSError(error, "lstat", path);
    if (mapped.code === "ENOENT") return null;
    throw mapped;
  }
}

/**
 * Removes the socket file that stands in the way of a server, as asyncio does.
 *
 * @throws {OSError} "EADDRINUSE" when it is another kind of file
 */
export function removeStaleSocket(path: string): void {
  const found = identify(path);
  if (found === null) return;
  if (!found.isSocket) {
    throw new OSError(`Address ${JSON.stringify(path)} is already in use`, {
      code: "EADDRINUSE",
      syscall: "bind",
    });
  }
  try {
    files().remove(path);
  } catch (error) {
    throw toOSError(error, "unlink", path);
  }
}

/** A name beside the path that is free, so far as chance goes; null when the system has no room for one. */
export function pathBeside(path: string): string | null {
  const mark = Math.random().toString(36).slice(2, 8);
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  for (const beside of [`${path}.${mark}`, `${folder}.${mark}`]) {
    if (new TextEncoder().encode(beside).length <= MAX_PATH_BYTES) return beside;
  }
  return null;
}

/** Whether it is our socket: a file that came after it may have got its number. */
function isSame(found: FileIdentity | null, own: FileIdentity | null): boolean {
  return found !== null && found.isSocket && found.ino === own?.ino && found.dev === own.dev;
}

/** Removes the socket file of a closed listener, unless another has taken its place. */
export function removeOwn(path: string, own: FileIdentity | null): void {
  if (!isSame(identify(path), own)) return;
  try {
    files().remove(path);
  } catch (error) {
    throw toOSError(error, "unlink", path);
  }
}

/**
 * Closes a listener whose runtime unlinks the path without looking. A file that must stay (one that
 * was put in the place of ours, or ours, when `cleanup` is false) is put aside for that moment.
 *
 * @param own what stood at the path when the listener was made
 * @param unlinked when the runtime unlinks the path only some time after `close`: until then; null:
 * it does so at once
 */
export function closeUnixListener(
  path: string,
  own: FileIdentity | null,
  cleanup: boolean,
  close: () => void,
  unlinked: Promise<void> | null = null,
): void {
  const found = own === null ? null : identify(path);
  if (found === null || (cleanup && isSame(found, own))) {
    close();
    if (found !== null && unlinked !== null) files().remove(path);
    return;
  }
  const { rename } = files();
  const aside = `${path}.${Date.now().toString(36)}`;
  try {
    rename(path, aside);
  } catch (error) {
    // Without the right to rename in that folder there is no right to unlink either, so it stays as
    // it is.
    close();
    throw toOSError(error, "rename", path);
  }
  try {
    close();
  } finally {
    if (unlinked === null) rename(aside, path);
    else {
      unlinked.then(() => {
        // The whole folder may have been removed by then.
        if (identify(aside) !== null) rename(aside, path);
      });
    }
  }
}

/**
 * The three calls, from Deno itself where it runs: loading node:fs there costs more than the
 * server's start.
 */
function files(): {
  lstat(path: string): FileIdentity;
  remove(path: string): void;
  rename(from: string, to: string): void;
} {
  if (onDeno) {
    return {
      lstat: (path) => {
        const { dev, ino, isSocket } = Deno.lstatSync(path);
        return { dev, ino, isSocket: isSocket === true };
      },
      remove: Deno.removeSync,
      rename: Deno.renameSync,
    };
  }
  const fs = builtin("node:fs");
  return {
    lstat: (path) => {
      const stat = fs.lstatSync(path);
      return { dev: stat.dev, ino: stat.ino, isSocket: stat.isSocket() };
    },
    remove: fs.unlinkSync,
    rename: fs.renameSync,
  };
}
