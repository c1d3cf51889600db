import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import {
  expressGrip,
  fastifyGrip,
  fastifyWebSocket,
  type GripContext,
  gripListener,
  gripOf,
  honoGrip,
  honoWebSocket,
  type WebSocketContext,
  webSocketRoute,
} from '../../src/grip-origin/index.ts';
import { Publisher, serverSentEvent } from '../../src/publish-client/index.ts';
import { startOrigin } from '../support/origin.ts';
import { startApp } from '../support/running-app.ts';
import { openWs, refusedWs } from '../support/websocket/ws-peers.ts';

const OPTIONS = { key: 'changeme', required: true };

/** The same application for all frameworks. */
function hold(grip: GripContext, path: string): string {
  if (path === '/poll') {
    grip.holdResponse('news', { timeout: 60 });
    return 'nothing\n';
  }
  grip.holdStream('news', { keepAlive: { content: ':\n\n', timeout: 30 } });
  return ': welcome\n\n';
}

function chat(socket: WebSocketContext): void {
  if (socket.opening) {
    if (socket.meta.has('never')) return;
    socket.accept();
    socket.subscribe('news');
    socket.meta.set('count', '0');
    socket.send('welcome');
  }
  for (const message of socket.messages) {
    const count = Number(socket.meta.get('count')) + 1;
    socket.meta.set('count', String(count));
    if (message === 'fail') throw new Error('no');
    socket.send(typeof message === 'string' ? `${count}: ${message}` : message);
  }
}

async function listening(t: TestContext, server: Server): Promise<string> {
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  if (!server.listening) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ORIGINS: Readonly<Record<string, (t: TestContext) => Promise<string>>> = {
  'node:http': (t) => {
    const webSocket = webSocketRoute(chat);
    const listener: RequestListener = gripListener((request, response) => {
      const path = request.url ?? '';
      if (path === '/ws') return webSocket(request, response);
      const body = hold(gripOf(request), path);
      response.setHeader('Content-Type', 'text/plain');
      response.end(body);
      return undefined;
    }, OPTIONS);
    return startOrigin(t, listener);
  },
  Express: (t) => {
    const app = express();
    app.use(expressGrip(OPTIONS));
    app.use(express.json());
    app.post('/ws', webSocketRoute(chat));
    app.get(['/poll', '/stream'], (request, response) => {
      response.type('text/plain').send(hold(gripOf(request), request.path));
    });
    return listening(t, createServer(app));
  },
  Fastify: async (t) => {
    const app = fastify();
    await app.register(fastifyGrip(OPTIONS));
    app.post('/ws', fastifyWebSocket(chat));
    app.get('/:path', async (request) => hold(gripOf(request), request.url));
    t.after(() => app.close());
    await app.listen({ port: 0, host: '127.0.0.1' });
    return listening(t, app.server);
  },
  Hono: (t) => {
    const app = new Hono();
    app.use(honoGrip(OPTIONS));
    app.post('/ws', honoWebSocket(chat));
    app.get('/poll', (c) => c.text(hold(gripOf(c), c.req.path)));
    app.get('/stream', (c) => new Response(hold(gripOf(c), c.req.path)));
    return listening(t, createServer(getRequestListener(app.fetch)));
  },
};

for (const [name, start] of Object.entries(ORIGINS)) {
  test(`${name}: a stream, a long poll and a WebSocket get what is published`, async (t) => {
    const origin = await start(t);
    const app = await startApp(t, [`*,sig_key=changeme ${origin},over_http`]);
    const publisher = new Publisher(`http://${app.app.addresses.control[0]}`);
    t.after(() => publisher.close());
    const stream = await app.stream({ path: '/stream' });
    await stream.until(': welcome\n\n');
    const poll = app.send({ path: '/poll' });
    const socket = await openWs(t, `ws://${app.address}/ws`);
    assert.equal(await socket.next(), 'text welcome');
    await app.held(3);
    await publisher.publish('news', {
      httpStream: serverSentEvent({ event: 'news', data: 'hello' }),
      httpResponse: { code: 201, headers: { 'Content-Type': 'text/x-news' }, body: 'hello\n' },
      wsMessage: 'hello',
    });
    await stream.until('event: news\ndata: hello\n\n');
    const polled = await poll;
    assert.deepEqual([polled.status, polled.header('content-type'), polled.text], [201, 'text/x-news', 'hello\n']);
    assert.equal(await socket.next(), 'text hello');
    socket.send('a');
    assert.equal(await socket.next(), 'text 1: a');
    socket.send('b');
    assert.equal(await socket.next(), 'text 2: b');
    socket.socket.close(4000);
    assert.equal(await socket.next(), 'close 4000');
  });

  test(`${name}: a request that does not come through the proxy gets a 501, and a forged signature too`, async (t) => {
    const origin = await start(t);
    const events = { 'Content-Type': 'application/websocket-events', 'Connection-Id': 'x' };
    const forged = { 'Grip-Sig': 'eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.' };
    for (const headers of [{}, forged]) {
      const got = await fetch(`http://${origin}/stream`, { headers });
      assert.deepEqual([got.status, got.headers.get('grip-hold')], [501, null]);
      await got.text();
      const posted = await fetch(`http://${origin}/ws`, {
        method: 'POST',
        headers: { ...events, ...headers },
        body: 'OPEN\r\n',
      });
      assert.equal(posted.status, 501);
      await posted.text();
    }
  });

  test(`${name}: what is wrong with events is told, and what the application throws ends only that WebSocket`, async (t) => {
    t.mock.method(console, 'error', () => {});
    const origin = await start(t);
    const app = await startApp(t, [`*,sig_key=changeme ${origin},over_http`]);
    const socket = await openWs(t, `ws://${app.address}/ws`);
    assert.equal(await socket.next(), 'text welcome');
    socket.send('fail');
    assert.equal(await socket.next(), 'close 1006');
    const other = await openWs(t, `ws://${app.address}/ws`);
    assert.equal(await other.next(), 'text welcome');
    assert.equal(
      (await app.send({ method: 'POST', path: '/ws', headers: { 'Content-Type': 'text/plain' }, body: 'x' })).status,
      415,
    );
  });
}

test('a WebSocket is rejected with the response of the application', async (t) => {
  const reject = webSocketRoute((socket) => socket.reject(403, 'members only\n'));
  const origin = await startOrigin(t, gripListener(reject));
  const app = await startApp(t, [`*,sig_key=changeme ${origin},over_http`]);
  const { response, body } = await refusedWs(t, `ws://${app.address}/ws`);
  assert.deepEqual([response.statusCode, body], [403, 'members only\n']);
});

test('bodies of events are bounded', async (t) => {
  const route = webSocketRoute(chat, { maxBodyBytes: 100 });
  const origin = await startOrigin(t, gripListener(route));
  const headers = { 'Content-Type': 'application/websocket-events', 'Connection-Id': 'x', 'Grip-Sig': 'any' };
  const body = `TEXT ${(200).toString(16)}\r\n${'x'.repeat(200)}\r\n`;
  assert.equal((await fetch(`http://${origin}/`, { method: 'POST', headers, body })).status, 413);
});
