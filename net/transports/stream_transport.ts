import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import {
  ConnectionResetError,
  NotImplementedError,
  type OSError,
  RuntimeError,
} from "../../runtime/errors/exceptions.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import { describeType } from "../../runtime/base/format.ts";
import { cannotSend } from "../core/addresses.ts";
import type { Carry } from "../core/captured_context.ts";
import { WaterMarks } from "../core/flow_control.ts";
import type { TlsSetup } from "../tls/options.ts";
import type { RawChannel } from "../core/host.ts";
import type { NetLoop } from "../core/net_loop.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import type { StreamExtra } from "./extra_info.ts";
import { TlsEnding } from "./tls_shutdown.ts";
import { StreamReading } from "./receiving.ts";
import type { TransportOwner } from "./transport_base.ts";
import type { BaseProtocol, ExtraInfo, Transport } from "../core/transports.ts";
import { Turns } from "../core/operations.ts";
import { WriteQueue, type WriteQueueOwner } from "../core/write_queue.ts";
import { printWarning } from "../../runtime/base/warnings.ts";

/** Writes to a lost connection that are dropped in silence before a warning. */
const SILENT_DROPS = 4;

/** What a transport is made of. */
export interface StreamTransportParts {
  readonly channel: RawChannel;
  readonly protocol: BaseProtocol;
  readonly carry: Carry;
  readonly extra: StreamExtra;
  /** Over TLS the writing direction can't be ended alone, and the end takes two. */
  readonly tls: TlsSetup | null;
  /** Told of the transport's making and end. */
  readonly owner: TransportOwner | null;
  /** The protocol has a connection already, which only goes on: its `connectionMade` is not called again. @default {false} */
  readonly goesOn?: boolean;
}

/** Who has a connection that was handed over. */
export interface Heir {
  close(): void;
  abort(): void;
  isClosing(): boolean;
}

/** Who has the writing side of a transport for a while: it is told of flow control and of the end in the protocol's place. */
export interface WritingBorrower {
  flow(paused: boolean): void;
  lost(error: unknown | null): void;
}

