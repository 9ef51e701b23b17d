import { makeProtocol } from "./_arguments.ts";
import type { EventLoop } from "../event_loop.ts";
import type { Carry } from "./_carry.ts";
import { handshake } from "./_handshake.ts";
import type { TlsSetup } from "./_tls_arguments.ts";
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

/**
 * Makes a protocol and a transport of each connection that a server accepts, each with a context of
 * its own.
 */
export class Acceptor {
  readonly #parts: AcceptorParts;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
  }

  /** Called by a listener. */
  accept(channel: RawChannel): void {
    const { loop, tls, owner, isOpen } = this.#parts;
    if (tls === null) {
      soon(netLoop(loop), () => {
        if (isOpen()) this.#serve(channel);
        else channel.close();
      });
      return;
    }
    const operation = handshake(loop, channel, tls);
    // The server waits for it as for any connection, and can end it.
    const client = { close: () => operation.cancel(), abort: () => operation.cancel() };
    owner.attach(client);
    operation.promise.then(
      (upgraded) =>
        soon(netLoop(loop), () => {
          this.#serve(upgraded);
          owner.detach(client);
        }),
      (error) => {
        owner.detach(client);
        // As in CPython, only debug mode tells: a stranger who speaks no TLS is no failure of the
        // program's.
        if (loop.getDebug() && !loop.isClosed()) this.#report(error);
      },
    );
  }

  #serve(channel: RawChannel): void {
    const { loop, carry, protocolFactory, tls, owner } = this.#parts;
    const own = carry.fork();
    try {
      const protocol = own.callOnce(makeProtocol, protocolFactory);
      const extra = new StreamExtra(channel, tls?.options ?? null);
      const parts = { channel, protocol, carry: own, extra, tls, owner };
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
