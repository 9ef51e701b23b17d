import type { EventLoop } from "../../loop_interface.ts";
import {
  callSoonInternal,
  core,
  type LoopResource,
  stopsLoop,
} from "../../runtime/core/loop_core.ts";
import type { OSError } from "../../runtime/errors/exceptions.ts";
import { CapturedContext } from "../../runtime/core/captured_context.ts";
import type { TlsSetup } from "../tls/options.ts";
import type { AcceptSink, RawChannel, RawListener } from "../core/host.ts";
import type { BufferedProtocol, Protocol } from "../../runtime/contract/transports.ts";
import { type Socket, socketView } from "../sockets/sockets.ts";
import type { OwnedClient, TransportOwner } from "../transports/transport_base.ts";
import { WaitList } from "../core/operations.ts";
import { makeProtocol } from "../core/arguments.ts";
import { handshake, serveAccepted } from "../transports/open_transport.ts";

/** Seconds until accepting is tried again after the system ran out of descriptors or memory. */
const ACCEPT_RETRY_DELAY = 1;
/** After any other error the pause is short at first, and doubles up to that while it repeats. */
const FIRST_ACCEPT_PAUSE = 0.01;

/** A connection, or one that is still making its TLS handshake. */
interface Client extends OwnedClient {
  abort(): void;
}

/** What a server is made of. */
export interface ServerParts {
  readonly loop: EventLoop;
  readonly listeners: readonly RawListener[];
  readonly protocolFactory: () => Protocol | BufferedProtocol;
  readonly tls: TlsSetup | null;
  /** Probe idle connections. */
  readonly keepAlive: boolean;
}

/**
 * The inside of a Server: its listeners and its connections. It is over once it is closed and its
 * last connection has ended, in either order; both are looked at whenever one of them changes
 * (SRV-05).
 */
export class ServerCore implements TransportOwner, LoopResource {
  readonly loop: EventLoop;
  serving = false;
  closed = false;
  readonly #listeners: readonly RawListener[];
  readonly #factory: () => Protocol | BufferedProtocol;
  readonly #tls: TlsSetup | null;
  readonly #keepAlive: boolean;
  readonly #clients: Set<Client> = new Set();
  readonly #ends: WaitList = new WaitList();
  #over = false;
  #sockets: readonly Socket[] | null = null;

  constructor(parts: ServerParts) {
    this.loop = parts.loop;
    this.#listeners = parts.listeners;
    this.#factory = parts.protocolFactory;
    this.#tls = parts.tls;
    this.#keepAlive = parts.keepAlive;
    this.loop[core].resources.add(this);
  }

  get sockets(): readonly Socket[] {
    if (this.closed) return [];
    return this.#sockets ??= this.#listeners.map(viewOf);
  }

  /** Connections are served in the context of this call. */
  start(): void {
    if (this.serving || this.closed) return;
    this.serving = true;
    const acceptor = new Acceptor({
      loop: this.loop,
      context: CapturedContext.capture(this.loop[core]),
      protocolFactory: this.#factory,
      tls: this.#tls,
      owner: this,
      isOpen: () => !this.closed,
    });
    for (const listener of this.#listeners) listener.start(this.#sinkFor(listener, acceptor));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.serving = false;
    this.loop[core].resources.delete(this);
    for (const listener of this.#listeners) listener.close();
    this.#checkOver();
  }

  closeWithLoop(): void {
    this.close();
  }

  closeClients(): void {
    for (const client of [...this.#clients]) client.close();
  }

  abortClients(): void {
    for (const client of [...this.#clients]) client.abort();
  }

  over(): Promise<void> {
    return this.#over ? Promise.resolve() : this.#ends.wait("a server to close");
  }

  attach(client: OwnedClient): void {
    this.#clients.add(client as Client);
  }

  detach(client: OwnedClient): void {
    this.#clients.delete(client as Client);
    this.#checkOver();
  }

  #checkOver(): void {
    if (!this.closed || this.#clients.size > 0) return;
    this.#over = true;
    this.#ends.wakeAll();
  }

  #sinkFor(listener: RawListener, acceptor: Acceptor): AcceptSink {
    let pause = 0;
    const sink: AcceptSink = {
      onConnection: (channel: RawChannel) => {
        pause = 0;
        if (this.#keepAlive) channel.setKeepAlive(true);
        acceptor.accept(channel);
      },
      onError: (error: OSError, exhausted: boolean) => {
        const message = exhausted
          ? "socket.accept() out of system resource"
          : "socket.accept() failed, accepting goes on";
        // Reported once while it repeats; that resources are short, each time, as CPython does.
        if (exhausted || pause === 0) {
          const socket = viewOf(listener);
          this.loop.callExceptionHandler({ message, exception: error, socket });
        }
        pause = Math.min(ACCEPT_RETRY_DELAY, pause * 2 || FIRST_ACCEPT_PAUSE);
        this.loop.callLater(exhausted ? ACCEPT_RETRY_DELAY : pause, () => {
          if (this.serving) listener.start(sink);
        });
      },
    };
    return sink;
  }
}

function viewOf(listener: RawListener): Socket {
  return socketView({
    get closed() {
      return listener.closed;
    },
    localAddr: listener.addr,
    remoteAddr: null,
  });
}

/** What an acceptor is made of. */
export interface AcceptorParts {
  readonly loop: EventLoop;
  /** The context in which serving was started. */
  readonly context: CapturedContext;
  readonly protocolFactory: () => Protocol | BufferedProtocol;
  readonly tls: TlsSetup | null;
  readonly owner: TransportOwner;
  isOpen(): boolean;
}

/**
 * Makes a protocol and a transport of each connection that a server accepts, each with a context of
 * its own.
 */
class Acceptor {
  readonly #parts: AcceptorParts;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
  }

  /** Called by a listener. */
  accept(channel: RawChannel): void {
    const { loop, tls, owner, isOpen } = this.#parts;
    if (tls === null) {
      callSoonInternal(loop[core], () => {
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
        callSoonInternal(loop[core], () => {
          this.#serve(upgraded);
          owner.detach(client);
        }),
      (error) => {
        owner.detach(client);
        // As in CPython, only debug mode reports it: a client that does not speak TLS is not a failure
        // of the program.
        if (loop.getDebug() && !loop.isClosed()) this.#report(error);
      },
    );
  }

  #serve(channel: RawChannel): void {
    const { loop, context, protocolFactory, tls, owner } = this.#parts;
    const own = context.fork();
    try {
      const protocol = own.callOnce(makeProtocol, protocolFactory);
      serveAccepted(loop, { channel, protocol, context: own, tls, owner });
    } catch (error) {
      channel.close();
      if (!stopsLoop(loop[core], error)) this.#report(error);
    }
  }

  #report(exception: unknown): void {
    this.#parts.loop.callExceptionHandler({
      message: "Error on transport creation for incoming connection",
      exception,
    });
  }
}
