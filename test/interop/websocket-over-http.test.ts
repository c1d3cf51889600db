import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import WebSocket from 'ws';
import { freePorts } from '../support/free-ports.ts';
import { type Changes, eventually, type RunningApp, startApp } from '../support/running-app.ts';
import { type EventsOrigin, startEventsOrigin } from '../support/websocket/events-origin.ts';
import { openWs, refusedWs, type WsPeer } from '../support/websocket/ws-peers.ts';

interface Site {
  readonly app: RunningApp;
  readonly origin: EventsOrigin;
  readonly url: string;
}

const SHORT: Changes = { proxy: { overHttpMinKeepAlive: 1 } };
const GRIP = { 'Sec-WebSocket-Extensions': 'grip' };

async function site(t: TestContext, target = '', changes: Changes = {}, route = '*,debug'): Promise<Site> {
  const origin = await startEventsOrigin(t);
  const app = await startApp(t, [`${route} ${origin.address},over_http${target}`], changes);
  return { app, origin, url: `ws://${app.address}/chat?x=1` };
}

/** A client whose WebSocket the origin has accepted with these fields. */
async function accepted(
  t: TestContext,
  { origin, url }: Site,
  headers: Record<string, string> = {},
  more = '',
): Promise<WsPeer> {
  const opening = openWs(t, url);
  (await origin.next()).events(`OPEN\r\n${more}`, headers);
  return opening;
}

function control(message: object): string {
  const text = `c:${JSON.stringify(message)}`;
  return `TEXT ${text.length.toString(16)}\r\n${text}\r\n`;
}

function ws(channel: string, format: object): object {
  return { channel, formats: { 'ws-message': format } };
}

