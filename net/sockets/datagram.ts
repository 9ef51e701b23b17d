import { cloneBytes } from "../../runtime/base/bytes.ts";
import { BlockingIOError, type OSError } from "../../runtime/errors/exceptions.ts";
import type { NetAddress } from "../core/addresses.ts";
import type { DatagramChannel, DatagramSink, Done } from "../core/host.ts";
import { Readiness } from "./readiness.ts";

/** How many datagrams are kept before the channel is stopped, which then keeps some itself. */
const CAPACITY = 64;

/** A datagram socket that is bound. */
export class DatagramSocket implements DatagramSink {
  readonly readable: Readiness;
  /** Sending never has to wait: the runtimes queue. */
  readonly writable: Readiness = new Readiness("room in a socket's buffer", () => true);
  readonly #channel: DatagramChannel;
  readonly #received: { data: Uint8Array; addr: NetAddress }[] = [];
  #error: OSError | null = null;
  #reading = false;
  /** Sends that have not completed; the last of them closes a socket that was closed meanwhile. */
  #unsent = 0;
  #closing = false;
  /** One connect at a time, also after one whose caller was cancelled. */
  #connecting: Promise<void> = Promise.resolve();
  #onClose: (() => void) | null = null;

  constructor(channel: DatagramChannel) {
    this.#channel = channel;
    this.readable = new Readiness(
      "a datagram",
      () => this.#received.length > 0 || this.#error !== null,
      () => this.#read(),
    );
  }

  get localAddr(): NetAddress {
    return this.#channel.localAddr;
  }

  get remoteAddr(): NetAddress | null {
    return this.#channel.remoteAddr;
  }

  /** The next datagram, cut to `n` bytes as the system does it. */
  recvfrom(n: number): [Uint8Array, NetAddress] {
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    const next = this.#received.shift();
    this.#read();
    if (next !== undefined) return [next.data.subarray(0, n), next.addr];
    throw new BlockingIOError("recvfrom: no datagram has arrived yet (EAGAIN)", {
      code: "EAGAIN",
      syscall: "recvfrom",
    });
  }

  /** Resolves when the datagram is with the system. */
  sendto(data: Uint8Array, addr: { hostname: string; port: number } | null): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#send(data, addr, (error) => error === null ? resolve() : reject(error));
    });
  }

  /** Sends without waiting; an error is thrown by the next call that receives. */
  send(data: Uint8Array): void {
    this.#send(cloneBytes(data), null, (error) => {
      if (error !== null) this.onError(error);
    });
  }

  /** What is being sent still goes, as the system would. */
  close(): void {
    this.readable.end();
    this.writable.end();
    this.#channel.stopReading();
    this.#closing = true;
    this.#onClose?.();
    if (this.#unsent === 0) this.#channel.close();
  }

  /**
   * Gives the channel away; what was received already is lost with the socket, as datagrams may be.
   */
  release(): DatagramChannel {
    this.readable.end();
    this.writable.end();
    this.#channel.stopReading();
    return this.#channel;
  }

  /**
   * Gives it a peer, or another one.
   *
   * @param find looks up which one
   * @param closedError makes the error for a socket that is closed meanwhile
   */
  connect(
    find: () => Promise<{ hostname: string; port: number }>,
    closedError: () => Error,
  ): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#onClose = () => reject(closedError());
      this.#connecting = this.#connecting.then(find).then((remote) =>
        this.#channel.connect(remote)
      );
      this.#connecting.then(resolve, reject);
      this.#connecting = this.#connecting.catch(() => {
        // Told above; the next connect is not to blame.
      });
    });
    return done.finally(() => this.#onClose = null);
  }

  onDatagram(data: Uint8Array, addr: NetAddress): void {
    this.#received.push({ data, addr });
    if (this.#received.length >= CAPACITY) {
      this.#reading = false;
      this.#channel.stopReading();
    }
    this.readable.changed();
  }

  onError(error: OSError): void {
    this.#error = error;
    this.readable.changed();
  }

  #send(data: Uint8Array, addr: { hostname: string; port: number } | null, done: Done): void {
    this.#unsent++;
    this.#channel.send(data, addr, (error) => {
      this.#unsent--;
      if (this.#closing && this.#unsent === 0) this.#channel.close();
      done(error);
    });
  }

  #read(): void {
    if (this.#reading || this.#received.length >= CAPACITY) return;
    this.#reading = true;
    this.#channel.startReading(this);
  }
}
