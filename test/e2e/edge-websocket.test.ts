import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { BINARY, CLOSE, CONTINUATION, encodeMaskedFrame, PING, TEXT } from '../../src/codec/websocket/index.ts';
import { type Edge, startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { handshake, openRawWebSocket, openWebSocket, WebSocketClient } from '../support/edge/websocket-client.ts';
import { connectTo } from '../support/raw-client.ts';

async function start(t: TestContext, args: readonly string[] = []): Promise<{ edge: Edge; handler: Handler }> {
  const edge = await startEdge(t, args);
  return { edge, handler: await Handler.start(t, edge.base) };
}

const MASK = 0x1234_5678;

function frame(opcode: Parameters<typeof encodeMaskedFrame>[0], data: string, more = false): Buffer {
  return encodeMaskedFrame(opcode, Buffer.from(data), MASK, more);
}

test('a WebSocket request reaches the handler with a ws URI and its fields, and 101 opens it', async (t) => {
  const { edge, handler } = await start(t);
  const client = WebSocketClient.open(t, `ws://${edge.address}/chat?x=1`, { protocols: ['one', 'two'] });
  const session = await handler.request();
  const { method, uri, headers, credits, stream, more, peerAddress, contentType, body } = session.first;
  assert.deepEqual(
    { method, uri, credits, stream, more, peerAddress, contentType, body: body.length },
    {
      method: 'GET',
      uri: `ws://${edge.address}/chat?x=1`,
      credits: 8192,
      stream: false,
      more: false,
      peerAddress: '127.0.0.1',
      contentType: '',
      body: 0,
    },
  );
  const field = (name: string) => headers[headers.findIndex((each, i) => i % 2 === 0 && each === name) + 1];
  assert.deepEqual(
    [field('Upgrade'), field('Sec-WebSocket-Version'), field('Sec-WebSocket-Protocol')],
    ['websocket', '13', 'one,two'],
  );
  const answered = new Promise<string>((resolve) => {
    client.socket.once('upgrade', (response) => resolve(`${response.headers['x-mine']} ${response.statusCode}`));
  });
  await session.send({ code: 101, headers: ['Sec-WebSocket-Protocol', 'two', 'X-Mine', '1'], credits: 8192 });
  await client.opened();
  assert.deepEqual([client.socket.protocol, await answered], ['two', '1 101']);
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('handshake fields of a handler are replaced', async (t) => {
  const { edge, handler } = await start(t);
  const client = WebSocketClient.open(t, `ws://${edge.address}/`);
  const session = await handler.request();
  const forged = [
    'Sec-WebSocket-Accept',
    'x',
    'Upgrade',
    'h2c',
    'Connection',
    'close',
    'Sec-WebSocket-Extensions',
    'y',
  ];
  await session.send({ code: 101, headers: forged, credits: 100 });
  await client.opened();
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('text, binary, empty and fragmented messages go both ways', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler, {}, 100_000);
  for (const [data, contentType, event] of [
    ['hello', 'text', 'text hello'],
    ['grüße', 'text', 'text grüße'],
    ['', 'text', 'text '],
    [Buffer.from([1, 2, 255]), 'binary', 'binary 3'],
    [Buffer.alloc(5_000, 'x'), 'binary', 'binary 5000'],
  ] as const) {
    client.socket.send(data);
    const packet = await session.next('data');
    assert.deepEqual([packet.body, packet.contentType, packet.more], [Buffer.from(data), contentType, false]);
    await session.send({ body: packet.body, contentType: packet.contentType });
    assert.equal(await client.next(), event);
  }
  client.socket.send('one ', { fin: false });
  client.socket.send('two', { fin: true });
  const pieces = [await session.next('data'), await session.next('data')];
  assert.deepEqual(
    pieces.map(({ body, more, contentType }) => [body.toString(), more, contentType]),
    [
      ['one ', true, 'text'],
      ['two', false, 'text'],
    ],
  );
  await session.send({ body: Buffer.from('three '), more: true });
  await session.send({ body: Buffer.from('four '), more: true });
  await session.send({});
  assert.equal(await client.next(), 'text three four ');
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('control frames may come between the fragments of a message', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openRawWebSocket(t, edge.address, handler);
  client
    .write(frame(TEXT, 'one', true))
    .write(frame(PING, 'p'))
    .write(frame(CONTINUATION, 'two'));
  assert.deepEqual([(await session.next('data')).body.toString()], ['one']);
  assert.equal((await session.next('ping')).body.toString(), 'p');
  const last = await session.next('data');
  assert.deepEqual([last.body.toString(), last.more, last.contentType], ['two', false, 'text']);
  // The other way round as well.
  await session.send({ body: Buffer.from('a'), more: true });
  await session.send({ type: 'pong', body: Buffer.from('p') });
  await session.send({ body: Buffer.from('b') });
  assert.equal(await client.takeBytes(9), '\x01\x01a\x8a\x01p\x80\x01b');
  client.socket.destroy();
  await session.next('cancel');
  await edge.stop();
});

test('pings and pongs are passed on with their payload, and the edge sends none itself', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler);
  const long = 'p'.repeat(125);
  client.socket.ping(long);
  assert.equal((await session.next('ping')).body.toString(), long);
  client.socket.pong('q');
  assert.equal((await session.next('pong')).body.toString(), 'q');
  await session.send({ type: 'ping', body: Buffer.from(long) });
  assert.equal(await client.next(), `ping ${long}`);
  await session.send({ type: 'pong' });
  assert.equal(await client.next(), 'pong ');
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('a close of the client is passed on and returned, and the session ends without a further packet', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler);
  client.socket.close(3001, 'enough');
  const { code, body } = await session.next('close');
  assert.deepEqual([code, body.toString()], [3001, 'enough']);
  await session.send({ type: 'close', code: 3001, body: Buffer.from('bye') });
  assert.equal(await client.next(), 'close 3001 bye');
  await edge.stop();
  assert.equal(handler.packets.at(-1)?.type, 'close');
});

test("a close of the handler is passed on, and the client's close comes back", async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler);
  await session.send({ type: 'close', code: 4000, body: Buffer.from('over') });
  assert.equal(await client.next(), 'close 4000 over');
  assert.equal((await session.next('close')).code, 4000);
  await edge.stop();
});

