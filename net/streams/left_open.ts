import type { WriterGate } from "../core/flow_control.ts";
import { Forgotten } from "./forgotten.ts";
import type { ReadState } from "./read_state.ts";
import type { StreamReader } from "./stream_reader.ts";
import type { StreamWriter } from "./stream_writer.ts";
import type { BaseProtocol, Transport } from "../core/transports.ts";

/** What is left of a connection whose handler has ended. None of it may lead to the reader or the writer. */
export interface LeftOpenParts {
  readonly protocol: BaseProtocol;
  readonly state: ReadState;
  readonly gate: WriterGate;
}

/**
 * A connection that its handler has left open: by mistake, or because the writer is kept elsewhere.
 *
 * - The reader and the writer decide. When both have been collected nobody can use the connection any more: what is queued is
 *   sent, and it is closed. A web stream over one of them holds it, and so does a task that goes on with it.
 * - A transport that was handed out can't be followed. Then the connection is closed when its peer has ended, too.
 * - It is left alone while a read waits, and when it serves another protocol by then.
 */
export class LeftOpen {
  readonly #parts: LeftOpenParts;
  readonly #users: Forgotten;

  constructor(parts: LeftOpenParts, reader: StreamReader, writer: StreamWriter) {
    this.#parts = parts;
    this.#users = new Forgotten(
      [reader, writer],
      () => this.#closeUnlessHeld(),
      () => parts.state.transport?.isClosing() !== false,
    );
    this.#users.look();
  }

  /** The peer sends no more: a good time to look whether anybody is there on this side. */
  peerEnded(): void {
    if (this.#users.held) this.#users.look();
    else this.#closeUnlessHeld();
  }

  /** The connection is gone. */
  end(): void {
    this.#users.end();
  }

  #closeUnlessHeld(): void {
    const { protocol, state, gate } = this.#parts;
    const transport = state.transport as Transport | null;
    if (transport === null || transport.getProtocol() !== protocol) return;
    const unknown = gate.handedOut || state.waiting !== null;
    if (!unknown || state.eof) transport.close();
  }
}
