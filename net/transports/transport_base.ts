import { OSError } from "../../runtime/errors/exceptions.ts";
import {
  callSoonInternal,
  type LoopCore,
  type LoopResource,
  stopsLoop,
} from "../../runtime/core/loop_core.ts";
import type { CapturedContext } from "../../runtime/core/captured_context.ts";
import { checkMethodNames } from "../core/arguments.ts";
import { type FlowOwner, isDirect, lostWith } from "../core/flow_control.ts";
import type { BaseProtocol, BaseTransport } from "../../runtime/contract/transports.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import { WaitList } from "../core/operations.ts";

/** Keeps account of a transport from its making to its end: its server. */
export interface TransportOwner {
  attach(client: OwnedClient): void;
  detach(client: OwnedClient): void;
}

/** A connection in the eyes of its server. */
export interface OwnedClient {
  close(): void;
}

/**
 * How a transport ends, and how it notifies its protocol; common to all kinds.
 *
 * - `open` → `closing` (what is queued is still sent) → `lost` (`connectionLost` is on its way or
 *   done).
 * - `connectionLost` is called exactly once, in an iteration of its own, and the descriptor is
 *   released after it.
 * - What a protocol's method throws is reported, and ends this connection only.
 */
export abstract class TransportBase implements BaseTransport, FlowOwner, LoopResource {
  protected readonly loop: LoopCore;
  protected readonly context: CapturedContext;
  /** `detached`: the connection goes on under another transport. */
  protected phase: "open" | "closing" | "lost" | "detached" = "open";
  protected protocol: BaseProtocol;
  /** The protocol runs no code of users. */
  protected direct: boolean;
  #owner: TransportOwner | null;
  /** Whether all that was written, and the end of it, is with the system; null while that is undecided. */
  #sent: boolean | null = null;
  /** Why `#sent` is false. */
  #lossOf: unknown = null;
  /** The waits for `#sent`; made by the first one. */
  #sends: WaitList | null = null;

  constructor(
    loop: LoopCore,
    protocol: BaseProtocol,
    context: CapturedContext,
    owner: TransportOwner | null,
  ) {
    this.loop = loop;
    this.protocol = protocol;
    this.direct = isDirect(protocol);
    this.context = context;
    this.#owner = owner;
    loop.resources.add(this);
    owner?.attach(this);
  }

  abstract close(): void;
  abstract getExtraInfo<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null;

  isClosing(): boolean {
    return this.phase !== "open";
  }

  setProtocol(protocol: BaseProtocol): void {
    checkMethodNames(protocol);
    this.protocol = protocol;
    this.direct = isDirect(protocol);
  }

  getProtocol(): BaseProtocol {
    return this.protocol;
  }

  /** The loop is closed, so the protocol can't be notified; an open descriptor would keep the process from ending. */
  closeWithLoop(): void {
    this.loop.resources.delete(this);
    this.phase = "lost";
    this.stop();
    this.release();
  }

  /**
   * Waits, after `writeEof()` or `close()`, until all that was written is with the system. Does not wait when that is known.
   *
   * @throws what ended the connection before that; ConnectionResetError when it was aborted
   */
  sent(): Promise<void> {
    if (this.#sent === null) {
      this.#sends ??= new WaitList();
      return this.#sends.wait("a transport to send what is queued and the end");
    }
    return this.#sent ? Promise.resolve() : Promise.reject(this.#lossOf);
  }

  notifyFlow(paused: boolean): void {
    const { protocol } = this;
    try {
      if (this.direct) notifyFlow(protocol, paused);
      else this.context.call((p) => notifyFlow(p, paused), protocol);
    } catch (error) {
      if (stopsLoop(this.loop, error)) return;
      this.report(`protocol.${paused ? "pauseWriting" : "resumeWriting"}() failed`, error);
    }
  }

  /**
   * Whether the protocol may be notified at once: it runs no code of users, or the loop runs and has
   * nothing else to do. Otherwise the event takes its turn in the loop's order.
   */
  protected get mayNotify(): boolean {
    const { scheduler } = this.loop;
    return this.direct || (scheduler.active && scheduler.idle);
  }