test('a close without a code is 1000 for the client, and none for the handler', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openRawWebSocket(t, edge.address, handler);
  client.write(frame(CLOSE, ''));
  const { code, body } = await session.next('close');
  assert.deepEqual([code, body.length], [0, 0]);
  await session.send({ type: 'close' });
  assert.equal(await client.takeAll(), '\x88\x02\x03\xe8');
  await edge.stop();
});

test('a WebSocket is refused with the whole response of the handler, however large', async (t) => {
  const { edge, handler } = await start(t);
  for (const size of [0, 2, 8_192, 20_000]) {
    const client = await connectTo(t, edge.address);
    client.write(handshake());
    const session = await handler.request();
    const body = Buffer.alloc(size, 'no');
    const headers = ['Content-Type', 'text/plain', 'X-Why', 'because'];
    await session.send({ type: 'error', condition: 'rejected', code: 403, reason: 'Forbidden', headers, body });
    const response = await client.takeResponse();
    assert.deepEqual(
      [response.statusLine, response.headers.get('x-why'), response.body],
      ['HTTP/1.1 403 Forbidden', 'because', body.toString()],
    );
    client.socket.destroy();
  }
  await edge.stop();
});

test('a handler that fails before it accepts gives only its own client a 502', async (t) => {
  const { edge, handler } = await start(t);
  for (const fields of [
    { type: 'error', condition: 'undefined-condition' },
    { type: 'cancel' },
    { type: 'ping' },
    { type: 'strange' },
    { code: 101, body: Buffer.from('body') },
    { code: 101, headers: ['X', 'y\r\nX-Evil: 1'] },
    { code: 101, headers: ['Sec-WebSocket-Protocol', 'one', 'Sec-WebSocket-Protocol', 'two'] },
    { code: 0 },
  ]) {
    const client = await connectTo(t, edge.address);
    client.write(handshake());
    await (await handler.request()).send(fields);
    const { status, headers } = await client.takeResponse();
    assert.deepEqual([status, headers.get('x-evil')], [502, undefined], JSON.stringify(fields));
    client.socket.destroy();
  }
  await edge.stop();
});

