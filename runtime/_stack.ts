interface StackCapture {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, above?: unknown): void;
}

/** Frames that are kept. */
const DEPTH = 10;
/** Frames that are looked at: those of the library and of the engine are left out. */
const REACH = 30;

/** False under hardened intrinsics (`node --frozen-intrinsics`, SES), where the assignment would throw. */
export const stackLimitIsWritable: boolean =
  Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

let libraryRoot: string | null = null;
const LIBRARY_FOLDERS: readonly string[] = [
  "runtime/",
  "sync/",
  "queues/",
  "net/",
  "subprocess/",
  "testing/",
];
const LIBRARY_FILE = /^(event_loop|loop_interface|mod)\.[jt]s/;

/**
 * Where something was made, for debug mode and the testing loop: the stack of the caller, innermost frame first, one frame a
 * line, without the frames of this library and of the engine. The text is made when somebody asks: on Deno it costs ten
 * times as much as the capture.
 */
export class Site {
  #captured: { stack?: string } | null;
  #text = "";

  /** Without the frames above and including `above`. */
  constructor(above?: unknown) {
    const errors = Error as unknown as StackCapture;
    const limit = errors.stackTraceLimit;
    if (stackLimitIsWritable) errors.stackTraceLimit = REACH;
    const captured: { stack?: string } = {};
    if (errors.captureStackTrace !== undefined) errors.captureStackTrace(captured, above);
    else captured.stack = new Error().stack ?? "";
    if (stackLimitIsWritable && limit !== undefined) errors.stackTraceLimit = limit;
    this.#captured = captured;
  }

  get text(): string {
    if (this.#captured !== null) {
      const lines = (this.#captured.stack ?? "").split("\n").map((line) => line.trim());
      this.#text = lines.filter(isUserFrame).slice(0, DEPTH).join("\n");
      this.#captured = null;
    }
    return this.#text;
  }
}

/** The text of a {@linkcode Site}, at once. */
export function captureStack(above?: unknown): string {
  return new Site(above).text;
}

/** The frames of a captured stack, newest last, as asyncio lists them. */
export function framesOf(site: Site | string | null): string[] {
  const stack = site instanceof Site ? site.text : site;
  return stack === null || stack === "" ? [] : stack.split("\n").reverse();
}

/** File and line of the innermost frame of a captured stack; "" where none is known. */
export function placeOf(site: Site | string | null): string {
  const stack = site instanceof Site ? site.text : site;
  const frame = stack?.split("\n")[0] ?? "";
  return locationOf(frame);
}

function isUserFrame(line: string): boolean {
  if (!line.startsWith("at ")) return false;
  const location = locationOf(line);
  if (!/:\d+$/.test(location) || /^(ext|node|native|bun|internal|unknown):/.test(location)) {
    return false;
  }
  const path = plainPath(location);
  // The library's folder as frames name it: some runtimes with `file://`, some without.
  libraryRoot ??= plainPath(new URL("../", import.meta.url).href);
  if (!path.startsWith(libraryRoot)) return true;
  const inside = path.slice(libraryRoot.length);
  return !LIBRARY_FILE.test(inside) &&
    !LIBRARY_FOLDERS.some((folder) => inside.startsWith(folder));
}

/** `file:///x.ts:1:2` out of `at foo (file:///x.ts:1:2)`, `at async file:///x.ts:1:2` and the like. */
function locationOf(frame: string): string {
  const inBrackets = /\(([^()]*)\)$/.exec(frame);
  return inBrackets?.[1] ?? frame.replace(/^at (async )?/, "");
}

function plainPath(location: string): string {
  const path = location.replace(/^file:\/\//, "");
  try {
    return decodeURI(path);
  } catch {
    // A path with a lone "%", as Bun shows it: it is plain already.
    return path;
  }
}
