import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { type Changes, eventually, type RunningApp, startApp } from '../support/running-app.ts';
import { openWs, startWsOrigin, WsPeer } from '../support/websocket/ws-peers.ts';

interface Site {
  readonly app: RunningApp;
  readonly client: WsPeer;
  readonly origin: WsPeer;
}

/** A client whose origin accepts with `extension`, through a route with these properties of its target. */
async function site(
  t: TestContext,
  extension = 'grip',
  route = '*',
  target = '',
  changes: Changes = {},
): Promise<Site> {
  const server = await startWsOrigin(t, {}, extension === '' ? [] : [`Sec-WebSocket-Extensions: ${extension}`]);
  const app = await startApp(t, [`${route} ${server.address}${target}`], changes);
  const client = await openWs(t, `ws://${app.address}/`);
  return { app, client, origin: (await server.accept()).peer };
}

function control(message: object): string {
  return `c:${JSON.stringify(message)}`;
}

function ws(channel: string, format: object): object {
  return { channel, formats: { 'ws-message': format } };
}

test('an origin that speaks GRIP sends with the prefix m:, and what it sends without one is dropped', async (t) => {
  const { client, origin } = await site(t);
  assert.equal(client.socket.extensions, '');
  origin.send('dropped');
  origin.send('m:hello');
  origin.send(Buffer.from('m:\0'));
  origin.send('m');
  origin.send('m:');
  for (const event of ['text hello', 'binary 00', 'text ']) assert.equal(await client.next(), event);
  client.send('m:up');
  assert.equal(await origin.next(), 'text m:up');
});

test('an origin chooses another prefix, or none', async (t) => {
  const other = await site(t, 'grip; message-prefix="x\\"-"');
  other.origin.send('m:no');
  other.origin.send('x"-yes');
  assert.equal(await other.client.next(), 'text yes');
  const none = await site(t, 'grip; message-prefix=""');
  none.origin.send(control({ type: 'subscribe', channel: 'a' }));
  none.origin.send('m:all');
  assert.equal(await none.client.next(), 'text m:all');
});

test('a message of the origin in fragments is told by its first bytes', async (t) => {
  const { app, client, origin } = await site(t);
  const fragment = (data: string, fin: boolean): void => origin.socket.send(data, { fin });
  fragment('m', false);
  fragment(':on', false);
  fragment('e', true);
  fragment('n', false);
  fragment('ot m:', true);
  fragment('c:{"type":"subscribe",', false);
  fragment('"channel":"a"}', true);
  assert.equal(await client.next(), 'text one');
  await app.held();
  await app.publish(ws('a', { content: 'published' }));
  assert.equal(await client.next(), 'text published');
});

test('a subscribed client gets what is published, with its types, until it is unsubscribed', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*,prefix=p-');
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  await app.publish(
    ws('p-a', { content: 'text' }),
    ws('p-a', { 'content-bin': Buffer.from([1, 2]).toString('base64') }),
    ws('a', { content: 'for another' }),
    ws('p-a', { type: 'ping', content: 'i' }),
    ws('p-a', { type: 'pong' }),
    ws('p-a', { type: 'binary', content: 'b' }),
    ws('p-a', { action: 'hint' }),
    ws('p-a', { content: '' }),
  );
  for (const event of ['text text', 'binary 0102', 'ping i', 'pong ', 'binary 62', 'text ']) {
    assert.equal(await client.next(), event);
  }
  origin.send(control({ type: 'unsubscribe', channel: 'a' }));
  origin.send('m:unsubscribed');
  assert.equal(await client.next(), 'text unsubscribed');
  await app.publish(ws('p-a', { content: 'unheard' }));
  origin.send('m:end');
  assert.equal(await client.next(), 'text end');
});