test('a response other than 101 reaches the client as it is', async (t) => {
  const { edge, handler } = await start(t);
  const client = await connectTo(t, edge.address);
  client.write(handshake());
  await (await handler.request()).respond('plain', { code: 200 });
  const { status, body } = await client.takeResponse();
  assert.deepEqual([status, body], [200, 'plain']);
  client.socket.destroy();
  await edge.stop();
});

const INVALID: Readonly<
  Record<string, readonly [change: Record<string, string | null>, status: number, line?: string]>
> = {
  'another method': [{}, 400, 'POST /chat HTTP/1.1'],
  'no key': [{ 'Sec-WebSocket-Key': null }, 400],
  'a short key': [{ 'Sec-WebSocket-Key': 'YWJj' }, 400],
  'no version': [{ 'Sec-WebSocket-Version': null }, 400],
  'another version': [{ 'Sec-WebSocket-Version': '8' }, 426],
  'a body': [{ 'Content-Length': '3' }, 400],
  'no Connection': [{ Connection: null }, 400],
};

test('an invalid handshake gets an error and reaches no handler', async (t) => {
  const { edge, handler } = await start(t);
  for (const [what, [change, status, line]] of Object.entries(INVALID)) {
    await t.test(`${what}: ${status}`, async (t) => {
      const client = await connectTo(t, edge.address);
      const response = await client.request(`${handshake(change, line)}`);
      assert.equal(response.status, status);
      if (status === 426) assert.equal(response.headers.get('sec-websocket-version'), '13');
      client.socket.destroy();
    });
  }
  assert.equal((await edge.stop()).zhttp.sessions, 0);
  assert.equal(handler.requests.all.length, 0);
});

