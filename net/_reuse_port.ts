import { OSError } from "../runtime/os_error_family.ts";

/**
 * Refuses where the runtime would take the option and do nothing: Node before 22.12 for any port,
 * Deno for datagrams.
 *
 * @throws {OSError} "ENOTSUP"
 */
export function requireReusePort(kind: "tcp" | "udp"): void {
  const { versions } = (globalThis as unknown as {
    process: { versions: { node: string; bun?: string; deno?: string } };
  }).process;
  if (versions.bun !== undefined) return;
  if (versions.deno !== undefined) {
    if (kind === "tcp") return;
    throw new OSError("Cannot share a datagram port: Deno has no call for it", { code: "ENOTSUP" });
  }
  const [major = 0, minor = 0] = versions.node.split(".").map(Number);
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  throw new OSError("Cannot share a port: it takes Node 22.12 or newer", { code: "ENOTSUP" });
}
