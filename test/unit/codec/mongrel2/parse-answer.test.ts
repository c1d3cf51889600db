import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mongrel2Error, parseAnswer } from '../../../../src/codec/mongrel2/index.ts';
import { encode } from '../../../../src/codec/tnetstring/index.ts';

test('the body is a view of the message', () => {
  const message = Buffer.from('u 1:5, body');
  const { body } = parseAnswer(message, 128);
  assert.equal(body.buffer, message.buffer);
  assert.equal(body.toString(), 'body');
});

test('an answer may name as many connections as it is allowed, and no more', () => {
  const message = (count: number) => {
    const ids = Array.from({ length: count }, (_none, id) => id).join(' ');
    return Buffer.from(`u ${ids.length}:${ids}, x`);
  };
  assert.equal(parseAnswer(message(128), 128).ids.length, 128);
  assert.throws(() => parseAnswer(message(129), 128), { kind: 'too-many' });
});

test('an extended answer has at most 65,536 bytes and 8 levels, and the error names its connections', () => {
  const extended = (value: Parameters<typeof encode>[0]) =>
    Buffer.concat([Buffer.from('u 5:X 5 6, '), encode(['ctl', { credits: 1, other: value }])]);
  assert.equal(parseAnswer(extended('x'.repeat(65_000)), 128).control?.credits, 1);
  let deep: Parameters<typeof encode>[0] = 1;
  for (let level = 0; level < 6; level++) deep = [deep];
  assert.equal(parseAnswer(extended(deep), 128).control?.credits, 1);
  for (const value of ['x'.repeat(65_536), [deep]]) {
    assert.throws(
      () => parseAnswer(extended(value), 128),
      (error) => error instanceof Mongrel2Error && error.kind === 'malformed' && error.ids.join() === '5,6',
    );
  }
});
