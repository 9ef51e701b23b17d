/** What is being printed at the moment: futures may lead to each other in circles. */
const printing: Set<object> = new Set();
/** How many printed forms stand inside each other before the innermost is shortened. */
const DEPTH = 3;

/** The printed form of a future: `full()`, but `brief` inside its own form or deep inside those of others. */
export function printed(object: object, brief: string, full: () => string): string {
  if (printing.has(object) || printing.size >= DEPTH) return brief;
  printing.add(object);
  try {
    return full();
  } finally {
    printing.delete(object);
  }
}

/** A value inside the printed form of something else: short, and never by code of the value's own. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "function") return value.name || "anonymous";
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) {
    return `${value.name}(${value.message === "" ? "" : JSON.stringify(value.message)})`;
  }
  if (Array.isArray(value)) return `Array(${value.length})`;
  // Futures, which this file stands below, shorten themselves.
  if ("addDoneCallback" in value) return String(value);
  return value.constructor?.name || "Object";
}

/** The name of a function, for messages. */
export function nameOf(fn: { readonly name: string }): string {
  return fn.name || "anonymous";
}

/** ` cb=[first, <8 more>, last]`, or nothing. */
export function describeCallbacks(names: readonly string[]): string {
  if (names.length === 0) return "";
  if (names.length <= 2) return ` cb=[${names.join(", ")}]`;
  return ` cb=[${names[0]}, <${names.length - 2} more>, ${names.at(-1)}]`;
}

/** ` created at file:line`, or nothing. */
export function describePlace(place: string): string {
  return place === "" ? "" : ` created at ${place}`;
}

/** Where the consoles look: Node and Bun, and Deno before its own printing. */
const inspectors: readonly symbol[] = [
  Symbol.for("nodejs.util.inspect.custom"),
  Symbol.for("Deno.customInspect"),
];

const numbers: WeakMap<object, number> = new WeakMap();
let lastNumber = 0;

/** A number that tells an object from others of its kind; JavaScript shows no addresses. */
export function identityOf(object: object): number {
  let number = numbers.get(object);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(object, number);
  }
  return number;
}

/** `<Lock #1 [locked, waiters:2]>`: how a primitive shows itself. */
export function display(object: object, state: string, waiting: number): string {
  const waiters = waiting > 0 ? `, waiters:${waiting}` : "";
  return `<${object.constructor.name} #${identityOf(object)} [${state}${waiters}]>`;
}

/**
 * Makes `console.log` print what `show` tells, on all runtimes: the state of an object is private, so that they would print
 * `Task {}`.
 *
 * @param show by default `toString()`, also that of a subclass
 */
export function showAs<O extends object>(prototype: O, show: (object: O) => string = String): void {
  for (const inspector of inspectors) {
    Object.defineProperty(prototype, inspector, {
      configurable: true,
      enumerable: false,
      writable: true,
      value(this: O): string {
        try {
          return show(this);
        } catch (error) {
          // A prototype and a Proxy have no private state, and a `toString()` of the user's may fail: none may end a program that
          // only prints.
          const name = this.constructor?.name || "Object";
          return this.constructor?.prototype === this
            ? `${name}.prototype`
            : `<${name} that can't be shown: ${String(error)}>`;
        }
      },
    });
  }
}
