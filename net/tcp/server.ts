import type { EventLoop } from "../../event_loop.ts";
import { CancelledError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import { inOwnScope } from "../../runtime/scopes/known.ts";
import { sleep } from "../../runtime/combinators/sleep.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import type { ServerCore } from "./server_core.ts";
import type { Socket } from "../sockets/sockets.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";

let make: (core: ServerCore) => Server;

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
export class Server implements AsyncDisposable {
  readonly #core: ServerCore;
  #forever: Waiter<void> | null = null;

  private constructor(core: ServerCore) {
    this.#core = core;
  }

  /** Views of the listening sockets; `getsockname()` tells where. Empty once closed. */
  get sockets(): readonly Socket[] {
    return this.#core.sockets;
  }

  /** The loop on which it serves. */
  getLoop(): EventLoop {
    return this.#core.loop;
  }

  /** Whether it accepts connections. */
  isServing(): boolean {
    return this.#core.serving;
  }

  /**
   * Starts accepting connections. Does nothing the second time. Always passes through the loop
   * once.
   *
   * @throws {RuntimeError} when the server is closed
   */
  startServing(): Promise<void> {
    return inOwnScope(() => this.#startServing());
  }

  async #startServing(): Promise<void> {
    if (this.#core.closed) throw new RuntimeError(`Cannot start: server ${this} is closed`);
    this.#core.start();
    await sleep(0);
  }

  /**
   * Serves until the calling task is cancelled; then closes the server and its connections, once
   * what is queued for them has been sent, waits for that, and throws the CancelledError on. A
   * `close()` from elsewhere ends it the same way.
   *
   * @throws {RuntimeError} when the server is closed, or somebody else waits here
   */
  serveForever(): Promise<void> {
    return inOwnScope(() => this.#serveForever());
  }

  async #serveForever(): Promise<void> {
    if (this.#forever !== null) {
      throw new RuntimeError(`server ${this} is already being awaited on serveForever()`);
    }
    if (this.#core.closed) throw new RuntimeError(`server ${this} is closed`);
    this.#core.start();
    const forever = this.#forever = new Waiter<void>("a server to be closed");
    try {
      await forever.promise;
    } catch (error) {
      if (error instanceof CancelledError) {
        this.close();
        // Or a client that stays idle would keep it for ever (CPython gh-123720).
        this.closeClients();
        await this.waitClosed();
      }
      throw error;
    } finally {
      this.#forever = null;
    }
  }

  /** Stops listening; open connections go on. Does nothing the second time. */
  close(): void {
    this.#core.close();
    this.#forever?.failWith(new CancelledError());
  }

  /** Closes every connection once what is queued for it has been sent. */
  closeClients(): void {
    this.#core.closeClients();
  }

  /** Drops every connection, whatever is queued for it. */
  abortClients(): void {
    this.#core.abortClients();
  }

  /**
   * Waits until the server is closed and its last connection has ended. Does not wait when both are
   * so already.
   */
  waitClosed(): Promise<void> {
    return this.#core.over();
  }

  /**
   * Runs the body, then closes the server and waits for its connections to end.
   *
   * @returns what the body returns
   */
  with<R>(body: (server: this) => R | PromiseLike<R>): Promise<R> {
    return inOwnScope(() => this.#with(body));
  }

  async #with<R>(body: (server: this) => R | PromiseLike<R>): Promise<R> {
    try {
      return await body(this);
    } finally {
      this.close();
      await this.waitClosed();
    }
  }

  /** `close()` and `waitClosed()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** `<Server sockets=127.0.0.1:8888>`, for messages. */
  toString(): string {
    const addresses = this.sockets.map((socket) => {
      const address = socket.getsockname()!;
      return "path" in address ? address.path : `${address.hostname}:${address.port}`;
    });
    return `<Server sockets=[${addresses.join(", ")}]>`;
  }

  static {
    showAs(this.prototype);
    make = (core) => new Server(core);
  }
}

/** Makes a server that does not accept connections yet. */
export function makeServer(core: ServerCore): Server {
  return make(core);
}

staysInThread(
  "pass its address, or functions that use it: toThread(work, () => server.close())",
  Server,
);
