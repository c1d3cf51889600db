import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { constants, createDeflateRaw, type DeflateRaw, inflateRawSync } from 'node:zlib';
import { PING, PONG, TEXT } from '../../../src/codec/websocket/index.ts';
import { parseConfig } from '../../../src/config/index.ts';
import { httpOrigin, type OriginResponse } from '../../support/http-origin.ts';
import { turn } from '../../support/manual-clock.ts';
import { MovingRig } from '../../support/moving-rig.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { eventually } from '../../support/running-app.ts';
import { inSeconds, secretToken } from '../../support/tokens.ts';
import { startEventsOrigin } from '../../support/websocket/events-origin.ts';
import { frame, handshake, takeFrame } from '../server/raw-websocket.ts';

const GRIP = { 'Sec-WebSocket-Extensions': 'grip; message-prefix=""' };

/** What ends each flush of a compressor. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

const STREAM = { 'Grip-Hold': 'stream', 'Content-Type': 'text/plain' };

function streamItem(channel: string, content: string, ids: object = {}): object {
  return { channel, ...ids, formats: { 'http-stream': { content } } };
}

function responseItem(channel: string, body: string): object {
  return { channel, formats: { 'http-response': { body } } };
}

/** An origin that holds streams and requests, by the path. */
function holding(t: TestContext) {
  return httpOrigin(t, ({ target, headers }, earlier): OriginResponse => {
    if (target.startsWith('/stream')) return { headers: { ...STREAM, 'Grip-Channel': 'a' }, body: 'hello\n' };
    if (target.startsWith('/poll')) {
      return {
        headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a; prev-id=1', 'Grip-Timeout': '30' },
        body: 'late',
      };
    }
    if (target.startsWith('/filtered')) {
      const fields = { 'Grip-Channel': 'a; filter=skip-self', 'Grip-Set-Meta': 'user=me' };
      return { headers: { ...STREAM, ...fields } };
    }
    if (target.startsWith('/linked')) {
      const fields = { 'Grip-Channel': 'a; prev-id=1', 'Grip-Link': '</more>; rel=next; timeout=60' };
      return { headers: { ...STREAM, ...fields }, body: 'begin ' };
    }
    if (target.startsWith('/more')) {
      const fields = { 'Grip-Channel': 'a; prev-id=3', 'Grip-Link': '</more>; rel=next; timeout=60' };
      const last = headers.indexOf('Grip-Last') + 1;
      return { headers: { ...STREAM, ...fields }, body: `[after ${last > 0 ? headers[last] : 'nothing'}] ` };
    }
    return { body: `plain ${earlier}` };
  });
}

async function opened(rig: MovingRig, target: string, fields = ''): Promise<RawClient> {
  const client = await rig.connect();
  client.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
  return client;
}

test('a held stream goes on in another process, and its connection after it', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/stream');
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'hello\n');
  await rig.old.publish(streamItem('a', 'old'));
  assert.equal(await client.takeChunk(), 'old');
  assert.equal(rig.move(), 1);
  await rig.old.publish(streamItem('a', 'for nobody'));
  await rig.next.publish(streamItem('a', 'new'));
  assert.equal(await client.takeChunk(), 'new');
  await rig.next.publish({ channel: 'a', formats: { 'http-stream': { action: 'close' } } });
  assert.equal(await client.takeChunk(), '');
  const plain = await client.request('GET /other HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(plain.body, /^plain/);
  const { old, next } = rig;
  assert.deepEqual(
    [old, next].map(({ counters: { connectionsOpen, holdsOpen, requestsAborted } }) => [
      connectionsOpen,
      holdsOpen,
      requestsAborted,
    ]),
    [
      [0, 0, 0],
      [1, 0, 0],
    ],
  );
  assert.equal(old.counters.connectionsMovedOut, 1);
  assert.equal(next.counters.connectionsMovedIn, 1);
});

test('a held request gets its response from another process, and further requests are those of one connection', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/poll', 'X-Pipelined: 1\r\n');
  await eventually(() => rig.old.counters.holdsOpen === 1);
  client.write('GET /second HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually(() => rig.old.role.connections.some((each) => 'unread' in each && each.unread !== null));
  assert.equal(rig.move(), 1);
  await rig.next.publish(responseItem('a', 'item'));
  assert.equal((await client.takeResponse()).body, 'item');
  assert.match((await client.takeResponse()).body, /^plain/);
  // It was held once.
  assert.deepEqual([rig.old.counters.holdsStarted, rig.next.counters.holdsStarted], [1, 0]);
});

test('a held request that has moved is sent to its origin again when an item is missing', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/poll');
  await eventually(() => rig.old.counters.holdsOpen === 1);
  assert.equal(rig.move(), 1);
  await rig.next.publish({ channel: 'a', id: '3', 'prev-id': '2', formats: { 'http-response': { body: 'x' } } });
  const again = await origin.request(2);
  assert.equal(again.target, '/poll');
  assert.equal(again.header('grip-last'), 'a; last-id=1');
  await rig.next.publish(responseItem('a', 'y'));
  assert.equal((await client.takeResponse()).status, 200);
});