test('a large published message is divided into frames of 16,384 bytes', async (t) => {
  const { app, client, origin } = await site(t);
  const frames: number[] = [];
  const socket = (client.socket as unknown as { _socket: NodeJS.EventEmitter })._socket;
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  const content = 'x'.repeat(40_000);
  await app.publish(ws('a', { content }));
  assert.equal(await client.next(), `text ${content}`);
  const bytes = Buffer.concat(received);
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    frames.push(length);
    at += 4 + length;
  }
  assert.deepEqual(frames, [16_384, 16_384, 40_000 - 2 * 16_384]);
});

test('a published close goes to the client with its code and reason; the origin gets 1000', async (t) => {
  const { app, client, origin } = await site(t);
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  await app.publish(ws('a', { content: 'last' }), ws('a', { action: 'close', code: 4444, reason: 'kicked' }));
  assert.equal(await client.next(), 'text last');
  assert.equal(await client.next(), 'close 4444 kicked');
  assert.equal(await origin.next(), 'close 1000');
  await app.nobodyHeld();
});

test('a detached client stays, gets what is published, and is not heard', async (t) => {
  const { app, client, origin } = await site(t);
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  origin.send(control({ type: 'detach' }));
  assert.equal(await origin.next(), 'close 1000');
  for (let i = 0; i < 5; i++) client.send('x'.repeat(50_000));
  client.socket.ping('alive');
  assert.equal(await client.next(), 'pong alive');
  await app.publish(ws('a', { content: 'still here' }));
  assert.equal(await client.next(), 'text still here');
  client.socket.close(4000, 'done');
  assert.equal(await client.next(), 'close 4000 done');
  await app.nobodyHeld();
});

test('keep-alives are sent at an interval, and can be switched off', async (t) => {
  const { client, origin } = await site(t);
  origin.send(control({ type: 'keep-alive', 'message-type': 'ping', content: 'k', timeout: 1, mode: 'interval' }));
  assert.equal(await client.next(), 'ping k');
  origin.send(control({ type: 'keep-alive', content: 'idle', timeout: 1 }));
  assert.equal(await client.next(), 'text idle');
  origin.send(control({ type: 'keep-alive' }));
  origin.send('m:end');
  assert.equal(await client.next(), 'text end');
});

test('a delayed message is sent after its time, or when it is flushed, and a new one replaces it', async (t) => {
  const { client, origin } = await site(t);
  origin.send(control({ type: 'send-delayed', content: 'replaced', timeout: 0 }));
  origin.send(control({ type: 'send-delayed', content: 'late', timeout: 1 }));
  assert.equal(await client.next(), 'text late');
  origin.send(control({ type: 'send-delayed', 'content-bin': 'AQ==', 'message-type': 'binary', timeout: 500 }));
  origin.send(control({ type: 'flush-delayed' }));
  origin.send(control({ type: 'flush-delayed' }));
  origin.send('m:end');
  assert.equal(await client.next(), 'binary 01');
  assert.equal(await client.next(), 'text end');
});

test('auto-respond rules respond to messages in place of the origin', async (t) => {
  const { client, origin } = await site(t);
  origin.send(control({ type: 'auto-respond', 'match-message-type': 'ping', 'message-type': 'pong' }));
  origin.send(
    control({
      type: 'auto-respond',
      'match-message-type': 'text',
      'match-content': 'ping',
      'match-content-ptr': '/type',
      content: '{"type":"pong"}',
    }),
  );
  origin.send('m:ready');
  assert.equal(await client.next(), 'text ready');
  client.socket.ping('x');
  client.send('{"type":"ping"}');
  client.send('{"type":"other"}');
  assert.equal(await client.next(), 'pong x');
  assert.equal(await client.next(), 'text {"type":"pong"}');
  assert.equal(await origin.next(), 'text {"type":"other"}');
  origin.send(control({ type: 'auto-respond', 'match-message-type': 'ping' }));
  origin.send('m:removed');
  assert.equal(await client.next(), 'text removed');
  client.socket.ping('y');
  assert.equal(await origin.next(), 'ping y');
});

