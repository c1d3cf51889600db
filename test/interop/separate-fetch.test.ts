import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { type RunningFetcher, startCondureClient, startZurl } from '../support/fetch/fetcher.ts';
import { freePorts } from '../support/free-ports.ts';
import { type Running, runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { connectTo } from '../support/raw-client.ts';
import { metricIs, publishTo } from '../support/roles.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** One of the programs that make requests for a proxy. */
interface Maker {
  readonly name: string;
  /** The peer that has to be installed; null for ours. */
  readonly peer: string | null;
  start(t: TestContext, command: string | null): Promise<RunningFetcher>;
}

const MAKERS: readonly Maker[] = [
  { name: 'holdfast zurl', peer: null, start: (t) => startZurl(t) },
  { name: 'zurl', peer: 'zurl', start: (t, command) => startZurl(t, [], command) },
  { name: 'holdfast condure', peer: null, start: (t) => startCondureClient(t) },
  { name: 'condure', peer: 'condure', start: (t, command) => startCondureClient(t, [], command) },
];

/** Bytes of a body that takes many packets. */
const LONG = 1_000_000;

/** A proxy whose requests such a program makes; null if it is a peer that this machine does not have. */
async function start(t: TestContext, maker: Maker, routes: readonly string[]): Promise<Running | null> {
  const command = maker.peer === null ? null : requirePeer(t, maker.peer);
  if (maker.peer !== null && command === null) return null;
  const { endpoints } = await maker.start(t, command);
  const base = endpoints.in.replace(/-in$/, '');
  const args = routes.flatMap((route) => ['--route', route]);
  return runServer(t, ['--log-level', 'debug', ...args], `[proxy]\nfetch = ["${base}"]\n`);
}

/** An origin that holds by what the path says, and else tells what came. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '', 'http://x');
  switch (pathname) {
    case '/stream':
      response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'news' }).end('open\n');
      break;
    case '/hold':
      response.writeHead(200, { 'Grip-Hold': 'response', 'Grip-Channel': 'news' }).end('nothing\n');
      break;
    case '/long':
      response.writeHead(200, { 'Content-Length': LONG }).end('x'.repeat(LONG));
      break;
    case '/missing':
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such thing\n');
      break;
    default:
      tell(request, response);
  }
}

async function tell(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let bytes = 0;
  for await (const chunk of request) bytes += (chunk as Buffer).length;
  const { method, url, headers } = request;
  response.end(JSON.stringify({ method, url, bytes, headers }));
}

for (const maker of MAKERS) {
  describe(`by ${maker.name}`, { concurrency: false }, () => {
    test('requests reach the origin, and responses the client', async (t) => {
      const server = await start(t, maker, [`* ${await startOrigin(t, answer)}`]);
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

    test('streams and responses are held', async (t) => {
      const server = await start(t, maker, [`* ${await startOrigin(t, answer)}`]);
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
      const server = await start(t, maker, [`* ${await startOrigin(t, answer)}`]);
      if (server === null) return;
      const { response, body } = await refusedWs(t, `ws://${server.clients[0]}/missing`);
      assert.deepEqual([response.statusCode, body], [404, 'no such thing\n']);
    });

    test('the next target gets what the first one does not take, and a 502 tells that there is none', async (t) => {
      const [none = 0] = await freePorts(1);
      const server = await start(t, maker, [
        `* 127.0.0.1:${none} ${await startOrigin(t, answer)}`,
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
