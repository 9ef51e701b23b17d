import { ConnectionError } from "../runtime/exceptions.ts";
import { Waiter } from "../runtime/_wait.ts";
import { cannotSend } from "./_address_forms.ts";
import type { StreamTransport } from "./stream_transport.ts";
import type { BaseProtocol } from "./transports.ts";

/**
 * Stands in for a connection's protocol while a file is sent: it hears when to wait, and nothing is read meanwhile, so that the
 * protocol neither misses data nor writes in between on its account.
 */
export class SendfileProtocol implements BaseProtocol {
  readonly #transport: StreamTransport;
  readonly #protocol: BaseProtocol;
  readonly #wasPaused: boolean;
  #paused: boolean;
  #room: Waiter<void> | null = null;

  constructor(transport: StreamTransport) {
    this.#transport = transport;
    this.#protocol = transport.getProtocol();
    this.#paused = this.#wasPaused = transport.isWritingPaused();
    transport.holdReading();
    transport.setProtocol(this);
  }

  /** Writes a block, and waits until there is room for the next one. */
  send(block: Uint8Array): Promise<void> {
    if (!this.#transport.isClosing()) this.#transport.write(block);
    if (this.#transport.isClosing()) {
      return Promise.reject(this.#closed("Connection closed by peer"));
    }
    if (!this.#paused) return Promise.resolve();
    this.#room = new Waiter<void>("room in a transport's write buffer");
    return this.#room.promise;
  }

  /** Gives the connection back to its protocol, and tells it what it has missed. */
  restore(): void {
    // Unless another one has got it meanwhile.
    if (this.#transport.getProtocol() === this) this.#transport.setProtocol(this.#protocol);
    if (!this.#transport.isClosing() && this.#paused !== this.#wasPaused) {
      this.#transport.tellFlow(this.#paused);
    }
    this.#transport.releaseReading();
  }

  pauseWriting(): void {
    this.#paused = true;
  }

  resumeWriting(): void {
    this.#paused = false;
    this.#room?.wakeWith(undefined);
  }

  connectionLost(error: unknown | null): void {
    this.#room?.failWith(error ?? this.#closed("Connection is closed by peer"));
    this.#protocol.connectionLost?.(error);
  }

  #closed(why: string): ConnectionError {
    return new ConnectionError(cannotSend(why, this.#transport.getExtraInfo("peername")));
  }
}