test('an idle connection moves too', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await rig.connect();
  assert.equal((await client.request('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'plain 0');
  assert.equal(rig.move(), 1);
  assert.equal((await client.request('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'plain 1');
});

test('a stream with positions moves with them, and follows its link in another process', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/linked');
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'begin ');
  await rig.old.publish(streamItem('a', 'two ', { id: '2', 'prev-id': '1' }));
  assert.equal(await client.takeChunk(), 'two ');
  assert.equal(rig.move(), 1);
  // 3 is missing.
  await rig.next.publish(streamItem('a', 'lost', { id: '4', 'prev-id': '3' }));
  assert.equal(await client.takeChunk(), '[after a; last-id=2] ');
});

test('filters of a stream move with it', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/filtered');
  await client.takeHead();
  assert.equal(rig.move(), 1);
  await rig.next.publish({ ...streamItem('a', 'mine'), meta: { sender: 'me' } }, streamItem('a', 'theirs'));
  assert.equal(await client.takeChunk(), 'theirs');
});

test('a client that waits for its origin, or reads nothing, stays', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const half = await rig.connect();
  half.write('GET /stream HTTP/1.1\r\nHo');
  await eventually(() => rig.old.role.connections.length === 1);
  await turn();
  await turn();
  assert.equal(rig.move(), 0);
  half.write('st: a\r\n\r\n');
  await half.takeHead();
  assert.equal(await half.takeChunk(), 'hello\n');
  half.socket.pause();
  for (let i = 0; i < 100; i++) await rig.old.publish(streamItem('a', 'x'.repeat(60_000)));
  assert.equal(rig.move(), 0);
});

test('a client whose route is gone, and that needs it, is not taken', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`], { nextRoutes: [`elsewhere ${origin.target}`] });
  const client = await opened(rig, '/poll');
  await eventually(() => rig.old.counters.holdsOpen === 1);
  const [connection] = rig.old.role.connections;
  const suspended = connection?.suspend() ?? assert.fail('it cannot move');
  assert.throws(() => rig.next.role.check(suspended.state), /no route takes a\/poll any more/);
  suspended.resume();
  await rig.old.publish(responseItem('a', 'item'));
  assert.equal((await client.takeResponse()).body, 'item');
});

test('a client that stays after all gets what was published meanwhile, in order', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`* ${origin.target}`]);
  const client = await opened(rig, '/stream');
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'hello\n');
  const [connection] = rig.old.role.connections;
  const suspended = connection?.suspend() ?? assert.fail('it cannot move');
  assert.equal(connection?.suspend(), null);
  await rig.old.publish(streamItem('a', '1'));
  await rig.old.publish(streamItem('a', '2'));
  suspended.resume();
  await rig.old.publish(streamItem('a', '3'));
  assert.deepEqual([await client.takeChunk(), await client.takeChunk(), await client.takeChunk()], ['1', '2', '3']);
});

test('a WebSocket over HTTP moves between two messages, with its connection id, its timers and its meta', async (t) => {
  const origin = await startEventsOrigin(t);
  const rig = await MovingRig.start(t, [`* ${origin.address},over_http`]);
  const client = await rig.connect();
  client.write(`${handshake()}\r\n`);
  const open = await origin.next();
  const id = open.field('connection-id');
  open.events('OPEN\r\nTEXT 24\r\nc:{"type":"subscribe","channel":"a"}\r\n', {
    'Sec-WebSocket-Extensions': 'grip; message-prefix=""',
    'Set-Meta-User': 'bob',
    'Keep-Alive-Interval': '60',
  });
  await client.takeHead();
  await eventually(() => rig.old.counters.holdsOpen === 1);
  await turn();
  await turn();
  client.write(frame(TEXT, 'one').subarray(0, 3));
  await turn();
  await turn();
  assert.equal(rig.move(), 0, 'half a frame');
  client.write(frame(TEXT, 'one').subarray(3));
  const first = await origin.next();
  assert.equal(rig.move(), 0, 'a request is under way');
  first.events();
  await eventually(() => rig.move() === 1);
  await rig.next.publish({ channel: 'a', formats: { 'ws-message': { content: 'item' } } });
  assert.equal(await takeFrame(client), '1 item');
  client.write(frame(TEXT, 'two'));
  const second = await origin.next();
  assert.equal(second.body, 'TEXT 3\r\ntwo\r\n');
  assert.equal(second.field('connection-id'), id);
  assert.equal(second.field('meta-user'), 'bob');
  second.events('TEXT 3\r\nyes\r\n');
  assert.equal(await takeFrame(client), '1 yes');
  client.write(frame(PONG));
  assert.equal(rig.next.counters.webSocketsOpen, 1);
  await eventually(() => rig.old.counters.webSocketsOpen === 0);
});

test('a compressed WebSocket moves with what its client may refer to', async (t) => {
  const origin = await startEventsOrigin(t);
  const rig = await MovingRig.start(t, [`* ${origin.address},over_http`], {
    changes: { server: { compression: true } },
  });
  const client = await rig.connect();
  client.write(`${handshake('Sec-WebSocket-Extensions: permessage-deflate\r\n')}\r\n`);
  (await origin.next()).events(`OPEN\r\n${controlEvent({ type: 'subscribe', channel: 'a' })}`, GRIP);
  assert.match((await client.takeHead()).headers.get('sec-websocket-extensions') ?? '', /permessage-deflate/);
  const deflate = createDeflateRaw();
  const said = 'a text that the second message repeats, so that it only refers to it';
  client.write(compressed(await deflated(deflate, said)));
  const first = await origin.next();
  assert.match(first.body, new RegExp(said));
  first.events();
  await eventually(() => rig.move() === 1);
  const again = await deflated(deflate, said);
  assert.ok(again.length < 20, 'it refers to the first one');
  client.write(compressed(again));
  const second = await origin.next();
  assert.match(second.body, new RegExp(said));
  second.events();
  await rig.next.publish({ channel: 'a', formats: { 'ws-message': { content: 'item' } } });
  const [head = ''] = await client.takeBytes(1);
  assert.equal(head.charCodeAt(0), 0xc1);
  const [length = ''] = await client.takeBytes(1);
  const payload = Buffer.from(await client.takeBytes(length.charCodeAt(0)), 'latin1');
  assert.equal(
    inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH }).toString(),
    'item',
  );
});

test('a WebSocket that its origin has left moves, with its timers', async (t) => {
  const origin = await startEventsOrigin(t);
  const rig = await MovingRig.start(t, [`* ${origin.address},over_http`]);
  const client = await rig.connect();
  client.write(`${handshake()}\r\n`);
  const controls = [
    { type: 'subscribe', channel: 'a' },
    { type: 'send-delayed', content: 'late', timeout: 1 },
    { type: 'detach' },
  ];
  (await origin.next()).events(`OPEN\r\n${controls.map(controlEvent).join('')}`, GRIP);
  await client.takeHead();
  // It is told that the WebSocket is closed, as far as it goes.
  (await origin.next()).events();
  await eventually(() => rig.move() === 1);
  await rig.next.publish({ channel: 'a', formats: { 'ws-message': { content: 'item' } } });
  assert.equal(await takeFrame(client), '1 item');
  assert.equal(await takeFrame(client), '1 late');
  client.write(frame(PING, 'x'));
  assert.equal(await takeFrame(client), '10 x');
});

test('what stands between a client and its hold moves too: the fields of CORS', async (t) => {
  const origin = await holding(t);
  const rig = await MovingRig.start(t, [`*,aco ${origin.target}`]);
  const client = await opened(rig, '/poll', 'Origin: http://page\r\n');
  await eventually(() => rig.old.counters.holdsOpen === 1);
  assert.equal(rig.move(), 1);
  await rig.next.publish(responseItem('a', 'item'));
  const response = await client.takeResponse();
  assert.equal(response.headers.get('access-control-allow-origin'), 'http://page');
  assert.equal(response.body, 'item');
});

test('a client with a token moves, and is ended in the other process when the token expires', async (t) => {
  const origin = await holding(t);
  const { jwt } =
    parseConfig({ route: [{ host: '*', targets: ['a:1'], jwt: { key: 'secret' } }] }).routes[0] ?? assert.fail();
  const rig = await MovingRig.start(t, [`* ${origin.target}`], { jwt });
  const token = secretToken({ exp: inSeconds(2) }, 'secret');
  const client = await opened(rig, '/stream', `Authorization: Bearer ${token}\r\n`);
  await client.takeHead();
  assert.equal(await client.takeChunk(), 'hello\n');
  assert.equal(rig.move(), 1);
  await rig.next.publish(streamItem('a', 'new'));
  assert.equal(await client.takeChunk(), 'new');
  assert.equal(await client.takeChunk(), '');
  assert.equal(rig.next.counters.tokensExpired, 1);
  assert.equal(rig.old.counters.tokensExpired, 0);
});

/** A control message as an event of the origin. */
function controlEvent(message: object): string {
  const text = `c:${JSON.stringify(message)}`;
  return `TEXT ${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

/** The bytes of a message, without the end of the flush (RFC 7692 §7.2.1). */
function deflated(deflate: DeflateRaw, text: string): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    deflate.on('data', (chunk: Buffer) => chunks.push(chunk));
    deflate.write(text);
    deflate.flush(constants.Z_SYNC_FLUSH, () => {
      deflate.removeAllListeners('data');
      resolve(Buffer.concat(chunks).subarray(0, -TAIL.length));
    });
  });
}

/** A frame of a client with a whole compressed text. */
function compressed(payload: Buffer): Buffer {
  const bytes = frame(TEXT, payload);
  bytes[0] = (bytes[0] as number) | 0x40;
  return bytes;
}
