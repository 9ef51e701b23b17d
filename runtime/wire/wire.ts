import type { EncodedError, EncodedValue, FunctionPlace } from "./protocol.ts";
import * as exceptions from "../errors/exceptions.ts";

type Callable = (...args: never[]) => unknown;

/** What is to be moved instead of copied when a value crosses the border. */
export interface TransferMarks {
  readonly of: WeakMap<object, readonly Transferable[]>;
  /** Whether there has ever been one: without any, values need not be searched for them. */
  used: boolean;
}

/** Makes an error of the class that has this name here; undefined where there is none. */
export type ErrorMaker = (message: string, errors: readonly unknown[]) => Error;

/** Values on their way out: functions taken out, and what is to be moved instead of copied. */
export interface Outgoing {
  readonly values: readonly unknown[];
  readonly functions: readonly FunctionPlace[];
  readonly transfer: readonly Transferable[];
}

/** How values and errors cross the border between two threads or processes. */
export interface Wire {
  encodeThrown(thrown: unknown): EncodedValue;
  decodeThrown(encoded: EncodedValue, findClass: (name: string) => ErrorMaker | undefined): unknown;
  /** Copies arrays and plain objects on the way; functions in them are given to `keep` and leave a null. */
  takeApart(
    values: readonly unknown[],
    marks: TransferMarks,
    keep: ((fn: Callable) => number) | null,
  ): Outgoing;
  /** Puts functions back into values that have arrived. */
  putBack(
    values: unknown[],
    functions: readonly FunctionPlace[],
    make: (id: number) => Callable,
  ): void;
}

/**
 * Builds the wire. It is also sent to workers as source text, therefore it uses nothing from outside of itself but the
 * globals that all runtimes share.
 */
export function makeWire(): Wire {
  const deepest = 8;
  const nativeNames = [
    "Error",
    "TypeError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "EvalError",
    "URIError",
    "AggregateError",
  ];

  /** Classes of errors that came from where they exist to where they do not, in case they travel on. */
  const foreign: WeakMap<Error, readonly string[]> = new WeakMap();

  function isCloneable(value: unknown): boolean {
    if (typeof value === "function" || typeof value === "symbol") return false;
    if (typeof value !== "object" || value === null) return true;
    try {
      structuredClone(value);
      return true;
    } catch (_notCloneable) {
      return false;
    }
  }

  function encode(value: unknown, depth: number): EncodedValue | null {
    if (value instanceof Error) {
      return depth > deepest ? null : { error: encodeError(value, depth) };
    }
    return isCloneable(value) ? { value } : null;
  }

  function encodeError(error: Error, depth: number): EncodedError {
    const classes: string[] = [];
    let prototype: object | null = Object.getPrototypeOf(error);
    while (prototype !== null && prototype !== Object.prototype) {
      const { name } = prototype.constructor;
      if (name !== "" && name !== classes[classes.length - 1]) classes.push(name);
      prototype = Object.getPrototypeOf(prototype);
    }
    const fields: [string, EncodedValue][] = [];
    for (const key of Object.keys(error)) {
      if (["name", "message", "stack", "cause", "errors"].includes(key)) continue;
      const value = encode(Reflect.get(error, key), depth + 1);
      if (value !== null) fields.push([key, value]);
    }
    const members: unknown = Reflect.get(error, "errors");
    return {
      classes: foreign.get(error) ?? classes,
      name: nameOf(error, classes[0]),
      message: String(error.message),
      stack: typeof error.stack === "string" ? error.stack : null,
      fields,
      cause: "cause" in error ? encode(error.cause, depth + 1) : null,
      errors: Array.isArray(members)
        ? members.map((member) => encode(member, depth + 1) ?? { value: String(member) })
        : null,
    };
  }

  /** A class that did not bother to set `name` still shows what it is. Node's own errors have a class that is not public. */
  function nameOf(error: Error, className: string | undefined): string {
    const name = String(error.name);
    if (className === undefined || className === "NodeError") return name;
    return nativeNames.includes(name) && !nativeNames.includes(className) ? className : name;
  }

  function decode(
    encoded: EncodedValue,
    findClass: (name: string) => ErrorMaker | undefined,
  ): unknown {
    if (!("error" in encoded)) return encoded.value;
    const { classes, name, message, stack, fields, cause, errors } = encoded.error;
    const members = (errors ?? []).map((member) => decode(member, findClass));
    let error: Error | null = null;
    for (const className of classes) {
      if (className === "DOMException") {
        error = new DOMException(message, name) as unknown as Error;
      } else {error = findClass(className)?.(message, members) ??
          makeNative(className, message, members);}
      if (error !== null) break;
    }
    error ??= new Error(message);
    for (const [key, value] of fields) {
      define(error, key, decode(value, findClass), true);
    }
    foreign.set(error, classes);
    if (error.name !== name) define(error, "name", name, false);
    if (stack !== null) define(error, "stack", stack, false);
    if (cause !== null) define(error, "cause", decode(cause, findClass), false);
    if (errors !== null && !("errors" in error)) define(error, "errors", members, false);
    return error;
  }

  function makeNative(className: string, message: string, members: unknown[]): Error | null {
    if (className === "AggregateError") return new AggregateError(members, message);
    if (!nativeNames.includes(className)) return null;
    const native = Reflect.get(globalThis, className) as ErrorConstructor;
    return new native(message);
  }

  function define(target: object, key: string, value: unknown, enumerable: boolean): void {
    Object.defineProperty(target, key, { value, enumerable, configurable: true, writable: true });
  }

  function isContainer(value: unknown): value is unknown[] | Record<string, unknown> {
    if (typeof value !== "object" || value === null) return false;
    if (Array.isArray(value)) return true;
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
  }

  return {
    encodeThrown(thrown) {
      try {
        return encode(thrown, 0) ?? { value: String(thrown) };
      } catch (error) {
        // A getter or a proxy that throws while it is looked at.
        return { value: `An error that can't be read: ${error}` };
      }
    },

    decodeThrown: decode,

    takeApart(values, marks, keep) {
      const functions: [(string | number)[], number][] = [];
      const transfer: Set<Transferable> = new Set();
      const copies: Map<object, unknown> = new Map();

      /** Keys from the list of values down to what is visited now. */
      const path: (string | number)[] = [];

      function visitAt(key: string | number, value: unknown): unknown {
        path.push(key);
        const copy = visit(value);
        path.pop();
        return copy;
      }

      function visit(value: unknown): unknown {
        if (typeof value === "function" && keep !== null) {
          functions.push([[...path], keep(value as Callable)]);
          return null;
        }
        if (typeof value !== "object" || value === null) return value;
        for (const item of marks.of.get(value) ?? []) transfer.add(item);
        if (!isContainer(value)) return value;
        const known = copies.get(value);
        if (known !== undefined) return known;
        if (Array.isArray(value)) {
          const copy: unknown[] = new Array(value.length);
          copies.set(value, copy);
          value.forEach((item, index) => copy[index] = visitAt(index, item));
          return copy;
        }
        const copy: Record<string, unknown> = {};
        copies.set(value, copy);
        for (const key of Object.keys(value)) define(copy, key, visitAt(key, value[key]), true);
        return copy;
      }

      const copied = values.map((value, index) => visitAt(index, value));
      return { values: copied, functions, transfer: [...transfer] };
    },

    putBack(values, functions, make) {
      for (const [path, id] of functions) {
        let holder: unknown = values;
        for (const key of path.slice(0, -1)) holder = Reflect.get(holder as object, key);
        define(holder as object, String(path[path.length - 1]), make(id), true);
      }
    },
  };
}

