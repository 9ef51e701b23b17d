import { SSLError } from "../runtime/exceptions.ts";
import { toOSError } from "../runtime/os_errors.ts";
import { builtin } from "./_builtins.ts";
import type { TlsOptions } from "./options.ts";
import { material } from "./_tls_servers.ts";

/**
 * Reads what a server is to prove itself with before it serves, as CPython's `load_cert_chain()` does: without this every
 * client would fail in its handshake, and nobody on the server's side would ever hear why.
 *
 * @throws {SSLError} when certificate or key can't be read, or do not belong together
 * @throws {TypeError} when one of them is no text
 */
export function checkServerMaterial(options: TlsOptions): void {
  try {
    builtin("node:tls").createSecureContext(material({ ...options, isServer: true }));
    if ("Deno" in globalThis) checkByCrypto(String(options.cert), String(options.key));
  } catch (error) {
    if (error instanceof TypeError) throw error;
    const { code, message } = toOSError(error, "reading the server's certificate and key");
    throw new SSLError(message, { code, cause: error });
  }
}

/** Deno's context takes anything, and looks at it in the handshake. */
function checkByCrypto(cert: string, key: string): void {
  const { createPrivateKey, X509Certificate } = builtin("node:crypto");
  const certificate = readAs("ERR_OSSL_PEM_BAD_CERTIFICATE", () => {
    return new X509Certificate(pemBlock(cert, "CERTIFICATE"));
  });
  const privateKey = readAs("ERR_OSSL_UNSUPPORTED", () => {
    return createPrivateKey(pemBlock(key, "PRIVATE KEY"));
  });
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
