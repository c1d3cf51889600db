import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandlerMessage } from '../../../src/codec/mongrel2/index.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';

const ROUTES = [
  { path: '/h', target: handlerOf() },
  { path: '@chat', target: handlerOf() },
  { path: '<chat', target: handlerOf() },
].map(({ path }, _, [first]) => ({ path, target: (first as { target: ReturnType<typeof handlerOf> }).target }));

function messageOf({ path, headers, body }: HandlerMessage): unknown[] {
  return [headers.get('METHOD'), path, body.toString('latin1')];
}

test('a JSON socket sends messages, and gets answers in base64 without their NUL', async (t) => {
  const rig = await startSite(t, { routes: ROUTES });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('@chat {"say":1}\0@chat {"say":2}\0');
  const first = await handler.next();
  assert.deepEqual(messageOf(first), ['JSON', '@chat', '{"say":1}']);
  assert.deepEqual(
    [first.headers.get('PATH'), first.headers.get('PATTERN'), first.headers.get('REMOTE_ADDR')],
    ['@chat', '@chat', '127.0.0.1'],
  );
  const second = await handler.next();
  assert.deepEqual([messageOf(second), second.id], [['JSON', '@chat', '{"say":2}'], first.id]);
  handler.answer(first.id, '{"ok":true}\0');
  assert.equal(await client.takeBytes(16), Buffer.from('{"ok":true}').toString('base64'));
  handler.answer(first.id, '');
  assert.equal(await client.takeAll(), '');
});

test('an XML socket sends elements', async (t) => {
  const rig = await startSite(t, { routes: ROUTES });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('<chat to="x">hello</chat>\0');
  const message = await handler.next();
  assert.deepEqual(messageOf(message), ['XML', '<chat', '<chat to="x">hello</chat>']);
  client.end();
  assert.equal(await handler.nextGone(), message.id);
});

test('with raw_payload answers are as the handler wrote them', async (t) => {
  const rig = await startSite(t, { routes: [{ path: '@chat', target: handlerOf({ rawPayload: true }) }] });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('@chat {}\0');
  const { id } = await handler.next();
  handler.answer(id, 'raw\0');
  assert.equal(await client.takeBytes(4), 'raw\0');
});

test('one answer reaches clients of HTTP and of sockets, each in its way', async (t) => {
  const rig = await startSite(t, { routes: ROUTES });
  const handler = await rig.handler();
  const http = await rig.ask(handler);
  const sockets = await Promise.all([rig.ask(handler, '@chat {}\0'), rig.ask(handler, '<chat/>\0')]);
  handler.answer([http.id, ...sockets.map(({ id }) => id)], 'to all');
  assert.equal(await http.client.takeBytes(6), 'to all');
  for (const { client } of sockets) assert.equal(await client.takeBytes(8), 'dG8gYWxs');
});

test('pings are taken, and not passed on', async (t) => {
  const rig = await startSite(t, { routes: ROUTES });
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write('@chat {"type":"ping"}\0@chat {"type":"pong"}\0');
  assert.deepEqual(messageOf(await handler.next()), ['JSON', '@chat', '{"type":"pong"}']);
});

test('a message without a route gets a 404 in HTTP', async (t) => {
  const rig = await startSite(t, {
    routes: [{ path: '/h', target: handlerOf() }],
    settings: { downloadFlowControl: true },
  });
  const client = await rig.connect();
  client.write('@other {}\0');
  assert.match(await client.takeAll(), /^HTTP\/1\.1 404 Not Found\r\n.*\r\nConnection: close\r\n\r\nNot Found$/s);
});

test('a Flash client may do all', async (t) => {
  const rig = await startSite(t, { routes: ROUTES, settings: { downloadFlowControl: true } });
  const client = await rig.connect();
  client.write('<policy-file-request/>\0');
  assert.match(await client.takeAll(), /^<\?xml .*<allow-access-from domain="\*" to-ports="\*"\/>.*\0$/s);
  assert.equal(rig.site.connections.size, 0);
});

for (const [what, text] of [
  ['HTTP after a message', '@chat {}\0GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['a message that is not JSON', '@chat {}\0@chat hello\0'],
  ['a message without an end', `@chat {}\0@chat {${' '.repeat(300_000)}`],
] as const) {
  test(`${what} closes the connection with a notice`, async (t) => {
    const rig = await startSite(t, { routes: ROUTES });
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(text);
    const { id } = await handler.next();
    assert.equal(await handler.nextGone(), id);
    assert.equal(rig.counters.clientsBroken, 1);
  });
}

test('a message that drips in is one message', async (t) => {
  const rig = await startSite(t, { routes: ROUTES });
  const handler = await rig.handler();
  const client = await rig.connect();
  for (const byte of '@chat {"drip":1}\0') {
    await new Promise((resolve) => client.socket.write(byte, resolve));
  }
  assert.deepEqual(messageOf(await handler.next()), ['JSON', '@chat', '{"drip":1}']);
});
