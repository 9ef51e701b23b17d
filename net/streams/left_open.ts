import type { WriterGate } from "../core/flow_control.ts";
import { CollectionWatch } from "./collection.ts";
import type { ReadState } from "./reads.ts";
import type { StreamReader } from "./stream_reader.ts";
import type { StreamWriter } from "./stream_writer.ts";
import type { BaseProtocol, Transport } from "../../runtime/contract/transports.ts";

/** The parts of a connection whose handler has ended. None of them may lead to the reader or the writer. */
export interface LeftOpenParts {
  readonly protocol: BaseProtocol;
  readonly state: ReadState;
  readonly gate: WriterGate;
}

/**
 * A connection that its handler has left open: by mistake, or because the writer is kept elsewhere.
 *
 * - The reader and the writer decide. When both have been collected the connection can't be used any more: what is queued is
 *   sent, and it is closed. A web stream over one of them keeps it alive, and so does a task that goes on with it.
 * - A transport that the program has asked for can't be followed. Then the connection is closed once its peer has ended, too.
 * - It stays open while a read waits, and when it serves another protocol by then.
 */
export class LeftOpen {
  readonly #parts: LeftOpenParts;
  readonly #users: CollectionWatch;

  constructor(parts: LeftOpenParts, reader: StreamReader, writer: StreamWriter) {
    this.#parts = parts;
    this.#users = new CollectionWatch(
      [reader, writer],
      () => this.#closeUnused(),
      () => parts.state.transport?.isClosing() !== false,
    );
    this.#users.look();
  }

  /** The peer sends no more: the time to look whether this side still uses the connection. */
  peerEnded(): void {
    if (this.#users.inUse) this.#users.look();
    else this.#closeUnused();
  }

  /** The connection is lost. */
  end(): void {
    this.#users.end();
  }

  #closeUnused(): void {
    const { protocol, state, gate } = this.#parts;
    const transport = state.transport as Transport | null;
    if (transport === null || transport.getProtocol() !== protocol) return;
    const mayBeUsed = gate.exposed || state.waiting !== null;
    if (!mayBeUsed || state.eof) transport.close();
  }
}
