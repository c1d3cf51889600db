import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEvents, parseControlMessage } from '../../../src/codec/grip/index.ts';
import { WebSocketContext } from '../../../src/grip-origin/websocket-context.ts';

/** The WebSocket of a request with these events. */
function webSocket(events: string, meta: Readonly<Record<string, string>> = {}): WebSocketContext {
  const headers = [
    ['connection-id', 'c1'] as const,
    ...Object.entries(meta).map(([name, value]) => [`meta-${name}`, value] as const),
  ];
  return new WebSocketContext(headers, Buffer.from(events));
}

/** The events of its response, as text. */
function answered(socket: WebSocketContext): string[] {
  return decodeEvents(socket.response().body).map(({ type, content }) =>
    content.length === 0 ? type : `${type} ${content.toString('latin1')}`,
  );
}

test('a WebSocket is accepted, subscribed, and gets messages', () => {
  const socket = webSocket('OPEN\r\n');
  assert.deepEqual([socket.opening, socket.connectionId, socket.messages, socket.closed], [true, 'c1', [], null]);
  socket.accept('chat');
  socket.subscribe('room', ['skip-self']);
  socket.send('hi');
  socket.send(Uint8Array.of(1, 2));
  socket.askAgainAfter(30);
  const { status, headers } = socket.response();
  assert.equal(status, 200);
  assert.deepEqual(headers, {
    'Content-Type': 'application/websocket-events',
    'Sec-WebSocket-Extensions': 'grip',
    'Sec-WebSocket-Protocol': 'chat',
    'Keep-Alive-Interval': '30',
  });
  assert.deepEqual(answered(socket), [
    'OPEN',
    'TEXT c:{"type":"subscribe","channel":"room","filters":["skip-self"]}',
    'TEXT m:hi',
    'BINARY m:\x01\x02',
  ]);
});

test('the proxy understands each control message', () => {
  const socket = webSocket('');
  socket.subscribe('a', [], { since: 'e-1' });
  socket.unsubscribe('a');
  socket.setVariable('user', 'me');
  socket.setVariable('user', null);
  socket.keepAlive({ content: 'still here' }, { timeout: 20, mode: 'interval' });
  socket.keepAlive(null);
  socket.sendDelayed({ type: 'ping', content: Uint8Array.of(7) }, 3);
  socket.flushDelayed();
  socket.detach();
  const controls = decodeEvents(socket.response().body).map(({ content }) => parseControlMessage(content.subarray(2)));
  assert.deepEqual(controls[0], { type: 'subscribe', channel: 'a', pattern: false, filters: [], since: 'e-1' });
  assert.deepEqual(
    controls.map(({ type }) => type),
    [
      'subscribe',
      'unsubscribe',
      'set-meta',
      'set-meta',
      'keep-alive',
      'keep-alive',
      'send-delayed',
      'flush-delayed',
      'detach',
    ],
  );
});

test('messages of the client are text and bytes', () => {
  const socket = webSocket('TEXT 2\r\nhi\r\nBINARY 1\r\n\0\r\nPING\r\nTEXT\r\n');
  assert.deepEqual(socket.messages, ['hi', Buffer.from([0]), '']);
});

test('a close of the client is answered with the same code, unless the application closes', () => {
  const closed = new WebSocketContext([['connection-id', 'c']], Buffer.from('CLOSE 5\r\n\x0f\xa0bye\r\n', 'latin1'));
  assert.deepEqual(closed.closed, { code: 4000, reason: 'bye' });
  assert.deepEqual(answered(closed), ['CLOSE \x0f\xa0']);
  const own = new WebSocketContext([['connection-id', 'c']], Buffer.from('CLOSE\r\n'));
  own.close(4001, 'x');
  assert.deepEqual(answered(own), ['CLOSE \x0f\xa1x']);
  assert.throws(() => own.send('late'), /closed/);
  const gone = webSocket('DISCONNECT\r\n');
  assert.deepEqual([gone.closed, answered(gone)], [{ code: 1006, reason: '' }, []]);
});

test('what changes in meta is sent back', () => {
  const socket = webSocket('', { user: 'me', old: '1', kept: 'x' });
  assert.deepEqual(
    [...socket.meta],
    [
      ['user', 'me'],
      ['old', '1'],
      ['kept', 'x'],
    ],
  );
  socket.meta.set('user', 'ü');
  socket.meta.delete('old');
  socket.meta.set('new', '2');
  assert.deepEqual(socket.response().headers, {
    'Content-Type': 'application/websocket-events',
    'Set-Meta-user': Buffer.from('ü').toString('latin1'),
    'Set-Meta-new': '2',
    'Set-Meta-old': '',
  });
});

test('a WebSocket is rejected with a response, and one that the application forgets fails', () => {
  const refused = webSocket('OPEN\r\n');
  refused.reject(403, 'no');
  assert.deepEqual([refused.response().status, refused.response().body.toString()], [403, 'no']);
  const forgotten = webSocket('OPEN\r\n');
  assert.throws(() => forgotten.send('early'), /not accepted yet/);
  assert.equal(forgotten.response().status, 500);
  assert.throws(() => webSocket('').accept(), /open already/);
  assert.throws(() => webSocket('').reject(403), /close it instead/);
});

test('requests that are no events are refused', () => {
  assert.throws(() => new WebSocketContext([], Buffer.from('OPEN\r\n')), /no Connection-Id/);
  assert.throws(() => webSocket('TEXT 5\r\nhi'), /shorter/);
  assert.throws(() => webSocket('').ping('x'.repeat(126)), /126 bytes are too long/);
  // The proxy would send a close without a code for these.
  for (const code of [1005, 1004, 1016, 2999, 1000.5]) assert.throws(() => webSocket('').close(code), /not a code/);
});
