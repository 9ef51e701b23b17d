/**
 * Other forms of a reader and a writer: the web streams `reader.readable` and `writer.writable`,
 * and the iteration over a reader's lines.
 *
 * @module
 */

import { ownBytes } from "../../runtime/base/bytes.ts";
import { runInScope } from "../../runtime/core/frame.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";
import { busy, type ReadState, ReadUntil, ReadWait, SeparatorSearch } from "./reads.ts";

// ── lines

/** A line as an iterator gives it. */
type NextLine = IteratorResult<Uint8Array, undefined>;

/** Iterates over the lines of a stream. */
export class Lines implements AsyncIterableIterator<Uint8Array, undefined, unknown> {
  readonly #state: ReadState;
  /** Kept alive with the iterator: a connection counts as used as long as its reader does. */
  readonly reader: object;
  /** The last `next()` that had to wait. */
  #wait: ReadNextLine | null = null;
  #ended = false;

  constructor(state: ReadState, reader: object) {
    this.#state = state;
    this.reader = reader;
  }

  next(): Promise<NextLine> {
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    const state = this.#state;
    if (state.error !== null) return Promise.reject(state.error);
    if (state.waiting !== null) return Promise.reject(busy("readline"));
    const search = SeparatorSearch.forLine(state);
    if (!search.advance()) return (this.#wait = new ReadNextLine(state, search)).promise;
    try {
      const line = search.finish();
      state.maybeResume();
      return Promise.resolve(toNextLine(line));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return(): Promise<NextLine> {
    this.#ended = true;
    this.#wait?.abandon();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** An iterator's `next()`. */
class ReadNextLine extends ReadUntil<NextLine> {
  protected override take(): NextLine {
    return toNextLine(super.take() as unknown as Uint8Array);
  }

  protected override nothing(): NextLine {
    return { value: undefined, done: true };
  }
}

/** At the end of the stream lines are empty. */
function toNextLine(line: Uint8Array): NextLine {
  return line.length === 0 ? { value: undefined, done: true } : { value: line, done: false };
}

// ── reader.readable

/** What a web stream reads from. It keeps the reader alive: a connection counts as used as long as its reader does. */
export class ReaderSource {
  readonly #state: ReadState;
  readonly reader: object;
  #wait: ReadForWeb | null = null;

  constructor(state: ReadState, reader: object) {
    this.#state = state;
    this.reader = reader;
  }

  /** Delivers the next bytes, at most `most`; none at the end of the stream. */
  pull(most: number, deliver: (chunk: Uint8Array) => void): Promise<void> {
    const state = this.#state;
    if (state.error !== null) return Promise.reject(state.error);
    if (state.waiting !== null) return Promise.reject(busy("read"));
    const { bytes, eof } = state;
    if (bytes.length === 0 && !eof) {
      return (this.#wait = new ReadForWeb(state, most, deliver)).promise;
    }
    deliver(bytes.take(Math.min(most, bytes.length)));
    state.maybeResume();
    return Promise.resolve();
  }

  /** Ends the pull that waits; the bytes that it waits for stay with the reader. */
  abandon(): void {
    this.#wait?.abandon();
  }

  /** Sets the function that counts the bytes in the web stream. */
  countWith(count: () => number): void {
    this.#state.countReadable = count;
  }
}

/**
 * A web stream's pull. It delivers the bytes at its wake-up: a stream that is cancelled before has
 * taken none, and none are on their way in a promise.
 */
class ReadForWeb extends ReadWait<void> {
  readonly #most: number;
  readonly #deliver: (chunk: Uint8Array) => void;

  constructor(state: ReadState, most: number, deliver: (chunk: Uint8Array) => void) {
    super(state);
    this.#most = most;
    this.#deliver = deliver;
  }

  enough(): boolean {
    return true;
  }

  protected take(): void {
    const { bytes } = this.state;
    this.#deliver(bytes.take(Math.min(this.#most, bytes.length)));
  }

  protected override nothing(): void {}
}

/** The most that one pull asks for. */
const CHUNK = 64 * 1024;

/**
 * A web stream that pulls from a reader, and never ahead of its consumer.
 *
 * Its waits belong to no task: a consumer that is cancelled gives up its own read of the web
 * stream, which must not end the stream for the next consumer. Bytes that arrive for a cancelled
 * read stay in the web stream. When the stream itself is cancelled, bytes that have not arrived yet
 * stay with the reader.
 */
export function readableFrom(source: ReaderSource, loop: LoopCore): ReadableStream<Uint8Array> {
  const pull = (deliver: (chunk: Uint8Array) => void): Promise<void> => source.pull(CHUNK, deliver);
  return new ReadableStream(
    {
      type: "bytes",
      start(controller) {
        source.countWith(counter(controller));
      },
      pull(controller) {
        const deliver = (chunk: Uint8Array): void => {
          if (chunk.length > 0) {
            // The stream transfers the whole buffer, so no other chunk may lie in it.
            controller.enqueue(ownBytes(chunk) as Uint8Array<ArrayBuffer>);
            return;
          }
          controller.close();
          // A consumer that brought its own buffer learns of the end only when that is returned.
          controller.byobRequest?.respond(0);
        };
        return runInScope(loop.rootScope, pull, deliver);
      },
      cancel: () => source.abandon(),
    },
    { highWaterMark: 0 },
  ) as ReadableStream<Uint8Array>;
}

/**
 * Counts the bytes in a web stream. The reader's connection keeps this function, which must not
 * keep the stream alive: see `callWeakly`.
 */
function counter(controller: ReadableByteStreamController): () => number {
  const weak = new WeakRef(controller);
  // `desiredSize` is 0 less the bytes in the stream, and null after an error.
  return () => Math.max(0, -(weak.deref()?.desiredSize ?? 0));
}

// ── writer.writable

/** What a web stream writes to. */
export interface ByteSink {
  write(data: Uint8Array): void;
  drain(): Promise<void>;
  canWriteEof(): boolean;
  writeEof(): void;
  close(): void;
  isClosing(): boolean;
}

/** How a web stream's sink ends. */
export interface SinkEnd {
  /** Drops what is not sent yet. */
  abort(): void;
  /** Waits, after `writeEof()` or `close()`, until all is sent; rejects with the error that prevents it. */
  sent(): Promise<void>;
  /** The error for bytes that can't be sent any more, because of `cause`. */
  lost(cause: unknown | null): unknown;
  /** Calls back when the connection is lost, with its error or null; at once if it is lost already. */
  whenLost(callback: (error: unknown | null) => void): void;
}

/**
 * A web stream over a writer: a write is done when the transport can take more. Closing it ends the
 * writing direction (the whole connection under TLS, where it can't be ended alone) and is done
 * when all is sent; aborting it drops what is not sent yet. It fails as soon as the connection is
 * lost, so that a `pipeTo` does not wait for the next chunk to notice.
 */
export function writableTo(
  sink: ByteSink,
  end: SinkEnd,
  loop: LoopCore,
): WritableStream<Uint8Array> {
  const drain = (): Promise<void> => sink.drain();
  const failing: Failing = { fail: null };
  return new WritableStream({
    start(controller) {
      failing.fail = (error) => controller.error(error ?? end.lost(null));
      end.whenLost(callWeakly(failing));
    },
    write(chunk) {
      // The transport would drop it without an error.
      if (sink.isClosing()) throw end.lost(null);
      sink.write(chunk);
      return runInScope(loop.rootScope, drain, undefined);
    },
    async close() {
      // Closing leads to the loss of the connection as well, and reports its own outcome.
      failing.fail = null;
      if (sink.canWriteEof()) sink.writeEof();
      else sink.close();
      await runInScope(loop.rootScope, () => end.sent(), undefined);
    },
    abort: () => end.abort(),
  });
}

interface Failing {
  fail: ((error: unknown | null) => void) | null;
}

/**
 * The connection keeps this callback, which must not keep the stream alive, and so the writer: a
 * connection whose writer was collected is closed.
 */
function callWeakly(failing: Failing): (error: unknown | null) => void {
  const weak = new WeakRef(failing);
  return (error) => weak.deref()?.fail?.(error);
}
