import type { EventLoop } from "../../loop_interface.ts";
import type { Socket } from "./sockets.ts";

/**
 * A server (`asyncio.Server`), as `startServer` and `createServer` give it.
 *
 * - `close` ends the listening; connections that stand go on until they end, or `closeClients` or
 *   `abortClients` ends them.
 * - `waitClosed` waits for both: that it is closed, and that its last connection has ended.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { run, startServer } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
 *   await server.with((open) => assert.ok(open.isServing()));
 *   assert.ok(!server.isServing());
 * });
 * ```
 */
export interface Server extends AsyncDisposable {
  /** Views of the listening sockets; `getsockname()` tells where. Empty once closed. */
  readonly sockets: readonly Socket[];
  /** The loop on which it serves. */
  getLoop(): EventLoop;
  /** Whether it accepts connections. */
  isServing(): boolean;
  /**
   * Starts accepting connections. Does nothing the second time. Always passes through the loop
   * once.
   *
   * @throws {RuntimeError} if the server is closed
   */
  startServing(): Promise<void>;
  /**
   * Serves until the calling task is cancelled; then closes the server and its connections, once
   * what is queued for them has been sent, waits for that, and throws the CancelledError on. A
   * `close()` from elsewhere ends it the same way.
   *
   * @throws {RuntimeError} if the server is closed, or another call waits here
   */
  serveForever(): Promise<void>;
  /** Stops listening; open connections go on. Does nothing the second time. */
  close(): void;
  /** Closes every connection once what is queued for it has been sent. */
  closeClients(): void;
  /** Drops every connection, whatever is queued for it. */
  abortClients(): void;
  /**
   * Waits until the server is closed and its last connection has ended. Does not wait when both are
   * so already.
   */
  waitClosed(): Promise<void>;
  /**
   * Runs the body, then closes the server and waits for its connections to end.
   *
   * @returns what the body returns
   */
  with<R>(body: (server: this) => R | PromiseLike<R>): Promise<R>;
  /** `close()` and `waitClosed()`. */
  [Symbol.asyncDispose](): Promise<void>;
  /** `<Server sockets=127.0.0.1:8888>`, for messages. */
  toString(): string;
}
