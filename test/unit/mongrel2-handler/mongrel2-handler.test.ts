import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { UPLOAD_DONE, UPLOAD_START } from '../../../src/codec/mongrel2/index.ts';
import { type HandlerEvent, Mongrel2Handler } from '../../../src/mongrel2-handler/index.ts';
import { FakeMongrel2Server } from '../../support/mongrel2/fake-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Connected {
  readonly server: FakeMongrel2Server;
  readonly handler: Mongrel2Handler;
  readonly warnings: string[];
  /** Takes the next event, which must be of this kind. */
  readonly next: <K extends HandlerEvent['kind']>(kind: K) => Promise<HandlerEvent & { kind: K }>;
}

async function connect(t: TestContext): Promise<Connected> {
  const server = await FakeMongrel2Server.start(t);
  const warnings: string[] = [];
  const { sendSpec, recvSpec } = server;
  const handler = new Mongrel2Handler({ sendSpec, recvSpec, warn: (problem) => warnings.push(problem) });
  t.after(() => handler.stop());
  const events = handler[Symbol.asyncIterator]();
  return {
    server,
    handler,
    warnings,
    next: async (kind) => {
      const { value } = await events.next();
      assert.equal(value?.kind, kind);
      return value as HandlerEvent & { kind: typeof kind };
    },
  };
}

test('a request has what the server tells, and its answer goes to the connection', async (t) => {
  const { server, handler, next } = await connect(t);
  await server.request(7, { method: 'POST', target: '/a?b=c', headers: ['X', '1', 'x', '2'] }, '', '\xff\0');
  const request = await next('request');
  const { uuid, id, path, method, uri, query, version, pattern, address } = request;
  assert.deepEqual([uuid, id, path, method, uri, query], ['server-1', 7, '/a', 'POST', '/a?b=c', 'b=c']);
  assert.deepEqual([version, pattern, address], ['HTTP/1.1', '/', '127.0.0.1']);
  assert.deepEqual(request.headers.get('x'), ['1', '2']);
  assert.deepEqual(request.body, Buffer.from([0xff, 0]));
  handler.respond(request, { headers: { 'Content-Type': 'text/plain', 'Set-Cookie': ['a=1', 'b=2'] }, body: 'hé' });
  assert.deepEqual(await server.answer(), {
    ids: [7],
    body:
      'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n' +
      'Content-Length: 3\r\n\r\nh\xc3\xa9',
    control: null,
  });
});

