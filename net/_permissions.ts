import { PermissionError } from "../runtime/os_error_family.ts";

/** What this file uses of `Deno.permissions`. */
interface Permissions {
  querySync(descriptor: { name: "net"; host?: string }): { state: string };
  requestSync(
    descriptor: { name: "net"; host?: string } | { name: "read" | "write"; path?: string },
  ): { state: string };
}

function permissions(): Permissions | null {
  return (globalThis as { Deno?: { permissions?: Permissions } }).Deno?.permissions ?? null;
}

/** Whether any address may be used. False where Deno grants some only, or none. */
export function hasNet(): boolean {
  const asked = permissions();
  return asked === null || asked.querySync({ name: "net" }).state === "granted";
}

/** Whether this `host:port` may be used; nobody is asked. */
export function grantsNet(host: string): boolean {
  const asked = permissions();
  return asked === null || asked.querySync({ name: "net", host }).state === "granted";
}

/**
 * Asks Deno for the permission to use an address, in the user's terminal where Deno would ask;
 * elsewhere it does nothing.
 *
 * It must come before anything of `node:net` and `node:dgram` that listens: there a missing
 * permission is thrown where nobody can catch it, and ends the process.
 *
 * @param host `host:port`, IPv6 in brackets, or null for any
 * @throws {PermissionError} when it is not granted
 */
export function requireNet(host: string | null): void {
  const asked = permissions();
  if (asked === null) return;
  const { state } = asked.requestSync(host === null ? { name: "net" } : { name: "net", host });
  if (state !== "granted") throw refusal("--allow-net", host);
}

/**
 * The same for a unix socket, which needs the file system too.
 *
 * @throws {PermissionError} when it is not granted
 */
export function requireUnix(path: string): void {
  const asked = permissions();
  if (asked === null) return;
  // Deno knows grants for single sockets by absolute path only.
  const host = path.startsWith("/") ? `unix:${path}` : null;
  requireNet(host);
  if (path.startsWith("\0")) return;
  for (const name of ["read", "write"] as const) {
    if (asked.requestSync({ name, path }).state !== "granted") {
      throw refusal(`--allow-${name}`, path);
    }
  }
}

function refusal(flag: string, value: string | null): PermissionError {
  const full = value === null ? flag : `${flag}=${value}`;
  return new PermissionError(`Cannot use the network: Deno needs ${full}`, { code: "EPERM" });
}
