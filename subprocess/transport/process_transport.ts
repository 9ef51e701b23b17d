import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import { isDirect, markDirect } from "../../net/core/flow_control.ts";
import { ReadPipeTransport, WritePipeTransport } from "../../net/pipes/pipe_transports.ts";
import type {
  BaseProtocol,
  ReadTransport,
  WriteTransport,
} from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import {
  callSoonInternal,
  type LoopCore,
  type LoopResource,
  stopsLoop,
} from "../../runtime/core/loop_core.ts";
import { PermissionError, ProcessLookupError } from "../../runtime/errors/exceptions.ts";
import { type Signal, signalNumber } from "../../runtime/base/signal_names.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import type { RawChild } from "../core/host.ts";
import type {
  SubprocessProtocol,
  SubprocessTransport,
} from "../../runtime/contract/subprocesses.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";

type Fd = 0 | 1 | 2;

/**
 * A child and its pipes.
 *
 * - `starting` → `running` → `finished`. `finished`, and with it `connectionLost`, needs both: the process has ended, and each of its
 *   pipes is lost. They come in any order. `wait` needs the end of the process alone.
 * - Events that come before the protocol's `connectionMade` are dispatched after it, in order.
 * - A child that starts after `close()` is killed at once.
 */
export class ProcessTransport implements SubprocessTransport, LoopResource {
  readonly #loop: LoopCore;
  readonly #context: CapturedContext;
  #protocol: SubprocessProtocol;
  #state: "starting" | "running" | "finished" = "starting";
  #child: RawChild | null = null;
  #returncode: number | null = null;
  #closed = false;
  #stdin: WritePipeTransport | null = null;
  #stdout: ReadPipeTransport | null = null;
  #stderr: ReadPipeTransport | null = null;
  /** Pipes that are not lost yet. */
  #open = 0;
  /** Events to be dispatched after `connectionMade`; null from then on. */
  #early: (() => void)[] | null = [];
  /** For the end of the process alone. */
  readonly #exitWaits: Set<ExitWait> = new Set();
  /** For the end of the process and its pipes. */
  readonly #finishWaits: Set<ExitWait> = new Set();
  /** The process has a group of its own. */
  readonly leadsGroup: boolean;

