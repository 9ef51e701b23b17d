import type { EventLoop } from "../../loop_interface.ts";
import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { Future } from "../../runtime/tasks/future.ts";
import { LOOP_OPTIONS } from "../../runtime/tasks/task_options.ts";
import { getEventLoop } from "../../runtime/loop/policies.ts";
import type { Task } from "../../runtime/tasks/task.ts";
import { streamCalls } from "../lazy.ts";
import type { LeftOpen } from "./left_open.ts";
import {
  markDirect,
  provideGates,
  provideUpgrades,
  type StreamUpgrade,
  WriterGate,
} from "../core/flow_control.ts";
import type { BaseTransport, Protocol, Transport } from "../../runtime/contract/transports.ts";
import type { ReadState } from "./reads.ts";
import { readStateOf, type StreamReader } from "./stream_reader.ts";
import { StreamWriter } from "./stream_writer.ts";

/** What `startServer` calls for each connection. May be async; runs as a task of its own. */
export type ClientConnected = (reader: StreamReader, writer: StreamWriter) => unknown;

/**
 * Joins a transport to a StreamReader (`asyncio.StreamReaderProtocol`): what the transport
 * receives, the reader hands out, and a StreamWriter over the same protocol can wait.
 *
 * @example A reader on a connection of one's own making
 * ```ts
 * import assert from "node:assert/strict";
 * import { getRunningLoop, run, startServer, StreamReader, StreamReaderProtocol } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer((_reader, writer) => {
 *     writer.write("welcome");
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const { port } = server.sockets[0]!.getsockname() as { port: number };
 *   const reader = new StreamReader();
 *   const [transport] = await getRunningLoop().createConnection(
 *     () => new StreamReaderProtocol(reader),
 *     "127.0.0.1",
 *     port,
 *   );
 *   assert.equal(new TextDecoder().decode(await reader.read()), "welcome");
 *   transport.close();
 *   server.close();
 *   await server.waitClosed();
 * });
 * ```
 */
export class StreamReaderProtocol implements Protocol {
  /** Null once the handler has it: whether it is collected then shows whether the connection is still in use. */
  #reader: StreamReader | null;
  readonly #state: ReadState;
  readonly #loop: EventLoop;
  readonly #gate: WriterGate = new WriterGate();
  readonly #clientConnected: ClientConnected | null;
  #overTls = false;
  /** Set once the handler has ended and left the connection open. */
  #leftOpen: LeftOpen | null = null;

  /**
   * A protocol for one connection.
   *
   * @param reader what to feed
   * @param clientConnected called as a task once the connection stands, with the reader and a
   * writer
   * @param options `loop`: default the current one
   * @throws {TypeError} if there is no such option, or it is not a loop
   */
  constructor(
    reader: StreamReader,
    clientConnected?: ClientConnected,
    options: { loop?: EventLoop } = {},
  ) {
    LOOP_OPTIONS.check(options, "StreamReaderProtocol");
    this.#reader = reader;
    this.#state = readStateOf(reader);
    this.#clientConnected = clientConnected ?? null;
    this.#loop = options.loop ?? getEventLoop();
    if (new.target === StreamReaderProtocol) markDirect(this);
  }

  /** Called by the transport. */
  connectionMade(transport: BaseTransport): void {
    const stream = transport as Transport;
    const reader = this.#reader;
    if (reader === null) throw new RuntimeError("Transport already set");
    reader.setTransport(stream);
    this.#overTls = stream.getExtraInfo("sslContext") !== null;
    if (this.#clientConnected === null) return;
    this.#reader = null;
    this.#serve(stream, reader, this.#clientConnected);
  }

  /** Called by the transport. */
  dataReceived(data: Uint8Array): void {
    this.#state.feed(data);
  }

  /**
   * Called by the transport. Keeps it open for writing, except under TLS, which can't be half-open.
   */
  eofReceived(): boolean {
    this.#state.feedEof();
    this.#leftOpen?.peerEnded();
    return !this.#overTls;
  }

  /** Called by the transport. */
  connectionLost(error: unknown | null): void {
    if (error === null) this.#state.feedEof();
    else this.#state.fail(error);
    this.#gate.lose(error);
    this.#leftOpen?.end();
    this.#leftOpen = null;
  }

  /** Called by the transport. */
  pauseWriting(): void {
    this.#gate.pause();
  }

  /** Called by the transport. */
  resumeWriting(): void {
    this.#gate.resume();
  }

  static {
    provideGates((protocol) => #gate in protocol ? protocol.#gate : null);
    provideUpgrades((protocol) => #gate in protocol ? protocol.#upgrade() : null);
  }

  #upgrade(): StreamUpgrade {
    return {
      serverSide: this.#clientConnected !== null,
      takeUnread: () => this.#takeUnread(),
      replaced: (transport) => this.#replaceTransport(transport),
    };
  }

  /** Plain text must not be read as if it had been encrypted; the first bytes of a handshake that began early belong to TLS. */
  #takeUnread(): Uint8Array | null {
    const { bytes, countReadable } = this.#state;
    const count = countReadable?.() ?? 0;
    if (count > 0) {
      throw new RuntimeError(
        `Cannot start TLS: reader.readable must be empty, received ${count} bytes of plain text that wait in it: ` +
          "read them first",
      );
    }
    return bytes.length === 0 ? null : bytes.take(bytes.length);
  }

  /** The connection goes on in TLS. */
  #replaceTransport(transport: Transport): void {
    this.#overTls = true;
    this.#state.transport = transport;
    // The new one reads from the start.
    this.#state.paused = false;
  }

  #serve(transport: Transport, reader: StreamReader, clientConnected: ClientConnected): void {
    const writer = new StreamWriter(transport, this, reader, this.#loop);
    const task: Task<unknown> = this.#loop.createTask(() => clientConnected(reader, writer));
    task.addDoneCallback(() => {
      if (!this.#served(task, transport)) return;
      // Loaded wherever the library has made a server. Connections over other transports are not watched.
      const { LeftOpen } = streamCalls.loaded ?? {};
      if (LeftOpen === undefined || transport.isClosing()) return;
      const parts = { protocol: this, state: this.#state, gate: this.#gate };
      this.#leftOpen = new LeftOpen(parts, reader, writer);
    });
  }

  /** Whether the handler has returned; otherwise the connection is closed. */
  #served(task: Future<unknown>, transport: Transport): boolean {
    if (task.cancelled()) {
      transport.close();
      return false;
    }
    const exception = task.exception();
    if (exception === null) return true;
    this.#loop.callExceptionHandler({
      message: "Unhandled exception in client_connected_cb",
      exception,
      transport,
    });
    transport.close();
    return false;
  }
}
