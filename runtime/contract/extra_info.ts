import type { Address, Socket } from "./sockets.ts";
import type { TlsOptions } from "./tls_options.ts";

/** What `getExtraInfo` gives, by name. */
export interface ExtraInfo {
  /** The other end's address. */
  peername: Address;
  /** This end's address. */
  sockname: Address;
  /** A view of the socket; the transport owns it. */
  socket: Socket;
  /** TLS only: the other end's certificate, as `node:tls` describes it. */
  peercert: unknown;
  /** TLS only: name, protocol version and secret bits of the cipher. */
  cipher: [name: string, protocol: string, bits: number | null];
  /** TLS only: what was agreed on by ALPN. */
  alpnProtocol: string;
  /** TLS only: the options with which it was set up. */
  sslContext: TlsOptions;
  /** Pipes only: what was given to `connectReadPipe` or `connectWritePipe`. */
  pipe: unknown;
  /** Subprocesses only: the runtime's own object. */
  subprocess: unknown;
}
