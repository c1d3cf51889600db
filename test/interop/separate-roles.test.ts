import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startZurl } from '../support/fetch/fetcher.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';
import {
  commandOf,
  EDGES,
  metricIs,
  publishTo,
  type RoleMaker,
  startSeparateEdge,
  startSeparateProxy,
} from '../support/roles.ts';
import { openWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

const ZURLS: readonly RoleMaker[] = [
  { name: 'holdfast zurl', peer: null },
  { name: 'zurl', peer: 'zurl' },
];

/** An edge, a proxy, and a program that makes its requests; null if one is a peer that this machine does not have. */
async function start(t: TestContext, edgeMaker: RoleMaker, fetchMaker: RoleMaker, route: string) {
  const command = commandOf(t, fetchMaker);
  if (command === null) return null;
  const edge = await startSeparateEdge(t, edgeMaker);
  if (edge === null) return null;
  const { endpoints } = await startZurl(t, [], command === '' ? null : command);
  const fetched = ['[proxy]', `fetch = ["${endpoints.in.replace(/-in$/, '')}"]`];
  return { edge, proxy: await startSeparateProxy(t, [edge.base], [route], fetched) };
}

for (const edgeMaker of EDGES) {
  for (const fetchMaker of ZURLS) {
    const between = `between ${edgeMaker.name} and ${fetchMaker.name}`;

    test(`a proxy ${between} holds a stream`, async (t) => {
      const origin = await startOrigin(t, (_request, response) => {
        response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'news' }).end('open\n');
      });
      const site = await start(t, edgeMaker, fetchMaker, `* ${origin}`);
      if (site === null) return;
      const client = await connectTo(t, site.edge.address);
      client.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n');
      await client.take('open\n');
      await metricIs(site.proxy, 'holdfast_held_clients', 1);
      await publishTo(site.proxy, { channel: 'news', formats: { 'http-stream': { content: 'one\n' } } });
      await client.take('one\n');
      client.reset();
      await metricIs(site.proxy, 'holdfast_held_clients', 0);
      await metricIs(site.proxy, 'holdfast_origins_zhttp_sessions_open', 0);
    });

    test(`a WebSocket passes a proxy ${between}`, async (t) => {
      const origin = await startWsOrigin(t, {}, ['Sec-WebSocket-Extensions: grip']);
      const site = await start(t, edgeMaker, fetchMaker, `* ${origin.address}`);
      if (site === null) return;
      const client = await openWs(t, `ws://${site.edge.address}/ws`);
      const { peer } = await origin.accept();
      client.send('up');
      assert.equal(await peer.next(), 'text up');
      peer.send('c:{"type":"subscribe","channel":"room"}');
      peer.send('m:down');
      assert.equal(await client.next(), 'text down');
      await publishTo(site.proxy, { channel: 'room', formats: { 'ws-message': { content: 'to all' } } });
      assert.equal(await client.next(), 'text to all');
      client.socket.close(4000, 'bye');
      assert.equal(await peer.next(), 'close 4000 bye');
      assert.equal(await client.next(), 'close 4000 bye');
      await metricIs(site.proxy, 'holdfast_origins_zhttp_sessions_open', 0);
      await metricIs(site.proxy, 'holdfast_proxy_zhttp_sessions_open', 0);
    });
  }
}
