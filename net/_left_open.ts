import { requestCollection } from "./_collection.ts";
import type { WriterGate } from "./flow_control.ts";
import type { ReadState } from "./_read_state.ts";
import type { StreamReader } from "./stream_reader.ts";
import type { StreamWriter } from "./stream_writer.ts";
import type { BaseProtocol, Transport } from "./transports.ts";

/** What is left of a connection whose handler has ended. None of it may lead to the reader or the writer. */
export interface LeftOpenParts {
  readonly protocol: BaseProtocol;
  readonly state: ReadState;
  readonly gate: WriterGate;
}

/** Milliseconds until the runtime is asked to collect, for the first time and at most. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 300_000;
/** How often for each handler that left a connection open: one collection may miss an object that was just in use. */
const ROUNDS = 2;

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
  /** Of the reader and the writer, how many may still be in use. */
  #held = 2;

  constructor(parts: LeftOpenParts, reader: StreamReader, writer: StreamWriter) {
    this.#parts = parts;
    collected.register(reader, this, this);
    collected.register(writer, this, this);
    watched.add(this);
    collectSoon();
  }

  /** The peer sends no more: a good time to look whether anybody is there on this side. */
  peerEnded(): void {
    if (this.#held > 0) collectSoon();
    else this.#closeUnlessHeld();
  }

  /** The connection is gone. */
  end(): void {
    collected.unregister(this);
    unwatch(this);
  }

  /** The reader or the writer was collected. */
  released(): void {
    if (--this.#held > 0) return;
    verdicts++;
    unwatch(this);
    this.#closeUnlessHeld();
  }

  #closeUnlessHeld(): void {
    const { protocol, state, gate } = this.#parts;
    const transport = state.transport as Transport | null;
    if (transport === null || transport.getProtocol() !== protocol) return;
    const unknown = gate.handedOut || state.waiting !== null;
    if (!unknown || state.eof) transport.close();
  }
}

/** Connections whose reader or writer may still be in use. */
const watched: Set<LeftOpen> = new Set();

const collected: FinalizationRegistry<LeftOpen> = new FinalizationRegistry((connection) =>
  connection.released()
);

function unwatch(connection: LeftOpen): void {
  watched.delete(connection);
  if (watched.size > 0 || timer === null) return;
  clearTimeout(timer);
  timer = null;
}

// Connections that wait for the next collection would use up the descriptors of a program that makes little garbage, so it is
// asked for: soon at first, and twice as late each time that nothing was found, as where a program keeps its writers.

let verdicts = 0;
let rounds = 0;
let delay = FIRST_DELAY;
let collecting = false;
let timer: ReturnType<typeof setTimeout> | null = null;

function collectSoon(): void {
  rounds = ROUNDS;
  if (timer === null && !collecting) schedule();
}

function schedule(): void {
  timer = setTimeout(collect, delay);
  // It must not keep the process from ending.
  (timer as { unref?(): void }).unref?.();
  if (typeof timer === "number") Deno.unrefTimer(timer);
}

async function collect(): Promise<void> {
  timer = null;
  collecting = true;
  const before = verdicts;
  await requestCollection();
  collecting = false;
  delay = verdicts > before ? FIRST_DELAY : Math.min(2 * delay, LONGEST_DELAY);
  if (--rounds > 0 && watched.size > 0) schedule();
}
