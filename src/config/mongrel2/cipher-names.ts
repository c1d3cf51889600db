import { getCiphers } from 'node:tls';

const KEY_EXCHANGES: Readonly<Record<string, string>> = {
  RSA: '',
  'DHE-RSA': 'DHE-RSA-',
  'EDH-RSA': 'DHE-RSA-',
  'ECDHE-RSA': 'ECDHE-RSA-',
  'ECDHE-ECDSA': 'ECDHE-ECDSA-',
};

const NAME =
  /^(?:TLS|SSL)-(?<exchange>RSA|DHE-RSA|EDH-RSA|ECDHE-RSA|ECDHE-ECDSA)-(?:WITH-)?(?<cipher>.+?)(?<hash>-SHA(?:1|256|384)?)?$/;

/** What OpenSSL calls a cipher suite of PolarSSL or mbedTLS; null if it has none like it. */
export function opensslCipher(name: string): string | null {
  const known = (openssl: string) => (getCiphers().includes(openssl.toLowerCase()) ? openssl : null);
  const { exchange, cipher, hash = '' } = NAME.exec(name.toUpperCase())?.groups ?? {};
  if (exchange === undefined || cipher === undefined) return known(name.toUpperCase());
  // OpenSSL names the mode only where it is not CBC.
  const short = cipher.replace(/^(AES|CAMELLIA|ARIA)-(\d+)/, '$1$2').replace(/-CBC$/, '');
  // The hash of ChaCha20-Poly1305 is not part of the name.
  const digest = short.startsWith('CHACHA20') ? '' : hash.replace(/^-SHA1$/, '-SHA');
  return known(`${KEY_EXCHANGES[exchange]}${short}${digest}`);
}
