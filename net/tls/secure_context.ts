import type * as tls from "node:tls";
import { SSLError } from "../../runtime/errors/exceptions.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { builtin, onDeno } from "../../runtime/base/platform.ts";
import type { UpgradeTls } from "../core/host.ts";

/** Options that were checked and found good, by their origin. */
const checkedOptions: WeakMap<object, UpgradeTls> = new WeakMap();

/**
 * Checks certificate, key and ciphers before anything is opened, as CPython's `load_cert_chain()` and `set_ciphers()` do: without
 * this every handshake of a server would fail, and the server would never report why.
 *
 * @throws {SSLError} if certificate or key can't be read, or do not belong together, or no cipher is left
 */
export function checkSecureContext(options: UpgradeTls): void {
  const { origin, cert, key, ciphers, serverNames = {} } = options;
  if (cert === undefined && key === undefined && ciphers === undefined) return;
  const known = origin === undefined ? undefined : checkedOptions.get(origin);
  if (known !== undefined && sameOptions(known, options)) return;
  const side = options.isServer ? "the server's" : "the client's";
  checkOne(options, side);
  for (const [name, { cert, key, passphrase = "" }] of Object.entries(serverNames)) {
    checkOne({ ...options, cert, key, passphrase }, `${name}'s`);
  }
  if (origin !== undefined) checkedOptions.set(origin, snapshot(options));
}

function checkOne(options: UpgradeTls, whose: string): void {
  const { cert, key, passphrase } = options;
  try {
    builtin("node:tls").createSecureContext(secureContextOptions(options));
    if (onDeno && cert !== undefined && key !== undefined) {
      checkByCrypto(cert, key, passphrase);
    }
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const { code, message } = toOSError(error, `reading ${whose} certificate and key`);
    throw new SSLError(message, { code, cause: error });
  }
}

/** Deno's secure context takes anything, and reads it in the handshake. */
function checkByCrypto(cert: string, key: string, passphrase: string | undefined): void {
  const { createPrivateKey, X509Certificate } = builtin("node:crypto");
  const certificate = readAs("ERR_OSSL_PEM_BAD_CERTIFICATE", () => {
    return new X509Certificate(pemBlock(cert, "CERTIFICATE"));
  });
  const block = pemBlock(key, "PRIVATE KEY");
  const privateKey = readAs(
    /ENCRYPTED/.test(block) ? "ERR_OSSL_BAD_DECRYPT" : "ERR_OSSL_UNSUPPORTED",
    () => createPrivateKey({ key: block, ...(passphrase === undefined ? {} : { passphrase }) }),
  );
  if (!certificate.checkPrivateKey(privateKey)) throw coded("ERR_OSSL_X509_KEY_VALUES_MISMATCH");
}

/** The first block of the kind: Deno's crypto wants nothing else around it, its handshake takes both in one text. */
function pemBlock(pem: string, kind: "CERTIFICATE" | "PRIVATE KEY"): string {
  const found = new RegExp(`-----BEGIN ([A-Z0-9 ]*${kind})-----[^]*?-----END \\1-----`).exec(pem);
  if (found === null) throw coded("ERR_OSSL_PEM_NO_START_LINE");
  return found[0];
}

function readAs<T>(code: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Error && "code" in error ? error : coded(code, error);
  }
}

function coded(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

/** The options of a secure context of node:tls: certificate, authorities, protocols and versions. */
export function secureContextOptions(
  options: UpgradeTls,
): tls.SecureContextOptions & { ALPNProtocols?: string[] } {
  const { cert, key, passphrase = "", caCerts, alpnProtocols, ciphers } = options;
  const { minimumVersion, maximumVersion } = options;
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === "" ? {} : { passphrase }),
    ...(caCerts === undefined ? {} : { ca: [...caCerts] }),
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
    ...(minimumVersion === undefined ? {} : { minVersion: minimumVersion }),
    ...(maximumVersion === undefined ? {} : { maxVersion: maximumVersion }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

/** A copy that stays as it is: the user may change the arrays and objects. */
export function snapshot({ origin: _, ...options }: UpgradeTls): UpgradeTls {
  return copyOf(options);
}

function copyOf<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, copyOf(one)])) as T;
}

/** Whether two sets of options say the same, wherever they come from. */
export function sameOptions(one: UpgradeTls, other: UpgradeTls): boolean {
  return sameFields(one, other, "origin");
}

type Fields = Readonly<Record<string, unknown>>;

function sameFields(one: object, other: object, besides: string): boolean {
  const names = Object.keys(one).filter((name) => name !== besides);
  if (names.length !== Object.keys(other).filter((name) => name !== besides).length) return false;
  return names.every((name) => {
    return Object.hasOwn(other, name) && same((one as Fields)[name], (other as Fields)[name]);
  });
}

/** Whether two options are equal, in depth. */
export function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object") return false;
  return one !== null && other !== null && sameFields(one, other, "");
}
