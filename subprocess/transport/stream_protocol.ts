import type { EventLoop } from "../../loop_interface.ts";
import { markDirect, provideGates, WriterGate } from "../../net/core/flow_control.ts";
import { CollectionWatch } from "../../net/streams/collection.ts";
import { type ReadState, readStateOf, StreamReader } from "../../net/streams/stream_reader.ts";
import { StreamWriter } from "../../net/streams/stream_writer.ts";
import type {
  SubprocessProtocol,
  SubprocessTransport,
} from "../../runtime/contract/subprocesses.ts";

/**
 * Joins a child to streams (asyncio's SubprocessStreamProtocol). Once the process has ended and its output is at the end, the
 * transport is closed, so that a stdin without a reader does not keep `wait` waiting.
 */
export class SubprocessStreamProtocol implements SubprocessProtocol {
  stdin: StreamWriter | null = null;
  stdout: StreamReader | null = null;
  stderr: StreamReader | null = null;
  readonly #limit: number | undefined;
  readonly #loop: EventLoop;
  /** Null without a stdin. */
  #gate: WriterGate | null = null;
  #transport: SubprocessTransport | null = null;
  #exited = false;
  readonly #outputs: (Output | null)[] = [];
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
    if (stdin === null) return;
    this.#gate = new WriterGate();
    this.stdin = new StreamWriter(stdin, this, null, this.#loop);
  }

  pipeDataReceived(fd: 1 | 2, data: Uint8Array): void {
    this.#outputs[fd]!.state.feed(data);
  }

  pipeConnectionLost(fd: 0 | 1 | 2, error: unknown | null): void {
    if (fd === 0) {
      this.#gate?.lose(error);
      return;
    }
    const { state, users } = this.#outputs[fd]!;
    if (error === null) state.feedEof();
    else state.fail(error);
    users?.end();
    this.#open--;
    this.#maybeClose();
  }

  processExited(): void {
    this.#exited = true;
    this.#maybeClose();
    this.#closeUnused();
  }

  /**
   * Hands the streams to the Process. From then on, output that is unread when the process has ended, and whose reader was
   * collected, is dropped, or its pipe would stay open for good.
   */
  handOver(): {
    stdin: StreamWriter | null;
    stdout: StreamReader | null;
    stderr: StreamReader | null;
  } {
    const { stdin, stdout, stderr } = this;
    this.stdin = this.stdout = this.stderr = null;
    for (const [fd, reader] of [[1, stdout], [2, stderr]] as const) {
      const output = this.#outputs[fd];
      if (reader === null || !output || output.state.eof) continue;
      output.users = new CollectionWatch(
        [reader],
        () => this.#closeUnused(),
        () => this.#transport?.isClosing() !== false,
      );
    }
    if (this.#exited) this.#closeUnused();
    return { stdin, stdout, stderr };
  }

  pauseWriting(): void {
    this.#gate?.pause();
  }

  resumeWriting(): void {
    this.#gate?.resume();
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
    this.#outputs[fd] = { state: readStateOf(reader), users: null };
    return reader;
  }

  #closeUnused(): void {
    if (!this.#exited) return;
    for (const fd of [1, 2] as const) {
      const { state, users } = this.#outputs[fd] ?? {};
      if (!state || !users || state.eof || state.error !== null) continue;
      if (users.inUse) users.look();
      else if (state.waiting === null) this.#transport?.getPipeTransport(fd)?.close();
    }
  }

  #maybeClose(): void {
    if (this.#exited && this.#open === 0) this.#transport?.close();
  }
}

/** What is kept of a stream that was handed over. */
interface Output {
  readonly state: ReadState;
  /** Null before. */
  users: CollectionWatch | null;
}
