import { describeType } from "../base/format.ts";
import { isThenable } from "../tasks/task.ts";

interface Environment {
  readonly Deno?: { env: { get(name: string): string | undefined }; permissions?: Permissions };
  readonly process?: { env: Record<string, string | undefined> };
}

interface Permissions {
  querySync?(descriptor: { name: "env"; variable: string }): { state: string };
}

const VARIABLE = "ASYNCIO_DEBUG";
let known: boolean | null = null;

/** Whether ASYNCIO_DEBUG is set to something. On Deno it counts only where `--allow-env` was given: nobody is asked. */
export function debugByDefault(): boolean {
  known ??= readVariable() !== "";
  return known;
}

function readVariable(): string {
  const environment = globalThis as unknown as Environment;
  const { Deno } = environment;
  // Not before it is known to be another runtime: the mere look at `process` costs 10 ms on Deno.
  if (Deno === undefined) return environment.process?.env[VARIABLE] ?? "";
  const state = Deno.permissions?.querySync?.({ name: "env", variable: VARIABLE }).state;
  return state === "granted" ? Deno.env.get(VARIABLE) ?? "" : "";
}

/**
 * @throws {TypeError} when it is no function; in debug mode also when it is a promise's function
 */
export function checkCallback(
  callback: unknown,
  caller: string,
  _debug: boolean,
): asserts callback is (...args: never[]) => unknown {
  if (typeof callback === "function") return;
  if (isThenable(callback)) {
    throw new TypeError(`coroutines cannot be used with ${caller}(): give the function itself`);
  }
  throw new TypeError(
    `a callable object was expected by ${caller}(), got ${describeType(callback)}`,
  );
}
