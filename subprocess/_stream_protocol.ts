import type { EventLoop } from "../event_loop.ts";
import { WriterGate } from "../net/flow_control.ts";
import { markDirect, provideGates } from "../net/_protocol_marks.ts";
import { readStateOf, StreamReader } from "../net/stream_reader.ts";
import { StreamWriter } from "../net/stream_writer.ts";
import type { SubprocessProtocol, SubprocessTransport } from "./subprocess_transport.ts";

/**
 * Joins a child to streams (asyncio's SubprocessStreamProtocol). Once the process has ended and its output is at the end, the
 * transport is closed, so that a stdin that nobody reads any more does not keep `wait` waiting.
 */
export class SubprocessStreamProtocol implements SubprocessProtocol {
  stdin: StreamWriter | null = null;
  stdout: StreamReader | null = null;
  stderr: StreamReader | null = null;
  readonly #limit: number | undefined;
  readonly #loop: EventLoop;
  readonly #gate: WriterGate = new WriterGate();
  #transport: SubprocessTransport | null = null;
  #exited = false;
  /** Outputs that are not at their end. */
  #open = 0;

  constructor(limit: number | undefined, loop: EventLoop) {
    this.#limit = limit;
    this.#loop = loop;
    markDirect(this);
  }

  connectionMade(transport: SubprocessTransport): void {
    this.#transport = transport;
    this.stdout = this.#reader(transport, 1);
    this.stderr = this.#reader(transport, 2);
    const stdin = transport.getPipeTransport(0);
    if (stdin !== null) this.stdin = new StreamWriter(stdin, this, null, this.#loop);
  }

  pipeDataReceived(fd: 1 | 2, data: Uint8Array): void {
    readStateOf(this.#output(fd)!).feed(data);
  }

  pipeConnectionLost(fd: 0 | 1 | 2, error: unknown | null): void {
    if (fd === 0) {
      this.#gate.lose(error);
      return;
    }
    const state = readStateOf(this.#output(fd)!);
    if (error === null) state.feedEof();
    else state.fail(error);
    this.#open--;
    this.#maybeClose();
  }

  processExited(): void {
    this.#exited = true;
    this.#maybeClose();
  }

  pauseWriting(): void {
    this.#gate.pause();
  }

  resumeWriting(): void {
    this.#gate.resume();
  }

  static {
    provideGates((protocol) => #gate in protocol ? protocol.#gate : null);
  }

  #reader(transport: SubprocessTransport, fd: 1 | 2): StreamReader | null {
    const pipe = transport.getPipeTransport(fd);
    if (pipe === null) return null;
    this.#open++;
    const limit = this.#limit;
    const reader = new StreamReader({
      ...(limit === undefined ? {} : { limit }),
      loop: this.#loop,
    });
    reader.setTransport(pipe);
    return reader;
  }

  #output(fd: 1 | 2): StreamReader | null {
    return fd === 1 ? this.stdout : this.stderr;
  }

  #maybeClose(): void {
    if (this.#exited && this.#open === 0) this.#transport?.close();
  }
}
