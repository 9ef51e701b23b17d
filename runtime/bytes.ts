import { describeType } from "./_describe.ts";

/**
 * Bytes to send: a Uint8Array (a Buffer is one), or a string, which is encoded as UTF-8.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type BytesLike } from "@asyncio/asyncio";
 *
 * const greetings: BytesLike[] = ["hello\n", new Uint8Array([104, 105, 10])];
 * assert.equal(greetings.length, 2);
 * ```
 */
export type BytesLike = Uint8Array | string;

const encoder = new TextEncoder();

/**
 * The bytes of what a user passed: the very same array (never a copy), or a string's UTF-8.
 *
 * @param what how the error text calls the value: "data", "the separator"
 * @throws {TypeError} when it is anything else, naming its type
 */
export function toBytes(data: BytesLike, what: string): Uint8Array {
  if (typeof data === "string") return encoder.encode(data);
  if (isBytes(data)) return data;
  throw notBytes(data, what);
}

/** The chunks in one array. A single chunk comes back as it is, not copied. */
export function concatBytes(chunks: readonly Uint8Array[], length?: number): Uint8Array {
  const only = chunks[0];
  if (only !== undefined && chunks.length === 1) return only;
  let total = length ?? 0;
  if (length === undefined) { for (const chunk of chunks) total += chunk.byteLength; }
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return joined;
}

/** By its tag where instanceof says no: test runners hand over arrays of another realm. */
function isBytes(data: unknown): data is Uint8Array {
  return data instanceof Uint8Array ||
    (ArrayBuffer.isView(data) && Reflect.get(data, Symbol.toStringTag) === "Uint8Array");
}

function notBytes(data: unknown, what: string): TypeError {
  const isBuffer = data instanceof ArrayBuffer || ArrayBuffer.isView(data);
  const hint = isBuffer ? ", wrap its memory in a new Uint8Array" : "";
  return new TypeError(
    `Cannot take ${what} as bytes: a Uint8Array or a string is expected, current value is ${
      describeType(data)
    }${hint}`,
  );
}