  /** `made` is woken once `connectionMade` has been called, or fails with what kept the child from starting. */
  constructor(
    loop: LoopCore,
    protocol: SubprocessProtocol,
    context: CapturedContext,
    spawned: Promise<RawChild>,
    made: Waiter<void>,
    leadsGroup: boolean,
  ) {
    this.#loop = loop;
    this.leadsGroup = leadsGroup;
    this.#protocol = protocol;
    this.#context = context;
    loop.resources.add(this);
    loop.operations.add(this);
    spawned.then((child) => this.#started(child, made), (error) => {
      this.#finish();
      made.failWith(error);
    });
  }

  getPid(): number {
    return this.#child?.pid ?? -1;
  }

  getReturncode(): number | null {
    return this.#returncode;
  }

  getPipeTransport(fd: 0): WriteTransport | null;
  getPipeTransport(fd: 1 | 2): ReadTransport | null;
  getPipeTransport(fd: Fd): WriteTransport | ReadTransport | null {
    return fd === 0 ? this.#stdin : fd === 1 ? this.#stdout : fd === 2 ? this.#stderr : null;
  }

  getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return name === "subprocess" ? (this.#child?.native ?? null) as ExtraInfo[K] | null : null;
  }

  isClosing(): boolean {
    return this.#closed;
  }

  setProtocol(protocol: BaseProtocol): void {
    this.#protocol = protocol as SubprocessProtocol;
  }

  getProtocol(): BaseProtocol {
    return this.#protocol;
  }

  // ── signals

  sendSignal(signal: Signal): void {
    const number = signalNumber(signal);
    const child = this.#child;
    if (child === null || this.#state === "finished") {
      throw new ProcessLookupError(
        child === null
          ? `Cannot send ${signal}: the process was not started`
          : `Cannot send ${signal} to process ${child.pid}: it has ended with returncode ${this.#returncode}`,
        { syscall: "kill" },
      );
    }
    // It was reaped, so its number may be another process's by now.
    if (this.#returncode !== null) return;
    try {
      child.kill(number);
    } catch (error) {
      // It ends at this moment; its returncode is on its way (SUBP-23).
      if (!(error instanceof ProcessLookupError)) throw error;
    }
  }

  terminate(): void {
    this.sendSignal("SIGTERM");
  }

  kill(): void {
    this.sendSignal("SIGKILL");
  }

  /** Sends a signal to the group that the process leads; false when the group is empty. Works after the end of the process too. */
  signalGroup(signal: Signal): boolean {
    try {
      this.#child?.killGroup(signalNumber(signal));
      return this.#child !== null;
    } catch (error) {
      if (error instanceof ProcessLookupError) return false;
      throw error;
    }
  }

  // ── the end

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Before the child exists there is nothing to close; its start looks at the flag.
    if (this.#child !== null) this.#endChild();
  }

  /**
   * Waits for the end of the process, also while its pipes are open or unread, as CPython does since 3.15. Does not wait when
   * the process is known to have ended.
   */
  wait(): Promise<number> {
    if (this.#returncode !== null) return Promise.resolve(this.#returncode);
    if (this.#state === "finished") return Promise.resolve(NEVER_STARTED);
    return new ExitWait(this, this.#exitWaits).promise;
  }

  /** Waits for the end of the process and the loss of its pipes: to be called after `close()`, which closes them. */
  finished(): Promise<number> {
    if (this.#state === "finished") return Promise.resolve(this.#returncode ?? NEVER_STARTED);
    return new ExitWait(this, this.#finishWaits).promise;
  }

  /** The child lives on, as in CPython, but its events are dropped, and it no longer keeps the process alive. */
  closeWithLoop(): void {
    this.#loop.resources.delete(this);
    this.#loop.operations.delete(this);
    this.#closed = true;
    this.#state = "finished";
    this.#early = null;
    this.#child?.unref();
  }

  toString(): string {
    const parts = ["SubprocessTransport"];
    if (this.#closed) parts.push("closed");
    if (this.#child !== null) parts.push(`pid=${this.#child.pid}`);
    if (this.#returncode !== null) parts.push(`returncode=${this.#returncode}`);
    else parts.push(this.#child === null ? "not started" : "running");
    if (this.#stdin !== null) parts.push(`stdin=${this.#stdin}`);
    if (this.#stdout !== null) parts.push(`stdout=${this.#stdout}`);
    if (this.#stderr !== null) parts.push(`stderr=${this.#stderr}`);
    return `<${parts.join(" ")}>`;
  }

  static {
    showAs(this.prototype);
  }

  #started(child: RawChild, made: Waiter<void>): void {
    this.#child = child;
    child.onExit((returncode) => this.#exited(returncode));
    const loop = this.#loop;
    if (loop.isClosed()) {
      for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe?.close();
      killQuietly(child);
      child.unref();
      return;
    }
    this.#state = "running";
    this.#connect(child);
    if (this.#closed) this.#endChild();
    callSoonInternal(loop, () => {
      this.#call("connectionMade", (protocol) => protocol.connectionMade?.(this));
      const early = this.#early ?? [];
      this.#early = null;
      for (const dispatch of early) dispatch();
      made.wakeWith(undefined);
    });
  }

  #connect(child: RawChild): void {
    const loop = this.#loop;
    const context = this.#context;
    const { stdin, stdout, stderr } = child;
    if (stdin !== null) {
      const parts = { pipe: stdin, protocol: this.#pipeProtocol(0), context, extra: stdin };
      this.#stdin = new WritePipeTransport(loop, parts, null);
    }
    if (stdout !== null) {
      const parts = { pipe: stdout, protocol: this.#pipeProtocol(1), context, extra: stdout };
      this.#stdout = new ReadPipeTransport(loop, parts, null);
    }
    if (stderr !== null) {
      const parts = { pipe: stderr, protocol: this.#pipeProtocol(2), context, extra: stderr };
      this.#stderr = new ReadPipeTransport(loop, parts, null);
    }
  }

  /** Joins one pipe to this transport. It enters no context itself, so the pipe calls it without ceremony. */
  #pipeProtocol(fd: Fd): BaseProtocol {
    this.#open++;
    const protocol = {
      dataReceived: (data: Uint8Array) =>
        this.#dispatch("pipeDataReceived", (p) => p.pipeDataReceived?.(fd as 1 | 2, data)),
      connectionLost: (error: unknown | null) => {
        this.#open--;
        this.#dispatch("pipeConnectionLost", (p) => p.pipeConnectionLost?.(fd, error));
        this.#maybeFinish();
      },
      pauseWriting: () => this.#call("pauseWriting", (p) => p.pauseWriting?.()),
      resumeWriting: () => this.#call("resumeWriting", (p) => p.resumeWriting?.()),
    };
    markDirect(protocol);
    return protocol;
  }

  #exited(returncode: number): void {
    this.#returncode = returncode;
    if (this.#state === "finished" || this.#loop.isClosed()) return;
    for (const wait of this.#exitWaits) wait.wakeWith(returncode);
    this.#dispatch("processExited", (protocol) => protocol.processExited?.());
    // No runtime reports that the last reader of a pipe has closed it, and two of them now close the pipe themselves.
    this.#stdin?.readerFailed();
    this.#maybeFinish();
  }

  #endChild(): void {
    this.#stdin?.close();
    this.#stdout?.close();
    this.#stderr?.close();
    if (this.#returncode === null) killQuietly(this.#child!);
  }

  #maybeFinish(): void {
    if (this.#returncode === null || this.#open > 0 || this.#state !== "running") return;
    this.#state = "finished";
    callSoonInternal(this.#loop, () => {
      this.#call("connectionLost", (protocol) => protocol.connectionLost?.(null));
      this.#finish();
    });
  }

  #finish(): void {
    this.#state = "finished";
    this.#loop.resources.delete(this);
    this.#loop.operations.delete(this);
    const returncode = this.#returncode ?? NEVER_STARTED;
    for (const waits of [this.#exitWaits, this.#finishWaits]) {
      for (const wait of waits) wait.wakeWith(returncode);
    }
  }

  /** Notifies the protocol in the loop's order: the library's own at once, users' in an iteration of its own. */
  #dispatch(method: string, call: (protocol: SubprocessProtocol) => unknown): void {
    const dispatch = (): void => {
      if (isDirect(this.#protocol)) this.#call(method, call);
      else callSoonInternal(this.#loop, () => this.#call(method, call));
    };
    if (this.#early === null) dispatch();
    else this.#early.push(dispatch);
  }

  #call(method: string, call: (protocol: SubprocessProtocol) => unknown): void {
    const protocol = this.#protocol;
    const failed = (error: unknown): void => {
      if (stopsLoop(this.#loop, error)) return;
      this.#loop.callExceptionHandler({
        message: `Exception in callback ${method}()`,
        exception: error,
        transport: this,
        protocol,
      });
    };
    try {
      const result = isDirect(protocol) ? call(protocol) : this.#context.call(call, protocol);
      if (result instanceof Promise) result.then(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** What a wait gives for a process that was never started; only its creation waits for that, and then throws. */
const NEVER_STARTED = -1;

class ExitWait extends Waiter<number> {
  readonly #waits: Set<ExitWait>;

  constructor(transport: ProcessTransport, waits: Set<ExitWait>) {
    super(`the end of process ${transport.getPid()}`);
    this.#waits = waits;
    // On a closed loop a wait is over from the start.
    if (this.pending || this.cancelled) waits.add(this);
  }

  protected override onWake(): number {
    this.#waits.delete(this);
    return super.onWake();
  }

  protected override onCancel(): void {
    this.#waits.delete(this);
  }
}

/** Ignores that it has ended already, or runs as another user: `close()` can do nothing about either. */
function killQuietly(child: RawChild): void {
  try {
    child.kill(signalNumber("SIGKILL"));
  } catch (error) {
    if (!(error instanceof ProcessLookupError || error instanceof PermissionError)) throw error;
  }
}

staysInThread(
  "pass functions that use it: toThread(work, () => transport.kill())",
  ProcessTransport,
);