/** A connected stream over a runtime's channel: how it writes, ends, and is handed over. */
export class StreamTransport extends StreamReading implements Transport, WriteQueueOwner {
  readonly #queue: WriteQueue;
  readonly #marks: WaterMarks;
  readonly #extra: StreamExtra;
  readonly #tls: TlsSetup | null;
  /** `writeEof` was called. */
  #eof = false;
  /** When nobody may write; null: everybody may. */
  #barred: string | null = null;
  #borrower: WritingBorrower | null = null;
  /** Those who send files, each by itself. Made by the first one. */
  #files: Turns | null = null;
  #drops = 0;
  #ending: TlsEnding | null = null;
  #settled: Waiter<void> | null = null;
  #heir: Heir | null = null;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: NetLoop, parts: StreamTransportParts, made: Waiter<void> | null) {
    super(loop, parts.channel, parts.protocol, parts.carry, parts.owner);
    this.#queue = new WriteQueue(parts.channel, this);
    this.#extra = parts.extra;
    this.#tls = parts.tls;
    this.#marks = new WaterMarks(this, parts.tls === null ? "plain" : "tls");
    this.begin(() => {
      if (this.isReading()) this.startReading();
      made?.wakeWith(undefined);
    }, !parts.goesOn);
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return this.#extra.get(name);
  }

  // ── writing

  write(data: BytesLike): void {
    const chunk = toBytes(data, "data");
    if (this.#barred !== null) throw this.#refused("write()");
    if (chunk.length === 0) return;
    if (this.phase !== "open") {
      this.#drop();
      return;
    }
    const queue = this.#queue;
    queue.write(chunk);
    if (queue.size >= this.#marks.high) this.#marks.rose(queue.size);
  }

  writelines(data: Iterable<BytesLike>): void {
    if (typeof data?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        `writelines() takes an iterable of bytes, [header, body]: got ${describeType(data)}`,
      );
    }
    const chunks: Uint8Array[] = [];
    for (const one of data) {
      const chunk = toBytes(one, "a piece of data");
      if (chunk.length > 0) chunks.push(chunk);
    }
    if (this.#barred !== null) throw this.#refused("writelines()");
    if (chunks.length === 0) return;
    if (this.phase !== "open") {
      this.#drop();
      return;
    }
    this.#queue.writeAll(chunks);
    this.#marks.rose(this.#queue.size);
  }

  canWriteEof(): boolean {
    return this.#tls === null;
  }

  writeEof(): void {
    if (this.#tls !== null) {
      throw new NotImplementedError(
        "Cannot end the writing direction alone under TLS: close instead",
      );
    }
    if (this.phase !== "open" || this.#eof) return;
    if (this.#barred !== null) throw this.#refused("writeEof()");
    this.#eof = true;
    this.#barred = "after writeEof()";
    if (this.#queue.size === 0) this.#shutdownWrite();
  }

  getWriteBufferSize(): number {
    return this.#queue.size;
  }

  getWriteBufferLimits(): [low: number, high: number] {
    return [this.#marks.low, this.#marks.high];
  }

  setWriteBufferLimits(options: { high?: number; low?: number } = {}): void {
    this.#marks.set(options, this.#queue.size);
  }

  /** Whether the protocol was told not to write for now. */
  isWritingPaused(): boolean {
    return this.#marks.paused;
  }

  wrote(): void {
    this.#marks.fell(this.#queue.size);
    if (this.#queue.size > 0) return;
    this.#settled?.wakeWith(undefined);
    if (this.phase === "closing") this.#finish();
    else if (this.#eof && this.phase === "open") this.#shutdownWrite();
  }

  writeFailed(error: OSError): void {
    this.fatal(error, "Fatal write error on socket transport");
  }

  /** The turns of those who send files. */
  get files(): Turns {
    return this.#files ??= new Turns();
  }

  /** Only `writeLent` writes from now on, and nothing is read: what is sent is one piece. */
  lendWriting(borrower: WritingBorrower): void {
    this.#borrower = borrower;
    this.#barred ??= "while sendfile() is in progress";
    this.holdReading();
  }

  /** Writes for who has borrowed the writing side. */
  writeLent(chunk: Uint8Array): void {
    if (this.phase === "handed") this.#drop();
    if (this.phase !== "open") return;
    this.#queue.write(chunk);
    this.#marks.rose(this.#queue.size);
  }

  /** @param told whether the protocol believes that writing is paused */
  returnWriting(told: boolean): void {
    this.#borrower = null;
    if (!this.#eof) this.#barred = null;
    if (this.phase === "open" && told !== this.#marks.paused) this.tellFlow(this.#marks.paused);
    if (this.#queue.size === 0) this.#settled?.wakeWith(undefined);
    this.releaseReading();
  }

  /** @throws {RuntimeError} while somebody has borrowed the writing side */
  requireUnlent(what: string): void {
    if (this.#borrower !== null) throw this.#refused(what);
  }

  override tellFlow(paused: boolean): void {
    if (this.#borrower === null) super.tellFlow(paused);
    else this.#borrower.flow(paused);
  }

  protected override lose(error: unknown | null): void {
    const borrower = this.#borrower;
    super.lose(error);
    borrower?.lost(error);
  }

  #refused(what: string): RuntimeError {
    return new RuntimeError(`Cannot call ${what} ${this.#barred}`);
  }

  #shutdownWrite(): void {
    this.channel.shutdownWrite((error) => {
      if (error === null) this.allSent();
      else this.writeFailed(error);
    });
  }

  #drop(): void {
    if (this.phase === "handed") {
      throw new RuntimeError(
        "Cannot write here any more: the connection goes on in the transport that startTls() gave",
      );
    }
    if (this.#drops++ >= SILENT_DROPS) printWarning("socket.send() raised exception.");
  }

  // ── ending

  close(): void {
    if (this.phase === "handed") this.#heir?.close();
    if (this.phase !== "open") return;
    this.phase = "closing";
    this.stopReading();
    if (this.#tls !== null) {
      const seconds = this.#tls.shutdownTimeout;
      this.#ending = new TlsEnding(this.loop, this.channel, seconds, (error) => this.lose(error));
    }
    if (this.#queue.size === 0) this.#finish();
  }

  abort(): void {
    if (this.phase === "handed") this.#heir?.abort();
    else this.lose(null);
  }

  override isClosing(): boolean {
    return this.#heir === null ? super.isClosing() : this.#heir.isClosing();
  }

  /** What was queued is with the system. */
  #finish(): void {
    if (this.#ending === null) this.lose(null);
    else this.#ending.flushed();
  }

  // ── handing the connection over

  /** Whether all that was written is with the system, and the connection can be handed over. */
  get settled(): boolean {
    return this.phase === "open" && this.#queue.size === 0 && this.#borrower === null;
  }

  /**
   * Waits until all that was written is with the system. Whoever was waiting for the same goes on in the same turn, and may
   * write or close.
   *
   * @throws {ConnectionResetError} when the connection is lost meanwhile
   */
  settle(): Promise<void> {
    this.#settled = new Waiter<void>("a transport to send what is queued");
    return this.#settled.promise;
  }

  /**
   * Gives away the channel of a settled transport, with what the protocol has not heard yet.
   *
   * @param unread what the protocol has heard, and nobody has read
   */
  handOver(heir: Heir, unread: readonly Uint8Array[]): RawChannel {
    const unheard = this.takeHeld();
    this.phase = "handed";
    this.#heir = heir;
    return PrefixedChannel.over(this.channel, unheard === null ? unread : [...unread, unheard]);
  }

  /** The connection that was handed over goes on in another transport. */
  succeed(
    channel: RawChannel,
    protocol: BaseProtocol,
    tls: TlsSetup,
    extra: StreamExtra,
  ): StreamTransport {
    const { loop, carry, owner } = this;
    const parts = { channel, protocol, carry, extra, tls, owner, goesOn: true };
    const heir = new StreamTransport(loop, parts, null);
    this.#heir = heir;
    this.retire();
    return heir;
  }

  /** The connection that was handed over is lost; the protocol has to know. */
  lostBy(error: unknown | null): void {
    this.#heir = null;
    this.lose(error);
  }

  override toString(): string {
    const reading = this.isReading() ? "reading" : "paused";
    const what = this.phase === "open" ? reading : this.phase === "lost" ? "closed" : this.phase;
    return `<StreamTransport ${what} bufsize=${this.#queue.size}>`;
  }

  protected override unsent(): boolean {
    return this.#queue.size > 0;
  }

  protected stop(): void {
    this.stopReading();
    this.#queue.kill();
    this.#ending?.cancel();
    this.#settled?.failWith(new ConnectionResetError(this.#cannotSend("Connection lost")));
  }

  protected release(): void {
    this.channel.close();
  }

  #cannotSend(why: string): string {
    return cannotSend(why, this.channel.remoteAddr);
  }

  protected streamEnded(keepOpen: boolean): void {
    if (keepOpen && this.#tls === null) return;
    if (keepOpen) printWarning("returning true from eofReceived() has no effect when using TLS");
    this.close();
  }
}
