import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { BytesLike } from "../../runtime/base/bytes.ts";
import type { Delay } from "../../runtime/base/durations.ts";
import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import { inOwnScope } from "../../runtime/scopes/known.ts";
import { sleep } from "../../runtime/combinators/sleep.ts";
import { gateOf, lostWith, upgradeOf, type WriterGate } from "../core/flow_control.ts";
import { type TlsOptions, upgradeOptions } from "../core/options.ts";
import type {
  BaseProtocol,
  Protocol,
  Transport,
  WriteTransport,
} from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import type { StreamReader } from "./stream_reader.ts";
import { type SinkEnd, writableTo } from "./stream_adapters.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";

/** What the library's own transports can do besides. */
interface ReportsSent {
  sent(): Promise<void>;
}

/**
 * The writing end of a connection (`asyncio.StreamWriter`), as `openConnection` and `startServer`
 * hand it out.
 *
 * - `write` never waits; `drain` does, while more is queued than the transport's high-water mark.
 *   Use them in pairs.
 * - `close` flushes what is queued; `waitClosed` waits until that is done.
 *
 * @example An echo over the loopback
 * ```ts
 * import assert from "node:assert/strict";
 * import { openConnection, run, startServer } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const server = await startServer(async (reader, writer) => {
 *     writer.write(await reader.readline());
 *     await writer.drain();
 *     writer.close();
 *   }, "127.0.0.1", 0);
 *   const { port } = server.sockets[0]!.getsockname() as { port: number };
 *   const [reader, writer] = await openConnection("127.0.0.1", port);
 *   writer.write("hello\n");
 *   await writer.drain();
 *   assert.equal(new TextDecoder().decode(await reader.read()), "hello\n");
 *   writer.close();
 *   await writer.waitClosed();
 *   server.close();
 *   await server.waitClosed();
 * });
 * ```
 */
export class StreamWriter implements AsyncDisposable {
  #transport: WriteTransport;
  readonly #protocol: BaseProtocol;
  readonly #reader: StreamReader | null;
  readonly #loop: EventLoop;
  readonly #gate: WriterGate | null;
  #writable: WritableStream<Uint8Array> | null = null;

  /**
   * A writer over a transport that a StreamReaderProtocol serves.
   *
   * @param transport what to write to
   * @param protocol the StreamReaderProtocol that serves the transport; `drain` and `waitClosed`
   * need it
   * @param reader whose error `drain` throws; null without one
   * @param loop the loop of the transport
   */
  constructor(
    transport: WriteTransport,
    protocol: BaseProtocol,
    reader: StreamReader | null,
    loop: EventLoop,
  ) {
    this.#transport = transport;
    this.#protocol = protocol;
    this.#reader = reader;
    this.#loop = loop;
    this.#gate = gateOf(protocol);
  }

