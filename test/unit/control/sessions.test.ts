import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { NOBODY } from '../../../src/control/caller.ts';
import { Sessions } from '../../../src/control/sessions.ts';

test('a token has 256 bits, and finds its caller until the session is closed', () => {
  const sessions = new Sessions();
  const token = sessions.open({ ...NOBODY, name: 'ann' });
  assert.equal(Buffer.from(token, 'base64url').length, 32);
  assert.equal(sessions.find(token)?.name, 'ann');
  assert.equal(sessions.find(`${token}x`), null);
  sessions.close(token);
  assert.equal(sessions.find(token), null);
});

test('a session ends after 12 hours, or with the rights of its caller', () => {
  let now = 1_000;
  const sessions = new Sessions(() => now);
  const long = sessions.open(NOBODY);
  const short = sessions.open({ ...NOBODY, expires: 61_000 });
  now = 60_999;
  assert.ok(sessions.find(short) !== null);
  now = 61_000;
  assert.equal(sessions.find(short), null);
  now = 1_000 + 12 * 3_600_000 - 1;
  assert.ok(sessions.find(long) !== null);
  now++;
  assert.equal(sessions.find(long), null);
});

test('of 1,001 sessions the oldest has ended', () => {
  const sessions = new Sessions();
  const tokens = Array.from({ length: 1_000 }, () => sessions.open(NOBODY));
  assert.ok(sessions.find(tokens[0] as string) !== null);
  sessions.open(NOBODY);
  assert.equal(sessions.find(tokens[0] as string), null);
  assert.ok(sessions.find(tokens[1] as string) !== null);
});

test('the process that replaces this one finds the sessions of this one, within the same bound', () => {
  const before = new Sessions();
  const tokens = Array.from({ length: 3 }, (_, i) =>
    before.open({ ...NOBODY, name: String(i), roles: new Set(['read']) }),
  );
  const after = new Sessions();
  const own = after.open(NOBODY);
  after.adopt(deserialize(serialize(before.kept)));
  after.adopt(before.kept);
  assert.ok(after.find(own) !== null);
  assert.deepEqual(
    tokens.map((token) => after.find(token)),
    tokens.map((token) => before.find(token)),
  );
  const many = new Sessions();
  for (let i = 0; i < 1_000; i++) many.open(NOBODY);
  after.adopt(many.kept);
  assert.equal(after.kept.length, 1_000);
  assert.equal(after.find(own), null);
});
