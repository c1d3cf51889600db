import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchGuard } from '../../../src/app/fetch-policy.ts';
import { parseConfig } from '../../../src/config/index.ts';

const guard = (fetch: Record<string, unknown>) => fetchGuard(parseConfig({ fetch }).fetch);

test('By default internal addresses are denied and all others are allowed', () => {
  const { checkAddress } = bound(guard({}));
  assert.deepEqual(['127.0.0.1', '169.254.169.254', '::1', '93.184.216.34'].map(checkAddress), [
    false,
    false,
    false,
    true,
  ]);
});

test('Internal addresses can be reached if allow names them or all are allowed', () => {
  assert.equal(bound(guard({ allow: ['127.0.0.1'] })).checkAddress('127.0.0.1'), true);
  assert.equal(bound(guard({ allow: ['127.0.0.1'] })).checkAddress('127.0.0.2'), false);
  assert.equal(bound(guard({ allow_internal: true })).checkAddress('127.0.0.1'), true);
});

test('The rules of the configuration decide about names and addresses', () => {
  const denying = bound(guard({ deny: ['*.example.com', '192.0.2.0/24'], allow_internal: true }));
  assert.deepEqual(['a.example.com', 'example.org'].map(denying.checkName), [false, true]);
  assert.deepEqual(['192.0.2.7', '198.51.100.1'].map(denying.checkAddress), [false, true]);
  const allowing = bound(guard({ default_policy: 'deny', allow: ['example.com'] }));
  assert.deepEqual(['example.com', 'example.org'].map(allowing.checkName), [true, false]);
});

function bound(of: ReturnType<typeof fetchGuard>) {
  return {
    checkName: (name: string) => of.checkName(name).allowed,
    checkAddress: (address: string) => of.checkAddress(address).allowed,
  };
}
