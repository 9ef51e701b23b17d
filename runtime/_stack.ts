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

/** The library's folder as frames name it: some runtimes with `file://`, some without. */
const libraryRoot: string = plainPath(new URL("../", import.meta.url).href);
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
 * The stack of the caller, innermost frame first, one frame a line, without the frames above and including `above`, and
 * without those of this library and of the engine; for debug mode.
 */
export function captureStack(above?: unknown): string {
  const errors = Error as unknown as StackCapture;
  const limit = errors.stackTraceLimit;
  if (stackLimitIsWritable) errors.stackTraceLimit = REACH;
  const holder: { stack?: string } = {};
  if (errors.captureStackTrace !== undefined) errors.captureStackTrace(holder, above);
  else holder.stack = new Error().stack ?? "";
  const stack = holder.stack ?? "";
  if (stackLimitIsWritable && limit !== undefined) errors.stackTraceLimit = limit;
  return stack.split("\n").map((line) => line.trim()).filter(isUserFrame).slice(0, DEPTH).join(
    "\n",
  );
}

/** The frames of a captured stack, newest last, as asyncio lists them. */
export function framesOf(stack: string | null): string[] {
  return stack === null || stack === "" ? [] : stack.split("\n").reverse();
}

/** File and line of the innermost frame of a captured stack; "" where none is known. */
export function placeOf(stack: string | null): string {
  const frame = stack?.split("\n")[0] ?? "";
  return locationOf(frame);
}

function isUserFrame(line: string): boolean {
  if (!line.startsWith("at ")) return false;
  const location = locationOf(line);
  if (!/:\d+$/.test(location) || /^(ext|node|native|bun|internal):/.test(location)) return false;
  const path = plainPath(location);
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
