import type { Duplex } from "node:stream";
import type * as tls from "node:tls";
import { NodeChannel } from "../channels/node_channel.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import type { RawChannel, ReadSink, TlsChannel, TlsInfo } from "../core/host.ts";
import { builtin, onBun } from "../../runtime/base/platform.ts";

/** A TLS socket of node:tls after its handshake, above the channel it was made on. */
export class NodeTlsChannel extends NodeChannel implements TlsChannel {
  readonly tls: TlsInfo;
  readonly #below: RawChannel;

  constructor(socket: tls.TLSSocket, below: RawChannel, flow: StreamBelow["flow"]) {
    super(socket, below, {
      // What the socket has written is with the channel below only when its callback says so.
      immediate: false,
      ...(flow === null ? {} : { flow }),
      close: () => {
        socket.destroy();
        below.close();
      },
      abort: () => {
        socket.destroy();
        below.abort();
      },
    });
    this.tls = describe(socket);
    this.#below = below;
  }

  // What concerns the connection is the channel's below, unless its socket was taken out of it and
  // is part of this one.
  override setNoDelay(on: boolean): void {
    if (this.#below.closed) super.setNoDelay(on);
    else this.#below.setNoDelay(on);
  }

  override setKeepAlive(on: boolean): void {
    if (this.#below.closed) super.setKeepAlive(on);
    else this.#below.setKeepAlive(on);
  }

  override ref(): void {
    if (this.#below.closed) super.ref();
    else this.#below.ref();
  }

  override unref(): void {
    if (this.#below.closed) super.unref();
    else this.#below.unref();
  }
}

function describe(socket: tls.TLSSocket): TlsInfo {
  const certificate: unknown = socket.getPeerCertificate();
  const cipher = socket.getCipher() as { name?: string } | null | undefined;
  const hasCertificate = typeof certificate === "object" && certificate !== null &&
    Object.keys(certificate).length > 0;
  // Servers have it as `servername`, false without SNI; the types do not have it.
  const { servername } = socket as { servername?: unknown };
  return {
    peerCertificate: hasCertificate ? certificate : null,
    cipher: cipher?.name === undefined
      ? null
      : [cipher.name, socket.getProtocol() ?? "", secretBits(cipher.name)],
    alpnProtocol: socket.alpnProtocol || null,
    serverName: typeof servername === "string" && servername !== "" ? servername : null,
  };
}

/** The runtimes do not give them, but every name does. */
function secretBits(cipher: string): number | null {
  if (/AES_?256|CHACHA20|ARIA256|CAMELLIA256/.test(cipher)) return 256;
  if (/AES_?128|ARIA128|CAMELLIA128/.test(cipher)) return 128;
  return null;
}

/** What node:tls stands on, and how to hold back what comes up through it. */
export interface StreamBelow {
  readonly stream: Duplex;
  /** null: the TLS socket must be paused and resumed itself. */
  readonly flow: { pause(): void; resume(): void } | null;
}

/**
 * On Bun it is the channel's own socket, where there is one: its TLS over other streams ends
 * altogether when one direction ends. Elsewhere it is a stream of ours, which sees the peer leave
 * in mid-handshake; node:tls on a socket does not.
 */
export function streamBelow(channel: RawChannel): StreamBelow {
  const socket = onBun ? socketOf(channel) : null;
  return socket === null ? channelDuplex(channel) : { stream: socket, flow: null };
}

function socketOf(channel: RawChannel): Duplex | null {
  const [inner, prefix] = channel instanceof PrefixedChannel ? channel.apart() : [channel, null];
  const socket = inner instanceof NodeChannel ? inner.takeSocket() : null;
  if (prefix !== null) socket?.unshift(prefix);
  return socket;
}

/**
 * A channel in the form of a Node stream, backpressure both ways.
 *
 * Its flow stops below TLS. Pausing the TLS socket itself would do on Node, but on Deno one that is
 * paused when the peer's end arrives never reports it.
 */
function channelDuplex(channel: RawChannel): StreamBelow {
  let flowing = true;
  let wanted = false;
  const update = (): void => {
    if (flowing && wanted) channel.startReading(sink);
    else channel.stopReading();
  };
  const sink: ReadSink = {
    onData: (chunk) => {
      if (stream.push(chunk)) return;
      wanted = false;
      update();
    },
    onEof: () => stream.push(null),
    onError: (error) => stream.destroy(error),
  };
  const stream: Duplex = new (builtin("node:stream").Duplex)({
    allowHalfOpen: true,
    // It must outlive the end of both directions: its close makes node:tls drop what is not read
    // yet.
    autoDestroy: false,
    read: () => {
      wanted = true;
      update();
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      if (chunk.length === 0 || channel.write(chunk, done)) done();
    },
    final: (done) => channel.shutdownWrite(done),
    destroy: (error, done) => {
      channel.close();
      done(error);
    },
  });
  const turn = (to: boolean): void => {
    flowing = to;
    update();
  };
  return { stream, flow: { resume: () => turn(true), pause: () => turn(false) } };
}
