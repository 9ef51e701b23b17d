import { OSError } from "../../runtime/errors/exceptions.ts";
import type { LoopResource } from "../../runtime/core/loop_core.ts";
import type { Carry } from "../core/captured_context.ts";
import { checkMethodNames } from "../core/arguments.ts";
import { isDirect } from "../core/protocol_marks.ts";
import { type FlowOwner, lostWith } from "../core/flow_control.ts";
import { type NetLoop, soon, stopsLoop } from "../core/net_loop.ts";
import type { BaseProtocol, BaseTransport, ExtraInfo } from "../core/transports.ts";
import { showAs, staysInThread } from "../../runtime/base/format.ts";
import { WaitList } from "../core/operations.ts";

/** Who has to know of a transport from its making to its end: its server. */
export interface TransportOwner {
  attach(client: OwnedClient): void;
  detach(client: OwnedClient): void;
}

/** A connection in the eyes of its server. */
export interface OwnedClient {
  close(): void;
}

/**
 * How a transport ends, and how it speaks to its protocol; common to all kinds.
 *
 * - `open` → `closing` (what is queued is still sent) → `lost` (`connectionLost` is on its way or
 *   done).
 * - `connectionLost` is called exactly once, in an iteration of its own, and the descriptor is
 *   released after it.
 * - What a protocol's method throws is reported, and ends this connection only.
 */
export abstract class TransportBase implements BaseTransport, FlowOwner, LoopResource {
  protected readonly loop: NetLoop;
  protected readonly carry: Carry;
  /** `handed`: the connection goes on under another transport. */
  protected phase: "open" | "closing" | "lost" | "handed" = "open";
  protected protocol: BaseProtocol;
  /** The protocol runs no code of users. */
  protected direct: boolean;
  #owner: TransportOwner | null;
  /** Whether all that was written, and the end of it, is with the system; null while that is open. */
  #sent: boolean | null = null;
  #lossOf: unknown = null;
  /** Who waits for that; made when somebody does. */
  #sends: WaitList | null = null;

  constructor(
    loop: NetLoop,
    protocol: BaseProtocol,
    carry: Carry,
    owner: TransportOwner | null,
  ) {
    this.loop = loop;
    this.protocol = protocol;
    this.direct = isDirect(protocol);
    this.carry = carry;
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

  /** The loop is gone, so nobody can be told; the descriptor would keep the process from ending. */
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

  tellFlow(paused: boolean): void {
    const { protocol } = this;
    try {
      if (this.direct) tellFlow(protocol, paused);
      else this.carry.call((p) => tellFlow(p, paused), protocol);
    } catch (error) {
      if (stopsLoop(this.loop, error)) return;
      this.report(`protocol.${paused ? "pauseWriting" : "resumeWriting"}() failed`, error);
    }
  }

  /** `connectionMade`, then `started`; each may close the transport. */
  protected begin(started: () => void, tellMade: boolean = true): void {
    soon(this.loop, () => {
      if (tellMade) this.#tellMade();
      started();
    });
  }

  /** Who has to know of the connection. */
  protected get owner(): TransportOwner | null {
    return this.#owner;
  }

  /** Another transport has taken the connection over; its end is not this one's any more. */
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

  /** Drops everything and tells the protocol, unless that has begun already. */
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
    soon(this.loop, () => this.#tellLost(error));
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

  #tellMade(): void {
    const failed = (error: unknown): void =>
      this.fatal(error, "Fatal error: protocol.connectionMade() call failed.");
    try {
      this.watch(this.carry.callOnce(tellMade, this as BaseTransport), failed);
    } catch (error) {
      failed(error);
    }
  }

  #tellLost(error: unknown | null): void {
    const { protocol } = this;
    const failed = (failure: unknown): void => {
      if (stopsLoop(this.loop, failure)) return;
      this.report("Exception in callback connectionLost()", failure);
    };
    try {
      if (this.direct) protocol.connectionLost?.(error);
      else this.watch(this.carry.callOnce((p) => p.connectionLost?.(error), protocol), failed);
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

function tellMade(transport: BaseTransport): unknown {
  return transport.getProtocol().connectionMade?.(transport);
}

function tellFlow(protocol: BaseProtocol, paused: boolean): void {
  if (paused) protocol.pauseWriting?.();
  else protocol.resumeWriting?.();
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  TransportBase,
);
