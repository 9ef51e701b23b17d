import { missingPermission, toOSError } from "../../runtime/errors/native_errors.ts";
import { OSError } from "../../runtime/errors/exceptions.ts";
import { builtin } from "../../runtime/base/platform.ts";

/** Which file of the system tells the numbers of which names. */
const FILES = { user: "/etc/passwd", group: "/etc/group" } as const;

/**
 * The number of a user or group, by the files that every unix system has. What other services know (LDAP) no runtime tells.
 *
 * @throws {RangeError} when there is no such name
 * @throws {PermissionError} on Deno without `--allow-read` of the file
 */
export function accountNumber(kind: keyof typeof FILES, name: string): number {
  const file = FILES[kind];
  for (const line of read(file).split("\n")) {
    const [known, , number] = line.split(":");
    if (known === name && number !== undefined && /^\d+$/.test(number)) return Number(number);
  }
  throw new RangeError(
    `There is no ${kind} ${
      JSON.stringify(name)
    } in ${file}: give the number where only another service knows it`,
  );
}

function read(file: string): string {
  try {
    return builtin("node:fs").readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && error.name === "NotCapable") {
      throw missingPermission(`look up a name in ${file}`, `--allow-read=${file}`, {
        cause: error,
      });
    }
    const mapped = toOSError(error, "open", file);
    throw mapped instanceof OSError ? mapped : error;
  }
}
