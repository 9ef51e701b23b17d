import { describeType } from "../base/format.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import type { Work } from "../wire/protocol.ts";

type Callable = (...args: never[]) => unknown;

/** The functions that `threadModule` gave out. */
const exportsOfModules: WeakMap<Callable, Work> = new WeakMap();

/**
 * A typed view of a module whose functions run in worker threads: hand them to `toThread`, to an executor, or to
 * `loop.runInExecutor`. Each worker loads the module once, when it first needs it. A module may import anything, this library
 * too; on Node before 22.18 it has to be JavaScript.
 *
 * @param url where the module is: `new URL("./work.ts", import.meta.url)` for a file beside this one
 * @returns an object with the module's functions; calling one directly throws
 * @throws {TypeError} when the url is not absolute
 *
 * @example
 * ```ts
 * import { run, threadModule, toThread } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const path = threadModule<{ basename(path: string): string }>("node:path");
 * await run(async () => {
 *   assert.equal(await toThread(path.basename, "/tmp/report.txt"), "report.txt");
 * });
 * ```
 */
export function threadModule<M extends object>(
  url: string | URL,
): { readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K] } {
  const address = absolute(url);
  const known: Map<string, Callable> = new Map();
  return new Proxy(Object.create(null), {
    get(_target, key): Callable | undefined {
      // `then` would make an awaited view look like a promise.
      if (typeof key !== "string" || key === "then") return undefined;
      let fn = known.get(key);
      if (fn === undefined) {
        fn = exportOf(address, key);
        known.set(key, fn);
      }
      return fn;
    },
  });
}

/** What a worker has to do to call `fn`. @throws {TypeError} when it can't be called there */
export function workOf(fn: Callable): Work {
  const work = exportsOfModules.get(fn);
  if (work !== undefined) return work;
  const source = Function.prototype.toString.call(fn);
  if (/^class\b/.test(source)) {
    throw new TypeError(`Cannot run the class ${fn.name} in a thread: give a function`);
  }
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new TypeError(
      `Cannot send ${
        fn.name || "the function"
      } to a thread: it is built in or bound and has no source. ` +
        `Wrap it: (...args) => ${
          fn.name || "fn"
        }(...args), or put it in a module and use threadModule`,
    );
  }
  return { source };
}

function exportOf(url: string, name: string): Callable {
  const fn = (): never => {
    throw new RuntimeError(
      `${name} is a function of a threadModule, it runs in a thread only: await toThread(work.${name}, ...args)`,
    );
  };
  Object.defineProperty(fn, "name", { value: name });
  exportsOfModules.set(fn, { url, name });
  return fn;
}

function absolute(url: string | URL): string {
  if (url instanceof URL) return url.href;
  if (typeof url !== "string") {
    throw new TypeError(`threadModule() takes a URL: got ${describeType(url)}`);
  }
  try {
    return new URL(url).href;
  } catch (error) {
    throw new TypeError(
      `threadModule() takes an absolute URL: got "${url}". For a file beside this one: ` +
        `threadModule<typeof import("./work.ts")>(new URL("./work.ts", import.meta.url))`,
      { cause: error },
    );
  }
}
