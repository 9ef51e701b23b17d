import type * as tls from "node:tls";
import type { StreamBelow } from "./channel_duplex.ts";
import { NodeChannel } from "../channels/node_channel.ts";
import type { RawChannel, TlsChannel, TlsInfo } from "../core/host.ts";

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
  // Servers have it as `servername`, false without SNI; no types tell.
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

/** The runtimes do not tell, but every name does. */
function secretBits(cipher: string): number | null {
  if (/AES_?256|CHACHA20|ARIA256|CAMELLIA256/.test(cipher)) return 256;
  if (/AES_?128|ARIA128|CAMELLIA128/.test(cipher)) return 128;
  return null;
}
