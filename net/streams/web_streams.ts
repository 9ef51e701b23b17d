/**
 * The bridge to the web's streams: `reader.readable` and `writer.writable`.
 *
 * @module
 */

import { ownBytes } from "../../runtime/base/bytes.ts";
import { runInScope } from "../../runtime/core/frame.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";

/** What a web stream reads from. */
export interface ByteSource {
  /** Hands on what comes next, at most so many bytes; none at the end of the stream. */
  pull(most: number, deliver: (chunk: Uint8Array) => void): Promise<void>;
  /** Nobody wants what the pull under way waits for: it ends, and the bytes stay. */
  leave(): void;
  /** Is given how to ask for the number of bytes that wait in the web stream. */
  countWith(count: () => number): void;
}

/** What a web stream writes to. */
export interface ByteSink {
  write(data: Uint8Array): void;
  drain(): Promise<void>;
  canWriteEof(): boolean;
  writeEof(): void;
  close(): void;
  isClosing(): boolean;
}

/** How what a web stream writes to comes to its end. */
export interface SinkEnd {
  /** Drops what is not sent yet. */
  abort(): void;
  /** After `writeEof()` or `close()`: waits until all is sent; rejects with what came in between. */
  sent(): Promise<void>;
  /** The error for what can't be sent any more, because of `cause`. */
  lost(cause: unknown | null): unknown;
  /** Calls back when the connection is gone, with its error or null; at once when it is already. */
  whenLost(callback: (error: unknown | null) => void): void;
}

/** The most that one pull asks for. */
const CHUNK = 64 * 1024;

/**
 * A web stream that pulls from a reader, and never ahead of its consumer.
 *
 * Its waits belong to no task: a consumer that is cancelled gives up its own read of the web
 * stream, which must not end the stream for the next one. What came for one that left waits in the web stream. Where the stream
 * itself is cancelled, what has not come yet stays with the reader.
 */
export function readableFrom(source: ByteSource, loop: LoopCore): ReadableStream<Uint8Array> {
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
            // The stream takes the whole buffer over, so it must not be one that others lie in.
            controller.enqueue(ownBytes(chunk) as Uint8Array<ArrayBuffer>);
            return;
          }
          controller.close();
          // A consumer that brought its own buffer is told of the end only when that is given back.
          controller.byobRequest?.respond(0);
        };
        return runInScope(loop.rootScope, pull, deliver);
      },
      cancel: () => source.leave(),
    },
    { highWaterMark: 0 },
  ) as ReadableStream<Uint8Array>;
}

/**
 * A web stream over a writer: a write is done when the transport can take more. Closing it ends the
 * writing direction (the whole connection where that can't be ended alone, under TLS) and is done
 * when all is sent; aborting it drops what is not sent yet. It fails as soon as the connection is
 * lost, so that who pipes into it does not wait for a next chunk to notice.
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
      end.whenLost(weakly(failing));
    },
    write(chunk) {
      // The transport drops it in silence.
      if (sink.isClosing()) throw end.lost(null);
      sink.write(chunk);
      return runInScope(loop.rootScope, drain, undefined);
    },
    async close() {
      // That leads to the loss of a connection as well, and says itself how it went.
      failing.fail = null;
      if (sink.canWriteEof()) sink.writeEof();
      else sink.close();
      await runInScope(loop.rootScope, () => end.sent(), undefined);
    },
    abort: () => end.abort(),
  });
}

/** How many bytes wait in a web stream. Its reader's connection keeps this, and must not keep the stream, as `weakly` says. */
function counter(controller: ReadableByteStreamController): () => number {
  const held = new WeakRef(controller);
  // It would like to have none, and null after an error.
  return () => Math.max(0, -(held.deref()?.desiredSize ?? 0));
}

interface Failing {
  fail: ((error: unknown | null) => void) | null;
}

/**
 * The connection, which keeps this callback, must not keep the stream alive with it, and so the writer: a writer that nobody
 * holds any more is closed.
 */
function weakly(failing: Failing): (error: unknown | null) => void {
  const held = new WeakRef(failing);
  return (error) => held.deref()?.fail?.(error);
}
