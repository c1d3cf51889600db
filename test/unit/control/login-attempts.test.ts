import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoginAttempts } from '../../../src/control/login-attempts.ts';

const RIGHT = Buffer.from('ann:pw');
const WRONG = Buffer.from('ann:no');

function fail(attempts: LoginAttempts, address: string, times: number): void {
  for (let i = 0; i < times; i++) attempts.failed(address);
}

test('after ten wrong passwords an address may try one every 5 s', () => {
  let now = 0;
  const attempts = new LoginAttempts(() => now);
  fail(attempts, '192.0.2.1', 9);
  assert.equal(attempts.wait('192.0.2.1', WRONG), 0);
  fail(attempts, '192.0.2.1', 1);
  assert.equal(attempts.wait('192.0.2.1', WRONG), 5);
  assert.equal(attempts.wait('192.0.2.1', RIGHT), 5, 'right ones that were never used there say nothing either');
  assert.equal(attempts.wait('192.0.2.2', RIGHT), 0);
  now += 5_000;
  assert.equal(attempts.wait('192.0.2.1', RIGHT), 0);
  fail(attempts, '192.0.2.1', 1);
  assert.equal(attempts.wait('192.0.2.1', RIGHT), 5);
});

test('credentials that were right before go on, from the same address', () => {
  const attempts = new LoginAttempts(() => 0);
  attempts.succeeded('192.0.2.1', RIGHT);
  fail(attempts, '192.0.2.1', 20);
  fail(attempts, '192.0.2.2', 20);
  assert.equal(attempts.wait('192.0.2.1', RIGHT), 0);
  assert.ok(attempts.wait('192.0.2.1', WRONG) > 0);
  assert.ok(attempts.wait('192.0.2.2', RIGHT) > 0);
});

test('a network of IPv6 counts as one address', () => {
  const attempts = new LoginAttempts(() => 0);
  for (let i = 0; i < 10; i++) attempts.failed(`2001:db8::${i}`);
  assert.ok(attempts.wait('2001:db8::ff', WRONG) > 0);
  assert.equal(attempts.wait('2001:db8:0:1::1', WRONG), 0);
});

test('4,096 addresses are remembered, and 1,024 right credentials', () => {
  const attempts = new LoginAttempts(() => 0);
  fail(attempts, '10.0.0.1', 10);
  for (let i = 0; i < 4_095; i++) attempts.failed(`10.1.${i >> 8}.${i & 255}`);
  assert.ok(attempts.wait('10.0.0.1', WRONG) > 0);
  attempts.failed('10.2.0.1');
  assert.equal(attempts.wait('10.0.0.1', WRONG), 0);
  attempts.succeeded('10.3.0.1', RIGHT);
  fail(attempts, '10.3.0.1', 10);
  for (let i = 0; i < 1_023; i++) attempts.succeeded('10.3.0.1', Buffer.from(`u:${i}`));
  assert.equal(attempts.wait('10.3.0.1', RIGHT), 0);
  attempts.succeeded('10.3.0.1', Buffer.from('one:more'));
  assert.ok(attempts.wait('10.3.0.1', RIGHT) > 0);
});
