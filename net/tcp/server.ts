import type { EventLoop } from "../../loop_interface.ts";
import type { Server as AbstractServer } from "../../runtime/contract/servers.ts";
import { CancelledError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import { inOwnScope } from "../../runtime/scopes/known.ts";
import { sleep } from "../../runtime/combinators/sleep.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import type { ServerCore } from "./server_core.ts";
import type { Socket } from "../../runtime/contract/sockets.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";

/** The class behind the interface of the same name. */
class ListeningServer implements AbstractServer {
  readonly #core: ServerCore;
  #forever: Waiter<void> | null = null;

  /** Made by `makeServer`. */
  constructor(core: ServerCore) {
    this.#core = core;
  }

  get sockets(): readonly Socket[] {
    return this.#core.sockets;
  }

  getLoop(): EventLoop {
    return this.#core.loop;
  }

  isServing(): boolean {
    return this.#core.serving;
  }

  startServing(): Promise<void> {
    return inOwnScope(() => this.#startServing());
  }

  async #startServing(): Promise<void> {
    if (this.#core.closed) throw new RuntimeError(`Cannot start: server ${this} is closed`);
    this.#core.start();
    await sleep(0);
  }

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

  close(): void {
    this.#core.close();
    this.#forever?.failWith(new CancelledError());
  }

  closeClients(): void {
    this.#core.closeClients();
  }

  abortClients(): void {
    this.#core.abortClients();
  }

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

  toString(): string {
    const addresses = this.sockets.map((socket) => {
      const address = socket.getsockname()!;
      return "path" in address ? address.path : `${address.hostname}:${address.port}`;
    });
    return `<Server sockets=[${addresses.join(", ")}]>`;
  }

  static {
    Object.defineProperty(this, "name", { value: "Server" });
    showAs(this.prototype);
  }
}

/** A server; see `AbstractServer`, which is the same. */
export type Server = AbstractServer;

/** The class of servers, which `startServer` and `createServer` make. */
export const Server: abstract new (made: never) => Server = ListeningServer as abstract new (
  made: never,
) => Server;

/** Makes a server that does not accept connections yet. */
export function makeServer(core: ServerCore): Server {
  return new ListeningServer(core);
}

staysInThread(
  "pass its address, or functions that use it: toThread(work, () => server.close())",
  Server,
);
