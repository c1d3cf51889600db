import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { FETCHERS, startFetcher } from '../support/fetch/fetcher-makers.ts';
import { ReqRequester, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import { freePorts } from '../support/free-ports.ts';
import { portOf } from '../support/port-of.ts';

/** An origin with a few paths that say what came. */
async function startOrigin(t: TestContext): Promise<string> {
  const server = createServer(answer);
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of webSockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://a');
  if (pathname === '/redirect') {
    response.writeHead(302, { Location: '/hello', 'Content-Length': 0 }).end();
  } else if (pathname === '/long') {
    response.end('x'.repeat(Number(searchParams.get('bytes'))));
  } else if (pathname === '/gone') {
    response.writeHead(200, { 'Content-Length': 10 }).write('half', () => response.destroy());
  } else if (request.method === 'POST') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.end(`${Buffer.concat(chunks).length} bytes`));
  } else {
    response.writeHead(200, { 'X-Host': request.headers.host ?? '', 'Content-Type': 'text/plain' }).end('hello');
  }
}

for (const maker of FETCHERS) {
  describe(maker.name, () => {
    test('sends one packet for a request in req mode', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const requester = ReqRequester.start(t, running.endpoints.req);
      const packet = await requester.ask('r1', { method: 'GET', uri: `http://${origin}/hello?a=b` });
      assert.deepEqual([packet.code, packet.reason, packet.body.toString(), packet.from], [200, 'OK', 'hello', '']);
      assert.equal(packet.headers[packet.headers.indexOf('X-Host') + 1], origin);
      const posted = await requester.ask('r2', { method: 'POST', uri: `http://${origin}/`, body: Buffer.from('123') });
      assert.equal(posted.body.toString(), '3 bytes');
    });

    test('reports failures in req mode', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const [port = 0] = await freePorts(1);
      const requester = ReqRequester.start(t, running.endpoints.req);
      for (const [uri, condition] of [
        [`http://127.0.0.1:${port}/`, 'remote-connection-failed'],
        ['ftp://127.0.0.1/', 'bad-request'],
        [`ws://${origin}/`, 'bad-request'],
        [`http://${origin}/gone`, 'undefined-condition'],
      ] as const) {
        const packet = await requester.ask(uri, { method: 'GET', uri });
        assert.deepEqual([packet.type, packet.condition], ['error', condition], uri);
      }
    });

    test('streams a response only as credits allow', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const requester = await ZhttpRequester.start(t, running.endpoints);
      const session = await requester.ask('s1', {
        method: 'GET',
        uri: `http://${origin}/long?bytes=100000`,
        stream: true,
        credits: 1000,
      });
      const ack = await session.nextAny();
      assert.deepEqual([ack.type, ack.from, ack.ids], ['keep-alive', running.id, [{ id: 's1', seq: 0 }]]);
      const { head, body } = await session.response();
      assert.equal(head.code, 200);
      assert.ok(head.body.length <= 1000);
      assert.equal(body.toString(), 'x'.repeat(100_000));
    });

    test('sends a request body as it comes, and grants what it takes', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const requester = await ZhttpRequester.start(t, running.endpoints);
      const session = await requester.ask('s1', {
        method: 'POST',
        uri: `http://${origin}/`,
        stream: true,
        credits: 1000,
        more: true,
        body: Buffer.from('first'),
      });
      for (let i = 0; i < 40; i++) {
        await session.hasCredits(5000);
        await session.send({ body: Buffer.alloc(5000), more: i < 39 });
      }
      const { head, body } = await session.response();
      assert.deepEqual([head.code, body.toString()], [200, '200005 bytes']);
    });

    test('follows redirects on request', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const uri = `http://${await startOrigin(t)}/redirect`;
      const requester = ReqRequester.start(t, running.endpoints.req);
      const plain = await requester.ask('r1', { method: 'GET', uri });
      assert.deepEqual([plain.code, plain.headers[plain.headers.indexOf('Location') + 1]], [302, '/hello']);
      const followed = await requester.ask('r2', { method: 'GET', uri, followRedirects: true });
      assert.deepEqual([followed.code, followed.body.toString()], [200, 'hello']);
    });

    test('connects elsewhere, with the Host of the URI', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const requester = ReqRequester.start(t, running.endpoints.req);
      const packet = await requester.ask('r1', {
        method: 'GET',
        uri: 'http://nowhere.example:81/hello',
        connectHost: '127.0.0.1',
        connectPort: portOf(origin),
      });
      assert.equal(packet.headers[packet.headers.indexOf('X-Host') + 1], 'nowhere.example:81');
    });

    test('opens a WebSocket, and messages and a close go both ways', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const requester = await ZhttpRequester.start(t, running.endpoints);
      const session = await requester.ask('w1', { uri: `ws://${origin}/chat`, credits: 8192 });
      const accepted = await session.next('data');
      assert.deepEqual([accepted.code, accepted.body.length], [101, 0]);
      await session.hasCredits(100);
      await session.send({ contentType: 'text', body: Buffer.from('hello') });
      const text = await session.next('data');
      assert.deepEqual([text.body.toString(), text.contentType === 'binary'], ['hello', false]);
      await session.send({ contentType: 'binary', body: Buffer.from([0, 1, 255]) });
      const binary = await session.next('data');
      assert.deepEqual([[...binary.body], binary.contentType], [[0, 1, 255], 'binary']);
      await session.send({ type: 'close', code: 1000, body: Buffer.from('bye') });
      const close = await session.next('close');
      assert.equal(close.code, 1000);
    });

    test('reports a refused WebSocket', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const server = createServer();
      server.on('upgrade', (_request, socket) => {
        socket.on('error', () => {});
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-A: b\r\n\r\nno!\n');
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      const requester = await ZhttpRequester.start(t, running.endpoints);
      const uri = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const session = await requester.ask('w1', { uri, credits: 8192 });
      const packet = await session.next('error');
      assert.deepEqual(
        [packet.condition, packet.code, packet.reason, packet.body.toString()],
        ['rejected', 403, 'Forbidden', 'no!\n'],
      );
      assert.equal(packet.headers[packet.headers.indexOf('X-A') + 1], 'b');
    });

    test('gives up a cancelled session, and continues others', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const server = createServer();
      const closed = new Promise<void>((resolve) => {
        server.on('request', (request) => request.socket.once('close', () => resolve()));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      t.after(() => server.close());
      const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const requester = await ZhttpRequester.start(t, running.endpoints);
      const begun = once(server, 'request');
      const session = await requester.ask('s1', { method: 'GET', uri, stream: true, credits: 100 });
      await session.nextAny();
      await begun;
      await session.send({ type: 'cancel' });
      await closed;
    });

    test('sends two requesters only their own responses', async (t) => {
      const running = await startFetcher(t, maker);
      if (running === null) return;
      const origin = await startOrigin(t);
      const [one, two] = [
        await ZhttpRequester.start(t, running.endpoints, 'me'),
        await ZhttpRequester.start(t, running.endpoints, 'me2'),
      ];
      const fields = { method: 'GET', uri: `http://${origin}/`, stream: true, credits: 100 };
      const sessions = [await one.ask('s1', fields), await two.ask('s2', fields)];
      for (const session of sessions) assert.equal((await session.response()).body.toString(), 'hello');
      assert.deepEqual([one.strays.all, two.strays.all], [[], []]);
    });
  });
}