test('a WebSocket is opened by a POST with OPEN, and its messages are events', async (t) => {
  const here = await site(t, '', {}, '*,sig_key=secret');
  const opening = openWs(t, here.url, ['chat'], {
    Cookie: 'a=1',
    'Meta-User': 'forged',
    'Connection-Id': 'forged',
    Accept: 'x/y',
    'Grip-Last': 'forged',
  });
  const first = await here.origin.next();
  const { method, url } = first.request;
  assert.deepEqual([method, url, first.body], ['POST', '/chat?x=1', 'OPEN\r\n']);
  assert.equal(first.field('content-type'), 'application/websocket-events');
  assert.equal(first.field('accept'), 'application/websocket-events');
  assert.equal(first.field('content-length'), '6');
  const id = first.field('connection-id');
  assert.match(String(id), /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.equal(first.field('sec-websocket-extensions'), 'grip');
  assert.match(String(first.field('grip-sig')), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.equal(first.field('cookie'), 'a=1');
  assert.equal(first.field('sec-websocket-protocol'), 'chat');
  for (const name of ['meta-user', 'grip-last', 'upgrade', 'sec-websocket-key'])
    assert.equal(first.field(name), undefined);
  first.events('OPEN\r\nTEXT 5\r\nhello\r\nTEXT\r\nTEXT 0\r\n\r\n', {
    'Sec-WebSocket-Protocol': 'chat',
    'Set-Meta-User': 'me',
    'Set-Meta-Other': 'gone',
    'X-Mine': 'yes',
    'Content-Type': 'application/websocket-events; charset=utf-8',
  });
  const client = await opening;
  assert.equal(client.socket.protocol, 'chat');
  for (const event of ['text hello', 'text ', 'text ']) assert.equal(await client.next(), event);
  client.send('up');
  const second = await here.origin.next();
  assert.equal(second.body, 'TEXT 2\r\nup\r\n');
  assert.equal(second.field('connection-id'), id);
  assert.equal(second.field('meta-user'), 'me');
  assert.equal(second.field('cookie'), 'a=1');
  assert.equal(second.field('content-bytes-replayed'), undefined);
  second.events('BINARY 2F\r\n'.concat('x'.repeat(47), '\r\nPING 1\r\ni\r\nPONG\r\nFUTURE 1\r\nx\r\n'), {
    'Set-Meta-Other': '',
  });
  for (const event of [`binary ${'78'.repeat(47)}`, 'ping i', 'pong ']) assert.equal(await client.next(), event);
  client.socket.ping('p');
  const third = await here.origin.next();
  assert.deepEqual([third.body, third.field('meta-other')], ['PING 1\r\np\r\n', undefined]);
  third.events();
});

test('the fields of the response that opens it reach the client, without those for the proxy', async (t) => {
  const here = await site(t);
  const socket = new WebSocket(here.url);
  t.after(() => socket.terminate());
  const upgrade = new Promise<NodeJS.Dict<string | string[]>>((resolve) => {
    socket.on('upgrade', ({ headers }) => resolve(headers));
  });
  (await here.origin.next()).events('OPEN\r\n', {
    'X-Mine': 'yes',
    'Set-Meta-A': 'b',
    'Keep-Alive-Interval': '20',
    ...GRIP,
  });
  const headers = await upgrade;
  assert.equal(headers['x-mine'], 'yes');
  for (const name of [
    'set-meta-a',
    'keep-alive-interval',
    'content-type',
    'content-length',
    'sec-websocket-extensions',
  ]) {
    assert.equal(headers[name], undefined, name);
  }
});

test('messages that come during a request go in the next one, together, and with one_event one by one', async (t) => {
  const together = await site(t);
  const client = await accepted(t, together);
  client.send('a');
  const request = await together.origin.next();
  client.send('b');
  client.socket.send('c', { fin: false });
  client.socket.send('d');
  client.socket.ping();
  client.send('');
  const flush = new Promise((resolve) => client.socket.send('e', resolve));
  await flush;
  await eventually(() => true);
  request.events();
  let bodies = '';
  while (!bodies.endsWith('TEXT 1\r\ne\r\n')) {
    const next = await together.origin.next();
    bodies += next.body;
    next.events();
  }
  assert.equal(bodies, 'TEXT 1\r\nb\r\nTEXT 2\r\ncd\r\nPING\r\nTEXT\r\nTEXT 1\r\ne\r\n');
  const single = await site(t, ',one_event');
  const other = await accepted(t, single);
  for (const text of ['a', 'b', 'c']) other.send(text);
  for (const text of ['a', 'b', 'c']) {
    const next = await single.origin.next();
    assert.equal(next.body, `TEXT 1\r\n${text}\r\n`);
    next.events();
  }
});

test('GRIP works over it: prefix, subscriptions, and what is published', async (t) => {
  const here = await site(t);
  const client = await accepted(
    t,
    here,
    GRIP,
    `${control({ type: 'subscribe', channel: 'a' })}TEXT 4\r\nm:hi\r\nTEXT 2\r\nno\r\n`,
  );
  assert.equal(await client.next(), 'text hi');
  await here.app.publish(ws('a', { content: 'published' }));
  assert.equal(await client.next(), 'text published');
});

test('a part of a request that is not accepted is offered again with the next one', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.send('x');
  const first = await here.origin.next();
  client.socket.send('abc');
  await new Promise((resolve) => client.socket.send('def', resolve));
  first.events();
  let second = await here.origin.next();
  if (second.body === 'TEXT 3\r\nabc\r\n') {
    second.events('', { 'Content-Bytes-Accepted': '0' });
    second = await here.origin.next();
  }
  assert.equal(second.body, 'TEXT 3\r\nabc\r\nTEXT 3\r\ndef\r\n');
  second.events('TEXT 4\r\nnext\r\n', { 'Content-Bytes-Accepted': '4' });
  assert.equal(await client.next(), 'text next');
  assert.equal(here.origin.waiting, 0);
  client.send('bar');
  const third = await here.origin.next();
  assert.equal(third.body, 'TEXT 2\r\nef\r\nTEXT 3\r\nbar\r\n');
  assert.equal(third.field('content-bytes-replayed'), '2');
  third.events();
});

test('an origin that is not ready yet is asked again after its Keep-Alive-Interval', async (t) => {
  const here = await site(t, '', SHORT);
  const opening = openWs(t, here.url);
  (await here.origin.next()).events('', { 'Keep-Alive-Interval': '1' });
  const again = await here.origin.next();
  assert.equal(again.body, 'OPEN\r\n');
  again.events('OPEN\r\n');
  await opening;
});

test('with a Keep-Alive-Interval the origin is asked when nothing else is, until it is switched off', async (t) => {
  const here = await site(t, '', SHORT);
  const client = await accepted(t, here, { 'Keep-Alive-Interval': '1' });
  const first = await here.origin.next();
  assert.equal(first.body, '');
  first.events('TEXT 1\r\nx\r\n');
  assert.equal(await client.next(), 'text x');
  (await here.origin.next()).events('', { 'Keep-Alive-Interval': '0' });
  client.send('y');
  assert.equal((await here.origin.next()).body, 'TEXT 1\r\ny\r\n');
});

test('a refusal reaches the client', async (t) => {
  const here = await site(t);
  const refused = refusedWs(t, here.url);
  (await here.origin.next()).respond(403, 'Not you.', { 'X-Why': 'because' });
  const { response, body } = await refused;
  assert.deepEqual([response.statusCode, response.headers['x-why'], body], [403, 'because', 'Not you.']);
  const other = refusedWs(t, here.url);
  (await here.origin.next()).respond(200, 'OPEN\r\n', { 'Content-Type': 'text/plain' });
  assert.deepEqual([(await other).response.statusCode, (await other).body], [200, 'OPEN\r\n']);
});

for (const [title, body, headers, detail] of [
  ['is empty', '', {}, /neither events nor a Keep-Alive-Interval/],
  ['does not begin with OPEN', 'TEXT 1\r\nx\r\n', {}, /does not begin with OPEN/],
  ['is no events', 'OPEN', {}, /the line with its type does not end/],
  ['has a length that is not hexadecimal', 'OPEN\r\nTEXT x\r\nx\r\n', {}, /its first line is not/],
  ['has half an event', 'OPEN\r\nTEXT 5\r\nhel', {}, /shorter than its length/],
  ['has content without an end', 'OPEN\r\nTEXT 1\r\nxyz', {}, /does not end in CRLF/],
  ['keeps too much', 'OPEN\r\n', { 'Set-Meta-A': 'x'.repeat(20_000) }, /Set-Meta/],
] as const) {
  test(`an origin whose first response ${title} is a failure`, async (t) => {
    const here = await site(t);
    const refused = refusedWs(t, here.url);
    (await here.origin.next()).events(body, headers);
    const { response, body: text } = await refused;
    assert.equal(response.statusCode, 502);
    assert.match(text, detail);
  });
}

test('an origin that is not reached is a failure, and the next target is tried', async (t) => {
  const [dead] = await freePorts(1);
  const origin = await startEventsOrigin(t);
  const app = await startApp(t, [
    `* 127.0.0.1:${dead},over_http ${origin.address},over_http`,
    `dead 127.0.0.1:${dead},over_http`,
  ]);
  const opening = openWs(t, `ws://${app.address}/`);
  (await origin.next()).events('OPEN\r\n');
  await opening;
  const { response } = await refusedWs(t, `ws://${app.address}/`, { Host: 'dead' });
  assert.equal(response.statusCode, 502);
});

for (const [title, status, type, body] of [
  ['has another status', 500, 'application/websocket-events', ''],
  ['has another type', 200, 'text/plain', 'PING\r\n'],
  ['is half an event', 200, 'application/websocket-events', 'TEXT 5\r\nhel'],
  ['is too large', 200, 'application/websocket-events', 'x'.repeat(1_000_001)],
  ['opens it again', 200, 'application/websocket-events', 'OPEN\r\n'],
  ['disconnects', 200, 'application/websocket-events', 'DISCONNECT\r\nTEXT 1\r\nx\r\n'],
  ['has text that is not UTF-8', 200, 'application/websocket-events', 'TEXT 1\r\n\xff\r\n'],
  ['closes with half a code', 200, 'application/websocket-events', 'CLOSE 1\r\n\x03\r\n'],
] as const) {
  test(`a response to an open WebSocket that ${title} drops the client`, async (t) => {
    const here = await site(t);
    const client = await accepted(t, here);
    client.send('x');
    (await here.origin.next()).respond(status, Buffer.from(body, 'latin1'), { 'Content-Type': type });
    assert.equal(await client.next(), 'close 1006');
    assert.equal(here.origin.waiting, 0);
  });
}

for (const [status, type, what] of [
  [503, 'text/html', '503'],
  [200, 'text/plain', '200 and type text/plain'],
] as const) {
  test(`the log says that the origin of an open WebSocket responded with ${what}`, async (t) => {
    const here = await site(t);
    const client = await accepted(t, here);
    client.send('x');
    (await here.origin.next()).respond(status, 'Sorry', { 'Content-Type': type });
    assert.equal(await client.next(), 'close 1006');
    const record = here.app.log.records.find(({ fields }) => fields.code === 'HF_ORIGIN_WEBSOCKET');
    assert.equal(record?.fields.detail, `the origin responded with ${what} after it had accepted the WebSocket`);
  });
}

for (const accepts of ['9', '-1', 'x']) {
  test(`an origin that accepts ${accepts} of 3 bytes drops the client`, async (t) => {
    const here = await site(t);
    const client = await accepted(t, here);
    client.send('abc');
    (await here.origin.next()).events('', { 'Content-Bytes-Accepted': accepts });
    assert.equal(await client.next(), 'close 1006');
  });
}

test('messages before a DISCONNECT reach the client', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.send('x');
  (await here.origin.next()).events('TEXT 4\r\nlast\r\nDISCONNECT\r\n');
  assert.equal(await client.next(), 'text last');
  assert.equal(await client.next(), 'close 1006');
});

