import { type LoopCore } from "../../runtime/core/loop_core.ts";
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
import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import { WaterMarks } from "../core/flow_control.ts";
import type { TlsSetup } from "../tls/options.ts";
import type { RawChannel } from "../core/host.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import type { StreamExtra } from "./extra_info.ts";
import { TlsEnding } from "./tls_shutdown.ts";
import { ReceivingTransport } from "./receiving.ts";
import type { TransportOwner } from "./transport_base.ts";
import type { BaseProtocol, Transport } from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import { Turns } from "../core/operations.ts";
import { WriteQueue, type WriteQueueOwner } from "../core/write_queue.ts";
import { printWarning } from "../../runtime/base/warnings.ts";

/** Writes to a lost connection that are dropped in silence before a warning. */
const SILENT_DROPS = 4;

/** What a transport is made of. */
export interface StreamTransportParts {
  readonly channel: RawChannel;
  readonly protocol: BaseProtocol;
  readonly context: CapturedContext;
  readonly extra: StreamExtra;
  /** Over TLS the writing direction can't be ended alone, and the end takes two. */
  readonly tls: TlsSetup | null;
  /** Notified of the transport's making and end. */
  readonly owner: TransportOwner | null;
  /** The protocol has this connection already: its `connectionMade` is not called again. @default {false} */
  readonly goesOn?: boolean;
}

/** What closes a connection whose transport is detached. */
export interface Replacement {
  close(): void;
  abort(): void;
  isClosing(): boolean;
}

/** Owns the writing side of a transport for a while, and is notified of flow control and of the end in the protocol's place. */
export interface WritingOwner {
  flow(paused: boolean): void;
  lost(error: unknown | null): void;
}

/** A connected stream over a runtime's channel: how it writes, ends, and is replaced by another transport. */
export class StreamTransport extends ReceivingTransport<RawChannel>
  implements Transport, WriteQueueOwner {
  readonly #queue: WriteQueue;
  readonly #marks: WaterMarks;
  readonly #extra: StreamExtra;
  readonly #tls: TlsSetup | null;
  /** `writeEof` was called. */
  #eof = false;
  /** Since when the protocol may not write; null: it may. */
  #barred: string | null = null;
  #writingOwner: WritingOwner | null = null;
  /** The calls that send files, one at a time. Made by the first one. */
  #files: Turns | null = null;
  #drops = 0;
  #ending: TlsEnding | null = null;
  #settled: Waiter<void> | null = null;
  #replacement: Replacement | null = null;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: LoopCore, parts: StreamTransportParts, made: Waiter<void> | null) {
    super(loop, parts, "socket");
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
        `Cannot write lines: an iterable of bytes is expected, [header, body], received ${
          describeType(data)
        }`,
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
        "Cannot end the writing direction alone: TLS ends both: call close() instead",
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

  /** Whether the protocol was notified to pause writing. */
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

  /** The turns of the calls that send files. */
  get files(): Turns {
    return this.#files ??= new Turns();
  }

  /** Only `writeForOwner` writes from now on, and nothing is read: what `owner` sends is one piece. */
  claimWriting(owner: WritingOwner): void {
    this.#writingOwner = owner;
    this.#barred ??= "while sendfile() is in progress";
    this.holdReading();
  }

  /** Writes for the owner of the writing side. */
  writeForOwner(chunk: Uint8Array): void {
    if (this.phase === "detached") this.#drop();
    if (this.phase !== "open") return;
    this.#queue.write(chunk);
    this.#marks.rose(this.#queue.size);
  }

  /**
   * Gives the writing side back to the protocol.
   *
   * @param notified whether the protocol was last notified that writing is paused
   */
  releaseWriting(notified: boolean): void {
    this.#writingOwner = null;
    if (!this.#eof) this.#barred = null;
    if (this.phase === "open" && notified !== this.#marks.paused) {
      this.notifyFlow(this.#marks.paused);
    }
    if (this.#queue.size === 0) this.#settled?.wakeWith(undefined);
    this.releaseReading();
  }

  /** @throws {RuntimeError} if the writing side has another owner */
  requireUnclaimed(what: string): void {
    if (this.#writingOwner !== null) throw this.#refused(what);
  }

  override notifyFlow(paused: boolean): void {
    if (this.#writingOwner === null) super.notifyFlow(paused);
    else this.#writingOwner.flow(paused);
  }

  protected override lose(error: unknown | null): void {
    const owner = this.#writingOwner;
    super.lose(error);
    owner?.lost(error);
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
    if (this.phase === "detached") {
      throw new RuntimeError(
        "Cannot write: this transport was replaced, the connection goes on in the one that startTls() returned",
      );
    }
    if (this.#drops++ >= SILENT_DROPS) printWarning("socket.send() raised exception.");
  }

  // ── ending

  close(): void {
    if (this.phase === "detached") this.#replacement?.close();
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
    if (this.phase === "detached") this.#replacement?.abort();
    else this.lose(null);
  }

  override isClosing(): boolean {
    return this.#replacement === null ? super.isClosing() : this.#replacement.isClosing();
  }

  /** What was queued is with the system. */
  #finish(): void {
    if (this.#ending === null) this.lose(null);
    else this.#ending.flushed();
  }

  // ── replacing the transport

  /** Whether all that was written is with the system, so that the transport can be detached. */
  get settled(): boolean {
    return this.phase === "open" && this.#queue.size === 0 && this.#writingOwner === null;
  }

  /**
   * Waits until all that was written is with the system. Other code that waited for the same goes on in the same turn, and may
   * write or close.
   *
   * @throws {ConnectionResetError} if the connection is lost meanwhile
   */
  settle(): Promise<void> {
    this.#settled = new Waiter<void>("a transport to send what is queued");
    return this.#settled.promise;
  }

  /**
   * Detaches a settled transport from its channel, and returns the channel with the bytes that were
   * received and not read yet.
   *
   * @param unread those of which the protocol was notified
   */
  detach(replacement: Replacement, unread: readonly Uint8Array[]): RawChannel {
    const pending = this.takePending();
    this.phase = "detached";
    this.#replacement = replacement;
    return PrefixedChannel.over(this.channel, pending === null ? unread : [...unread, pending]);
  }

  /** The connection of a detached transport goes on in a new one. */
  replaceTransport(
    channel: RawChannel,
    protocol: BaseProtocol,
    tls: TlsSetup,
    extra: StreamExtra,
  ): StreamTransport {
    const { loop, context, owner } = this;
    const parts = { channel, protocol, context, extra, tls, owner, goesOn: true };
    const replacement = new StreamTransport(loop, parts, null);
    this.#replacement = replacement;
    this.retire();
    return replacement;
  }

  /** The connection of a detached transport is lost, and the protocol is notified. */
  lostDetached(error: unknown | null): void {
    this.#replacement = null;
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