/** What a client must not send, and the code that its connection is closed with. */
const BROKEN: Readonly<Record<string, readonly [frames: Buffer, code: number]>> = {
  'a frame without mask': [Buffer.from([0x81, 1, 0x61]), 1002],
  'a reserved bit': [Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
  'a reserved opcode': [Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
  'a control frame of 126 bytes': [Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), 1002],
  'a control frame in fragments': [Buffer.from([0x09, 0x80, 0, 0, 0, 0]), 1002],
  'a continuation of nothing': [frame(CONTINUATION, 'x'), 1002],
  'a message within another': [Buffer.concat([frame(TEXT, 'x', true), frame(TEXT, 'y')]), 1002],
  'a length with its first bit set': [Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1002],
  'text that is not UTF-8': [encodeMaskedFrame(TEXT, Buffer.from([0xff]), MASK), 1007],
  'a close of one byte': [encodeMaskedFrame(CLOSE, Buffer.from([3]), MASK), 1002],
  'a close with code 1005': [encodeMaskedFrame(CLOSE, Buffer.from([3, 0xed]), MASK), 1002],
};

test('a client that breaks the protocol is closed with its code, and its handler gets a cancel', async (t) => {
  const { edge, handler } = await start(t);
  const other = await openWebSocket(t, edge.address, handler);
  for (const [what, [frames, code]] of Object.entries(BROKEN)) {
    await t.test(`${what}: ${code}`, async (t) => {
      const { client, session } = await openRawWebSocket(t, edge.address, handler);
      client.write(frames);
      const head = Buffer.from(await client.takeBytes(4), 'latin1');
      assert.deepEqual([head[0], head.readUInt16BE(2)], [0x88, code]);
      for (;;) {
        const cancelled = await session.next('cancel').catch(() => null);
        if (cancelled !== null) break;
      }
      client.socket.destroy();
      other.client.socket.send(what);
      assert.equal((await other.session.next('data')).body.toString(), what);
    });
  }
  other.client.socket.terminate();
  await other.session.next('cancel');
  assert.equal((await edge.stop()).server.webSocketsFailed, Object.keys(BROKEN).length);
});

test('a handler that fails after it has accepted closes its client with 1011', async (t) => {
  const { edge, handler } = await start(t);
  for (const fields of [
    { type: 'error', condition: 'undefined-condition' },
    { type: 'cancel' },
    { type: 'strange' },
    { type: 'ping', body: Buffer.alloc(126) },
    { type: 'close', code: 1000, body: Buffer.alloc(124, 'x') },
    { type: 'close', code: 999 },
    { type: 'close', code: 1000, body: Buffer.from([0xff]) },
    { body: Buffer.alloc(100_000) },
  ]) {
    const { client, session } = await openWebSocket(t, edge.address, handler);
    await session.send(fields);
    assert.equal(await client.next(), 'close 1011 ', JSON.stringify({ ...fields, body: fields.body?.length }));
  }
  await edge.stop();
});

test('a message of 10 MB goes to the handler and back in pieces, as credits allow', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler);
  const data = Buffer.alloc(10_000_000, 'abcdefghij');
  client.socket.send(data);
  const received = await session.takeBody();
  assert.ok(received.equals(data));
  await session.sendBody(received, { contentType: 'binary' });
  assert.equal(await client.next(), 'binary 10000000');
  assert.ok(client.last.equals(data));
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('--max-message-bytes closes a larger message with 1009', async (t) => {
  const { edge, handler } = await start(t, ['--max-message-bytes', '1000']);
  const { client, session } = await openWebSocket(t, edge.address, handler);
  client.socket.send('x'.repeat(1_000));
  assert.equal((await session.next('data')).body.length, 1_000);
  client.socket.send('x'.repeat(1_001));
  assert.match(await client.next(), /^close 1009 /);
  await session.next('cancel');
  await edge.stop();
});

test('a client that leaves while its handler grants nothing is noticed', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openRawWebSocket(t, edge.address, handler, 1);
  client.write(frame(BINARY, 'more than it may be'));
  assert.equal((await session.next('data')).body.length, 1);
  client.socket.destroy();
  await session.next('cancel');
  await edge.stop();
});

test('an acceptance without credits grants as many as the handler was granted', async (t) => {
  const { edge, handler } = await start(t);
  const { client, session } = await openWebSocket(t, edge.address, handler, {}, 0);
  client.socket.send('x'.repeat(9_000));
  const { body, more } = await session.next('data');
  assert.deepEqual([body.length, more], [8192, true]);
  await session.send({ type: 'credit', credits: 8192 });
  assert.equal((await session.next('data')).body.length, 9_000 - 8192);
  client.socket.terminate();
  await session.next('cancel');
  await edge.stop();
});

test('a WebSocket is handed over while its client stays', async (t) => {
  const { edge, handler: first } = await start(t);
  const { client, session: before } = await openWebSocket(t, edge.address, first);
  await before.send({ type: 'handoff-start' });
  await before.next('handoff-proceed');
  client.socket.send('meanwhile');
  const second = await Handler.start(t, edge.base, { id: 'second' });
  const after = second.take(before);
  await after.send({ type: 'keep-alive' });
  assert.equal((await after.next('data')).body.toString(), 'meanwhile');
  await after.send({ body: Buffer.from('from the second') });
  assert.equal(await client.next(), 'text from the second');
  client.socket.terminate();
  await after.next('cancel');
  await edge.stop();
});

test('one packet reaches many WebSockets', async (t) => {
  const { edge, handler } = await start(t);
  const all = [];
  for (let i = 0; i < 100; i++) all.push(await openWebSocket(t, edge.address, handler));
  const sessions = all.map(({ session }) => session);
  await handler.broadcast(sessions, { body: Buffer.from('news') });
  for (const { client } of all) assert.equal(await client.next(), 'text news');
  await handler.broadcast(sessions, { type: 'close', code: 1000 });
  for (const { client } of all) assert.equal(await client.next(), 'close 1000 ');
  await edge.stop();
});
