import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { startCondureClient, startFetch, startZurl, stopFetcher } from '../support/fetch/fetcher.ts';
import { type RequesterSession, type RequestFields, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

/** A server on `ws`, with what has come to it: `text hello`, `binary 3`, `ping x`, `pong x`, `close 1000 bye`. */
interface Origin {
  readonly uri: string;
  readonly sockets: Arrivals<{ readonly socket: WebSocket; readonly request: IncomingMessage }>;
  readonly events: Arrivals<string>;
}

async function startOrigin(t: TestContext, options: ServerOptions = {}): Promise<Origin> {
  const server = createServer();
  const webSockets = new WebSocketServer({ server, autoPong: false, ...options });
  const sockets: Origin['sockets'] = new Arrivals();
  const events = new Arrivals<string>();
  webSockets.on('connection', (socket, request) => {
    socket.on('message', (data: Buffer, binary) => events.add(binary ? `binary ${data.length}` : `text ${data}`));
    socket.on('ping', (data) => events.add(`ping ${data}`));
    socket.on('pong', (data) => events.add(`pong ${data}`));
    socket.on('close', (code, reason) => events.add(`close ${code} ${reason}`));
    socket.on('error', () => {});
    sockets.add({ socket, request });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const client of webSockets.clients) client.terminate();
    server.close();
  });
  return { uri: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/chat`, sockets, events };
}

/** Opens one, which the requester may send 200,000 bytes on, and which may send it `credits`. */
async function open(requester: ZhttpRequester, { uri, sockets }: Origin, fields: RequestFields = {}) {
  const session = await requester.ask('w1', { uri, credits: 100_000, ...fields });
  const accepted = await session.next('data');
  assert.deepEqual([accepted.code, accepted.body.length, accepted.more], [101, 0, false]);
  await session.hasCredits(200_000);
  return { session, accepted, ...(await sockets.next()) };
}

/** The next message that comes, whatever the pieces that it comes in; credit is given for each. */
async function message(session: RequesterSession): Promise<string> {
  const chunks: Buffer[] = [];
  for (;;) {
    const { body, contentType, more } = await session.next('data');
    chunks.push(body);
    if (body.length > 0) await session.send({ type: 'credit', credits: body.length });
    if (more) continue;
    const whole = Buffer.concat(chunks);
    return contentType === 'binary' ? `binary ${whole.length}` : `text ${whole}`;
  }
}

/** The requester goes, and the origin hears of it. */
async function leave(session: RequesterSession, { events }: Origin): Promise<void> {
  await session.send({ type: 'cancel' });
  assert.equal(await events.next(), 'close 1001 ');
}

const ROLES = [
  ['holdfast run', (t: TestContext) => startFetch(t, ['allow_internal = true'])],
  ['holdfast zurl', (t: TestContext) => startZurl(t)],
  ['holdfast condure', (t: TestContext) => startCondureClient(t, ['--buffer-size', '200000'])],
] as const;

/** Accepts each WebSocket with the extension `grip`, and sends one message; gives what each handshake offered. */
async function startGripOrigin(t: TestContext) {
  const offers = new Arrivals<string | undefined>();
  const server = createServer();
  server.on('upgrade', ({ headers }, socket) => {
    offers.add(headers['sec-websocket-extensions']);
    const key = `${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n${fields.join('\r\n')}\r\nSec-WebSocket-Extensions: grip\r\n\r\n`,
    );
    const control = 'c:{"type":"subscribe","channel":"test"}';
    socket.write(Buffer.concat([Buffer.from([0x81, control.length]), Buffer.from(control)]));
    socket.on('error', () => {});
    t.after(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { uri: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, offers };
}

for (const [role, start] of ROLES) {
  test(`with ${role} the GRIP extension reaches the origin and comes back accepted`, async (t) => {
    const { uri, offers } = await startGripOrigin(t);
    const { endpoints } = await start(t);
    const requester = await ZhttpRequester.start(t, endpoints);
    const headers = ['Sec-WebSocket-Extensions', 'permessage-deflate; client_max_window_bits, grip'];
    const session = await requester.ask('w1', { uri, credits: 1_000, headers });
    const accepted = await session.next('data');
    assert.match(String(await offers.next()), /(^|, )grip$/);
    const at = accepted.headers.findIndex((name) => name.toLowerCase() === 'sec-websocket-extensions');
    assert.deepEqual([accepted.code, accepted.headers[at + 1]], [101, 'grip']);
    assert.equal(await message(session), 'text c:{"type":"subscribe","channel":"test"}');
  });

  test(`with ${role} messages, pings and pongs go both ways unchanged`, async (t) => {
    const running = await start(t);
    const requester = await ZhttpRequester.start(t, running.endpoints);
    const origin = await startOrigin(t);
    const { session, socket } = await open(requester, origin);
    await session.send({ contentType: 'text', body: Buffer.from('hellö') });
    await session.send({ contentType: 'binary', body: Buffer.from([0, 255, 1]) });
    await session.send({ body: Buffer.alloc(0) });
    await session.send({ type: 'ping', body: Buffer.from('to you') });
    await session.send({ type: 'pong', body: Buffer.from('unasked') });
    await session.send({ type: 'ping' });
    assert.deepEqual(await origin.events.take(6), [
      ...['text hellö', 'binary 3', 'text ', 'ping to you', 'pong unasked', 'ping '],
    ]);
    socket.send('back');
    socket.send(Buffer.alloc(3));
    assert.deepEqual([await message(session), await message(session)], ['text back', 'binary 3']);
    socket.ping('to me');
    assert.equal((await session.next('ping')).body.toString(), 'to me');
    socket.pong('answered');
    assert.equal((await session.next('pong')).body.toString(), 'answered');
    // Nobody but the requester answers a ping.
    await session.send({ type: 'pong', body: Buffer.from('to me') });
    assert.equal(await origin.events.next(), 'pong to me');
    await session.send({ type: 'close', code: 4001, body: Buffer.from('enough') });
    assert.equal(await origin.events.next(), 'close 4001 enough');
    const close = await session.next('close');
    assert.deepEqual([close.code, close.body.toString()], [4001, 'enough']);
    await stopFetcher(running);
  });

  test(`with ${role} a close comes with its code and reason, from either side, or without`, async (t) => {
    const running = await start(t);
    const requester = await ZhttpRequester.start(t, running.endpoints);
    const origin = await startOrigin(t);
    for (const [code, reason] of [
      [1000, 'bye'],
      [1001, ''],
      [4999, 'x'.repeat(123)],
    ] as const) {
      const { session, socket } = await open(requester, origin);
      socket.close(code, reason);
      const close = await session.next('close');
      assert.deepEqual([close.code, close.body.toString()], [code, reason]);
      await session.send({ type: 'close', code, body: Buffer.from(reason) });
      assert.equal(await origin.events.next(), `close ${code} ${reason}`);
    }
    const { session, socket } = await open(requester, origin);
    socket.close();
    assert.equal((await session.next('close')).code, 0);
    await session.send({ type: 'close' });
    // 1005 stands for none.
    assert.equal(await origin.events.next(), 'close 1005 ');
    const other = await open(requester, origin);
    await other.session.send({ type: 'close' });
    assert.equal(await origin.events.next(), 'close 1005 ');
    assert.equal((await other.session.next('close')).code, 0);
    await stopFetcher(running);
  });
}

test('a message in pieces with a ping between them is one message', async (t) => {
  const running = await startFetch(t, ['allow_internal = true']);
  const requester = await ZhttpRequester.start(t, running.endpoints);
  const origin = await startOrigin(t);
  const { session, socket } = await open(requester, origin);
  await session.send({ contentType: 'binary', body: Buffer.alloc(10), more: true });
  await session.send({ type: 'ping', body: Buffer.from('between') });
  // Only the first piece says of what kind the message is.
  await session.send({ contentType: 'text', body: Buffer.alloc(20), more: true });
  await session.send({});
  assert.deepEqual(await origin.events.take(2), ['ping between', 'binary 30']);
  socket.send('one ', { fin: false });
  socket.ping('between');
  socket.send('two', { fin: true });
  const first = await session.next('data');
  assert.deepEqual([first.body.toString(), first.more], ['one ', true]);
  assert.equal((await session.next('ping')).body.toString(), 'between');
  const last = await session.next('data');
  assert.deepEqual([last.body.toString(), last.more], ['two', false]);
  await leave(session, origin);
  await stopFetcher(running);
});

for (const compression of [false, true]) {
  test(`a megabyte passes within credits, ${compression ? '' : 'not '}compressed`, async (t) => {
    const running = await startFetch(t, ['allow_internal = true', `compression = ${compression}`]);
    const requester = await ZhttpRequester.start(t, running.endpoints);
    const origin = await startOrigin(t, { perMessageDeflate: { threshold: 0 } });
    const { session, socket, request } = await open(requester, origin, { credits: 5_000 });
    assert.equal(request.headers['sec-websocket-extensions']?.startsWith('permessage-deflate') ?? false, compression);
    assert.equal(socket.extensions !== '', compression);
    const text = 'some text, '.repeat(100_000);
    // Frames are not larger than buffer_size, so as a whole it is for a message in several.
    for (let at = 0; at < text.length; at += 100_000) {
      socket.send(text.slice(at, at + 100_000), { fin: at + 100_000 >= text.length });
    }
    assert.equal(await message(session), `text ${text}`);
    for (let at = 0; at < text.length; at += 50_000) {
      await session.hasCredits(50_000);
      await session.send({ body: Buffer.from(text.slice(at, at + 50_000)), more: at + 50_000 < text.length });
    }
    assert.equal(await origin.events.next(), `text ${text}`);
    await leave(session, origin);
    await stopFetcher(running);
  });
}

test('the handshake has the fields of the requester and Host, except our own', async (t) => {
  const running = await startFetch(t, ['allow_internal = true']);
  const requester = await ZhttpRequester.start(t, running.endpoints);
  const origin = await startOrigin(t, { handleProtocols: () => 'chat.2' });
  const { accepted, request, session } = await open(requester, origin, {
    uri: `${origin.uri.replace('ws://', 'ws://user:pass@')}?a=b#c`,
    headers: [
      ...['X-A', 'b', 'Host', 'evil.example', 'Sec-WebSocket-Protocol', 'chat.1, chat.2', 'Upgrade', 'h2c'],
      ...[
        'Sec-WebSocket-Key',
        'x',
        'Sec-WebSocket-Version',
        '8',
        'Sec-WebSocket-Extensions',
        'permessage-deflate, x',
        'Connection',
        'close',
      ],
      ...['Origin', 'http://a.example'],
    ],
  });
  const { url, headers } = request;
  assert.equal(url, '/chat?a=b');
  assert.equal(headers.host, new URL(origin.uri).host);
  assert.deepEqual([headers['x-a'], headers.origin, headers.upgrade], ['b', 'http://a.example', 'websocket']);
  assert.deepEqual([headers['sec-websocket-version'], headers['sec-websocket-extensions']], ['13', 'x']);
  assert.match(headers['sec-websocket-key'] ?? '', /^[A-Za-z0-9+/]{22}==$/);
  assert.equal(headers.authorization, `Basic ${Buffer.from('user:pass').toString('base64')}`);
  assert.equal(accepted.headers[accepted.headers.indexOf('Sec-WebSocket-Protocol') + 1], 'chat.2');
  await leave(session, origin);
  await stopFetcher(running);
});