test('bad control messages are ignored, and the WebSocket goes on', async (t) => {
  const { app, client, origin } = await site(t);
  const bad = [
    'c:',
    'c:{',
    'c:[]',
    control({}),
    control({ type: 'fly' }),
    control({ type: 'subscribe' }),
    control({ type: 'subscribe', channel: 1 }),
    control({ type: 'keep-alive', content: 'x', timeout: -1 }),
    control({ type: 'send-delayed' }),
    control({ type: 'send-delayed', 'message-type': 'ping', content: 'x'.repeat(126) }),
    control({ type: 'auto-respond' }),
    control({ type: 'session', id: 'some' }),
    control({ type: 'set-meta', name: 'user', value: 'me' }),
    control({ type: 'set-meta' }),
    `c:${' '.repeat(70_000)}`,
  ];
  for (const text of bad) origin.send(text);
  origin.send('m:end');
  assert.equal(await client.next(), 'text end');
  assert.equal(app.counters.faults, 0);
});

test('a subscription with over 5 filters closes the WebSocket with 1011', async (t) => {
  const { client, origin } = await site(t);
  origin.send(control({ type: 'subscribe', channel: 'a', filters: ['1', '2', '3', '4', '5', '6'] }));
  assert.equal(await client.next(), 'close 1011');
  assert.equal(await origin.next(), 'close 1000');
});

test('channels beyond the limit of one connection are ignored', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*', '', { hub: { connectionSubscriptionMax: 2 } });
  for (const channel of ['a', 'b', 'a', 'c', 'd']) origin.send(control({ type: 'subscribe', channel }));
  origin.send('m:end');
  assert.equal(await client.next(), 'text end');
  await app.publish(ws('c', { content: 'c' }), ws('b', { content: 'b' }));
  assert.equal(await client.next(), 'text b');
  assert.equal(app.counters.subscriptionsDropped, 2);
  assert.equal(app.log.with('too many channels for one connection').length, 1);
});

test('clients of a target with sub= are subscribed without a word of the origin, and cannot be unsubscribed', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*,prefix=p-', ',sub=all,sub=more');
  await app.held(2);
  origin.send(control({ type: 'unsubscribe', channel: 'all' }));
  origin.send('m:end');
  assert.equal(await client.next(), 'text end');
  await app.publish(ws('all', { content: 'one' }), ws('more', { content: 'two' }));
  assert.equal(await client.next(), 'text one');
  assert.equal(await client.next(), 'text two');
  const plain = await site(t, '', '*', ',sub=all');
  await plain.app.held();
  plain.origin.send('m:as it is');
  assert.equal(await plain.client.next(), 'text m:as it is');
  await plain.app.publish(ws('all', { content: 'one' }));
  assert.equal(await plain.client.next(), 'text one');
});

test('what is published comes between the messages of the origin, never within one', async (t) => {
  const { app, client, origin } = await site(t);
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  origin.socket.send('m:be', { fin: false });
  await app.publish(ws('a', { content: 'published' }));
  origin.socket.send('gin', { fin: true });
  assert.equal(await client.next(), 'text begin');
  assert.equal(await client.next(), 'text published');
});

test('a client that takes nothing loses what its queue has no room for, and gets the rest later', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*', '', { hub: { queueItems: 10 } });
  origin.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  client.socket.pause();
  const content = 'x'.repeat(60_000);
  for (let i = 0; app.counters.itemsDropped === 0; i++) {
    assert.ok(i < 1_000);
    await app.publish(ws('a', { content }));
  }
  const dropped = app.log.of('slow client: items dropped');
  assert.equal(dropped.length, 1);
  assert.match(String(dropped[0]?.requestId), /^[0-9a-f]+-\d+-1$/);
  client.socket.resume();
  assert.equal(await client.next(), `text ${content}`);
  await app.log.heard('slow client has caught up');
});

