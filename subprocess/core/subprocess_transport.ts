import type {
  BaseProtocol,
  BaseTransport,
  ReadTransport,
  WriteTransport,
} from "../../net/core/transports.ts";
import type { Signal } from "../../runtime/signals/signals.ts";

/** A child process as the low-level API sees it (`asyncio.SubprocessTransport`). `loop.subprocessExec` makes one. */
export interface SubprocessTransport extends BaseTransport {
  /** The number of the process; it stays the same after its end. */
  getPid(): number;
  /** The transport of its standard input; null when it is not piped. */
  getPipeTransport(fd: 0): WriteTransport | null;
  /** The transport of its standard output (1) or error (2); null when it is not piped. */
  getPipeTransport(fd: 1 | 2): ReadTransport | null;
  /** null while it runs; its exit code, or -N when signal N ended it. */
  getReturncode(): number | null;
  /**
   * Sends a signal.
   *
   * @throws {ProcessLookupError} when the process has ended and its pipes are closed
   * @throws {RangeError} when the platform has no such signal
   */
  sendSignal(signal: Signal): void;
  /** `sendSignal("SIGTERM")`. */
  terminate(): void;
  /** `sendSignal("SIGKILL")`. */
  kill(): void;
  /** Closes the pipes, and kills the process if it still runs. Does nothing the second time. */
  close(): void;
}

/**
 * What serves a child process (`asyncio.SubprocessProtocol`): implement the methods you need, as a class or as an object. For each
 * stream all data comes before its loss; the process's end comes anywhere among them; `connectionLost` comes last.
 */
export interface SubprocessProtocol extends BaseProtocol {
  /** The process runs: keep the transport. */
  connectionMade?(transport: SubprocessTransport): void;
  /** It wrote to its standard output (1) or error (2). The array is the protocol's own. */
  pipeDataReceived?(fd: 1 | 2, data: Uint8Array): void;
  /** One of its streams was closed, by either side: with null, or with what went wrong. */
  pipeConnectionLost?(fd: 0 | 1 | 2, error: unknown | null): void;
  /** The process has ended; its output may still come. */
  processExited?(): void;
}
