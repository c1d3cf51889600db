import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opensslCipher } from '../../../src/config/mongrel2/cipher-names.ts';

for (const [name, expected] of [
  ['SSL-RSA-AES-128-SHA', 'AES128-SHA'],
  ['SSL-EDH-RSA-AES-256-SHA', 'DHE-RSA-AES256-SHA'],
  ['TLS-RSA-WITH-AES-256-CBC-SHA256', 'AES256-SHA256'],
  ['TLS-DHE-RSA-WITH-AES-128-GCM-SHA256', 'DHE-RSA-AES128-GCM-SHA256'],
  ['TLS-ECDHE-ECDSA-WITH-AES-256-CBC-SHA384', 'ECDHE-ECDSA-AES256-SHA384'],
  ['tls-ecdhe-rsa-with-aes-128-cbc-sha', 'ECDHE-RSA-AES128-SHA'],
  ['TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
] as const) {
  test(`${name} is ${expected} in OpenSSL`, () => assert.equal(opensslCipher(name), expected));
}

for (const name of [
  'SSL-RSA-RC4-128-MD5',
  'TLS-RSA-WITH-3DES-EDE-CBC-SHA',
  'SSL-RSA-CAMELLIA-128-SHA',
  'AES',
  '',
  'constructor',
]) {
  test(`${JSON.stringify(name)} is no cipher of OpenSSL here`, () => assert.equal(opensslCipher(name), null));
}
