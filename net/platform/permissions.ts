import { denoNamespace, type DenoPermissions } from "../../runtime/base/platform.ts";
import { attemptOf, missingPermission } from "../../runtime/errors/native_errors.ts";

function permissions(): DenoPermissions | null {
  return denoNamespace?.permissions ?? null;
}

/** Whether any address may be used. False where Deno grants some only, or none. */
export function hasNet(): boolean {
  const asked = permissions();
  return asked === null || asked.querySync({ name: "net" }).state === "granted";
}

/** Whether this `host:port` may be used; the user is not asked. */
export function grantsNet(host: string): boolean {
  const asked = permissions();
  return asked === null || asked.querySync({ name: "net", host }).state === "granted";
}

/** Whether a unix socket may be made at this path; the user is not asked. */
export function grantsFile(path: string): boolean {
  const asked = permissions();
  if (asked === null) return true;
  const host = path.startsWith("/") ? { host: `unix:${path}` } : {};
  return asked.querySync({ name: "net", ...host }).state === "granted" &&
    (["read", "write"] as const).every((name) =>
      asked.querySync({ name, path }).state === "granted"
    );
}

/** Whether this fact of the system may be looked up (`--allow-sys`); the user is not asked. */
export function grantsSys(kind: string): boolean {
  const asked = permissions();
  return asked === null || asked.querySync({ name: "sys", kind }).state === "granted";
}

/**
 * Asks Deno for the permission to use an address, in the user's terminal where Deno would ask;
 * elsewhere it does nothing.
 *
 * It must come before anything of `node:net` and `node:dgram` that listens: there the error of a
 * missing permission can't be caught, and ends the process.
 *
 * @param host `host:port`, IPv6 in brackets, or null for any
 * @param syscall what the permission is for, for the error
 * @param what what `syscall` is to be made on, where that is not `host`
 * @throws {PermissionError} if it is not granted
 */
export function requireNet(
  host: string | null,
  syscall: string | null = null,
  what: string = host ?? "the network",
): void {
  const asked = permissions();
  if (asked === null) return;
  const { state } = asked.requestSync(host === null ? { name: "net" } : { name: "net", host });
  if (state !== "granted") throw refusal("net", host, syscall, what);
}

/**
 * The same for a unix socket, which needs the file system too.
 *
 * @throws {PermissionError} if it is not granted
 */
export function requireUnix(path: string, syscall: string | null = null): void {
  const asked = permissions();
  if (asked === null) return;
  // Deno knows grants for single sockets by absolute path only.
  const host = path.startsWith("/") ? `unix:${path}` : null;
  const what = JSON.stringify(path);
  requireNet(host, syscall, what);
  if (path.startsWith("\0")) return;
  for (const name of ["read", "write"] as const) {
    if (asked.requestSync({ name, path }).state !== "granted") {
      throw refusal(name, path, syscall, what);
    }
  }
}

function refusal(
  kind: "net" | "read" | "write",
  value: string | null,
  syscall: string | null,
  what: string,
): Error {
  const flag = `--allow-${kind}${value === null ? "" : `=${value}`}`;
  return missingPermission(attemptOf(syscall, what), flag, { syscall });
}