test('the close of the client goes to the origin, and its own comes back', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.socket.close(4001, 'bye');
  const request = await here.origin.next();
  assert.equal(request.body, 'CLOSE 5\r\n\x0f\xa1bye\r\n');
  request.events(Buffer.from('CLOSE 4\r\n\x0f\xa1ok\r\n', 'latin1'));
  assert.equal(await client.next(), 'close 4001 ok');
  assert.equal(here.origin.waiting, 0);
});

test('an origin that does not return the close drops the client, or is asked again with a Keep-Alive-Interval', async (t) => {
  const here = await site(t, '', SHORT);
  const client = await accepted(t, here);
  client.socket.close(1000);
  (await here.origin.next()).events();
  assert.equal(await client.next(), 'close 1006');
  const other = await accepted(t, here);
  other.socket.close(1000);
  (await here.origin.next()).events('', { 'Keep-Alive-Interval': '1' });
  const again = await here.origin.next();
  assert.equal(again.body, '');
  again.events(Buffer.from('CLOSE 2\r\n\x03\xe8\r\n', 'latin1'));
  assert.equal(await other.next(), 'close 1000');
});

test('the origin closes first, and gets the close of the client', async (t) => {
  const here = await site(t, '', SHORT);
  const client = await accepted(t, here, { 'Keep-Alive-Interval': '1' });
  client.send('x');
  (await here.origin.next()).events(Buffer.from('CLOSE 2\r\n\x0f\xa1\r\nTEXT 1\r\ny\r\n', 'latin1'));
  assert.equal(await client.next(), 'close 4001');
  const request = await here.origin.next();
  assert.equal(request.body, 'CLOSE 2\r\n\x0f\xa1\r\n');
  request.events();
});

