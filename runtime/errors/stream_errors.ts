import { nameError } from "../base/format.ts";

/**
 * A stream ended before all that was asked for had come (`asyncio.IncompleteReadError`).
 *
 * @example What came is not lost
 * ```ts
 * import assert from "node:assert/strict";
 * import { IncompleteReadError } from "@asyncio/asyncio";
 *
 * const error = new IncompleteReadError(new TextEncoder().encode("half"), 8);
 * assert.equal(error.message, "4 bytes read on a total of 8 expected bytes");
 * assert.equal(new TextDecoder().decode(error.partial), "half");
 * ```
 */
export class IncompleteReadError extends Error {
  static {
    nameError(this, "IncompleteReadError");
  }

  /** What was read before the end of the stream. */
  readonly partial: Uint8Array;
  /** How many bytes were asked for; null when a separator was waited for. */
  readonly expected: number | null;

  /**
   * The message tells both numbers.
   *
   * @param partial what was read before the end of the stream
   * @param expected how many bytes were asked for; null when that is not known
   */
  constructor(partial: Uint8Array, expected: number | null) {
    const total = expected ?? "undefined";
    super(`${partial.byteLength} bytes read on a total of ${total} expected bytes`);
    this.partial = partial;
    this.expected = expected;
  }

  /**
   * All that makes the error, as plain data for `JSON.stringify` or `structuredClone` (which keeps no fields of error
   * classes): `new IncompleteReadError(Uint8Array.from(data.partial), data.expected)` restores it.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { IncompleteReadError } from "@asyncio/asyncio";
   *
   * const data = JSON.parse(JSON.stringify(new IncompleteReadError(new Uint8Array([1, 2]), 5)));
   * const error = new IncompleteReadError(Uint8Array.from(data.partial), data.expected);
   * assert.deepEqual(error.partial, new Uint8Array([1, 2]));
   * ```
   */
  toJSON(): { name: string; message: string; partial: number[]; expected: number | null } {
    const { name, message, partial, expected } = this;
    return { name, message, partial: Array.from(partial), expected };
  }
}

/**
 * No separator within the stream's limit (`asyncio.LimitOverrunError`). The data stays in the stream's buffer.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { LimitOverrunError } from "@asyncio/asyncio";
 *
 * const error = new LimitOverrunError("Separator is not found, and chunk exceed the limit", 65536);
 * assert.equal(error.consumed, 65536);
 * ```
 */
export class LimitOverrunError extends Error {
  static {
    nameError(this, "LimitOverrunError");
  }

  /** How many bytes at the head of the buffer can be read off without cutting a separator. */
  readonly consumed: number;

  /**
   * Made by the reader that found too much.
   *
   * @param message what overran
   * @param consumed how many bytes can be read off without cutting a separator
   */
  constructor(message: string, consumed: number) {
    super(message);
    this.consumed = consumed;
  }

  /**
   * All that makes the error, as plain data for `JSON.stringify` or `structuredClone`:
   * `new LimitOverrunError(data.message, data.consumed)` restores it.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { LimitOverrunError } from "@asyncio/asyncio";
   *
   * const data = structuredClone(new LimitOverrunError("too long", 10).toJSON());
   * assert.equal(new LimitOverrunError(data.message, data.consumed).consumed, 10);
   * ```
   */
  toJSON(): { name: string; message: string; consumed: number } {
    const { name, message, consumed } = this;
    return { name, message, consumed };
  }
}
