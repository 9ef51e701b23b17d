import { type OSErrorOptions, PermissionError } from "./os_error_family.ts";

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
export function denoFlagIn(text: string): string {
  const [, kind, value] = /^Requires (\w+) access(?: to "(.*?)")?, run/.exec(text) ?? [];
  if (kind === undefined) return `the permission that it names: ${text}`;
  return `--allow-${kind}${value === undefined ? "" : `=${value}`}`;
}