  /** The transport underneath. */
  get transport(): WriteTransport {
    if (this.#gate !== null) this.#gate.exposed = true;
    return this.#transport;
  }

  /**
   * Sends bytes, at once where the system takes them, else in the background. Never waits. After a
   * close or a lost connection the bytes are dropped, and `drain` rejects.
   *
   * The array belongs to the transport until it has been sent: changing it earlier may change what
   * is sent.
   *
   * @throws {TypeError} if the data is neither a Uint8Array nor a string
   * @throws {RuntimeError} after `writeEof`
   */
  write(data: BytesLike): void {
    this.#transport.write(data);
  }

  /** Sends several pieces as if they were one. */
  writelines(data: Iterable<BytesLike>): void {
    this.#transport.writelines(data);
  }

  /**
   * Waits while more is queued than the transport's high-water mark, until it has fallen to the
   * low-water mark. Returns at once otherwise. On a closing transport it passes through the loop
   * once, so that a loop of `write` and `drain` sees the end.
   *
   * @throws {ConnectionResetError} if the connection is lost
   * @throws what the reader has failed with, if it has
   */
  drain(): Promise<void> {
    const error = this.#reader?.exception() ?? null;
    if (error !== null) return Promise.reject(error);
    if (this.#gate === null) return Promise.reject(noGate("drain"));
    const gate = this.#gate;
    if (this.#transport.isClosing()) return inOwnScope(() => this.#drainClosing(gate));
    return gate.drained(this.#transport);
  }

  /** Whether `writeEof` works: false under TLS. */
  canWriteEof(): boolean {
    return this.#transport.canWriteEof();
  }

  /**
   * Ends the writing direction once all is sent, so that the peer sees the end of the stream;
   * reading goes on.
   */
  writeEof(): void {
    this.#transport.writeEof();
  }

  /** Closes the connection once all is sent. */
  close(): void {
    this.#transport.close();
  }

  /** Whether the connection is closing or closed. */
  isClosing(): boolean {
    return this.#transport.isClosing();
  }

  /**
   * Waits until the connection is closed.
   *
   * @throws what ended the connection, when that was an error
   */
  waitClosed(): Promise<void> {
    if (this.#gate === null) return Promise.reject(noGate("wait for the end"));
    return this.#gate.closed();
  }

  /**
   * Goes on in TLS, with the reader and this writer (`asyncio.StreamWriter.start_tls`): after what was written is sent, makes the
   * handshake, as the server in a `startServer` callback and as the client otherwise. Nothing may be written meanwhile.
   *
   * Bytes that have arrived and were not read go to TLS: plain text there fails the handshake, the beginning of the peer's
   * handshake is part of it.
   *
   * @param ssl certificates and the like; true for the system's certificate authorities
   * @param options `serverHostname`: the name that the server's certificate has to be for, "" for any. Clients need it.
   * @throws {SSLCertVerificationError} if the peer's certificate is not trusted, or is for another name
   * @throws {ConnectionResetError} if the peer leaves in mid-handshake
   * @throws {ConnectionAbortedError} if the handshake takes longer than `sslHandshakeTimeout`
   * @throws {SSLError} if plain text has arrived that was not read
   * @throws {RuntimeError} if some of it waits in `reader.readable`
   * @throws {RangeError} if a client has no name to check
   * @throws {TypeError} if there is no such option, or it is of the wrong type
   *
   * Whatever goes wrong in the handshake, the connection is lost with it.
   */
  startTls(
    ssl: TlsOptions | true,
    options: {
      serverHostname?: string;
      sslHandshakeTimeout?: Delay;
      sslShutdownTimeout?: Delay;
    } = {},
  ): Promise<void> {
    return inOwnScope(() => this.#startTls(ssl, options));
  }

  async #startTls(
    ssl: TlsOptions | true,
    options: { serverHostname?: string; sslHandshakeTimeout?: Delay; sslShutdownTimeout?: Delay },
  ): Promise<void> {
    upgradeOptions.check(options, "startTls()");
    const upgrade = upgradeOf(this.#protocol);
    if (upgrade === null) throw noGate("start TLS");
    await this.drain();
    const transport = await this.#loop.startTls(
      this.#transport as Transport,
      this.#protocol as Protocol,
      ssl === true ? {} : ssl,
      { ...options, serverSide: upgrade.serverSide },
    );
    this.#transport = transport;
    upgrade.replaced(transport);
  }

  /**
   * What is known about the connection, such as "peername"; null when that is unknown or does not
   * apply.
   */
  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return this.#transport.getExtraInfo(name);
  }

  /**
   * A web stream that writes to this writer, and waits as `drain` does. Closing it ends the writing
   * direction (the whole connection under TLS) and waits until all is sent; aborting it drops the
   * connection. It fails as soon as the connection is lost, by either side, and so does a `pipeTo`
   * to it; `getWriter().closed` then rejects with the reason. Always the same object.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { openConnection, run, startServer } from "@asyncio/asyncio";
   *
   * await run(async () => {
   *   const server = await startServer(async (reader, writer) => {
   *     await reader.readable.pipeTo(writer.writable);
   *     writer.close();
   *   }, "127.0.0.1", 0);
   *   const { port } = server.sockets[0]!.getsockname() as { port: number };
   *   const [reader, writer] = await openConnection("127.0.0.1", port);
   *   await new Blob(["over and back"]).stream().pipeTo(writer.writable);
   *   assert.equal(await new Response(reader.readable).text(), "over and back");
   *   writer.close();
   *   server.close();
   *   await server.waitClosed();
   * });
   * ```
   */
  get writable(): WritableStream<Uint8Array> {
    return this.#writable ??= writableTo(this, this.#end(), this.#loop[core]);
  }

  /** `close()` and `waitClosed()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.waitClosed();
  }

  /** `<StreamWriter transport=... reader=...>`, for debugging. */
  toString(): string {
    const reader = this.#reader === null ? "" : ` reader=${this.#reader}`;
    return `<StreamWriter transport=${this.#transport}${reader}>`;
  }

  static {
    showAs(this.prototype);
  }

  #end(): SinkEnd {
    return {
      abort: () => this.#transport.abort(),
      // Transports of other libraries do not report it.
      sent: () => (this.#transport as Partial<ReportsSent>).sent?.() ?? Promise.resolve(),
      lost: (cause) => lostWith(this.#transport, cause),
      whenLost: (callback) => this.#gate?.whenLost(callback),
    };
  }

  async #drainClosing(gate: WriterGate): Promise<void> {
    await sleep(0);
    await gate.drained(this.#transport);
  }
}

function noGate(what: string): RuntimeError {
  return new RuntimeError(
    `Cannot ${what}: the writer's protocol must be a StreamReaderProtocol, which is what waits`,
  );
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  StreamWriter,
);
