/** Why a certificate was refused, by the verification codes of OpenSSL, which all three runtimes use. */
const verification: ReadonlyMap<string, string> = new Map([
  ["UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate"],
  ["UNABLE_TO_GET_CRL", "unable to get certificate CRL"],
  ["UNABLE_TO_DECRYPT_CERT_SIGNATURE", "unable to decrypt certificate's signature"],
  ["UNABLE_TO_DECRYPT_CRL_SIGNATURE", "unable to decrypt CRL's signature"],
  ["UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "unable to decode issuer public key"],
  ["CERT_SIGNATURE_FAILURE", "certificate signature failure"],
  ["CRL_SIGNATURE_FAILURE", "CRL signature failure"],
  ["CERT_NOT_YET_VALID", "certificate is not yet valid"],
  ["CERT_HAS_EXPIRED", "certificate has expired"],
  ["CRL_NOT_YET_VALID", "CRL is not yet valid"],
  ["CRL_HAS_EXPIRED", "CRL has expired"],
  ["ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field"],
  ["ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field"],
  ["ERROR_IN_CRL_LAST_UPDATE_FIELD", "format error in CRL's lastUpdate field"],
  ["ERROR_IN_CRL_NEXT_UPDATE_FIELD", "format error in CRL's nextUpdate field"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"],
  ["CERT_CHAIN_TOO_LONG", "certificate chain too long"],
  ["CERT_REVOKED", "certificate revoked"],
  ["INVALID_CA", "invalid CA certificate"],
  ["PATH_LENGTH_EXCEEDED", "path length constraint exceeded"],
  ["INVALID_PURPOSE", "unsuitable certificate purpose"],
  ["CERT_UNTRUSTED", "certificate not trusted"],
  ["CERT_REJECTED", "certificate rejected"],
  ["HOSTNAME_MISMATCH", "hostname mismatch"],
]);

/** How a TLS code reads: the same on every runtime, whose own texts differ or are full of source lines. */
export interface TlsFailure {
  readonly text: string;
  readonly certificate: boolean;
}

/** null for a code that is none of the TLS library's. */
export function lookUpTlsCode(code: string, error: object): TlsFailure | null {
  const reason = verification.get(code);
  if (reason !== undefined) return { text: reason, certificate: true };
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return { text: readText(error, "reason") ?? "hostname mismatch", certificate: true };
  }
  const library = /^ERR_(?:SSL|OSSL)_([\w/]+)$/.exec(code)?.[1];
  if (library !== undefined) {
    return { text: library.toLowerCase().replaceAll("_", " "), certificate: false };
  }
  if (!code.startsWith("ERR_TLS_")) return null;
  return { text: readText(error, "message") ?? code, certificate: false };
}

function readText(error: object, field: string): string | null {
  const value: unknown = Reflect.get(error, field);
  return typeof value === "string" && value !== "" ? value : null;
}
