import type { EventLoop } from "../event_loop.ts";
import type { Carry } from "./_carry.ts";
import { handshake, type TlsSetup } from "./_handshake.ts";
import type { RawChannel } from "./host.ts";
import { netLoop } from "./_net_loop.ts";
import type { BufferedProtocol, Protocol } from "./protocols.ts";
import { soon, stopsLoop } from "./_soon.ts";
import { StreamExtra } from "./_stream_extra.ts";
import { StreamTransport } from "./stream_transport.ts";
import type { TransportOwner } from "./_transport_base.ts";

/** What an acceptor is made of. */
export interface AcceptorParts {
  readonly loop: EventLoop;
  /** The context in which serving was started. */
  readonly carry: Carry;
  readonly protocolFactory: () => Protocol | BufferedProtocol;
  readonly tls: TlsSetup | null;
  readonly owner: TransportOwner;
  isOpen(): boolean;
}

/** Makes a protocol and a transport of each connection that a server accepts, each with a context of its own. */
export class Acceptor {
  readonly #parts: AcceptorParts;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
  }

  /** Called by a listener. */
  accept(channel: RawChannel): void {
    const { loop, tls } = this.#parts;
    if (tls === null) {
      soon(netLoop(loop), () => this.#serve(channel));
      return;
    }
    const operation = handshake(loop, channel, tls);
    operation.promise.then(
      (upgraded) => soon(netLoop(loop), () => this.#serve(upgraded)),
      // As in CPython, only debug mode tells: a stranger who speaks no TLS is no failure of the program's.
      (error) => {
        if (loop.getDebug()) this.#report(error);
      },
    );
  }

  #serve(channel: RawChannel): void {
    const { loop, carry, protocolFactory, tls, owner, isOpen } = this.#parts;
    if (!isOpen()) {
      channel.close();
      return;
    }
    const own = carry.fork();
    try {
      const protocol = own.callOnce(protocolFactory, undefined);
      const extra = new StreamExtra(channel, tls?.options ?? null);
      const parts = { channel, protocol, carry: own, extra, overTls: tls !== null, owner };
      new StreamTransport(netLoop(loop), parts, null);
    } catch (error) {
      channel.close();
      if (!stopsLoop(netLoop(loop), error)) this.#report(error);
    }
  }

  #report(exception: unknown): void {
    this.#parts.loop.callExceptionHandler({
      message: "Error on transport creation for incoming connection",
      exception,
    });
  }
}
