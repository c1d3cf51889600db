import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RESPONDER, type WebSocketResponder } from '../../../src/exchange/index.ts';
import { WebSocketOutbox } from '../../../src/zhttp-server/websocket-outbox.ts';

function recording() {
  const events: string[] = [];
  const responder: WebSocketResponder = {
    ...NO_RESPONDER,
    onRequestMessage: (chunk, text, more) => events.push(`${text ? 'text' : 'binary'} ${chunk}${more ? ' more' : ''}`),
    onRequestPing: (data) => events.push(`ping ${data}`),
    onRequestPong: (data) => events.push(`pong ${data}`),
    onRequestClose: (code, reason) => events.push(`close ${code} ${reason}`),
  };
  const take = () => events.splice(0);
  return { responder, take };
}

const bytes = (text: string) => Buffer.from(text);

test('messages, pings and a close keep their order and leave as credits allow', () => {
  const { responder, take } = recording();
  const outbox = new WebSocketOutbox();
  outbox.message(bytes('hello'), true, false);
  outbox.control('ping', bytes('abc'));
  outbox.message(bytes(''), false, false);
  outbox.close(1000, bytes('bye'));
  assert.equal(outbox.pump(responder), 0);
  outbox.grant(4);
  assert.equal(outbox.pump(responder), 4);
  assert.deepEqual(take(), ['text hell more']);
  outbox.grant(3);
  assert.equal(outbox.pump(responder), 1);
  assert.deepEqual(take(), ['text o'], 'a ping is not sent in pieces');
  outbox.grant(1);
  assert.equal(outbox.pump(responder), 3);
  assert.deepEqual(take(), ['ping abc', 'binary ', 'close 1000 bye']);
  assert.equal(outbox.empty, true);
});

test('a ping may come between the pieces of a message', () => {
  const { responder, take } = recording();
  const outbox = new WebSocketOutbox();
  outbox.grant(100);
  outbox.message(bytes('one'), false, true);
  outbox.control('ping', bytes(''));
  outbox.message(bytes('two'), false, true);
  outbox.pump(responder);
  outbox.message(bytes(''), false, false);
  outbox.pump(responder);
  assert.deepEqual(take(), ['binary one more', 'ping ', 'binary two more', 'binary ']);
  assert.equal(outbox.empty, true);
});

test('waiting pieces of one message count once, however small they are', () => {
  const { responder, take } = recording();
  const outbox = new WebSocketOutbox();
  for (let i = 0; i < 100_000; i++) outbox.message(bytes('x'), true, true);
  outbox.message(bytes('y'), true, false);
  assert.equal(outbox.full, false);
  outbox.grant(100_001);
  assert.equal(outbox.pump(responder), 100_001);
  const events = take();
  assert.ok(events.length < 100, `${events.length} pieces`);
  assert.equal(events.at(-1)?.endsWith('y'), true);
});

test('a thousand messages wait, and no more', () => {
  const outbox = new WebSocketOutbox();
  for (let i = 0; i < 1_000; i++) outbox.message(bytes(''), true, false);
  assert.equal(outbox.full, true);
});

test('a target may grant, pause and leave from within', () => {
  const { responder, take } = recording();
  const outbox = new WebSocketOutbox();
  const { onRequestMessage } = responder;
  responder.onRequestMessage = (chunk, text, more) => {
    onRequestMessage(chunk, text, more);
    if (chunk.toString() === 'a') outbox.grant(1);
    if (chunk.toString() === 'b') outbox.pause(true);
    if (chunk.toString() === 'd') outbox.drop();
    assert.equal(outbox.pump(responder), 0);
  };
  outbox.grant(1);
  for (const letter of 'abcdef') outbox.message(bytes(letter), true, false);
  assert.equal(outbox.pump(responder), 2);
  assert.deepEqual(take(), ['text a', 'text b']);
  outbox.grant(10);
  assert.equal(outbox.pump(responder), 0);
  outbox.pause(false);
  outbox.pump(responder);
  assert.deepEqual(take(), ['text c', 'text d']);
  assert.equal(outbox.empty, true);
});