test('the origin is told that the client has left', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.socket.terminate();
  const request = await here.origin.next();
  assert.equal(request.body, 'DISCONNECT\r\n');
  request.respond(500);
});

test('a detached origin gets CLOSE and nothing more', async (t) => {
  const here = await site(t, '', SHORT);
  const client = await accepted(
    t,
    here,
    { ...GRIP, 'Keep-Alive-Interval': '1' },
    control({ type: 'subscribe', channel: 'a' }) + control({ type: 'detach' }),
  );
  const request = await here.origin.next();
  assert.equal(request.body, 'CLOSE\r\n');
  request.events('TEXT 4\r\nm:no\r\n');
  client.send('unheard');
  await here.app.publish(ws('a', { content: 'published' }));
  assert.equal(await client.next(), 'text published');
  client.socket.close(1000);
  assert.equal(await client.next(), 'close 1000');
  assert.equal(here.origin.waiting, 0);
});

test('a published close reaches the client with its code, and the origin as an empty CLOSE', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here, GRIP, control({ type: 'subscribe', channel: 'a' }));
  await here.app.held();
  await here.app.publish(ws('a', { action: 'close', code: 4000, reason: 'out' }));
  assert.equal(await client.next(), 'close 4000 out');
  const request = await here.origin.next();
  assert.equal(request.body, 'CLOSE\r\n');
  request.events();
});