/** This thread's side of the border. */
export const wire: Wire = makeWire();

let makers: ReadonlyMap<string, ErrorMaker> | null = null;

/** Makes errors of this library's classes, by name. */
export function findErrorClass(name: string): ErrorMaker | undefined {
  makers ??= new Map(
    Object.values(exceptions).map((errorClass) => [errorClass.name, makerOf(errorClass)]),
  );
  return makers.get(name);
}

/** The fields follow from the other side, so no constructor is asked but the one whose class has private parts. */
function makerOf(errorClass: { readonly prototype: Error; readonly name: string }): ErrorMaker {
  if (errorClass === exceptions.ExceptionGroup) {
    return (message, errors) => new exceptions.ExceptionGroup(message, errors);
  }
  return (message) => Object.setPrototypeOf(new Error(message), errorClass.prototype);
}

/** What a message between two threads travels in. */
export interface Envelope {
  around(message: unknown, transfer: readonly Transferable[]): unknown;
  open(received: unknown): unknown;
}

/**
 * Deno's `node:worker_threads` searches each message that arrives for ports, in all that has keys, and every element of a
 * typed array is a key: 16 MiB took more than a second. It does not look into a map, so messages travel in one. Those that
 * bring a port, or anything else but buffers, go bare: Deno gives a port the methods that Node's has when it finds it.
 *
 * It is also sent to workers as source text, therefore it uses nothing from outside of itself.
 */
export function makeEnvelope(): Envelope {
  const searched = "Deno" in globalThis;
  return {
    around(message, transfer) {
      if (!searched || !transfer.every((item) => item instanceof ArrayBuffer)) return message;
      return new Map([[0, message]]);
    },
    // No message of a pool is a map by itself.
    open: (received) => received instanceof Map ? received.get(0) : received,
  };
}
