import type { RawChannel, TlsChannel, TlsInfo } from "../core/host.ts";
import type { TlsOptions } from "../core/options.ts";
import { type Socket, socketView } from "../sockets/sockets.ts";
import type { ExtraInfo } from "../../runtime/contract/extra_info.ts";

/**
 * Answers `getExtraInfo` for one channel. The view of the socket is made when it is asked for.
 */
export class StreamExtra {
  readonly #channel: RawChannel;
  readonly #sslContext: TlsOptions | null;
  #socket: Socket | null = null;

  constructor(channel: RawChannel, sslContext: TlsOptions | null) {
    this.#channel = channel;
    this.#sslContext = sslContext;
  }

  get<K extends keyof ExtraInfo>(name: K): ExtraInfo[K] | null {
    return this.#look(name) as ExtraInfo[K] | null;
  }

  #look(name: keyof ExtraInfo): unknown {
    switch (name) {
      case "peername":
        return this.#channel.remoteAddr;
      case "sockname":
        return this.#channel.localAddr;
      case "socket":
        return this.#socket ??= socketView(this.#channel);
      case "peercert":
        return this.#tls?.peerCertificate ?? null;
      case "cipher":
        return this.#tls?.cipher ?? null;
      case "alpnProtocol":
        return this.#tls?.alpnProtocol ?? null;
      case "sslContext":
        return this.#sslContext;
      default:
        return null;
    }
  }

  get #tls(): TlsInfo | null {
    return (this.#channel as Partial<TlsChannel>).tls ?? null;
  }
}
