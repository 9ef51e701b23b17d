import type { EventLoop } from "../../loop_interface.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";
import { type OptionsOf, optionsOf, plainNumber } from "../../runtime/base/options.ts";
import {
  busy,
  ReadAll,
  ReadExactly,
  ReadSome,
  ReadState,
  ReadUntil,
  SeparatorSearch,
  takeExactly,
  toSeparators,
} from "./reads.ts";
import { coreFor, eventLoop } from "../../runtime/tasks/task_options.ts";
import type { ReadTransport } from "../../runtime/contract/transports.ts";
import { Lines, readableFrom, ReaderSource } from "./stream_adapters.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";

export type { ReadState } from "./reads.ts";

/** How much a stream holds before the transport is paused is twice this. */
const DEFAULT_LIMIT: number = 64 * 1024;

const EMPTY: Uint8Array = new Uint8Array(0);

const OPTIONS: OptionsOf<{ limit?: number; loop?: EventLoop }> = optionsOf(
  "{ limit: 65536 }",
  { limit: plainNumber, loop: eventLoop },
  { highWaterMark: "write limit" },
);

/** What a reader holds, for what feeds it without a copy. */
export let readStateOf: (reader: StreamReader) => ReadState;

/**
 * The reading end of a connection (`asyncio.StreamReader`), as `openConnection` and `startServer`
 * hand it out.
 *
 * - Bytes that no read has taken stay in the buffer, also when a read is cancelled or a timeout
 *   ends it.
 * - Above twice the limit the transport is paused, so a peer that sends faster than the program
 *   reads has to wait.
 * - One read at a time: a second one while another waits is a RuntimeError.
 * - After the connection failed every read rejects with that error.
 * - The arrays it gives away belong to the caller.
 *
 * @example Lines of text, fed by hand
 * ```ts
 * import assert from "node:assert/strict";
 * import { run, StreamReader } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const reader = new StreamReader();
 *   reader.feedData("first\nsecond\n");
 *   reader.feedEof();
 *   const lines: string[] = [];
 *   for await (const line of reader) lines.push(new TextDecoder().decode(line));
 *   assert.deepEqual(lines, ["first\n", "second\n"]);
 * });
 * ```
 */
export class StreamReader implements AsyncIterable<Uint8Array> {
  readonly #state: ReadState;
  readonly #loop: LoopCore;
  #readable: ReadableStream<Uint8Array> | null = null;

  /**
   * An empty reader, to be fed by a StreamReaderProtocol or by hand.
   *
   * @param options `limit`: the longest line that `readline` and `readuntil` accept, in bytes, and
   * half of what is kept before the peer has to wait, default 65536; `loop`: default the current
   * one
   * @throws {RangeError} if the limit is not above 0
   * @throws {TypeError} if there is no such option, or it is of the wrong type
   */
  constructor(options: { limit?: number; loop?: EventLoop } = {}) {
    OPTIONS.check(options, "StreamReader");
    const { limit = DEFAULT_LIMIT, loop } = options;
    checkLimit(limit);
    this.#state = new ReadState(limit);
    this.#loop = coreFor(loop);
  }

  /**
   * Reads up to `n` bytes: what has arrived, or what comes next. All until the end of the stream
   * when `n` is negative or left out. Empty at the end of the stream, and for `n` = 0.
   *
   * @param n how many bytes at most
   * @throws {RuntimeError} if another read waits already
   * @throws {TypeError} if `n` is not a whole number
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { run, StreamReader } from "@asyncio/asyncio";
   *
   * await run(async () => {
   *   const reader = new StreamReader();
   *   reader.feedData("hello");
   *   assert.equal((await reader.read(3)).length, 3);
   *   assert.equal((await reader.read(3)).length, 2);
   *   reader.feedEof();
   *   assert.equal((await reader.read(3)).length, 0);
   * });
   * ```
   */
  read(n: number = -1): Promise<Uint8Array> {
    const state = this.#state;
    if (!Number.isInteger(n)) return Promise.reject(notWhole("read", n));
    if (state.error !== null) return Promise.reject(state.error);
    if (n === 0) return Promise.resolve(EMPTY);
    if (state.waiting !== null) return Promise.reject(busy("read"));
    const { bytes } = state;
    if (n < 0) {
      if (!state.eof) return new ReadAll(state).promise;
      return Promise.resolve(bytes.take(bytes.length));
    }
    if (bytes.length === 0) {
      return state.eof ? Promise.resolve(EMPTY) : new ReadSome(state, n).promise;
    }
    const taken = bytes.take(Math.min(n, bytes.length));
    state.maybeResume();
    return Promise.resolve(taken);
  }

  /**
   * Reads a line with its "\n". At the end of the stream what is left, without "\n" or empty. On Deno
   * short lines of a stream share a buffer: `line.buffer` alone is not the line.
   *
   * @throws {RangeError} if the line is longer than the limit; it is dropped, or all that is
   * buffered when its end has not come
   * @throws {RuntimeError} if another read waits already
   */
  readline(): Promise<Uint8Array> {
    return this.#searchFor("readline", SeparatorSearch.forLine(this.#state));
  }

