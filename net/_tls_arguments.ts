import { describeType } from "../runtime/_describe.ts";
import { handshakeSeconds, type TlsSetup } from "./_handshake.ts";
import type { ConnectOptions, ServeOptions } from "./options.ts";

/**
 * How a client shall speak TLS; null when it shall not.
 *
 * @param host what the server's certificate has to be for unless `serverHostname` says otherwise; null where there is none
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
    handshakeTimeout: handshakeSeconds(options.sslHandshakeTimeout),
  };
}

/**
 * How a server shall speak TLS; null when it shall not.
 *
 * @throws {TypeError} when `ssl` is a boolean: a server needs a certificate
 * @throws {RangeError} when TLS timeouts are given without `ssl`
 */
export function serverTls(
  options: Pick<ServeOptions, "ssl" | "sslHandshakeTimeout" | "sslShutdownTimeout">,
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
    handshakeTimeout: handshakeSeconds(options.sslHandshakeTimeout),
  };
}

function checkOptions<T>(ssl: T): T {
  if (typeof ssl === "object" && ssl !== null) return ssl;
  throw new TypeError(
    `ssl argument must be TLS options such as { cert, key }: got ${describeType(ssl)}`,
  );
}

function refuseTimeouts(options: ConnectOptions | ServeOptions): void {
  for (const name of ["sslHandshakeTimeout", "sslShutdownTimeout"] as const) {
    if (options[name] !== undefined) throw new RangeError(`${name} is only meaningful with ssl`);
  }
}
