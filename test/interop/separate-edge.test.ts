import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, type TestContext, test } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { answerByPath, LONG } from '../support/path-origin.ts';
import { connectTo } from '../support/raw-client.ts';
import {
  EDGES,
  metricIs,
  publishTo,
  type RoleMaker,
  type SeparateEdge,
  type SeparateProxy,
  startSeparateEdge,
  startSeparateProxy,
} from '../support/roles.ts';
import { openWs, refusedWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

interface Site {
  readonly edge: SeparateEdge;
  readonly proxy: SeparateProxy;
  readonly url: string;
}

/** What the origin says of a request. */
interface Told {
  readonly method: string;
  readonly url: string;
  readonly bytes: number;
  readonly headers: IncomingMessage['headers'];
}

/** A proxy behind an edge; null if the edge is a peer that this machine does not have. */
async function start(t: TestContext, maker: RoleMaker, route: string, lines?: readonly string[]): Promise<Site | null> {
  const edge = await startSeparateEdge(t, maker);
  if (edge === null) return null;
  const proxy = await startSeparateProxy(t, [edge.base], [route], lines);
  return { edge, proxy, url: `http://${edge.address}` };
}

for (const maker of EDGES) {
  describe(`behind ${maker.name}`, { concurrency: false }, () => {
    test('requests reach the origin, and responses the client', async (t) => {
      const origin = await startOrigin(t, answerByPath);
      const site = await start(t, maker, `* ${origin}`, ['[proxy]', 'x_forwarded_for = ["append"]']);
      if (site === null) return;
      const { url } = site;
      const got = (await (await fetch(`${url}/a?b=c`, { headers: { 'X-Own': 'mine' } })).json()) as Told;
      assert.deepEqual(
        [got.method, got.url, got.headers.host, got.headers['x-own'], got.headers['x-forwarded-for']],
        ['GET', '/a?b=c', url.slice('http://'.length), 'mine', '127.0.0.1'],
      );
      const posted = (await (await fetch(url, { method: 'POST', body: 'x'.repeat(LONG) })).json()) as Told;
      assert.deepEqual([posted.method, posted.bytes], ['POST', LONG]);
      assert.equal((await (await fetch(`${url}/long`)).text()).length, LONG);
      const head = await fetch(`${url}/long`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, String(LONG), '']);
      const missing = await fetch(`${url}/missing`);
      assert.deepEqual(
        [missing.status, missing.headers.get('content-length'), await missing.text()],
        [404, '14', 'no such thing\n'],
      );
    });

    test('a request without a route gets a 502', async (t) => {
      const site = await start(t, maker, 'example.com 127.0.0.1:1');
      if (site === null) return;
      const response = await fetch(site.url);
      assert.deepEqual([response.status, await response.text()], [502, 'No route for host: 127.0.0.1\n']);
    });

    test('a stream is held, and gets what is published until its client leaves', async (t) => {
      const site = await start(t, maker, `* ${await startOrigin(t, answerByPath)}`);
      if (site === null) return;
      const client = await connectTo(t, site.edge.address);
      client.write('GET /stream?c=news HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.take('open\n');
      await metricIs(site.proxy, 'holdfast_held_clients', 1);
      await publishTo(site.proxy, { channel: 'news', formats: { 'http-stream': { content: 'one\n' } } });
      await client.take('one\n');
      await publishTo(site.proxy, {
        channel: 'news',
        formats: { 'http-stream': { content: `${'y'.repeat(50_000)}\n` } },
      });
      await client.take('y\n');
      client.reset();
      await metricIs(site.proxy, 'holdfast_held_clients', 0);
      await metricIs(site.proxy, 'holdfast_proxy_zhttp_sessions_open', 0);
    });

    test('a response is held until something is published, or its time is over', async (t) => {
      const site = await start(t, maker, `* ${await startOrigin(t, answerByPath)}`);
      if (site === null) return;
      const held = fetch(`${site.url}/hold?c=news`);
      await metricIs(site.proxy, 'holdfast_held_clients', 1);
      await publishTo(site.proxy, { channel: 'news', formats: { 'http-response': { body: 'published\n' } } });
      assert.equal(await (await held).text(), 'published\n');
      assert.equal(await (await fetch(`${site.url}/hold?c=news&t=5`)).text(), 'nothing\n');
    });

    test('WebSockets pass, with their pings and closes', async (t) => {
      const origin = await startWsOrigin(t);
      const site = await start(t, maker, `* ${origin.address}`);
      if (site === null) return;
      const client = await openWs(t, `ws://${site.edge.address}/ws`);
      const { peer } = await origin.accept();
      client.send('hello');
      assert.equal(await peer.next(), 'text hello');
      peer.send(Buffer.from([0, 1]));
      assert.equal(await client.next(), 'binary 0001');
      client.socket.ping('p');
      assert.equal(await peer.next(), 'ping p');
      peer.socket.pong('p');
      assert.equal(await client.next(), 'pong p');
      client.send('z'.repeat(200_000));
      assert.equal(await peer.next(), `text ${'z'.repeat(200_000)}`);
      peer.socket.close(4000, 'bye');
      assert.equal(await client.next(), 'close 4000 bye');
      assert.equal(await peer.next(), 'close 4000 bye');
      await metricIs(site.proxy, 'holdfast_proxy_zhttp_sessions_open', 0);
    });

    test('the origin of a WebSocket speaks GRIP, and its clients get what is published', async (t) => {
      const origin = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
      const site = await start(t, maker, `* ${origin.address}`);
      if (site === null) return;
      const client = await openWs(t, `ws://${site.edge.address}/ws`);
      const { peer } = await origin.accept();
      peer.send('c:{"type":"subscribe","channel":"room"}');
      peer.send('m:welcome');
      assert.equal(await client.next(), 'text welcome');
      await publishTo(site.proxy, { channel: 'room', formats: { 'ws-message': { content: 'to all' } } });
      assert.equal(await client.next(), 'text to all');
      client.socket.terminate();
      assert.match(await peer.next(), /^close/);
      await metricIs(site.proxy, 'holdfast_held_clients', 0);
    });

    // Condure 1.10 cuts about half of such clients off.
    if (maker.peer === null)
      test('an origin refuses a WebSocket', async (t) => {
        const site = await start(t, maker, `* ${await startOrigin(t, answerByPath)}`);
        if (site === null) return;
        const { response, body } = await refusedWs(t, `ws://${site.edge.address}/missing`);
        assert.deepEqual([response.statusCode, body], [404, 'no such thing\n']);
      });

    test('held clients are let go when the proxy stops', async (t) => {
      const site = await start(t, maker, `* ${await startOrigin(t, answerByPath)}`);
      if (site === null) return;
      const held = fetch(`${site.url}/hold?c=news`);
      const client = await connectTo(t, site.edge.address);
      client.write('GET /stream?c=news HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.take('open\n');
      await metricIs(site.proxy, 'holdfast_held_clients', 2);
      const { code, stderr } = await site.proxy.program.stop();
      assert.deepEqual([code, stderr], [0, '']);
      assert.equal(await (await held).text(), 'nothing\n');
      await client.take('0\r\n\r\n');
      assert.deepEqual(site.proxy.program.errors(), []);
    });
  });
}
