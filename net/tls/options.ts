import { describeType } from "../../runtime/base/format.ts";
import { onDeno } from "../../runtime/base/platform.ts";
import { type Delay, toSeconds } from "../../runtime/base/durations.ts";
import { NotImplementedError } from "../../runtime/errors/exceptions.ts";
import {
  type ConnectOptions,
  type ServeOptions,
  type TlsOptions,
  tlsOptions,
} from "../core/options.ts";

const HANDSHAKE_TIMEOUT = 60;
const SHUTDOWN_TIMEOUT = 30;

/** What a TLS connection is set up with. */
export interface TlsSetup {
  readonly options: TlsOptions;
  readonly isServer: boolean;
  /** Clients: the name to check; "" checks none. */
  readonly serverHostname: string;
  /** Seconds. */
  readonly handshakeTimeout: number;
  /** Seconds from `close()` until the peer has to have ended TLS too. */
  readonly shutdownTimeout: number;
}

/** The limits of a TLS connection, as its users give them. */
export interface TlsTimeouts {
  sslHandshakeTimeout?: Delay;
  sslShutdownTimeout?: Delay;
}

/**
 * The TLS setup of a client; null without TLS.
 *
 * @param host what the server's certificate has to be for unless `serverHostname` says otherwise;
 * null where there is none
 * @throws {RangeError} if TLS options are given without `ssl`, or no name to check, or when some do not go together
 * @throws {NotImplementedError} for what the runtime's TLS can't do
 */
export function clientTls(
  options: ConnectOptions,
  host: string | null,
  nameMissing: string,
): TlsSetup | null {
  const { ssl = false, serverHostname = host || undefined } = options;
  if (ssl === false) {
    if (options.serverHostname !== undefined) {
      throw new RangeError("serverHostname is only meaningful with ssl");
    }
    refuseTimeouts(options);
    return null;
  }
  if (serverHostname === undefined) throw new RangeError(nameMissing);
  return {
    options: ssl === true ? {} : checkClient(checkOptions(ssl)),
    isServer: false,
    serverHostname,
    ...tlsSeconds(options),
  };
}

/**
 * The TLS setup of a server; null without TLS.
 *
 * @throws {TypeError} if `ssl` is a boolean, or lacks certificate or key: a server needs both
 * @throws {RangeError} if TLS timeouts are given without `ssl`
 */
export function serverTls(
  options: Pick<ServeOptions, "ssl"> & TlsTimeouts,
): TlsSetup | null {
  const { ssl } = options;
  if (ssl === undefined || ssl === null) {
    refuseTimeouts(options);
    return null;
  }
  return {
    options: checkServer(checkOptions(ssl)),
    isServer: true,
    serverHostname: "",
    ...tlsSeconds(options),
  };
}

/**
 * The TLS setup with which a plain connection goes on.
 *
 * @throws {TypeError} if `ssl` is not an object, or lacks a server's certificate or key
 * @throws {RangeError} if a client has no name to check and does not say that there is none
 */
export function upgradingTls(
  ssl: TlsOptions,
  options: TlsTimeouts & { serverSide?: boolean; serverHostname?: string },
): TlsSetup {
  const { serverSide = false, serverHostname } = options;
  if (typeof ssl !== "object" || ssl === null) {
    throw new TypeError(
      `Cannot start TLS: ssl is expected to be TLS options, received ${describeType(ssl)}`,
    );
  }
  checkOptions(ssl);
  if (serverSide) checkServer(ssl);
  else checkClient(ssl);
  if (!serverSide && serverHostname === undefined && ssl.verifyPeer !== false) {
    throw new RangeError(
      'Cannot check the server: its name must be known, received no serverHostname: pass it, or "" to check none',
    );
  }
  return {
    options: ssl,
    isServer: serverSide,
    serverHostname: serverHostname ?? "",
    ...tlsSeconds(options),
  };
}

function checkOptions<T>(ssl: T): T {
  if (typeof ssl === "object" && ssl !== null) {
    tlsOptions.check(ssl, "ssl");
    checkTogether(ssl);
    return ssl;
  }
  throw new TypeError(
    `Cannot use TLS: the ssl argument must be TLS options such as { cert, key }, received ${
      describeType(ssl)
    }`,
  );
}

function checkServer(ssl: TlsOptions): TlsOptions {
  for (const field of ["cert", "key"] as const) {
    if (ssl[field] !== undefined) continue;
    throw new TypeError(
      `Cannot serve TLS: ssl of a server needs { cert, key } as PEM text, received no ${field}`,
    );
  }
  return ssl;
}

function checkClient(ssl: TlsOptions): TlsOptions {
  if (ssl.serverNames === undefined) return ssl;
  throw new RangeError(
    "Cannot connect with serverNames: it is for servers, a client shows the one certificate of cert",
  );
}

/** What each option alone does not show. */
function checkTogether(ssl: TlsOptions): void {
  const { key, passphrase, alpnProtocols, alpnRequired, ciphers } = ssl;
  const { minimumVersion: minimum = "TLSv1.2", maximumVersion: maximum = "TLSv1.3" } = ssl;
  if (minimum > maximum) {
    throw new RangeError(
      `Cannot choose a version of TLS: minimumVersion must not be above maximumVersion, received ${minimum} and ${maximum}`,
    );
  }
  if (passphrase !== undefined && key === undefined) {
    throw new RangeError("passphrase is only meaningful with key");
  }
  if (alpnRequired === true && (alpnProtocols ?? []).length === 0) {
    throw new RangeError(
      "Cannot require a protocol: alpnRequired needs alpnProtocols, of which one can be agreed on, received none",
    );
  }
  if (ciphers === undefined) return;
  const newer = ciphers.split(/[:, ]/).find((name) => /TLS_/.test(name));
  if (newer !== undefined) {
    throw new RangeError(
      `Cannot choose ciphers: they must be of TLS 1.2, received ${newer}: leave it out, all of TLS 1.3 are always there`,
    );
  }
  if (onDeno) {
    throw new NotImplementedError(
      `Cannot choose ciphers: Deno has no option for them, received ${ciphers}: leave them out there`,
    );
  }
}

function refuseTimeouts(options: TlsTimeouts): void {
  for (const name of ["sslHandshakeTimeout", "sslShutdownTimeout"] as const) {
    if (options[name] !== undefined) throw new RangeError(`${name} is only meaningful with ssl`);
  }
}

/**
 * The limits in seconds.
 *
 * @throws {RangeError} if one is not positive
 */
function tlsSeconds(
  timeouts: TlsTimeouts,
): Pick<TlsSetup, "handshakeTimeout" | "shutdownTimeout"> {
  return {
    handshakeTimeout: positive(timeouts, "sslHandshakeTimeout", HANDSHAKE_TIMEOUT),
    shutdownTimeout: positive(timeouts, "sslShutdownTimeout", SHUTDOWN_TIMEOUT),
  };
}

function positive(timeouts: TlsTimeouts, name: keyof TlsTimeouts, standard: number): number {
  const timeout = timeouts[name];
  if (timeout === undefined) return standard;
  const seconds = toSeconds(timeout);
  if (seconds > 0) return seconds;
  throw new RangeError(`${name} should be a positive number, got ${seconds}`);
}
