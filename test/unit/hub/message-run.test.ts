import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyItem } from '../../../src/hub/index.ts';
import { MessageRun } from '../../../src/hub/message-run.ts';
import { PublishedMessage } from '../../../src/hub/published-message.ts';
import { RUN_BYTES, RUN_ITEMS } from '../../../src/hub/stream-run.ts';
import { messageFormat } from './support.ts';

function message(content: string, format: Parameters<typeof messageFormat>[1] = {}): PublishedMessage {
  return new PublishedMessage(emptyItem('c'), messageFormat(content, format));
}

function textsOf(run: MessageRun): string[] {
  return run.joined.messages.map(({ body }) => String(body));
}

test('messages are joined in order, and each stays available with its own payload', () => {
  const run = new MessageRun(message('a'));
  assert.equal(run.add(message('bc', { type: 'binary' })), true);
  assert.deepEqual(textsOf(run), ['a', 'bc']);
  assert.deepEqual([run.joined.length, run.joined], [3, run.joined]);
  assert.deepEqual(
    run.joined.messages.map(({ text }) => text),
    [true, false],
  );
  assert.equal(run.items[1]?.payload, run.joined.messages[1]);
});

test('a ping, a pong, a close, a refresh and an empty message each travel alone', () => {
  const alone = [
    message('p', { type: 'ping' }),
    message('p', { type: 'pong' }),
    message('', { action: 'close' }),
    message('', { action: 'refresh' }),
    message(''),
  ];
  for (const one of alone) {
    assert.equal(new MessageRun(message('a')).add(one), false);
    assert.equal(new MessageRun(one).add(message('a')), false);
  }
});

test('messages that are kept and others do not travel together: clients that read the log get only these', () => {
  const numbered = (number: number) => new PublishedMessage({ ...emptyItem('c'), number }, messageFormat('x'));
  const run = new MessageRun(numbered(1));
  assert.deepEqual([run.add(numbered(0)), run.add(numbered(2))], [false, true]);
  assert.equal(new MessageRun(numbered(0)).add(numbered(1)), false);
});

test('a run has a bound in bytes, and one in messages', () => {
  const bytes = new MessageRun(message('x'.repeat(RUN_BYTES - 1)));
  assert.equal(bytes.add(message('xx')), false);
  assert.equal(bytes.add(message('x')), true);
  assert.equal(bytes.add(message('x')), false);
  const count = new MessageRun(message('x'));
  for (let i = 1; i < RUN_ITEMS; i++) assert.equal(count.add(message('x')), true);
  assert.equal(count.add(message('x')), false);
  assert.equal(count.count, RUN_ITEMS);
});

test('a run costs as much as its messages apart', () => {
  const run = new MessageRun(message('x'.repeat(1_000)));
  const first = run.cost;
  run.add(message('x'));
  assert.equal(run.cost, first + new MessageRun(message('x')).cost - 2);
});

test('a message with content filters is not for WebSockets without filters', () => {
  const run = new MessageRun(message('a'));
  run.add(message('b', { contentFilters: ['build-id'] }));
  run.add(message('c', { contentFilters: [] }));
  assert.deepEqual([textsOf(run), run.joined.length, run.count], [['a', 'c'], 2, 3]);
});

test('a part of a run has its messages, and each message its weight', () => {
  const run = new MessageRun(message('a'.repeat(25)));
  for (const letter of ['b', 'c', 'd']) run.add(message(letter));
  assert.deepEqual(textsOf(run.part(1, 3)), ['b', 'c']);
  assert.equal(run.part(1, 3).items[0], run.items[1]);
  assert.equal(run.part(0, 4), run);
  assert.deepEqual([run.weightOf(0, 10), run.weightOf(1, 10), run.weightOf(0, 0)], [3, 1, 1]);
  const sized = new MessageRun(new PublishedMessage({ ...emptyItem('c'), size: 1_000 }, messageFormat('x')));
  assert.equal(sized.weightOf(0, 10), 100);
});
