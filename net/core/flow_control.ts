/**
 * Flow control, both sides of it: the water marks that a transport watches, and the gate at which
 * writers wait; and what transports and writers know of protocols of the library besides.
 *
 * @module
 */
import { number, type OptionsOf, optionsOf } from "../../runtime/base/options.ts";
import { ConnectionResetError } from "../../runtime/errors/exceptions.ts";
import { cannotSend } from "./addresses.ts";
import { WaitList } from "./operations.ts";
import type { BaseProtocol, BaseTransport, Transport } from "../../runtime/contract/transports.ts";

const DEFAULT_HIGH = 64 * 1024;
const DEFAULT_HIGH_TLS = 512 * 1024;
const DONE: Promise<void> = Promise.resolve();

/** What the water marks need of their transport. */
export interface FlowOwner {
  /** Calls the protocol's `pauseWriting` or `resumeWriting` and reports what it throws. */
  notifyFlow(paused: boolean): void;
}

/**
 * The water marks of a write buffer. Writing is paused when the buffer rises above `high` and
 * resumed when it falls to `low`. The protocol is notified once per crossing, at once (TR-05).
 */
export class WaterMarks {
  high: number;
  low: number;
  #paused = false;
  readonly #owner: FlowOwner;
  readonly #standard: number;
  readonly #inclusive: boolean;

  /**
   * TLS has marks of its own: higher ones, and writing is paused as soon as `high` is reached
   * (TLS-25).
   */
  constructor(owner: FlowOwner, kind: "plain" | "tls" = "plain") {
    this.#owner = owner;
    this.#inclusive = kind === "tls";
    this.#standard = kind === "tls" ? DEFAULT_HIGH_TLS : DEFAULT_HIGH;
    this.high = this.#standard;
    this.low = this.#standard / 4;
  }

  /**
   * @param size bytes in the buffer now
   * @throws {RangeError} unless high >= low >= 0
   * @throws {TypeError} if there is no such option, or it is not a number
   */
  set(options: { high?: number; low?: number }, size: number): void {
    bufferLimits.check(options, "setWriteBufferLimits()");
    const high = options.high ?? (options.low === undefined ? this.#standard : 4 * options.low);
    const low = options.low ?? Math.floor(high / 4);
    if (!(high >= low && low >= 0)) {
      throw new RangeError(`high (${high}) must be >= low (${low}) must be >= 0`);
    }
    this.high = high;
    this.low = low;
    this.rose(size);
  }

  /** Whether the protocol was notified to pause. */
  get paused(): boolean {
    return this.#paused;
  }

  /** The buffer grew to `size` bytes. */
  rose(size: number): void {
    if (size < this.high || this.#paused) return;
    // An empty buffer never pauses: nothing would ever resume.
    if (size === this.high && (!this.#inclusive || size === 0)) return;
    this.#paused = true;
    this.#owner.notifyFlow(true);
  }

  /** The buffer shrank to `size` bytes. */
  fell(size: number): void {
    if (!this.#paused || size > this.low) return;
    this.#paused = false;
    this.#owner.notifyFlow(false);
  }
}

/** What is checked of the options of `transport.setWriteBufferLimits`. */
const bufferLimits: OptionsOf<{ high?: number; low?: number }> = optionsOf(
  "{ high: 65536 }",
  { high: number, low: number },
  { highWaterMark: "write high", lowWaterMark: "write low" },
);

/** A protocol's side of flow control: where `drain` and `waitClosed` wait. */
export class WriterGate {
  /** The program has asked for the transport, and may use it without the writer. */
  exposed = false;
  #paused = false;
  #lost = false;
  #error: unknown = null;
  #onLost: ((error: unknown | null) => void) | null = null;
  /** Made by the first wait: most connections have none. */
  #drains: WaitList | null = null;
  #closes: WaitList | null = null;

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#drains?.wakeAll();
  }

  /**
   * The connection is lost: the waits in `drained` end after a clean end, and reject with the error
   * otherwise (SW-16).
   */
  lose(error: unknown | null): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#error = error;
    if (error === null) {
      this.#drains?.wakeAll();
      this.#closes?.wakeAll();
    } else {
      this.#drains?.failAll(error);
      this.#closes?.failAll(error);
    }
    this.#onLost?.(error);
    this.#onLost = null;
  }

  /**
   * Waits while writing is paused. Does not wait otherwise.
   *
   * @param transport whose connection it is, for the error
   */
  drained(transport: BaseTransport): Promise<void> {
    if (this.#lost) return Promise.reject(lostWith(transport, this.#error));
    if (!this.#paused) return DONE;
    return (this.#drains ??= new WaitList()).wait("a transport's write buffer to drain");
  }

  /**
   * Waits until the connection is lost; rejects with the error that ended it. Does not wait when it
   * is lost already.
   */
  closed(): Promise<void> {
    if (!this.#lost) return (this.#closes ??= new WaitList()).wait("a connection to close");
    return this.#error === null ? DONE : Promise.reject(this.#error);
  }

  /** Calls back when the connection is lost, with the error that ended it; at once if it is already. One callback at most. */
  whenLost(callback: (error: unknown | null) => void): void {
    if (this.#lost) callback(this.#error);
    else this.#onLost = callback;
  }
}

/** The error for data that can't be sent because the connection is lost, perhaps by a clean end. */
export function lostWith(transport: BaseTransport, cause: unknown = null): ConnectionResetError {
  return new ConnectionResetError(
    cannotSend("Connection lost", transport.getExtraInfo("peername")),
    cause === null ? {} : { cause },
  );
}

// ── protocols of the library, in what their users do not see

const direct: WeakSet<BaseProtocol> = new WeakSet();

/**
 * Marks a protocol of the library whose callbacks run no code of users: transports call it at once,
 * without waiting for the loop's turn and without entering a context, which a stream's every read
 * would pay for.
 */
export function markDirect(protocol: BaseProtocol): void {
  direct.add(protocol);
}

/** Whether the protocol was marked by {@linkcode markDirect}. */
export function isDirect(protocol: BaseProtocol): boolean {
  return direct.has(protocol);
}

type FindGate = (protocol: BaseProtocol) => WriterGate | null;

const gateFinders: FindGate[] = [];

/**
 * Registers how to find the gate of a class of protocols. A WeakMap would do, but its entries
 * outlive every young collection of V8, and with them all that a closed connection was.
 */
export function provideGates(find: FindGate): void {
  gateFinders.push(find);
}

/** The gate at which the writers of a protocol wait; null if it has none. */
export function gateOf(protocol: BaseProtocol): WriterGate | null {
  for (const find of gateFinders) {
    const gate = find(protocol);
    if (gate !== null) return gate;
  }
  return null;
}

/** What a writer needs of its protocol to start TLS. */
export interface StreamUpgrade {
  /** Whether this side is the server in the handshake. */
  readonly serverSide: boolean;
  /** Takes the bytes that arrived and were not read; null if there are none. */
  takeUnread(): Uint8Array | null;
  /** The connection goes on in this transport. */
  replaced(transport: Transport): void;
}

let findUpgrade: (protocol: BaseProtocol) => StreamUpgrade | null = () => null;

/** Registers how to find out how the writers of a protocol start TLS; as for `provideGates`, no WeakMap. */
export function provideUpgrades(find: typeof findUpgrade): void {
  findUpgrade = find;
}

/** How the writers of a protocol start TLS; null when they can't. */
export function upgradeOf(protocol: BaseProtocol): StreamUpgrade | null {
  return findUpgrade(protocol);
}
