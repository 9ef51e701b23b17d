import type { Callable } from "../base/functions.ts";
import { isSharedBuffer } from "../base/bytes.ts";
import { describeType } from "../base/format.ts";
import * as exceptions from "../errors/exceptions.ts";
import type { EncodedError, EncodedValue, FunctionPlace } from "./protocol.ts";
import { type ErrorMaker, threadSlot, type TransferMarks } from "./worker_slot.ts";

/** Values as they are sent: without their functions, and with what is to be moved instead of copied. */
export interface Outgoing {
  readonly values: readonly unknown[];
  readonly functions: readonly FunctionPlace[];
  readonly transfer: readonly Transferable[];
}

/** How values and errors are sent between two threads or processes. */
export interface Wire {
  encodeThrown(thrown: unknown): EncodedValue;
  decodeThrown(encoded: EncodedValue, findClass: (name: string) => ErrorMaker | undefined): unknown;
  /** Copies arrays and plain objects; functions in them are given to `keep`, and a null takes their place. */
  serialize(
    values: readonly unknown[],
    marks: TransferMarks,
    keep: ((fn: Callable) => number) | null,
  ): Outgoing;
  /** Puts functions, as `make` gives them, into values that were received. */
  restore(
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

  /** The class names of received errors whose classes don't exist here, in case the errors are sent on. */
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

  /** The class's name, where the class did not set `name`. Node's own errors have a class that users don't know. */
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

    serialize(values, marks, keep) {
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

    restore(values, functions, make) {
      for (const [path, id] of functions) {
        let holder: unknown = values;
        for (const key of path.slice(0, -1)) holder = Reflect.get(holder as object, key);
        define(holder as object, String(path[path.length - 1]), make(id), true);
      }
    },
  };
}

/** How this thread sends and receives. */
export const wire: Wire = makeWire();

let makers: ReadonlyMap<string, ErrorMaker> | null = null;

/** Makes errors of this library's classes, by name. */
export function findErrorClass(name: string): ErrorMaker | undefined {
  makers ??= new Map(
    Object.values(exceptions).map((errorClass) => [errorClass.name, makerOf(errorClass)]),
  );
  return makers.get(name);
}

/** The fields are received, so no constructor is called but that of the class with private state. */
function makerOf(errorClass: { readonly prototype: Error; readonly name: string }): ErrorMaker {
  if (errorClass === exceptions.ExceptionGroup) {
    return (message, errors) => new exceptions.ExceptionGroup(message, errors);
  }
  return (message) => Object.setPrototypeOf(new Error(message), errorClass.prototype);
}

/** What `transfer` marked in this thread; a worker's program reads the same marks. */
export const transferMarks: TransferMarks = threadSlot?.marks ?? { of: new WeakMap(), used: false };

// The parameter is not a `Transferable[]`: that is a type of the DOM, and without its library, as programs for Node are
// compiled, the package's declarations would not compile.
/**
 * Marks an argument, or a result, so that its buffers are moved to the other thread instead of copied. Here they are empty
 * afterwards. A child process gets a copy all the same.
 *
 * @param value the object that is passed; also within arrays and plain objects
 * @param transferables what moves with it: the buffers behind it, message ports
 * @returns the value itself
 * @throws {TypeError} if the value is not an object, or `transferables` not a list
 *
 * @example
 * ```ts
 * import { run, toThread, transfer } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const pixels = new Uint8Array(1024).fill(7);
 *   const sum = await toThread(
 *     (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0),
 *     transfer(pixels, [pixels.buffer]),
 *   );
 *   assert.equal(sum, 7168);
 *   assert.equal(pixels.byteLength, 0);
 * });
 * ```
 */
export function transfer<T>(value: T, transferables: readonly object[]): T {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) {
    throw new TypeError(
      `Cannot transfer: the value must be an object with buffers, received ${describeType(value)}`,
    );
  }
  if (!Array.isArray(transferables)) {
    throw new TypeError(
      `Cannot transfer: what moves must be a list, received ${describeType(transferables)}. ` +
        "Write transfer(bytes, [bytes.buffer])",
    );
  }
  // A shared buffer is copied: other connections' bytes must not move with it.
  const items = transferables as readonly Transferable[];
  transferMarks.of.set(value, items.filter((item) => !isSharedBuffer(item)));
  transferMarks.used = true;
  return value;
}
