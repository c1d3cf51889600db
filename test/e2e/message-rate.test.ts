import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePorts } from '../support/free-ports.ts';
import { startHoldfast } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo, type RawClient } from '../support/raw-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const CLIENTS = 20;

test('message_rate and message_hwm of a pushpin.conf let some deliveries wait, and drop the others', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' }).end('open\n');
  });
  const [client, http] = await freePorts(2);
  const conf = `[runner]
http_port=127.0.0.1:${client}
[handler]
push_in_spec=
push_in_sub_specs=
command_spec=
push_in_http_port=${http}
message_rate=20
message_hwm=5
message_block_size=
`;
  const folder = temporaryFolder(t, { 'pushpin.conf': conf, routes: `*,id=main ${origin}\n` });
  const program = startHoldfast(t, ['pushpin', '--config', `${folder}/pushpin.conf`]);
  await program.logged('started');
  const clients: RawClient[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const held = await connectTo(t, `127.0.0.1:${client}`);
    held.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await held.take('open\n\r\n');
    clients.push(held);
  }
  const body = JSON.stringify({ items: [{ channel: 'a', formats: { 'http-stream': { content: 'item\n' } } }] });
  const published = await fetch(`http://127.0.0.1:${http}/publish/`, { method: 'POST', body });
  assert.equal(await published.text(), 'Published\n');
  const warning = await program.logged('exceeded publish hwm (5), dropping message');
  assert.equal(warning.route, 'main');
  for (const held of clients.slice(0, 6)) await held.take('item\n');
  const { dropped } = await program.logged('deliveries were dropped at message_hwm');
  assert.equal(dropped, CLIENTS - 6);
  const metrics = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  assert.match(metrics, /^holdfast_proxy_deliveries_dropped_total 14$/m);
  assert.match(metrics, /^holdfast_proxy_items_delivered_total 6$/m);
  for (const held of clients) held.reset();
});
