/** What is wrong with a certificate, by OpenSSL's code. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate is revoked',
  CERT_SIGNATURE_FAILURE: 'the certificate has an invalid signature',
  CA_MD_TOO_WEAK: 'a certificate in the chain has a weak signature',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  EE_KEY_TOO_SMALL: 'the certificate has a key that is too small',
  INVALID_CA: 'a certificate in the chain is not a CA certificate',
  INVALID_PURPOSE: 'a certificate in the chain is not valid for this use',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate comes from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'the certificate comes from an unknown authority, or the chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate comes from an unknown authority, or the chain is incomplete',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate comes from an unknown authority, or the chain is incomplete',
};

/** What went wrong in a handshake, by Node's code. */
const HANDSHAKE: Readonly<Record<string, string>> = {
  ECONNRESET: 'the server closed the connection during the handshake',
  EPIPE: 'the server closed the connection during the handshake',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'the server rejected our certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'the server rejected our certificate',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server rejected the handshake',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server requires a client certificate',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the server does not speak HTTP/1.1',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server speaks neither TLS 1.2 nor 1.3',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server rejected our certificate',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the server does not know the name',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server speaks neither TLS 1.2 nor 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS',
  ETIMEDOUT: 'the connection timed out during the handshake',
};

/** Characters of a list of names that are shown: the server decides how long it is. */
const MAX_NAMES = 200;

/** Why a TLS connection failed, in words; `error` is what Node's TLS socket reported. */
export function tlsFailureText(error: NodeJS.ErrnoException, serverName: string): string {
  const code = error.code ?? '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return wrongName(error, serverName);
  const words = CERTIFICATE[code] ?? HANDSHAKE[code];
  if (words !== undefined) return words;
  if (code.startsWith('ERR_')) return `the handshake failed with ${code}`;
  return code === '' ? `TLS failed: ${error.message}` : `the certificate cannot be trusted: ${code}`;
}

/** Says which names the certificate is for. */
function wrongName(
  error: Error & { readonly cert?: { readonly subjectaltname?: string } },
  serverName: string,
): string {
  const names = error.cert?.subjectaltname ?? '';
  if (names === '') return `the certificate is not for ${serverName}`;
  const shown = names.length > MAX_NAMES ? `${names.slice(0, MAX_NAMES)}…` : names;
  return `the certificate is for ${shown}, not for ${serverName}`;
}
