import { OSError } from "../runtime/os_error_family.ts";
import type { Operation } from "./host.ts";

/**
 * How the maker of an operation ends it. Calls after the end are harmless: a value that comes too
 * late is closed.
 */
export interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/**
 * Makes an {@linkcode Operation}.
 *
 * @param what names it in the error of a cancelled one
 * @param begin starts it and returns what `cancel()` shall do besides settling the promise; what it
 * throws rejects
 */
export function startOperation<T extends { close(): void }>(
  what: string,
  begin: (settle: Settle<T>) => () => void,
): Operation<T> {
  let pending = true;
  let stop: (() => void) | null = null;
  let settle: Settle<T> | null = null;
  const promise = new Promise<T>((resolve, reject) => {
    settle = {
      resolve: (value) => {
        if (!pending) return value.close();
        pending = false;
        resolve(value);
      },
      reject: (error) => {
        pending = false;
        reject(error);
      },
    };
  });
  const { resolve, reject } = settle!;
  // Whoever needs the outcome looks at the promise; one that was dropped with its operation is
  // nobody's error.
  promise.catch(() => {});
  try {
    stop = begin({ resolve, reject });
  } catch (error) {
    reject(error);
  }
  return {
    promise,
    cancel: () => {
      if (!pending) return;
      reject(new OSError(`Cannot finish to ${what}: it was called off`, { code: "ECANCELED" }));
      stop?.();
    },
  };
}
