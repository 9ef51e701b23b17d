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
const inspectors = ["nodejs.util.inspect.custom", "Deno.customInspect"].map(Symbol.for);

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

/** How an error text names the type of a value that was not wanted: "null", "a string", "an array", "an instance of Foo". */
export function describeType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") {
    const name: unknown = value.constructor?.name;
    if (typeof name !== "string" || name === "" || name === "Object") return "an object";
    return `an instance of ${name}`;
  }
  if (typeof value === "undefined") return "undefined";
  return `a ${typeof value}`;
}

/** A duration in an error text: "5 seconds", "0.25 seconds". */
export function describeSeconds(seconds: number): string {
  const shown = Number(seconds.toPrecision(6));
  return `${shown} ${shown === 1 ? "second" : "seconds"}`;
}

const ownErrors: WeakSet<object> = new WeakSet();

/** Whether an error is of one of the library's classes; not of a class that was derived from one. */
export function isOwnError(error: Error): boolean {
  return ownErrors.has(Object.getPrototypeOf(error));
}

/**
 * Gives an error class its name where JavaScript looks for it: on the prototype, as the built-in errors have it, and on
 * the class itself. As a literal it survives minifiers that rename classes; not being enumerable it stays out of
 * printed properties. Called in a static block, so that no instance ever pays for it.
 */
export function nameError(
  errorClass: { readonly prototype: Error },
  name: string,
): void {
  ownErrors.add(errorClass.prototype);
  const descriptor = { value: name, configurable: true, enumerable: false };
  Object.defineProperty(errorClass.prototype, "name", { ...descriptor, writable: true });
  Object.defineProperty(errorClass, "name", { ...descriptor, writable: false });
}

const advices: WeakMap<object, string> = new WeakMap();

/** Says of classes whose objects belong to one thread what to pass to another one in their place. */
export function staysInThread(
  advice: string,
  ...classes: readonly { readonly prototype: object }[]
): void {
  for (const { prototype } of classes) advices.set(prototype, advice);
}

/** What to do instead of passing the object to a thread; null where nothing is against that. */
export function adviceAgainstPassing(value: object): string | null {
  let prototype: object | null = Object.getPrototypeOf(value);
  while (prototype !== null && prototype !== Object.prototype) {
    const advice = advices.get(prototype);
    if (advice !== undefined) return advice;
    prototype = Object.getPrototypeOf(prototype);
  }
  return null;
}
