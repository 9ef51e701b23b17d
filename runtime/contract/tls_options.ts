import type { Delay } from "../base/durations.ts";

/** A certificate chain and its key, as PEM text. */
export interface TlsCertificate {
  /** The certificate chain to show. */
  cert: string;
  /** The private key of `cert`. */
  key: string;
  /** The password of a `key` that is encrypted. */
  passphrase?: string;
}

/** A version of TLS, as `getExtraInfo("cipher")` names it. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How to speak TLS: what Python's `ssl.SSLContext` holds. Certificates and keys are PEM text. */
export interface TlsOptions {
  /** The certificate chain to show. Servers need one, clients only for mutual TLS. */
  cert?: string;
  /** The private key of `cert`. */
  key?: string;
  /** The password of a `key` that is encrypted. */
  passphrase?: string;
  /**
   * Server: other certificates, by the name that the client asks for (SNI), in lower case: "shop.example", or
   * "*.example" for the names with one label before that. Clients that ask for none of them, or for nothing, get `cert`.
   */
  serverNames?: Record<string, TlsCertificate>;
  /**
   * The certificate authorities to trust.
   * @default {the system's}
   */
  caCerts?: string[];
  /** Application protocols to offer by ALPN, the most wanted first. */
  alpnProtocols?: string[];
  /**
   * Refuse a connection on which none of `alpnProtocols` is agreed on; else it goes on without one.
   * @default {false}
   */
  alpnRequired?: boolean;
  /**
   * Server: ask clients for a certificate. Client: false accepts any server certificate.
   * @default {false on servers, true on clients}
   */
  verifyPeer?: boolean;
  /**
   * The oldest version to speak.
   * @default {"TLSv1.2"}
   */
  minimumVersion?: TlsVersion;
  /**
   * The newest version to speak.
   * @default {"TLSv1.3"}
   */
  maximumVersion?: TlsVersion;
  /**
   * The ciphers of TLS 1.2, in OpenSSL's form, "ECDHE+AESGCM:!aNULL"; those of TLS 1.3 are always there. Not on Deno.
   * @default {the runtime's}
   */
  ciphers?: string;
}

/** How `startTls` upgrades a connection. */
export interface StartTlsOptions {
  /** Which side of the handshake this is. @default {false} */
  serverSide?: boolean;
  /** The name the server's certificate must carry. */
  serverHostname?: string;
  /** How long the handshake may take. @default {60} */
  sslHandshakeTimeout?: Delay;
  /** How long the shutdown may take. @default {30} */
  sslShutdownTimeout?: Delay;
}