  /**
   * Reads exactly `n` bytes, however many that are.
   *
   * @param n how many bytes
   * @throws {IncompleteReadError} if the stream ends before; it holds what came
   * @throws {RangeError} if `n` is negative
   * @throws {TypeError} if `n` is not a whole number
   * @throws {RuntimeError} if another read waits already
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { IncompleteReadError, run, StreamReader } from "@asyncio/asyncio";
   *
   * await run(async () => {
   *   const reader = new StreamReader();
   *   reader.feedData("abc");
   *   reader.feedEof();
   *   assert.equal((await reader.readexactly(2)).length, 2);
   *   await assert.rejects(reader.readexactly(2), IncompleteReadError);
   * });
   * ```
   */
  readexactly(n: number): Promise<Uint8Array> {
    const state = this.#state;
    if (!Number.isInteger(n)) return Promise.reject(notWhole("readexactly", n));
    if (n < 0) {
      return Promise.reject(new RangeError("readexactly size can not be less than zero"));
    }
    if (state.error !== null) return Promise.reject(state.error);
    if (n === 0) return Promise.resolve(EMPTY);
    if (state.waiting !== null) return Promise.reject(busy("readexactly"));
    if (state.bytes.length < n && !state.eof) return new ReadExactly(state, n).promise;
    try {
      const taken = takeExactly(state, n);
      state.maybeResume();
      return Promise.resolve(taken);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Reads through the separator, which ends what is returned. Of several separators that whose
   * match ends first counts.
   *
   * @param separator bytes or text, or several of them; default a newline
   * @throws {IncompleteReadError} if the stream ends before; it holds what came, and the buffer
   * is empty
   * @throws {LimitOverrunError} if more than the limit stands before the separator; the buffer is
   * left as it is
   * @throws {RangeError} if there is no separator, or an empty one
   * @throws {RuntimeError} if another read waits already
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { run, StreamReader } from "@asyncio/asyncio";
   *
   * await run(async () => {
   *   const reader = new StreamReader();
   *   reader.feedData("name: Ada; name: Alan.");
   *   const part = await reader.readuntil([";", "."]);
   *   assert.equal(new TextDecoder().decode(part), "name: Ada;");
   * });
   * ```
   */
  readuntil(separator: BytesLike | readonly BytesLike[] = "\n"): Promise<Uint8Array> {
    let separators: readonly Uint8Array[];
    try {
      separators = toSeparators(separator);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#searchFor("readuntil", new SeparatorSearch(this.#state, separators));
  }

  /** Whether the stream has ended and all of it has been read. */
  atEof(): boolean {
    return this.#state.eof && this.#state.bytes.length === 0;
  }

  /**
   * Adds bytes at the end of the buffer (a copy of them), as a transport does when data arrives.
   *
   * @throws {RuntimeError} after `feedEof`
   */
  feedData(data: BytesLike): void {
    const bytes = toBytes(data, "data");
    this.#state.feed(typeof data === "string" ? bytes : new Uint8Array(bytes));
  }

  /** Marks the end of the stream: reads get what is buffered, then the end. */
  feedEof(): void {
    this.#state.feedEof();
  }

  /** What {@linkcode StreamReader.setException} was given; null when nothing. */
  exception(): unknown | null {
    return this.#state.error;
  }

  /**
   * Lets the read that waits, and every later one, reject with this error, even while data is
   * buffered.
   */
  setException(error: unknown): void {
    this.#state.fail(error);
  }

  /**
   * Tells which transport to pause when the buffer is full.
   *
   * @throws {RuntimeError} the second time
   */
  setTransport(transport: ReadTransport): void {
    if (this.#state.transport !== null) throw new RuntimeError("Transport already set");
    this.#state.transport = transport;
  }

  /**
   * Lines, each with its "\n"; the last one perhaps without. When the iteration is left, a `next()` that still waits is done, and
   * the bytes stay.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array> {
    return new Lines(this.#state, this);
  }

  /**
   * The rest of the stream as a web stream of bytes, which reads only what its consumer asks for.
   * Always the same object. Cancelling it leaves the connection open, and what has not come yet to
   * the reader.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { run, StreamReader } from "@asyncio/asyncio";
   *
   * await run(async () => {
   *   const reader = new StreamReader();
   *   reader.feedData("text");
   *   reader.feedEof();
   *   assert.equal(await new Response(reader.readable).text(), "text");
   * });
   * ```
   */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= readableFrom(new ReaderSource(this.#state, this), this.#loop);
  }

  /** `<StreamReader 4 bytes eof limit=10>`: what is set, for debugging. */
  toString(): string {
    const { bytes, eof, limit, waiting, error, transport, paused } = this.#state;
    const parts = ["StreamReader"];
    if (bytes.length > 0) parts.push(`${bytes.length} bytes`);
    if (eof) parts.push("eof");
    if (limit !== DEFAULT_LIMIT) parts.push(`limit=${limit}`);
    if (waiting !== null) parts.push("waiter=pending");
    if (error !== null) parts.push(`exception=${error}`);
    if (transport !== null) parts.push(`transport=${transport}`);
    if (paused) parts.push("paused");
    return `<${parts.join(" ")}>`;
  }

  static {
    showAs(this.prototype);
    readStateOf = (reader) => reader.#state;
  }

  #searchFor(name: string, search: SeparatorSearch): Promise<Uint8Array> {
    const state = this.#state;
    if (state.error !== null) return Promise.reject(state.error);
    if (state.waiting !== null) return Promise.reject(busy(name));
    if (!search.advance()) return new ReadUntil(state, search).promise;
    try {
      const taken = search.finish();
      state.maybeResume();
      return Promise.resolve(taken);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}

/** @throws {RangeError} if the limit is not above 0 */
export function checkLimit(limit: number): void {
  // Written this way round so that NaN is refused too.
  if (!(limit > 0)) throw new RangeError(`Limit cannot be <= 0: current value is ${limit}`);
}

function notWhole(name: string, n: unknown): TypeError {
  return new TypeError(
    `Cannot ${name} so many bytes: a whole number is expected, received ${String(n)}`,
  );
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  StreamReader,
);
