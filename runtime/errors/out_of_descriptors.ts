import { lack } from "../base/descriptors.ts";
import { OSError } from "./os_error.ts";

/**
 * For what a runtime does not survive without them: Deno and Bun end the process for a worker or an import that finds no
 * descriptor. Where Deno does not permit to look, nothing is known.
 *
 * @param what what they are needed for, in the error
 * @throws {OSError} EMFILE when fewer than `count` are free
 */
export function requireDescriptors(count: number, what: string): void {
  const error = lack(count);
  if (error !== null) throw exhausted(what, error);
}

/** The error of what found no descriptor. */
export function exhausted(what: string, cause: unknown): OSError {
  if (cause instanceof OSError) return cause;
  const code = String(cause).includes("ENFILE") ? "ENFILE" : "EMFILE";
  return new OSError(`Cannot ${what}: too many open files (${code})`, { code, cause });
}
