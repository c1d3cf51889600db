import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startEdge } from '../support/edge/edge.ts';
import { Handler } from '../support/edge/handler.ts';
import { ReqHandler } from '../support/edge/req-handler.ts';
import { handshake } from '../support/edge/websocket-client.ts';
import { freePorts } from '../support/free-ports.ts';
import { connectTo } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

test('several listeners serve at once: TCP, a unix socket with its mode, and req beside stream', async (t) => {
  const listeners = ['127.0.0.1:0', 'front,local,mode=600', '127.0.0.1:0,req', '[::1]:0'];
  const edge = await startEdge(
    t,
    listeners.flatMap((each) => ['--listen', each]),
  );
  const handler = await Handler.start(t, edge.base);
  const reqHandler = await ReqHandler.start(t, edge.reqEndpoint);
  const [tcp = '', unix = '', req = '', ipv6 = ''] = edge.addresses;
  assert.equal(modeOf(join(edge.folder, 'front')), '600');
  for (const [address, peer] of [
    [tcp, '127.0.0.1'],
    [unix.startsWith('unix:/') ? unix : `unix:${join(edge.folder, 'front')}`, ''],
    [ipv6, '::1'],
  ] as const) {
    const client = await connectTo(t, address);
    client.write(GET);
    const session = await handler.request();
    assert.deepEqual([session.first.peerAddress, session.first.peerPort], [peer, client.socket.localPort ?? 0]);
    await session.respond(address);
    assert.equal((await client.takeResponse()).body, address);
    client.socket.destroy();
  }
  const client = await connectTo(t, req);
  client.write(GET);
  const request = await reqHandler.request();
  await request.respond({ code: 200, body: Buffer.from('req') });
  assert.equal((await client.takeResponse()).body, 'req');
  client.socket.destroy();
  await edge.stop();
  assert.deepEqual(readdirSync(edge.folder), []);
});

test('--ipc-file-mode sets the permissions of all endpoints', async (t) => {
  const edge = await startEdge(t, ['--ipc-file-mode', '640', '--listen', '127.0.0.1:0', '--listen', '127.0.0.1:0,req']);
  for (const name of ['client-out', 'client-out-stream', 'client-in', 'req']) {
    assert.equal(modeOf(join(edge.folder, name)), '640', name);
  }
  chmodSync(edge.folder, 0o700);
  await edge.stop();
});

test('a tcp base stands for three ports', async (t) => {
  for (;;) {
    const [port = 0] = await freePorts(1);
    const base = `tcp://127.0.0.1:${port}`;
    const edge = await startEdge(t, ['--zclient-stream', base]).catch(() => null);
    // One of the ports is somebody else's: again with others.
    if (edge === null) continue;
    const handler = await Handler.start(t, base);
    const client = await connectTo(t, edge.address);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok');
    const session = await handler.request();
    await session.send({ type: 'credit', credits: 2 });
    assert.equal((await session.takeBody()).toString(), 'ok');
    await session.respond('tcp');
    assert.equal((await client.takeResponse()).body, 'tcp');
    client.socket.destroy();
    await edge.stop();
    return;
  }
});

test('--zclient-connect: the edge connects to handlers that bind, late and restarted ones too', async (t) => {
  const base = `ipc://${join(temporaryFolder(t), 'late')}`;
  const bases = ['--zclient-stream', base, '--zclient-stream', 'ipc://never'];
  const edge = await startEdge(t, ['--zclient-connect', '--log-level', '3', ...bases]);
  const client = await connectTo(t, edge.address);
  client.write(GET);
  for (const name of ['first', 'second']) {
    const handler = await Handler.start(t, base, { bind: true });
    const session = await handler.request();
    await handler.subscribed();
    await session.respond(name);
    assert.equal((await client.takeResponse()).body, name);
    handler.close();
    if (name === 'second') break;
    // What is sent to a peer that is just leaving is lost with it.
    await edge.program.logged('zmq connection closed', ({ type, reason }) => {
      return type === 'PUSH' && !String(reason).includes('ENOENT');
    });
    client.write(GET);
  }
  client.socket.destroy();
  await edge.stop();
});

