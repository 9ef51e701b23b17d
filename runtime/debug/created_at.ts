import { describeType } from "../base/format.ts";
import { environmentVariable } from "../base/platform.ts";
import { isThenable } from "../tasks/task.ts";

let known: boolean | null = null;

/** Whether ASYNCIO_DEBUG is set to something. On Deno it counts only where `--allow-env` was given: the user is not asked. */
export function debugByDefault(): boolean {
  known ??= (environmentVariable("ASYNCIO_DEBUG") ?? "") !== "";
  return known;
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
