import { isBytes } from "../../runtime/base/bytes.ts";
import { describeType } from "../../runtime/base/format.ts";
import { NotImplementedError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import {
  type Kind,
  listOf,
  number,
  type OptionsOf,
  optionsOf,
  pythonName,
  text,
} from "../../runtime/base/options.ts";
import { type AddressLike, describeAddress, type NetPlace } from "./addresses.ts";

/** @throws {RuntimeError} if the loop is closed */
export function requireOpen(loop: { isClosed(): boolean }): void {
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
}

/**
 * Checks the loop and the factory before anything is opened.
 *
 * @throws {RuntimeError} if the loop is closed
 * @throws {TypeError} if the factory is not a function, or is a class, which Python would take
 */
export function checkCall(loop: { isClosed(): boolean }, factory: unknown): void {
  requireOpen(loop);
  if (typeof factory !== "function") {
    throw new TypeError(
      `Cannot make a protocol: protocolFactory must be a function that returns one, received ${
        describeType(factory)
      }: write () => new Echo()`,
    );
  }
  if (/^class\b/.test(Function.prototype.toString.call(factory))) {
    const name = factory.name || "Echo";
    throw new TypeError(
      `Cannot make a protocol: protocolFactory is called without new, received the class ${name}: write () => new ${name}()`,
    );
  }
}

/** @throws {TypeError} if the factory returns anything but an object, or one with methods under their Python names */
export function makeProtocol<P>(factory: () => P): P {
  const protocol = factory();
  const isObject = typeof protocol === "object" && protocol !== null;
  if (isObject && !(protocol instanceof Promise)) {
    checkMethodNames(protocol);
    return protocol;
  }
  throw new TypeError(
    `Cannot use the protocol: protocolFactory must return an object, received ${
      describe(protocol)
    }`,
  );
}

function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise, so it must not be async";
  return typeof value === "function" ? "a function or class" : describeType(value);
}

/** What transports call. */
const METHODS: readonly string[] = [
  "connectionMade",
  "connectionLost",
  "dataReceived",
  "eofReceived",
  "getBuffer",
  "bufferUpdated",
  "datagramReceived",
  "errorReceived",
  "pauseWriting",
  "resumeWriting",
  "pipeDataReceived",
  "pipeConnectionLost",
  "processExited",
];
const PYTHON: readonly string[] = METHODS.map(pythonName);

/** Prototypes without methods under Python names: each class is looked at once. */
const checkedPrototypes: WeakSet<object> = new WeakSet();

/**
 * A method that no transport calls would be ignored, and with it what arrives.
 *
 * @throws {TypeError} if one has its Python name, and not its name here as well
 */
export function checkMethodNames(protocol: object): void {
  const prototype: object | null = Object.getPrototypeOf(protocol);
  if (prototype !== null && checkedPrototypes.has(prototype)) return;
  for (let at = 0; at < METHODS.length; at++) {
    const name = METHODS[at]!;
    const python = PYTHON[at]!;
    if (!(python in protocol) || name in protocol) continue;
    throw new TypeError(
      `Cannot use the protocol: no transport calls ${python}(), received ${
        describeType(protocol)
      } with it: write ${name}()`,
    );
  }
  // Literals share theirs, and have their methods each for itself.
  if (prototype !== null && prototype !== Object.prototype) checkedPrototypes.add(prototype);
}

/**
 * Checks how many bytes are to be received.
 *
 * @throws {TypeError} if it is not a whole number
 * @throws {RangeError} if it is negative
 */
export function checkCount(n: unknown): void {
  if (!Number.isInteger(n)) {
    throw new TypeError(
      `Cannot receive so many bytes: a whole number is expected, received ${String(n)}`,
    );
  }
  if (n as number < 0) throw new RangeError(`negative buffersize in recv: current value is ${n}`);
}

/** @throws {TypeError} unless bytes can be received into it */
export function checkBuffer(buffer: unknown): void {
  if (isBytes(buffer)) return;
  throw new TypeError(
    `Cannot receive into the buffer: it must be a Uint8Array, received ${describeType(buffer)}`,
  );
}

/**
 * Checks host and port each for itself; what they may be together is the caller's business.
 *
 * @param many whether a list of hosts is allowed
 * @throws {TypeError} if the host is not text, or the port was left out
 */
export function checkPlace(host: unknown, port: unknown, many: boolean = false): void {
  const fits = host === null || typeof host === "string" || (many && Array.isArray(host));
  if (!fits) {
    throw new TypeError(
      `Cannot use the host: it must be a name or an address, "127.0.0.1"${
        many ? ", or a list of them" : ""
      }, or null, received ${describeType(host)}`,
    );
  }
  if (port === undefined) {
    throw new TypeError(
      'Cannot go on without a port: host and port are two arguments, "127.0.0.1", 8080, ' +
        `received the host ${JSON.stringify(host)} only`,
    );
  }
}

