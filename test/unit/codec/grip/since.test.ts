import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GripError, parseControlMessage, parseInstruct } from '../../../../src/codec/grip/index.ts';

const EMPTY = Buffer.alloc(0);

function instruct(channels: string): ReturnType<typeof parseInstruct> {
  return parseInstruct(200, 'OK', ['Grip-Hold', 'stream', 'Grip-Channel', channels], EMPTY);
}

test('a channel of a response may say what the client has', () => {
  const { hold } = instruct('a; since=e-1, b; since="e-1"; prev-id=x, c');
  assert.deepEqual(
    hold?.channels.map(({ name, since }) => [name, since]),
    [
      ['a', 'e-1'],
      ['b', 'e-1'],
      ['c', undefined],
    ],
  );
  assert.equal(instruct('a; since=').hold?.channels[0]?.since, '');
});

test('channels of a response with different cursors are refused', () => {
  assert.throws(() => instruct('a; since=e-1, b; since=e-2'), GripError);
  assert.throws(() => instruct('a; since=, b; since=e-2'), /different values of 'since'/);
});

test('a channel of an instruct may say what the client has, and it is text', () => {
  const body = (since: unknown): Buffer => Buffer.from(JSON.stringify({ hold: { channels: [{ name: 'a', since }] } }));
  const of = (since: unknown): unknown =>
    parseInstruct(200, 'OK', ['Content-Type', 'application/grip-instruct'], body(since)).hold?.channels[0]?.since;
  assert.equal(of('e-1'), 'e-1');
  assert.throws(() => of(1), GripError);
});

test('a subscription on a WebSocket may say what the client has, and it is text', () => {
  const parse = (more: object): unknown =>
    parseControlMessage(Buffer.from(JSON.stringify({ type: 'subscribe', channel: 'a', ...more })));
  const plain = { type: 'subscribe', channel: 'a', pattern: false, filters: [] };
  assert.deepEqual(parse({}), { ...plain, since: null });
  assert.deepEqual(parse({ since: 'e-1' }), { ...plain, since: 'e-1' });
  assert.throws(() => parse({ since: 1 }), GripError);
});