test('the connection is closed after a response if the request wants that', async (t) => {
  const { server, handler, next } = await connect(t);
  const cases = [
    { version: '1.0', headers: [] },
    { version: '1.0', headers: ['Connection', 'keep-alive'] },
    { version: '1.1', headers: ['Connection', 'x', 'Connection', 'Close'] },
  ] as const;
  for (const request of cases) {
    await server.request(7, request);
    handler.respond(await next('request'), { status: 404 });
    const { body } = await server.answer();
    assert.equal(body, 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    assert.deepEqual(await server.answer(), { ids: [7], body: '', control: null });
  }
});

test('a response without a body by definition has none', async (t) => {
  const { server, handler, next } = await connect(t);
  await server.request(7, { method: 'HEAD' });
  const request = await next('request');
  handler.respond(request, { body: 'hello' });
  assert.equal((await server.answer()).body, 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
  handler.respond({ uuid: 'server-1', id: 7 }, { status: 204, body: 'x' });
  assert.equal((await server.answer()).body, 'HTTP/1.1 204 No Content\r\n\r\n');
});

test('a header with a line end is refused', async (t) => {
  const { handler } = await connect(t);
  assert.throws(() => handler.respond({ uuid: 'u', id: 1 }, { headers: { A: 'b\r\nC: d' } }), /control character/);
});

test('a status that is not final is refused', async (t) => {
  const { handler } = await connect(t);
  for (const status of [100, 101, 199, 1_000])
    assert.throws(() => handler.respond({ uuid: 'u', id: 1 }, { status }), /invalid status/);
});

test('an answer goes to any number of connections', async (t) => {
  const { server, handler } = await connect(t);
  await handler.ready();
  const ids = Array.from({ length: 300 }, (_none, id) => id);
  handler.write({ uuid: 'server-1', ids }, Buffer.from('all'));
  const answers = [await server.answer(), await server.answer(), await server.answer()];
  assert.deepEqual(
    answers.flatMap((answer) => answer.ids),
    ids,
  );
  for (const { body } of answers) assert.equal(body, 'all');
});

test('connections can be closed, cancelled, kept alive and granted bytes', async (t) => {
  const { server, handler } = await connect(t);
  await handler.ready();
  const to = { uuid: 'server-1', id: 7 };
  const nothing = { keepAlive: false, credits: 0, cancel: false };
  handler.close(to);
  assert.deepEqual(await server.answer(), { ids: [7], body: '', control: null });
  handler.cancel(to);
  assert.deepEqual((await server.answer()).control, { ...nothing, cancel: true });
  handler.keepAlive(to);
  assert.deepEqual((await server.answer()).control, { ...nothing, keepAlive: true });
  handler.grant(to, 65_536);
  assert.deepEqual((await server.answer()).control, { ...nothing, credits: 65_536 });
});

test('a WebSocket is accepted, and messages go both ways', async (t) => {
  const { server, handler, next } = await connect(t);
  await server.request(7, {}, '', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'WEBSOCKET_HANDSHAKE');
  handler.accept(await next('handshake'), { protocol: 'chat', headers: { 'X-A': 'b' } });
  assert.equal(
    (await server.answer()).body,
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n' +
      'Sec-WebSocket-Protocol: chat\r\nX-A: b\r\nConnection: Upgrade\r\n\r\n',
  );
  await server.frame(7, '0x81', 'h\xc3\xa9');
  const text = await next('message');
  assert.deepEqual([text.text, text.body.toString()], [true, 'hé']);
  await server.frame(7, '0x82', '\xff');
  const binary = await next('message');
  assert.deepEqual([binary.text, binary.body], [false, Buffer.from([0xff])]);
  handler.send(text, 'hé');
  assert.equal((await server.answer()).body, '\x81\x03h\xc3\xa9');
  handler.send({ uuid: 'server-1', ids: [7, 8] }, Buffer.from([0xff]));
  assert.deepEqual(await server.answer(), { ids: [7, 8], body: '\x82\x01\xff', control: null });
  handler.ping(text, Buffer.from('a'));
  assert.equal((await server.answer()).body, '\x89\x01a');
  handler.closeWebSocket(text, 1001, 'bye');
  assert.equal((await server.answer()).body, '\x88\x05\x03\xe9bye');
  assert.equal((await server.answer()).body, '');
});

test('pings are answered here, and pongs mean nothing', async (t) => {
  const { server, next } = await connect(t);
  await server.frame(7, '0x8a', 'x');
  await server.frame(7, '0x89', 'hello');
  assert.equal((await server.answer()).body, '\x8a\x05hello');
  await server.frame(7, '0x81', 'next');
  assert.equal((await next('message')).body.toString(), 'next');
});

test('a close is returned with its code, and the connection is gone', async (t) => {
  const { server, next } = await connect(t);
  const closes: [payload: string, code: string][] = [
    ['', ''],
    ['\x03\xe8bye', '\x03\xe8'],
    ['\x0f\xa1', '\x0f\xa1'],
    ['\x03\xed', '\x03\xea'],
    ['\x03', '\x03\xea'],
  ];
  for (const [payload, code] of closes) {
    await server.frame(7, '0x88', payload);
    assert.equal((await server.answer()).body, `\x88${String.fromCharCode(code.length)}${code}`);
    assert.equal((await server.answer()).body, '');
    assert.equal((await next('disconnect')).id, 7);
  }
});

test('a frame that breaks the protocol ends the WebSocket', async (t) => {
  const { server, next } = await connect(t);
  for (const [flags, body, code] of [
    ['0x81', '\xff', '\x03\xef'],
    ['0xc1', 'a', '\x03\xea'],
    ['0x83', 'a', '\x03\xea'],
    ['0x8b', 'a', '\x03\xea'],
    ['x', 'a', '\x03\xea'],
  ] as const) {
    await server.frame(7, flags, body);
    assert.equal((await server.answer()).body, `\x88\x02${code}`, flags);
    assert.equal((await server.answer()).body, '');
    await next('disconnect');
  }
});

test('an upload comes as a file only if both headers name it', async (t) => {
  const { server, next } = await connect(t);
  const { messages } = server;
  const start = messages.extra(UPLOAD_START, '/tmp/up.1');
  await server.request(7, {}, start);
  assert.equal((await next('upload-start')).file, '/tmp/up.1');
  await server.request(7, {}, start + messages.extra(UPLOAD_DONE, '/tmp/up.1'));
  assert.equal((await next('upload')).file, '/tmp/up.1');
  await server.request(7, {}, start + messages.extra(UPLOAD_DONE, '/etc/passwd'));
  await next('request');
  await server.request(7, {}, messages.extra(UPLOAD_DONE, '/etc/passwd'));
  await next('request');
});

test('a streamed upload comes in parts', async (t) => {
  const { server, next } = await connect(t);
  const { messages } = server;
  await server.request(7, { method: 'POST' }, messages.extra('UPLOAD_STREAM', '0'), 'first');
  const first = await next('upload-part');
  assert.deepEqual([first.first, first.offset, first.last, first.method], [true, 0, false, 'POST']);
  assert.equal(first.body.toString(), 'first');
  const extra = messages.extra('UPLOAD_STREAM', '5') + messages.extra('UPLOAD_STREAM_DONE', '1');
  await server.send(messages.uploadPart(7, '/', extra, Buffer.from('last')));
  const last = await next('upload-part');
  assert.deepEqual([last.first, last.offset, last.last, last.body.toString()], [false, 5, true, 'last']);
});

test('notices and messages of sockets are events', async (t) => {
  const { server, next } = await connect(t);
  const { messages } = server;
  await server.send(messages.disconnect(7));
  assert.equal((await next('disconnect')).id, 7);
  await server.send(messages.credits(7, 40));
  assert.equal((await next('credits')).bytes, 40);
  // What a client of a JSON socket says is no notice.
  const body = Buffer.from('{"type":"disconnect"}');
  await server.send(messages.socketMessage(7, 'JSON', '@chat', '', '', body));
  const json = await next('json');
  assert.deepEqual([json.path, json.body], ['@chat', body]);
  await server.send(messages.socketMessage(7, 'XML', '<a', '', '', Buffer.from('<a/>')));
  assert.equal((await next('xml')).path, '<a');
});

test('a malformed message is reported, and the next one is taken', async (t) => {
  const { server, next, warnings } = await connect(t);
  for (const bytes of ['', 'x', 'u 1 / 2:{},', 'u 1 / 1:{,0:,']) await server.send(bytes);
  await server.request(7);
  await next('request');
  assert.equal(warnings.length, 4);
  for (const warning of warnings) assert.match(warning, /^a malformed message was dropped: /);
});

test('messages that come faster than they are taken wait, and none is lost', async (t) => {
  const { server, next } = await connect(t);
  const body = 'x'.repeat(10_000);
  const sent = (async () => {
    for (let id = 0; id < 3_000; id++) await server.request(id, {}, '', body);
  })();
  for (let id = 0; id < 3_000; id++) assert.equal((await next('request')).id, id);
  await sent;
});

test('an answer that cannot be sent is counted and reported', async (t) => {
  const folder = temporaryFolder(t);
  const warnings: string[] = [];
  const handler = new Mongrel2Handler({
    sendSpec: `ipc://${folder}/send`,
    recvSpec: `ipc://${folder}/recv`,
    warn: (problem) => warnings.push(problem),
  });
  handler.write({ uuid: 'u', id: 1 }, Buffer.from('x'));
  assert.equal(handler.dropped, 1);
  assert.deepEqual(warnings, ['an answer was dropped: the server does not take it']);
  await handler.stop();
  await handler.ready();
});

test('a handler that starts before its server answers the first request, and the first one after a restart', async (t) => {
  const folder = temporaryFolder(t);
  const specs = { sendSpec: `ipc://${folder}/send`, recvSpec: `ipc://${folder}/recv` };
  const handler = new Mongrel2Handler(specs);
  t.after(() => handler.stop());
  const served = handler.each((event) => handler.respond(event, { body: `for ${event.id}` }));
  for (const id of [1, 2]) {
    const server = await FakeMongrel2Server.start(t, folder);
    await server.request(id);
    assert.match((await server.answer()).body, new RegExp(`for ${id}$`));
    await server.stop();
  }
  await handler.stop();
  await served;
});

test('an endpoint that is none is refused at once', () => {
  const valid = 'tcp://127.0.0.1:1';
  for (const wrong of ['', 'tcp://127.0.0.1', 'inproc://a']) {
    assert.throws(() => new Mongrel2Handler({ sendSpec: wrong, recvSpec: valid }), { name: 'ZmqError' });
    assert.throws(() => new Mongrel2Handler({ sendSpec: valid, recvSpec: wrong }), { name: 'ZmqError' });
  }
});

test('what the callback throws ends `each`', async (t) => {
  const { server, handler } = await connect(t);
  await server.request(7);
  const failed = handler.each(() => {
    throw new Error('mine');
  });
  await assert.rejects(failed, /mine/);
});