/** @throws {TypeError} unless it is an address of either form */
export function checkAddress(address: unknown): void {
  if (typeof address === "object" && address !== null) {
    const { hostname, port, path } = address as Record<string, unknown>;
    if (typeof path === "string") return;
    if (typeof hostname === "string" && typeof port === "number") return;
  }
  throw notAnAddress(address);
}

/** The error for anything but an address. */
export function notAnAddress(address: unknown): TypeError {
  return new TypeError(
    'Cannot use the address: { hostname: "127.0.0.1", port: 8080 } or { path: "/tmp/x.sock" } is expected, ' +
      `received ${describeParts(address)}`,
  );
}

/** "an object with host, port", which shows the name that is wrong. */
function describeParts(address: unknown): string {
  const shown = describeType(address);
  if (shown !== "an object") return shown;
  const names = Object.entries(address as object).map(([name, value]) => {
    return typeof value === "string" || name !== "hostname"
      ? name
      : `a hostname that is ${describeType(value)}`;
  });
  return names.length === 0 ? shown : `${shown} with ${names.join(", ")}`;
}

/**
 * An address of an internet socket, where the other form is none that a runtime has.
 *
 * @param what what the call would do
 * @throws {NotImplementedError} if it is a path
 */
export function netPlace(address: AddressLike, what: string): NetPlace {
  if (!("path" in address)) return address;
  throw new NotImplementedError(
    `Cannot ${what}: no runtime has unix datagram sockets, received ${describeAddress(address)}`,
  );
}

/** The error for `reusePort` on a runtime that can't share a port. */
export function reusePortRefused(cause: Error): RangeError {
  return new RangeError(
    `Cannot share the port: this runtime does not support reusePort: ${cause.message}`,
    { cause },
  );
}

/** @throws {RangeError} for Python's and other libraries' numbers of the families */
export function checkFamily(family: unknown): void {
  if (family === 0 || family === 4 || family === 6) return;
  throw new RangeError(
    `Cannot use the family: 4, 6, or 0 for any is expected, received ${String(family)}`,
  );
}

// ── options

/** Python's and other libraries' numbers of the families are refused with a text that says so. */
export const family: Kind<0 | 4 | 6> = {
  wanted: "4, 6 or 0",
  accepts: () => true,
  verify: checkFamily,
};

/** Of either form. */
export const address: Kind<AddressLike> = {
  wanted: "an address",
  accepts: () => true,
  verify: checkAddress,
};

const ends: OptionsOf<{ hostname: string; port?: number; transport?: string }> = optionsOf(
  '{ hostname: "127.0.0.1", port: 0 }',
  { hostname: text, port: number, transport: text },
);

/** An address whose port may be left to the system. */
export const localEnd: Kind<{ hostname: string; port?: number }> = {
  wanted: "an address",
  accepts: () => true,
  verify: (value, name) => {
    const { hostname } = Object(value) as { hostname?: unknown };
    if (typeof hostname !== "string") throw notAnAddress(value);
    ends.check(value, name);
  },
};

/** Of ALPN. */
export const protocolNames: Kind<string[]> = {
  ...listOf(text, "a list of names"),
  verify: (value) => {
    for (const name of value as string[]) {
      const { length } = encoder.encode(name);
      if (length > 0 && length < 256) continue;
      throw new RangeError(
        `Cannot offer a protocol of alpnProtocols: its name must have 1 to 255 bytes, received ${length}`,
      );
    }
  },
};

const encoder = new TextEncoder();

const HOST_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;

/** Of SNI: certificates by the name that a client asks for. */
export function certificatesByName<C extends { cert: string; key: string }>(
  one: OptionsOf<C>,
): Kind<Record<string, C>> {
  return {
    wanted: "an object of certificates by name",
    accepts: (value) => typeof value === "object" && value !== null && !(Symbol.iterator in value),
    verify: (value, option) => {
      for (const [name, given] of Object.entries(value as Record<string, C>)) {
        const place = `${option}[${JSON.stringify(name)}]`;
        if (!HOST_NAME.test(name) || /^[\d.]+$/.test(name)) {
          throw new RangeError(noName(place, name));
        }
        one.check(given, place);
        for (const field of ["cert", "key"] as const) {
          if (given[field] !== undefined) continue;
          throw new TypeError(
            `Cannot use ${place}: { cert, key } as PEM text is expected, received no ${field}`,
          );
        }
      }
    },
  };
}

function noName(place: string, name: string): string {
  const lower = name.toLowerCase();
  if (lower !== name && HOST_NAME.test(lower)) {
    return `Cannot use ${place}: names are in lower case: write "${lower}"`;
  }
  return `Cannot use ${place}: it is not a name that a client can ask for: write "shop.example", or "*.example"`;
}
