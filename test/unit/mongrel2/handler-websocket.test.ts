import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandlerMessage } from '../../../src/codec/mongrel2/index.ts';
import { BINARY, encodeFrame, encodeMaskedFrame, type Opcode, TEXT } from '../../../src/codec/websocket/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { type SiteRig, startSite, type TestHandler } from '../../support/mongrel2/site-rig.ts';
import type { RawClient } from '../../support/raw-client.ts';

// RFC 6455 §1.3.
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const FIELDS = `Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n`;
const HANDSHAKE = `GET /h?room=1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n${FIELDS}\r\n`;
const SWITCH = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`;

const MASK = 0x01020304;

function frame(text: string, opcode: Opcode = TEXT, more = false): Buffer {
  return encodeMaskedFrame(opcode, Buffer.from(text), MASK, more);
}

/** A masked frame with any first byte. */
function odd(first: number, text: string): Buffer {
  const bytes = frame(text);
  bytes[0] = first;
  return bytes;
}

/** An open WebSocket. */
async function opened(rig: SiteRig, handler: TestHandler): Promise<{ client: RawClient; id: number }> {
  const { client, id } = await rig.ask(handler, HANDSHAKE);
  handler.answer(id, SWITCH);
  assert.equal(await client.takeBytes(SWITCH.length), SWITCH);
  return { client, id };
}

function frameOf({ headers, body }: HandlerMessage): unknown[] {
  return [headers.get('METHOD'), headers.get('FLAGS'), body.toString()];
}

test('a handler gets the accept key, and then the messages with the headers of the handshake', async (t) => {
  for (const protocol of ['json', 'tnetstring'] as const) {
    const rig = await startSite(t, { routes: [{ path: '/h', target: handlerOf({ protocol }) }] });
    const handler = await rig.handler();
    const client = await rig.connect();
    client.write(HANDSHAKE);
    const handshake = await handler.next();
    assert.deepEqual(frameOf(handshake), ['WEBSOCKET_HANDSHAKE', undefined, ACCEPT]);
    handler.answer(handshake.id, SWITCH);
    await client.takeBytes(SWITCH.length);
    client.write(frame('hello'));
    const message = await handler.next();
    assert.deepEqual(frameOf(message), ['WEBSOCKET', '0x81', 'hello']);
    assert.deepEqual([message.path, message.id], ['/h', handshake.id]);
    const { METHOD: _, ...fields } = Object.fromEntries(handshake.headers);
    assert.deepEqual(Object.fromEntries(message.headers), { ...fields, METHOD: 'WEBSOCKET', FLAGS: '0x81' });
    assert.deepEqual([fields['sec-websocket-key'], fields.QUERY], [KEY, 'room=1']);
    handler.answer(handshake.id, encodeFrame(TEXT, Buffer.from('world')));
    assert.equal(await client.takeBytes(7), '\x81\x05world');
  }
});

test('fragments are joined, control frames pass at once, and odd bits are in FLAGS', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const { client } = await opened(rig, handler);
  client.write(Buffer.concat([frame('frag', BINARY, true), odd(0x89, 'ping'), odd(0x00, 'men'), odd(0x80, 'ts')]));
  assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x89', 'ping']);
  assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x82', 'fragments']);
  for (const first of [0x83, 0xc1, 0x8a, 0x8b, 0x88]) {
    client.write(odd(first, 'x'));
    const flags = `0x${first.toString(16).toUpperCase()}`;
    assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', flags, 'x']);
  }
});

for (const [what, bytes] of [
  ['an unmasked frame', Buffer.from([0x81, 1, 0x78])],
  ['a fragmented ping', odd(0x09, 'x')],
  ['a long ping', encodeMaskedFrame(0x02, Buffer.alloc(126), MASK).fill(0x89, 0, 1)],
  ['a continuation of nothing', odd(0x80, 'x')],
  ['a length with the highest bit', Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1])],
  ['a giant frame', Buffer.from([0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0])],
] as const) {
  test(`${what} closes the connection with a notice, and no other`, async (t) => {
    const rig = await startSite(t);
    const handler = await rig.handler();
    const other = await opened(rig, handler);
    const { client, id } = await opened(rig, handler);
    client.write(frame('before'));
    client.write(bytes);
    assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x81', 'before']);
    assert.equal(await handler.nextGone(), id);
    assert.equal(await client.takeAll(), '');
    assert.equal(rig.counters.clientsBroken, 1);
    other.client.write(frame('still here'));
    assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x81', 'still here']);
  });
}

test('messages sent with the handshake are messages', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const client = await rig.connect();
  client.write(Buffer.concat([Buffer.from(HANDSHAKE), frame('early')]));
  assert.equal((await handler.next()).headers.get('METHOD'), 'WEBSOCKET_HANDSHAKE');
  assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x81', 'early']);
});

test('what is no valid handshake is a request', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  for (const fields of [
    FIELDS.replace('Upgrade: websocket', 'Upgrade: h2c'),
    FIELDS.replace(KEY, 'short'),
    FIELDS.replace('keep-alive, Upgrade', 'keep-alive'),
    FIELDS.replace('Version: 13', 'Version: 8'),
  ]) {
    const client = await rig.connect();
    client.write(`GET /h HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n`);
    assert.equal((await handler.next()).headers.get('METHOD'), 'GET');
    client.reset();
    await handler.nextGone();
  }
});

test('a client that leaves brings a notice, and one that its handler closes does not', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const first = await opened(rig, handler);
  handler.answer(first.id, '');
  await first.client.ended;
  const second = await opened(rig, handler);
  second.client.end();
  assert.equal(await handler.nextGone(), second.id);
});

test('a client whose handler takes nothing is not read, and loses nothing', async (t) => {
  const rig = await startSite(t, { unix: true });
  const handler = await rig.handler();
  const { client } = await opened(rig, handler);
  handler.pull.pause();
  const text = 'x'.repeat(60_000);
  const count = 1_000;
  let sent = 0;
  const sending = (async () => {
    for (; sent < count; sent++) {
      await new Promise((resolve) => client.socket.write(frame(`${sent} ${text}`), resolve));
    }
  })();
  let last = -1;
  while (sent !== last) {
    last = sent;
    for (let i = 0; i < 2_000; i++) await turn();
  }
  assert.ok(sent < count, 'the client has to wait');
  assert.ok(rig.site.inputs.bytes < 1_000_000, `${rig.site.inputs.bytes} bytes wait`);
  handler.pull.resume();
  for (let i = 0; i < count; i++) assert.ok((await handler.next()).body.toString('latin1', 0, 8).startsWith(`${i} `));
  await sending;
  assert.equal(rig.site.inputs.bytes, 0);
});

test('a WebSocket that waits for a process is opened by the first', async (t) => {
  const rig = await startSite(t);
  const client = await rig.connect();
  client.write(HANDSHAKE);
  const handler = await rig.handler();
  const { id, body } = await handler.next();
  assert.equal(body.toString(), ACCEPT);
  handler.answer(id, SWITCH);
  await client.takeBytes(SWITCH.length);
  client.write(frame('hello'));
  assert.deepEqual(frameOf(await handler.next()), ['WEBSOCKET', '0x81', 'hello']);
});

test('the messages of a sticky handler reach one process', async (t) => {
  const target = handlerOf({ sticky: true });
  const rig = await startSite(t, { routes: [{ path: '/h', target }] });
  const handlers = [await rig.handler(), await rig.handler()];
  const client = await rig.connect();
  client.write(HANDSHAKE);
  const [index, { id }] = await Promise.race(handlers.map(async (each, i) => [i, await each.next()] as const));
  const owner = handlers[index] as TestHandler;
  owner.answer(id, SWITCH);
  await client.takeBytes(SWITCH.length);
  for (let i = 0; i < 20; i++) client.write(frame(String(i)));
  for (let i = 0; i < 20; i++) assert.deepEqual(frameOf(await owner.next()), ['WEBSOCKET', '0x81', String(i)]);
});

test('a connection counts as a socket once its handler has the WebSocket', async (t) => {
  const rig = await startSite(t);
  const handler = await rig.handler();
  const plain = await rig.ask(handler);
  const { id } = await opened(rig, handler);
  const types = [...rig.site.connections.statuses()].map((status) => [status.id, status.type]);
  assert.deepEqual(types, [
    [plain.id, 'http'],
    [id, 'socket'],
  ]);
});