test('redirects of a handshake are followed, relative ones too, and do not show in the response', async (t) => {
  const running = await startFetch(t, ['allow_internal = true']);
  const requester = await ZhttpRequester.start(t, running.endpoints);
  const origin = await startOrigin(t);
  const server = createServer();
  const { host } = new URL(origin.uri);
  server.on('upgrade', (request, socket) => {
    socket.on('error', () => {});
    const location = request.url === '/first' ? '/second' : `http://${host}/chat`;
    socket.end(`HTTP/1.1 307 Elsewhere\r\nLocation: ${location}\r\nX-Stale: y\r\nContent-Length: 0\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const uri = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/first`;
  const { session, accepted, request } = await open(requester, origin, {
    uri,
    followRedirects: true,
    headers: ['X-A', 'b', 'Cookie', 'c'],
  });
  assert.deepEqual([request.url, request.headers['x-a'], request.headers.cookie], ['/chat', 'b', undefined]);
  assert.deepEqual(
    accepted.headers
      .filter((_, i) => i % 2 === 0)
      .map((name) => name.toLowerCase())
      .sort(),
    ['connection', 'sec-websocket-accept', 'upgrade'],
  );
  await leave(session, origin);
  const refused = await requester.ask('w2', { uri, credits: 100 });
  const { condition, code } = await refused.next('error');
  assert.deepEqual([condition, code], ['rejected', 307]);
  await stopFetcher(running);
});
