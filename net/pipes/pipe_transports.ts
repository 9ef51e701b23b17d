import { type LoopCore } from "../../runtime/core/loop_core.ts";
import { type BytesLike, toBytes } from "../../runtime/base/bytes.ts";
import { printWarning } from "../../runtime/base/warnings.ts";
import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import type { Waiter } from "../../runtime/core/wait.ts";
import { BrokenPipeError, type OSError } from "../../runtime/errors/exceptions.ts";
import { WaterMarks } from "../core/flow_control.ts";
import type { RawReadable, RawWritable } from "../core/host.ts";
import type {
  BaseProtocol,
  ReadTransport,
  WriteTransport,
} from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import { WriteQueue, type WriteQueueOwner } from "../core/write_queue.ts";
import { ReceivingTransport } from "../transports/receiving.ts";
import { TransportBase } from "../transports/transport_base.ts";

/** Writes to a lost pipe that are dropped in silence before a warning. */
const SILENT_DROPS = 5;

/** What a pipe's transport is made of. */
export interface PipeParts<P extends RawReadable | RawWritable> {
  readonly pipe: P;
  readonly protocol: BaseProtocol;
  readonly context: CapturedContext;
  /** What `getExtraInfo("pipe")` gives. */
  readonly extra: unknown;
}

/**
 * The writing end of a pipe. As there is only one direction, `writeEof()` is the same as `close()`: what is queued is still
 * written, then the pipe is closed and `connectionLost(null)` follows.
 */
export class WritePipeTransport extends TransportBase implements WriteTransport, WriteQueueOwner {
  readonly #pipe: RawWritable;
  readonly #queue: WriteQueue;
  readonly #marks: WaterMarks = new WaterMarks(this);
  readonly #extra: unknown;
  #drops = 0;

  /** `made` is woken once `connectionMade` has been called. */
  constructor(loop: LoopCore, parts: PipeParts<RawWritable>, made: Waiter<void> | null) {
    super(loop, parts.protocol, parts.context, null);
    this.#pipe = parts.pipe;
    this.#queue = new WriteQueue(parts.pipe, this);
    this.#extra = parts.extra;
    this.begin(() => void made?.wakeWith(undefined));
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return name === "pipe" ? this.#extra as ExtraInfo[K] : null;
  }

  write(data: BytesLike): void {
    const chunk = toBytes(data, "data");
    if (chunk.length === 0) return;
    if (this.phase !== "open") return this.#drop();
    this.#queue.write(chunk);
    this.#marks.rose(this.#queue.size);
  }

  writelines(data: Iterable<BytesLike>): void {
    const chunks: Uint8Array[] = [];
    for (const one of data) {
      const chunk = toBytes(one, "a piece of data");
      if (chunk.length > 0) chunks.push(chunk);
    }
    if (chunks.length === 0) return;
    if (this.phase !== "open") return this.#drop();
    this.#queue.writeAll(chunks);
    this.#marks.rose(this.#queue.size);
  }

  canWriteEof(): boolean {
    return true;
  }

  writeEof(): void {
    if (this.phase !== "open") return;
    this.phase = "closing";
    if (this.#queue.size === 0) this.#finish();
  }

  close(): void {
    this.writeEof();
  }

  abort(): void {
    this.lose(null);
  }

  /**
   * The reader does not read any more. What is queued can't be written, which is an error only if
   * there is something (PIPE-09: a reader that closes an idle pipe ends it without an error).
   */
  readerFailed(): void {
    const lost = this.#queue.size > 0;
    this.lose(
      lost
        ? new BrokenPipeError(
          "Cannot write to the pipe: its reader has closed it, broken pipe (EPIPE)",
        )
        : null,
    );
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

  wrote(): void {
    this.#marks.fell(this.#queue.size);
    if (this.#queue.size === 0 && this.phase === "closing") this.#finish();
  }

  writeFailed(error: OSError): void {
    this.fatal(error, "Fatal write error on pipe transport");
  }

  override toString(): string {
    const what = this.phase === "open" ? "open" : this.phase === "closing" ? "closing" : "closed";
    return `<WritePipeTransport ${what} bufsize=${this.#queue.size}>`;
  }

  protected override unsent(): boolean {
    return this.#queue.size > 0;
  }

  protected stop(): void {
    this.#queue.kill();
  }

  protected release(): void {
    this.#pipe.close();
  }

  /** What was queued is with the pipe. */
  #finish(): void {
    const pipe = this.#pipe;
    if (pipe.endsLate !== true) return this.lose(null);
    pipe.shutdownWrite((error) => {
      if (error === null) this.lose(null);
      else this.writeFailed(error);
    });
  }

  #drop(): void {
    if (this.#drops++ < SILENT_DROPS) return;
    printWarning("pipe closed by peer or write to it raised exception.");
  }
}

/**
 * The reading end of a pipe. It closes after the end of the stream, whatever `eofReceived` returns:
 * there is no other direction to keep open.
 */
export class ReadPipeTransport extends ReceivingTransport<RawReadable> implements ReadTransport {
  readonly #extra: unknown;

  /** `made` is woken once `connectionMade` has been called and reading has started. */
  constructor(loop: LoopCore, parts: PipeParts<RawReadable>, made: Waiter<void> | null) {
    const { pipe, protocol, context } = parts;
    super(loop, { channel: pipe, protocol, context, owner: null }, "pipe");
    this.#extra = parts.extra;
    this.begin(() => {
      if (this.isReading()) this.startReading();
      made?.wakeWith(undefined);
    });
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return name === "pipe" ? this.#extra as ExtraInfo[K] : null;
  }

  close(): void {
    this.lose(null);
  }

  override toString(): string {
    const what = this.phase !== "open" ? "closed" : this.isReading() ? "reading" : "paused";
    return `<ReadPipeTransport ${what}>`;
  }

  protected stop(): void {
    this.stopReading();
  }

  protected release(): void {
    this.channel.close();
  }

  protected streamEnded(): void {
    this.lose(null);
  }
}