  /** `connectionMade`, then `started`; each may close the transport. */
  protected begin(started: () => void, notifyMade: boolean = true): void {
    callSoonInternal(this.loop, () => {
      if (notifyMade) this.#notifyMade();
      started();
    });
  }

  protected get owner(): TransportOwner | null {
    return this.#owner;
  }

  /** Another transport has taken the connection over, and its end with it. */
  protected retire(): void {
    this.loop.resources.delete(this);
    this.#owner?.detach(this);
    this.#owner = null;
  }

  /** Whether something that was written is not with the system yet. */
  protected unsent(): boolean {
    return false;
  }

  /** All that was written, and the end of it, is with the system. */
  protected allSent(): void {
    if (this.#sent !== null) return;
    this.#sent = true;
    this.#sends?.wakeAll();
  }

  /** Stops reading and drops what is queued. */
  protected abstract stop(): void;

  /** Closes the descriptor. */
  protected abstract release(): void;

  /**
   * Ends the connection because of an error. Those of the system are not reported: `connectionLost`
   * gets them.
   */
  protected fatal(error: unknown, message: string): void {
    if (!stopsLoop(this.loop, error) && !(error instanceof OSError)) this.report(message, error);
    this.lose(error);
  }

  /** Drops everything and notifies the protocol, unless that has begun already. */
  protected lose(error: unknown | null): void {
    if (this.phase === "lost") return;
    this.phase = "lost";
    if (error === null && !this.unsent()) this.allSent();
    else if (this.#sent === null) {
      this.#sent = false;
      this.#lossOf = error ?? lostWith(this);
      this.#sends?.failAll(this.#lossOf);
    }
    this.stop();
    if (this.loop.isClosed()) {
      this.release();
      return;
    }
    callSoonInternal(this.loop, () => this.#notifyLost(error));
  }

  protected report(message: string, exception: unknown): void {
    this.loop.callExceptionHandler({
      message,
      exception,
      transport: this,
      protocol: this.protocol,
    });
  }

  /**
   * A method of a protocol may be async although nothing waits for it: what it rejects with counts
   * as thrown.
   */
  protected watch(result: unknown, failed: (error: unknown) => void): void {
    if (result instanceof Promise) result.then(undefined, failed);
  }

  #notifyMade(): void {
    const failed = (error: unknown): void =>
      this.fatal(error, "Fatal error: protocol.connectionMade() call failed.");
    try {
      this.watch(this.context.callOnce(notifyMade, this as BaseTransport), failed);
    } catch (error) {
      failed(error);
    }
  }

  #notifyLost(error: unknown | null): void {
    const { protocol } = this;
    const failed = (failure: unknown): void => {
      if (stopsLoop(this.loop, failure)) return;
      this.report("Exception in callback connectionLost()", failure);
    };
    try {
      if (this.direct) protocol.connectionLost?.(error);
      else this.watch(this.context.callOnce((p) => p.connectionLost?.(error), protocol), failed);
    } catch (failure) {
      failed(failure);
    } finally {
      this.loop.resources.delete(this);
      this.release();
      this.#owner?.detach(this);
      this.#owner = null;
    }
  }

  static {
    showAs(this.prototype);
  }
}

/**
 * Makes a transport and waits until its `connectionMade` has been called. If the wait is cancelled,
 * the transport is closed.
 *
 * @param what what is waited for, in reports of deadlocks
 * @param make is given what the transport has to wake
 */
export async function openedTransport<T extends BaseTransport>(
  what: string,
  make: (made: Waiter<void>) => T,
): Promise<T> {
  const made = new Waiter<void>(what);
  const transport = make(made);
  try {
    await made.promise;
  } catch (error) {
    transport.close();
    throw error;
  }
  return transport;
}

function notifyMade(transport: BaseTransport): unknown {
  return transport.getProtocol().connectionMade?.(transport);
}

function notifyFlow(protocol: BaseProtocol, paused: boolean): void {
  if (paused) protocol.pauseWriting?.();
  else protocol.resumeWriting?.();
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  TransportBase,
);
