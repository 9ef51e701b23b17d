import { describeType } from "../runtime/_describe.ts";
import { tlsSeconds, type TlsSetup, type TlsTimeouts } from "./_handshake.ts";
import type { ConnectOptions, ServeOptions, TlsOptions } from "./options.ts";

/**
 * How a client shall speak TLS; null when it shall not.
 *
 * @param host what the server's certificate has to be for unless `serverHostname` says otherwise;
 * null where there is none
 * @throws {RangeError} when TLS options are given without `ssl`, or no name to check
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
    options: ssl === true ? {} : checkOptions(ssl),
    isServer: false,
    serverHostname,
    ...tlsSeconds(options),
  };
}

/**
 * How a server shall speak TLS; null when it shall not.
 *
 * @throws {TypeError} when `ssl` is a boolean: a server needs a certificate
 * @throws {RangeError} when TLS timeouts are given without `ssl`
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
    options: checkOptions(ssl),
    isServer: true,
    serverHostname: "",
    ...tlsSeconds(options),
  };
}

/**
 * How a plain connection shall go on in TLS.
 *
 * @throws {TypeError} when `ssl` is no object
 * @throws {RangeError} when a client has no name to check and does not say that there is none
 */
export function upgradingTls(
  ssl: TlsOptions,
  options: TlsTimeouts & { serverSide?: boolean; serverHostname?: string },
): TlsSetup {
  const { serverSide = false, serverHostname } = options;
  if (typeof ssl !== "object" || ssl === null) {
    throw new TypeError(`ssl is expected to be TLS options, got ${describeType(ssl)}`);
  }
  checkFields(ssl);
  if (!serverSide && serverHostname === undefined && ssl.verifyPeer !== false) {
    throw new RangeError(
      'Checking the server needs its name: pass serverHostname, or "" to check none',
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
    checkFields(ssl);
    return ssl;
  }
  throw new TypeError(
    `ssl argument must be TLS options such as { cert, key }: got ${describeType(ssl)}`,
  );
}

/** A misspelled field would leave the connection less safe than it was meant to be. */
function checkFields(ssl: object): void {
  const unknown = Object.keys(ssl).find((name) => !FIELDS.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`ssl has no field "${unknown}": the fields are ${FIELDS.join(", ")}`);
}

const FIELDS: readonly string[] = ["cert", "key", "caCerts", "alpnProtocols", "verifyPeer"];

function refuseTimeouts(options: TlsTimeouts): void {
  for (const name of ["sslHandshakeTimeout", "sslShutdownTimeout"] as const) {
    if (options[name] !== undefined) throw new RangeError(`${name} is only meaningful with ssl`);
  }
}
