import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT, UnsecuredJWT } from 'jose';
import { UpstreamTrust } from '../../../src/proxy/index.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { ecKeys, ed25519Keys, rsaKeys } from './support/keys.ts';

const SECRET = Buffer.from('a shared secret');

type SigningKey = Parameters<SignJWT['sign']>[0];

/** A signature as a GRIP proxy in front sends it. */
function signed(key: SigningKey, alg = 'HS256', exp: string | number = '1h'): Promise<string> {
  return new SignJWT({ iss: 'another' }).setProtectedHeader({ typ: 'JWT', alg }).setExpirationTime(exp).sign(key);
}

function trusts(trust: UpstreamTrust, signature: string): Promise<boolean> {
  return trust.trusts(requestHead({ headers: ['Host', 'x', 'grip-SIG', signature] }));
}

test('Only a request with Grip-Sig is verified', () => {
  const trust = new UpstreamTrust(SECRET);
  assert.equal(trust.mayTrust(requestHead({ headers: ['Host', 'x', 'GRIP-Sig', ''] })), true);
  assert.equal(trust.mayTrust(requestHead({ headers: ['Host', 'x', 'Grip-Feature', 'status'] })), false);
});

test('A signature by the shared secret is trusted, whatever its issuer', async () => {
  assert.equal(await trusts(new UpstreamTrust(SECRET), await signed(SECRET)), true);
});

for (const [algorithm, keys] of [
  ['ES256', ecKeys()],
  ['RS256', rsaKeys()],
  ['EdDSA', ed25519Keys()],
] as const) {
  test(`A signature with ${algorithm} is trusted by the public key, and by the private one`, async () => {
    const signature = await signed(keys.privateKey, algorithm);
    assert.equal(await trusts(new UpstreamTrust(keys.publicPem), signature), true);
    assert.equal(await trusts(new UpstreamTrust(keys.privatePem), signature), true);
  });
}

test('A signature by another key is not trusted', async () => {
  assert.equal(await trusts(new UpstreamTrust(SECRET), await signed(Buffer.from('another secret'))), false);
  const { publicPem } = ecKeys();
  assert.equal(await trusts(new UpstreamTrust(publicPem), await signed(ecKeys().privateKey, 'ES256')), false);
});

test('A signature that is expired or never expires is not trusted', async () => {
  const trust = new UpstreamTrust(SECRET);
  assert.equal(await trusts(trust, await signed(SECRET, 'HS256', '-1s')), false);
  const endless = await new SignJWT({ iss: 'another' }).setProtectedHeader({ alg: 'HS256' }).sign(SECRET);
  assert.equal(await trusts(trust, endless), false);
});

test('A token without a signature is not trusted', async () => {
  const unsecured = new UnsecuredJWT({}).setExpirationTime('1h').encode();
  assert.equal(await trusts(new UpstreamTrust(SECRET), unsecured), false);
  assert.equal(await trusts(new UpstreamTrust(ecKeys().publicPem), unsecured), false);
});

test('The text of a public key is not a shared secret', async () => {
  const { publicPem } = rsaKeys();
  assert.equal(await trusts(new UpstreamTrust(publicPem), await signed(Buffer.from(publicPem))), false);
});

test('A signature with another algorithm of the same secret is not trusted', async () => {
  const secret = Buffer.alloc(64, 1);
  assert.equal(await trusts(new UpstreamTrust(secret), await signed(secret, 'HS512')), false);
});

test('A signature that was changed or is malformed is not trusted', async () => {
  const trust = new UpstreamTrust(SECRET);
  const [header, , signature] = (await signed(SECRET)).split('.');
  const payload = Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 9_999 })).toString('base64url');
  for (const forged of [`${header}.${payload}.${signature}`, '', 'x', '..', 'a.b.c', '\u00e9.\u00e9.\u00e9']) {
    assert.equal(await trusts(trust, forged), false);
  }
});

test('A key that cannot verify is refused when the trust is set up', () => {
  assert.throws(() => new UpstreamTrust('no PEM'));
  assert.throws(() => new UpstreamTrust(ecKeys('P-384').publicPem), /use EC P-256/);
});