test('a published refresh asks the origin, at once or after the present request', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here, GRIP, control({ type: 'subscribe', channel: 'a' }));
  await here.app.held();
  await here.app.publish(ws('a', { action: 'refresh' }));
  const first = await here.origin.next();
  assert.equal(first.body, '');
  await here.app.publish(ws('a', { action: 'refresh' }));
  first.events('TEXT 3\r\nm:1\r\n');
  assert.equal(await client.next(), 'text 1');
  const second = await here.origin.next();
  assert.equal(second.body, '');
  second.events('TEXT 3\r\nm:2\r\n');
  assert.equal(await client.next(), 'text 2');
});

test('a message that is too big closes the WebSocket with 1009', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.send('x'.repeat(200_000));
  const request = await here.origin.next();
  assert.equal(request.body.length, 'TEXT 30d40\r\n\r\n'.length + 200_000);
  request.events();
  client.send('x'.repeat(200_001));
  assert.equal(await client.next(), 'close 1009 message too big');
  assert.equal((await here.origin.next()).body, 'DISCONNECT\r\n');
});

test('a full request of which nothing is accepted drops the client', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.send('x'.repeat(200_000));
  (await here.origin.next()).events('', { 'Content-Bytes-Accepted': '0' });
  assert.equal(await client.next(), 'close 1006');
});

test('a close that is not accepted drops the client', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.socket.close(1000);
  (await here.origin.next()).events('', { 'Content-Bytes-Accepted': '1' });
  assert.equal(await client.next(), 'close 1006');
});

test('a request that broke after it was sent is not sent again', async (t) => {
  const here = await site(t);
  const client = await accepted(t, here);
  client.send('x');
  (await here.origin.next()).destroy();
  assert.equal(await client.next(), 'close 1006');
  assert.equal(here.origin.waiting, 0);
});

test('a client that sends events itself gets 403', async (t) => {
  const here = await site(t);
  const response = await fetch(`http://${here.app.address}/`, {
    method: 'POST',
    body: 'OPEN\r\n',
    headers: { 'Content-Type': 'application/websocket-events; x=y' },
  });
  assert.deepEqual(
    [response.status, await response.text()],
    [403, 'Client not allowed to send WebSocket events directly.\n'],
  );
  assert.equal(here.origin.waiting, 0);
});

test('a request that does not reach the origin is sent again, with a fresh signature, and then the client goes on', async (t) => {
  const [port = 0] = await freePorts(1);
  const first = await startEventsOrigin(t, port);
  const app = await startApp(t, [`*,sig_key=secret 127.0.0.1:${port},over_http`], { proxy: { poolMaxIdle: 0 } });
  const opening = openWs(t, `ws://${app.address}/`);
  (await first.next()).events('OPEN\r\n');
  const client = await opening;
  first.stop();
  client.send('x');
  await app.log.heard('events are sent again');
  client.send('y');
  const second = await startEventsOrigin(t, port);
  const again = await second.next();
  assert.equal(again.body, 'TEXT 1\r\nx\r\n');
  assert.match(String(again.field('grip-sig')), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  again.events();
  assert.equal((await second.next()).body, 'TEXT 1\r\ny\r\n');
});

test('a client that leaves during a retry is still reported to the origin', async (t) => {
  const [port = 0] = await freePorts(1);
  const first = await startEventsOrigin(t, port);
  const app = await startApp(t, [`* 127.0.0.1:${port},over_http`], { proxy: { poolMaxIdle: 0 } });
  const opening = openWs(t, `ws://${app.address}/`);
  (await first.next()).events('OPEN\r\n');
  const client = await opening;
  first.stop();
  client.socket.terminate();
  await app.log.heard('events are sent again');
  const second = await startEventsOrigin(t, port);
  const again = await second.next();
  assert.equal(again.body, 'DISCONNECT\r\n');
  again.events();
});
