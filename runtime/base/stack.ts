import { isOwnError } from "./format.ts";
import { areFree, builtin, onBun, onDeno } from "./platform.ts";

interface StackCapture {
  stackTraceLimit?: number;
  captureStackTrace?(target: object, above?: unknown): void;
}

/** Frames that are kept. */
const DEPTH = 10;
/** Frames that are looked at: those of the library and of the engine are left out. */
const REACH = 30;

/** False under hardened intrinsics (`node --frozen-intrinsics`, SES), where the assignment would throw. */
const stackLimitIsWritable: boolean =
  Object.getOwnPropertyDescriptor(Error, "stackTraceLimit")?.writable === true;

/** No look at a stack opens a file any more. */
let isReady = !onDeno;

/**
 * Whether the process survives a look at a stack. Deno turns a stack into lines of the TypeScript source when code looks
 * at it, by its parser, whose first use of the stack's limit opens a file and ends the process if no descriptor is free.
 */
export function canReadStacks(): boolean {
  return isReady || areFree(1);
}

/** Uses that parser while there are descriptors; only an `if` asks for the limit. */
export function readyForStacks(): void {
  if (isReady || !areFree(1)) return;
  const { stripTypeScriptTypes } = builtin("node:module") as {
    stripTypeScriptTypes?(code: string): string;
  };
  stripTypeScriptTypes?.("if (true) {}");
  isReady = stripTypeScriptTypes !== undefined;
}

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
 * line, without the frames of this library and of the engine. The text is made when it is read: on Deno it costs ten
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
    if (this.#captured !== null && canReadStacks()) {
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
  libraryRoot ??= plainPath(new URL("../../", import.meta.url).href);
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

/** What settles a promise: its own functions, as V8 looks through no other. */
export interface Settling {
  resolve(value: never): void;
  reject(error: unknown): void;
}

/** Only V8 finds the code that awaits. */
export const seesAwaiting: boolean = !onBun &&
  (Error as unknown as StackCapture).captureStackTrace !== undefined;
const ready: Promise<void> = Promise.resolve();
const foreign: WeakSet<object> = new WeakSet();
const fresh: WeakSet<object> = new WeakSet();
const looks: WeakMap<object, CallerLooks> = new WeakMap();
/** So many awaiting places are remembered for one error: where the first shows none of the program, another may. */
const MAX_LOOKS = 4;

/** The error was made in another thread or process, and so its frames are of there. */
export function markForeign(error: unknown): void {
  if (error instanceof Error) foreign.add(error);
}

/** The library has just made the error, so that its frames show nothing of the program. Returns it. */
export function markFresh<E extends Error>(error: E): E {
  fresh.add(error);
  return error;
}

/**
 * Rejects a promise with an error whose stack shows the code that awaits the promise, one microtask later than `reject`.
 *
 * An error that the loop or the runtime made has only their frames. V8 adds the awaiting code, but only to what is captured in the
 * reaction of a promise that leads to the awaiting code; so the stack is captured anew in such a reaction. Errors of the
 * program have its frames already, and a promise with more than one reaction leads nowhere.
 *
 * @param site where the wait was made, in debug mode, for runtimes that don't show the awaiting code
 * @param made whether the error was made for this promise; one that comes from elsewhere may show the program already
 */
export function rejectShowingCaller(
  settling: Settling,
  error: unknown,
  made: boolean,
  site: Site | null = null,
): void {
  if (!lacksCaller(error, made)) {
    settling.reject(error);
    return;
  }
  if (!seesAwaiting) {
    if (site !== null) showSite(error, site);
    settling.reject(error);
    return;
  }
  const reaction = (): void => {
    showCaller(error, made, reaction);
    settling.reject(error);
  };
  ready.then(reaction).then(settling.resolve as () => void, settling.reject);
}

/** The same for what an async function throws after one of its own awaits: `throw showingCaller(error)`. */
export function showingCaller(error: unknown): unknown {
  if (seesAwaiting && lacksCaller(error, false)) showCaller(error, false, showingCaller);
  return error;
}

function lacksCaller(error: unknown, made: boolean): error is Error {
  try {
    return error instanceof Error && Object.isExtensible(error) &&
      (made || foreign.has(error) || isOwnError(error)) &&
      // A cancellation has a stack in debug mode only.
      (made || error.name !== "CancelledError");
  } catch {
    // A revoked proxy, which throws at each question.
    return false;
  }
}

/**
 * Only captures: the text of a stack costs 0.1 ms on Deno, which looks up each frame in a source map, and a server meets an
 * error with each connection that its peer resets. Whether frames show the program is asked when the stack is read.
 */
function showCaller(error: Error, made: boolean, above: unknown): void {
  const errors = Error as unknown as Required<StackCapture>;
  const limit = errors.stackTraceLimit;
  if (!stackLimitIsWritable || typeof limit !== "number" || limit === 0) return;
  errors.stackTraceLimit = Math.max(limit, REACH);
  const earlier = looks.get(error);
  const isFresh = made || fresh.delete(error);
  if (earlier === undefined && isFresh && !foreign.has(error)) {
    // V8 keeps it where it looks when it prints an error that was not taken.
    errors.captureStackTrace(error, above);
    looks.set(error, new CallerLooks());
  } else if (earlier === undefined || !earlier.full) {
    const look: { stack?: string } = {};
    errors.captureStackTrace(look, above);
    const kept = earlier ?? new CallerLooks();
    looks.set(error, kept);
    kept.add(error, look);
  }
  errors.stackTraceLimit = limit;
}

/** The places that awaited an error, from the innermost on: its stack shows the first that lies in the program. */
class CallerLooks {
  readonly #captured: { stack?: string }[] = [];
  #own: () => string = () => "";
  #text: string | null = null;

  get full(): boolean {
    return this.#captured.length === MAX_LOOKS;
  }

  add(error: Error, look: { stack?: string }): void {
    this.#text = null;
    if (this.#captured.push(look) > 1) return;
    const stack = Object.getOwnPropertyDescriptor(error, "stack");
    if (stack?.configurable === false) return;
    const getOwn = stack?.get;
    // Where V8 gives its accessor away, the text of the error's own frames is not made before it is asked for.
    this.#own = getOwn === undefined
      ? () => String(stack?.value ?? error)
      : () => String(getOwn.call(error));
    Object.defineProperty(error, "stack", {
      configurable: true,
      enumerable: false,
      get: () => this.#read(error),
      set: (value: unknown) => {
        Object.defineProperty(error, "stack", { value, configurable: true, writable: true });
      },
    });
  }

  #read(error: Error): string {
    if (this.#text !== null) return this.#text;
    if (!canReadStacks()) return String(error);
    return this.#text = this.#choose(error);
  }

  #choose(error: Error): string {
    const own = this.#own();
    const isForeign = foreign.has(error);
    if (!isForeign && showsProgram(own)) return own;
    for (const { stack = "" } of this.#captured) {
      const frames = stack.split("\n").filter((line) => /^\s+at /.test(line));
      const shown = frames.filter((line) => isUserFrame(line.trim()));
      if (shown.length > 0) {
        return isForeign ? [own, ...shown].join("\n") : [String(error), ...frames].join("\n");
      }
    }
    return own;
  }
}

function showSite(error: Error, site: Site): void {
  if (
    looks.has(error) || !canReadStacks() || site.text === "" ||
    !foreign.has(error) && showsProgram(String(error.stack))
  ) return;
  looks.set(error, new CallerLooks());
  appendFrames(error, site.text.split("\n").map((frame) => `    ${frame}`));
}

function appendFrames(error: Error, frames: readonly string[]): void {
  const value = [error.stack ?? String(error), ...frames].join("\n");
  Object.defineProperty(error, "stack", { value, configurable: true, writable: true });
}

function showsProgram(stack: string): boolean {
  return stack.split("\n").some((line) => isUserFrame(line.trim()));
}
