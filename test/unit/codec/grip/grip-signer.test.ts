import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { GripSigner } from '../../../../src/codec/grip/grip-signer.ts';
import { fakeTimers } from '../../../support/fake-timers.ts';
import { ecKeys, ed25519Keys, rsaKeys } from '../../proxy/support/keys.ts';

const SECRET = Buffer.from('a shared secret');
const NOW = 1_700_000_000_000;

test('A shared secret signs with HS256, for one hour', async (t) => {
  fakeTimers(t, ['Date'], NOW);
  const token = new GripSigner('pushpin', SECRET).token();
  assert.deepEqual(decodeProtectedHeader(token), { typ: 'JWT', alg: 'HS256' });
  const { payload } = await jwtVerify(token, SECRET);
  assert.deepEqual(payload, { iss: 'pushpin', exp: NOW / 1000 + 3600 });
});

test('A secret of any bytes and length signs', async () => {
  for (const secret of [Buffer.from([0]), Buffer.from([0xff, 0xfe, 0x00, 0x80]), Buffer.alloc(200, 0xaa)]) {
    await jwtVerify(new GripSigner('x', secret).token(), secret);
  }
});

test('An issuer may be any text', async () => {
  const issuer = 'a "quoted" \u{1f511} issuer';
  const { payload } = await jwtVerify(new GripSigner(issuer, SECRET).token(), SECRET);
  assert.equal(payload.iss, issuer);
});

for (const [algorithm, keys] of [
  ['ES256', ecKeys()],
  ['RS256', rsaKeys()],
  ['EdDSA', ed25519Keys()],
] as const) {
  test(`A private key in PEM signs with ${algorithm}`, async () => {
    const token = new GripSigner('pushpin', keys.privatePem).token();
    assert.deepEqual(decodeProtectedHeader(token), { typ: 'JWT', alg: algorithm });
    const { payload } = await jwtVerify(token, keys.publicKey, { algorithms: [algorithm] });
    assert.equal(payload.iss, 'pushpin');
  });
}

test('Private keys in the older PEM forms are accepted', async () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = ec.privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  await jwtVerify(new GripSigner('x', pem).token(), ec.publicKey);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pkcs1 = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string;
  await jwtVerify(new GripSigner('x', pkcs1).token(), rsa.publicKey);
});

test('One token serves the requests of a second, and the next gets a new one', (t) => {
  const timers = fakeTimers(t, ['Date'], NOW);
  const signer = new GripSigner('pushpin', SECRET);
  const first = signer.token();
  timers.now = NOW + 1000;
  assert.equal(signer.token(), first);
  timers.now = NOW + 1001;
  assert.notEqual(signer.token(), first);
});

test('The first request after hours has a valid token', async (t) => {
  const timers = fakeTimers(t, ['Date'], NOW);
  const signer = new GripSigner('pushpin', SECRET);
  signer.token();
  timers.now = NOW + 5 * 3_600_000;
  const { payload } = await jwtVerify(signer.token(), SECRET);
  assert.equal(payload.exp, NOW / 1000 + 6 * 3600);
});

test('A clock that is set back does not keep a token from the future in use', async (t) => {
  const timers = fakeTimers(t, ['Date'], NOW + 3_600_000);
  const signer = new GripSigner('pushpin', SECRET);
  signer.token();
  timers.now = NOW;
  const { payload } = await jwtVerify(signer.token(), SECRET);
  assert.equal(payload.exp, NOW / 1000 + 3600);
});

test('A key that cannot sign is refused when the signer is made', () => {
  assert.throws(() => new GripSigner('x', 'no PEM'));
  assert.throws(() => new GripSigner('x', ecKeys().publicPem));
});

test('An unusable kind of key is refused, and the error names usable ones', () => {
  const advice = /use EC P-256, RSA of 2048 bits or more, or Ed25519$/;
  assert.throws(() => new GripSigner('x', ecKeys('P-384').privatePem), advice);
  assert.throws(() => new GripSigner('x', rsaKeys(1024).privatePem), advice);
  const x25519 = generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  assert.throws(() => new GripSigner('x', x25519), advice);
});
