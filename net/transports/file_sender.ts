import { ConnectionError } from "../../runtime/errors/exceptions.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import { cannotSend } from "../core/addresses.ts";
import type { StreamTransport, WritingBorrower } from "./stream_transport.ts";

/**
 * Has the writing side of a connection while a file is sent: it hears when to wait, nobody else writes, and nothing is read
 * meanwhile, so that the protocol neither misses data nor writes in between on its account.
 */
export class FileSender implements WritingBorrower {
  readonly #transport: StreamTransport;
  readonly #wasPaused: boolean;
  #paused: boolean;
  #room: Waiter<void> | null = null;

  constructor(transport: StreamTransport) {
    this.#transport = transport;
    this.#paused = this.#wasPaused = transport.isWritingPaused();
    transport.lendWriting(this);
  }

  /** Writes a block, and waits until there is room for the next one. */
  send(block: Uint8Array): Promise<void> {
    this.#transport.writeLent(block);
    if (this.#transport.isClosing()) {
      return Promise.reject(this.#closed("Connection closed by peer"));
    }
    if (!this.#paused) return Promise.resolve();
    this.#room = new Waiter<void>("room in a transport's write buffer");
    return this.#room.promise;
  }

  /** Gives the connection back to its protocol, and tells it what it has missed. */
  restore(): void {
    this.#transport.returnWriting(this.#wasPaused);
  }

  flow(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#room?.wakeWith(undefined);
  }

  lost(error: unknown | null): void {
    this.#room?.failWith(error ?? this.#closed("Connection is closed by peer"));
  }

  #closed(why: string): ConnectionError {
    return new ConnectionError(cannotSend(why, this.#transport.getExtraInfo("peername")));
  }
}
