import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FETCHERS, type FetcherMaker, startFetcher } from '../support/fetch/fetcher-makers.ts';
import { freePorts } from '../support/free-ports.ts';
import { type Running, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { answerByPath, LONG } from '../support/path-origin.ts';
import { connectTo } from '../support/raw-client.ts';
import { metricIs, publishTo } from '../support/roles.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** A proxy whose requests such a program makes; null if it is a peer that this machine does not have. */
async function start(t: TestContext, maker: FetcherMaker, routes: readonly string[]): Promise<Running | null> {
  const fetcher = await startFetcher(t, maker);
  if (fetcher === null) return null;
  const base = fetcher.endpoints.in.replace(/-in$/, '');
  const args = routes.flatMap((route) => ['--route', route]);
  return runServer(t, ['--log-level', 'debug', ...args], `[proxy]\nfetch = ["${base}"]\n`);
}

for (const maker of FETCHERS) {
  describe(`by ${maker.name}`, { concurrency: false }, () => {
    test('requests reach the origin, and responses the client', async (t) => {
      const server = await start(t, maker, [`* ${await startOrigin(t, answerByPath)}`]);
      if (server === null) return;
      const url = `http://${server.clients[0]}`;
      const got = (await (await fetch(`${url}/a?b=c`, { headers: { 'X-Own': 'mine' } })).json()) as Record<
        string,
        unknown
      >;
      const headers = got.headers as Record<string, string>;
      assert.deepEqual(
        [got.method, got.url, headers.host, headers['x-own']],
        ['GET', '/a?b=c', server.clients[0], 'mine'],
      );
      const posted = (await (await fetch(url, { method: 'POST', body: 'x'.repeat(LONG) })).json()) as typeof got;
      assert.deepEqual([posted.method, posted.bytes], ['POST', LONG]);
      assert.equal((await (await fetch(`${url}/long`)).text()).length, LONG);
      const missing = await fetch(`${url}/missing`);
      assert.deepEqual([missing.status, await missing.text()], [404, 'no such thing\n']);
      const head = await fetch(`${url}/missing`, { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [404, '']);
    });

    test('responses of an origin that compresses arrive readable, and can hold', async (t) => {
      const origin = await startOrigin(t, ({ url, headers }, response) => {
        const text = 'hello '.repeat(100);
        const hold = url === '/hold' ? { 'Grip-Hold': 'stream', 'Grip-Channel': 'news' } : {};
        if (!String(headers['accept-encoding']).includes('gzip')) response.writeHead(200, hold).end(text);
        else response.writeHead(200, { ...hold, 'Content-Encoding': 'gzip' }).end(gzipSync(text));
      });
      const server = await start(t, maker, [`* ${origin}`]);
      if (server === null) return;
      // A browser's fetch decodes what Content-Encoding names.
      const response = await fetch(`http://${server.clients[0]}/`);
      assert.deepEqual([response.status, await response.text()], [200, 'hello '.repeat(100)]);
      const client = await connectTo(t, server.clients[0] ?? '');
      client.write('GET /hold HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n');
      await client.take('hello hello');
      await metricIs(server, 'holdfast_held_clients', 1);
    });

    test('streams and responses are held', async (t) => {
      const server = await start(t, maker, [`* ${await startOrigin(t, answerByPath)}`]);
      if (server === null) return;
      const client = await connectTo(t, server.clients[0] ?? '');
      client.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.take('open\n');
      const held = fetch(`http://${server.clients[0]}/hold`);
      await metricIs(server, 'holdfast_held_clients', 2);
      await publishTo(server, {
        channel: 'news',
        formats: { 'http-stream': { content: 'one\n' }, 'http-response': { body: 'published\n' } },
      });
      await client.take('one\n');
      assert.equal(await (await held).text(), 'published\n');
      await metricIs(server, 'holdfast_origins_zhttp_sessions_open', 0);
    });

    test('WebSockets pass, with GRIP', async (t) => {
      const origin = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
      const server = await start(t, maker, [`* ${origin.address}`]);
      if (server === null) return;
      const client = await openWs(t, `ws://${server.clients[0]}/ws`, ['chat']);
      const { peer, request } = await origin.accept();
      assert.deepEqual([request.url, request.headers['sec-websocket-protocol']], ['/ws', 'chat']);
      client.send('hello');
      assert.equal(await peer.next(), 'text hello');
      peer.send('c:{"type":"subscribe","channel":"room"}');
      peer.send('m:welcome');
      assert.equal(await client.next(), 'text welcome');
      await publishTo(server, { channel: 'room', formats: { 'ws-message': { content: 'to all' } } });
      assert.equal(await client.next(), 'text to all');
      client.socket.close(4000, 'bye');
      assert.equal(await peer.next(), 'close 4000 bye');
      assert.equal(await client.next(), 'close 4000 bye');
      await metricIs(server, 'holdfast_origins_zhttp_sessions_open', 0);
    });

    test('an origin refuses a WebSocket', async (t) => {
      const server = await start(t, maker, [`* ${await startOrigin(t, answerByPath)}`]);
      if (server === null) return;
      const { response, body } = await refusedWs(t, `ws://${server.clients[0]}/missing`);
      assert.deepEqual([response.statusCode, body], [404, 'no such thing\n']);
    });

    test('the next target gets what the first one does not take, and a 502 tells that there is none', async (t) => {
      const [none = 0] = await freePorts(1);
      const server = await start(t, maker, [
        `* 127.0.0.1:${none} ${await startOrigin(t, answerByPath)}`,
        `*,path_beg=/none,debug 127.0.0.1:${none}`,
      ]);
      if (server === null) return;
      const url = `http://${server.clients[0]}`;
      assert.equal((await fetch(url)).status, 200);
      const failed = await fetch(`${url}/none`);
      assert.deepEqual(
        [failed.status, await failed.text()],
        [
          502,
          `Error while proxying to origin.\nUnable to connect to any targets. Tried: 127.0.0.1:${none} (the handler reports remote-connection-failed)\n`,
        ],
      );
    });
  });
}
