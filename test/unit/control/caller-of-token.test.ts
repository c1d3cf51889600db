import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { TokenVerifier } from '../../../src/codec/grip/index.ts';
import { callerOfToken } from '../../../src/control/index.ts';

const KEY = 'a secret of some length';
const SOON = Math.floor(Date.now() / 1_000) + 60;

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function token(claims: object, { key = KEY, header = { alg: 'HS256' } as object } = {}): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

async function rolesOf(claims: object): Promise<string> {
  const keys = new TokenVerifier(Buffer.from(KEY));
  const caller = await callerOfToken(keys, token({ exp: SOON, ...claims }), '', 'rules');
  return caller === null ? 'nobody' : [...caller.roles].join(' ');
}

test('a token names its roles in role or scope, and else publishes and reads', async () => {
  assert.equal(await rolesOf({}), 'publish read');
  assert.equal(await rolesOf({ role: 'admin' }), 'admin');
  assert.equal(await rolesOf({ role: ['publish', 'read', 'x'] }), 'read publish');
  assert.equal(await rolesOf({ scope: 'openid publish' }), 'publish');
  assert.equal(await rolesOf({ scope: 'openid email' }), 'publish read');
  assert.equal(await rolesOf({ role: 'other', scope: 'admin' }), '', 'role counts alone');
  for (const role of [null, 1, {}, [], '', 'ADMIN', 'admin ', [['admin']]]) assert.equal(await rolesOf({ role }), '');
});

test('a token that is forged, expired, without exp or without a signature is nobody’s', async () => {
  const keys = new TokenVerifier(Buffer.from(KEY));
  const good = token({ exp: SOON, role: 'admin' });
  const [head, claims, signature] = good.split('.');
  for (const bad of [
    '',
    'x',
    'a.b.c',
    token({ exp: SOON, role: 'admin' }, { key: 'another' }),
    token({ exp: SOON - 120, role: 'admin' }),
    token({ role: 'admin' }),
    `${part({ alg: 'none' })}.${claims}.`,
    `${part({ alg: 'none' })}.${claims}.${signature}`,
    token({ exp: SOON }, { header: { alg: 'HS512' } }),
    token({ exp: SOON }, { header: { alg: 'HS256', crit: ['x'], x: 1 } }),
    `${head}.${part({ exp: SOON, role: 'admin', sub: 'x' })}.${signature}`,
    `${good}x`,
  ]) {
    assert.equal(await callerOfToken(keys, bad, '', 'rules'), null, bad);
  }
  assert.equal(await callerOfToken(keys, good, 'another issuer', 'rules'), null);
  const caller = await callerOfToken(keys, good, '', 'rules');
  assert.deepEqual([caller?.expires, caller?.grantedBy], [SOON * 1_000, 'rules']);
});
