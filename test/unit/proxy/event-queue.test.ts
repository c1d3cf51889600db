import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { SHARE, TimerWheel } from '../../../src/clock/index.ts';
import { Counters, NO_RESPONDER, type Requester, silentLog } from '../../../src/exchange/index.ts';
import { BUFFER, EventQueue, MAX_WAITING_EVENTS } from '../../../src/proxy/over-http/event-queue.ts';
import { overHttpHeld, webSocketOverHttp } from '../../../src/proxy/over-http/websocket-over-http.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

test('a request has the events that fit, the first one always', () => {
  const queue = new EventQueue();
  queue.add('TEXT', Buffer.alloc(BUFFER - 1));
  queue.add('TEXT', Buffer.alloc(1));
  queue.add('TEXT', Buffer.alloc(1));
  assert.equal(queue.offer(false).length, 2);
  assert.equal(queue.hasNew, true);
  assert.equal(queue.accept(null), BUFFER);
  assert.equal(queue.offer(true).length, 1);
  assert.equal(queue.hasNew, false);
});

test('what is accepted in part is offered again, cut where the origin said', () => {
  const queue = new EventQueue();
  queue.add('TEXT', Buffer.from('abc'));
  queue.add('PING');
  queue.add('TEXT', Buffer.from('def'));
  queue.offer(false);
  assert.equal(queue.accept(4), 4);
  assert.equal(queue.replayed, 2);
  assert.equal(queue.hasNew, false);
  queue.add('CLOSE', Buffer.from([3, 232]));
  assert.deepEqual(
    queue.offer(false).map(({ type, content }) => `${type} ${content.toString('hex')}`),
    ['TEXT 6566', 'CLOSE 03e8'],
  );
  assert.equal(queue.offers('CLOSE'), true);
  assert.equal(queue.accept(null), 2);
  assert.deepEqual([queue.length, queue.replayed], [0, 0]);
});

/** An open WebSocket over HTTP: what responds to its last request, how many there were, and when its client was paused. */
function openWebSocket(t: TestContext, oneEvent = false) {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const posts: Requester[] = [];
  const service = webSocketOverHttp({
    service: (_request, requester) => {
      posts.push(requester);
      return NO_RESPONDER;
    },
    oneEvent,
    leastKeepAlive: 20,
    held: overHttpHeld({ counters: new Counters(), log: silentLog }),
    wheel,
    counters: new Counters(),
    log: silentLog,
  });
  const respond = (body: string, ...headers: string[]): void => {
    const post = posts.at(-1) as Requester;
    post.onResponse({
      status: 200,
      reason: '',
      headers: ['Content-Type', 'application/websocket-events', ...headers],
      bodyLength: body.length,
    });
    post.onResponseData(Buffer.from(body), false);
  };
  const pauses: boolean[] = [];
  const requester = Object.assign(new FakeWebSocketRequester(65_536), { signature: () => undefined });
  requester.pauseRequest = (paused) => pauses.push(paused);
  const webSocket = service(requestHead({ scheme: 'ws', headers: ['Host', 'a'] }), requester);
  respond('OPEN\r\n');
  return { webSocket, requester, posts, pauses, respond };
}

test('a client with many waiting events is not read until half of them are accepted', (t) => {
  const { webSocket, pauses, respond } = openWebSocket(t);
  for (let i = 0; i <= MAX_WAITING_EVENTS; i++) webSocket.onRequestMessage(Buffer.alloc(0), true, false);
  assert.deepEqual(pauses, [true]);
  respond('');
  respond('');
  assert.deepEqual(pauses, [true, false]);
});

test('a client that was paused is read again when only it can lead to the next request', (t) => {
  const { webSocket, posts, pauses, respond } = openWebSocket(t);
  for (let i = 0; i <= MAX_WAITING_EVENTS; i++) webSocket.onRequestMessage(Buffer.from('x'), true, false);
  respond('');
  const before = posts.length;
  respond('', 'Content-Bytes-Accepted', '100');
  assert.equal(posts.length, before);
  assert.deepEqual(pauses, [true, false]);
});

for (const oneEvent of [false, true])
  test(`an origin that accepts nothing is not asked again before something new comes (one_event: ${oneEvent})`, (t) => {
    const { webSocket, posts, respond } = openWebSocket(t, oneEvent);
    for (const text of ['a', 'b', 'c']) webSocket.onRequestMessage(Buffer.from(text), true, false);
    assert.equal(posts.length, 2);
    respond('', 'Content-Bytes-Accepted', '0');
    assert.equal(posts.length, 3, 'two have come since');
    respond('', 'Content-Bytes-Accepted', '0');
    const length = 3;
    assert.equal(posts.length, length);
    webSocket.onRequestMessage(Buffer.from('d'), true, false);
    assert.equal(posts.length, length + 1);
    respond('', 'Content-Bytes-Accepted', '1');
    assert.equal(posts.length, length + (oneEvent ? 2 : 1));
  });

for (const [oneEvent, size, count] of [
  [false, 90_000, 3],
  [true, 1, MAX_WAITING_EVENTS + 1],
] as const)
  test(`an origin that accepts nothing of all that can wait loses its client (${count} events)`, (t) => {
    const { webSocket, requester, respond } = openWebSocket(t, oneEvent);
    for (let i = 0; i < count; i++) {
      webSocket.onRequestMessage(Buffer.alloc(size), true, false);
      if (oneEvent) continue;
      if (i === 0) respond('', 'Content-Bytes-Accepted', '0');
    }
    respond('', 'Content-Bytes-Accepted', '0');
    if (!oneEvent) respond('', 'Content-Bytes-Accepted', '0');
    assert.equal(requester.failure(), 'HF_GRIP_INVALID');
  });

test('the events of a response pass in shares of the turn', async (t) => {
  const { webSocket, requester, posts, respond } = openWebSocket(t);
  webSocket.onRequestMessage(Buffer.from('a'), true, false);
  webSocket.onRequestMessage(Buffer.from('b'), true, false);
  respond('TEXT 1\r\nx\r\n'.repeat(1_000));
  assert.ok(requester.events.length <= SHARE, `${requester.events.length} at once`);
  assert.equal(posts.length, 2, 'the next request waits for them');
  await requester.lines(1_000);
  await new Promise(setImmediate);
  assert.equal(posts.length, 3);
});