for (const id of ['edge2', 'kütę-2']) {
  test(`--id ${id} is the address that handlers respond to, and its prefixes are not`, async (t) => {
    const address = Buffer.from(id).toString('latin1');
    const edge = await startEdge(t, ['--id', id]);
    const handler = await Handler.start(t, edge.base, { edge: address });
    const client = await connectTo(t, edge.address);
    client.write(GET);
    const session = await handler.request();
    assert.equal(session.first.from, address);
    await handler.publish(Buffer.from(`${id.slice(0, -1)} T0:}`));
    await handler.publish(Buffer.from(`${id}2 T0:}`));
    await session.respond('mine');
    assert.equal((await client.takeResponse()).body, 'mine');
    client.socket.destroy();
    assert.equal((await edge.stop()).zhttp.packetsReceived, 1);
  });
}

test('req mode has whole requests and responses, with a length and a persistent connection', async (t) => {
  const edge = await startEdge(t, ['--listen', '127.0.0.1:0,req']);
  const handler = await ReqHandler.start(t, edge.reqEndpoint);
  const client = await connectTo(t, edge.address);
  const sent = 'x'.repeat(100_000);
  client.write('POST /up?x=1 HTTP/1.1\r\nHost: ex.com\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n');
  assert.equal(await client.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write(`186a0\r\n${sent}\r\n0\r\n\r\n`);
  const request = await handler.request();
  const { from, ids, method, uri, body, stream, credits, more, peerAddress, multi } = request.packet;
  assert.deepEqual(
    { from, seq: ids[0]?.seq, method, uri, stream, credits, more, peerAddress, multi },
    {
      from: '',
      seq: null,
      method: 'POST',
      uri: 'http://ex.com/up?x=1',
      stream: false,
      credits: 0,
      more: false,
      peerAddress: '127.0.0.1',
      multi: true,
    },
  );
  assert.ok(body.toString() === sent);
  await request.respond({ code: 201, reason: 'Made', headers: ['X-A', '1'], body: Buffer.from(sent) });
  const response = await client.takeResponse();
  assert.deepEqual(
    [response.statusLine, response.headers.get('content-length'), response.headers.get('x-a')],
    ['HTTP/1.1 201 Made', '100000', '1'],
  );
  client.write(GET);
  await (await handler.request()).respond({ code: 204 });
  assert.equal((await client.takeResponse()).status, 204);
  client.socket.destroy();
  await edge.stop();
});

test('failures in req mode get a 400, 413, 502, 503 or 504', async (t) => {
  const edge = await startEdge(t, [
    ...['--listen', '127.0.0.1:0,req', '--body-buffer-size', '1000'],
    ...['--req-timeout', '2', '--backend-timeout', '0.3'],
  ]);
  const status = async (request: string) => {
    const client = await connectTo(t, edge.address);
    const response = await client.request(request);
    client.socket.destroy();
    return `${response.status} ${response.body}`;
  };
  assert.match(await status(GET), /^503 /);
  assert.match(await status(handshake()), /^400 WebSockets not supported on req mode interface\.\n$/);
  assert.match(await status(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n`), /^413 /);
  const chunks = `3e9\r\n${'x'.repeat(1_001)}\r\n0\r\n\r\n`;
  assert.match(await status(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`), /^413 /);
  assert.match(await status('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf'), /^408 /);
  const handler = await ReqHandler.start(t, edge.reqEndpoint);
  for (const fields of [
    { type: 'error', condition: 'bad-request' },
    { type: 'cancel' },
    { type: 'keep-alive' },
    { type: 'strange' },
    { code: 0 },
    { code: 200, headers: ['X', 'y\r\nX-Evil: 1'] },
    { code: 200, body: Buffer.alloc(1_001) },
    { code: 200, headers: ['Content-Length', '5'], body: Buffer.from('four') },
  ]) {
    const answered = status(GET);
    await (await handler.request()).respond(fields);
    assert.match(await answered, /^502 /, JSON.stringify(fields));
  }
  // Answers that cannot be understood at all are for nobody.
  const waiting = status(GET);
  const request = await handler.request();
  await request.respondRaw(['no delimiter']);
  await request.respondRaw(['', 'garbage']);
  await request.respondRaw(['', 'T0:}']);
  await request.respond({ ids: [{ id: 'other', seq: null }], code: 200 });
  await request.respond({ code: 200, body: Buffer.from('at last') });
  assert.equal(await waiting, '200 at last');
  const silent = status(GET);
  await handler.request();
  assert.match(await silent, /^504 /);
  const { zhttp } = await edge.stop();
  assert.deepEqual([zhttp.requestsUntaken, zhttp.sessionsExpired > 0], [1, true]);
});
