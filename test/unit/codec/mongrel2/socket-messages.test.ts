import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SocketMessages } from '../../../../src/codec/mongrel2/index.ts';

test('memory grows with what has come, and is freed with the message', () => {
  const messages = new SocketMessages(100_000);
  messages.read(Buffer.from('@a {'), 0);
  for (let i = 0; i < 1_000; i++) messages.read(Buffer.from('x'.repeat(50)), 0);
  assert.ok(messages.held >= 50_000 && messages.held <= 100_000);
  messages.read(Buffer.from('}\0'), 0);
  assert.deepEqual([messages.event, messages.path, messages.body.length], ['json', '@a', 50_002]);
  assert.equal(messages.held, 0);
});

test('a message of exactly the limit is taken, its NUL included', () => {
  const message = Buffer.from('@a {}\0');
  new SocketMessages(message.length).read(message, 0);
  assert.throws(() => new SocketMessages(message.length - 1).read(message, 0), /more than 5 bytes/);
});

test('bytes that cannot become a message are refused before there are more', () => {
  assert.throws(() => new SocketMessages(100).read(Buffer.from('G'), 0), /expected/);
});

test('the name of a tag has at most 255 characters', () => {
  const messages = new SocketMessages(10_000);
  messages.read(Buffer.from(`<${'a'.repeat(255)}>\0`), 0);
  assert.equal(messages.event, 'xml');
  assert.throws(() => messages.read(Buffer.from(`<${'a'.repeat(256)}>\0`), 0), /expected/);
});