test('the filters of a subscription look at the metadata that the origin sets', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*,prefix=p-');
  origin.send(control({ type: 'set-meta', name: 'user', value: 'me' }));
  origin.send(control({ type: 'subscribe', channel: 'a', filters: ['skip-self', 'skip-users', 'require-sub'] }));
  await app.held();
  const item = (content: string, meta: object) => ({ ...ws('p-a', { content }), meta });
  await app.publish(
    item('mine', { sender: 'me' }),
    item('for others', { skip_users: 'you, me' }),
    item('for members', { require_sub: 'p-b' }),
    { ...ws('p-a', { action: 'close' }), meta: { require_sub: 'p-b' } },
    item('all', { sender: 'you' }),
  );
  assert.equal(await client.next(), 'text all');
  origin.send(control({ type: 'set-meta', name: 'user' }));
  origin.send('m:removed');
  assert.equal(await client.next(), 'text removed');
  await app.publish(item('mine', { sender: 'me' }));
  assert.equal(await client.next(), 'text mine');
});

test('content is filled in for each WebSocket, and one without filters gets none that counts on them', async (t) => {
  const { app, client, origin } = await site(t);
  origin.send(control({ type: 'subscribe', channel: 'plain' }));
  origin.send(control({ type: 'subscribe', channel: 'a', filters: ['var-subst'] }));
  origin.send(control({ type: 'set-meta', name: 'name', value: 'Zoë' }));
  origin.send(control({ type: 'set-meta', name: 'long', value: 'x'.repeat(126) }));
  origin.send('m:ready');
  assert.equal(await client.next(), 'text ready');
  const filtered = { 'content-filters': ['var-subst'] };
  await app.publish(
    ws('plain', { content: '%(name)s', ...filtered }),
    ws('plain', { content: '%(name)s', 'content-filters': [] }),
    ws('a', { content: 'none', 'content-filters': [] }),
    ws('a', { content: '%(other)s' }),
    ws('a', { type: 'ping', content: '%(long)s', ...filtered }),
    ws('a', { type: 'ping', content: '%(name)s', ...filtered }),
    ws('a', { content: '<%(name)s>', ...filtered }),
  );
  for (const event of ['text %(name)s', 'ping Zoë', 'text <Zoë>']) assert.equal(await client.next(), event);
  assert.equal(app.counters.filterErrors, 2);
});

test('a filter that cannot be applied closes the WebSocket of a route with debug', async (t) => {
  const { app, client, origin } = await site(t, 'grip', '*,debug');
  origin.send(control({ type: 'subscribe', channel: 'a', filters: ['var-subst'] }));
  await app.held();
  await app.publish(ws('a', { content: '%(none)s' }));
  assert.match(await client.next(), /^close 1011 filter error: var-subst: /);
  assert.equal(await origin.next(), 'close 1000');
  await app.nobodyHeld();
});

test('an origin that sets very much metadata has its WebSocket closed with 1011', async (t) => {
  const { client, origin } = await site(t);
  for (const name of ['a', 'b']) origin.send(control({ type: 'set-meta', name, value: 'x'.repeat(20_000) }));
  assert.equal(await client.next(), 'close 1011');
});

test('a client whose messages are compressed gets the whole of a batch that is large, and not compressed at once', async (t) => {
  const server = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
  const app = await startApp(t, [`* ${server.address}`], { server: { compression: true } });
  const client = new WsPeer(new WebSocket(`ws://${app.address}/`));
  t.after(() => client.socket.terminate());
  const { peer } = await server.accept();
  peer.send(control({ type: 'subscribe', channel: 'a' }));
  await app.held();
  const contents = Array.from({ length: 2_000 }, (_, i) => String(i).padStart(5, '0'));
  for (let i = 0; i < 2_000; i += 500) {
    await app.publish(...contents.slice(i, i + 500).map((content) => ws('a', { content })));
  }
  await eventually(() => client.events.length === contents.length || app.counters.itemsDropped > 0);
  assert.match(client.socket.extensions, /permessage-deflate/);
  assert.deepEqual(
    client.events,
    contents.map((content) => `text ${content}`),
  );
});
