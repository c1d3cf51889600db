import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode, type TnetstringInput } from '../../src/codec/tnetstring/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { item, ProxyWorkers, startPushpinWorkers, startWorkers } from '../support/proxy-workers.ts';
import type { RawClient } from '../support/raw-client.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

const SKIP = existsSync(`/proc/${process.pid}/task`) ? false : 'processes cannot be listed here';

test('an item reaches the streams and held requests of all workers, once each and in order', {
  skip: SKIP,
}, async (t) => {
  const rig = await startWorkers(t, 3);
  const streams = await rig.spread('c=a', 3);
  const polls = await rig.spread('c=a&h=response', 3);
  const response = await rig.publish([item('a', 'first')], { Prefer: 'return=representation' });
  const receivers = streams.length + polls.length;
  assert.deepEqual(response, { message: 'Published', items: [{ channel: 'a', receivers, cursor: null }] });
  for (const { client } of polls) assert.equal((await client.takeResponse()).body.toString(), 'first');
  const contents = Array.from({ length: 1_000 }, (_, i) => `item ${i}`);
  for (let i = 0; i < contents.length; i += 100) {
    await rig.publish(contents.slice(i, i + 100).map((content) => item('a', content)));
  }
  const expected = ['first', ...contents].map((content) => `${content}\n`).join('');
  for (const { client } of streams) assert.equal(chunksOf(await client.take('item 999\n\r\n')), expected);
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
});

test('a killed worker loses its own clients alone, is replaced, and publishing goes on', { skip: SKIP }, async (t) => {
  const rig = await startWorkers(t, 2);
  const held = await rig.spread('c=a', 2);
  const victim = held[0]?.worker as number;
  const survivors = held.filter(({ worker }) => worker !== victim);
  process.kill(victim, 'SIGKILL');
  await rig.server.program.logged('worker died, its connections are lost');
  await rig.publish([item('a', 'after')]);
  for (const { client } of survivors) assert.equal(chunksOf(await client.take('after\n\r\n')), 'after\n');
  // Its place is taken again, and the new process has clients that get what is published.
  let placed = await rig.hold('c=b');
  while (survivors.some(({ worker }) => worker === placed.worker)) placed = await rig.hold('c=b');
  const response = await rig.publish([item('b', 'new')], { Prefer: 'return=representation' });
  assert.match(JSON.stringify(response), /"receivers":[1-9]/);
  await placed.client.take('new\n\r\n');
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
});

test('metrics are those of all workers, and a stop delivers what was published before', { skip: SKIP }, async (t) => {
  const rig = await startWorkers(t, 2);
  const held = await rig.spread('c=a', 2);
  await rig.publish([item('a', 'last')]);
  const stopped = rig.server.program.stop();
  // The last chunk follows the item: the streams end properly.
  for (const { client } of held) assert.equal(chunksOf(await client.take('\r\n0\r\n\r\n')), 'last\n');
  const { code } = await stopped;
  assert.equal(code, 0);
  const record = await rig.server.program.logged('stopped');
  const { holdsStarted, itemsPublished, itemsDelivered, holdsOpen } = record.proxy as Record<string, number>;
  const counts = { holdsStarted, itemsPublished, itemsDelivered, holdsOpen };
  assert.deepEqual(counts, { holdsStarted: held.length, itemsPublished: 1, itemsDelivered: held.length, holdsOpen: 0 });
});

test('WebSockets of all workers get what is published', { skip: SKIP }, async (t) => {
  const server = await runServer(t, ['--route', '* test'], '[server]\nworkers = 2\n');
  const rig = new ProxyWorkers(t, server, '');
  const workers = new Set<number>();
  const sockets: RawClient[] = [];
  while (workers.size < 2 || sockets.length < 4) {
    const { client, worker } = await rig.connect();
    client.write(
      'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    assert.equal((await client.takeHead()).status, 101);
    workers.add(worker);
    sockets.push(client);
  }
  const response = await rig.publish([item('test', 'to all')], { Prefer: 'return=representation' });
  assert.deepEqual(response, {
    message: 'Published',
    items: [{ channel: 'test', receivers: sockets.length, cursor: null }],
  });
  for (const socket of sockets) await socket.take('to all');
  for (const socket of sockets) socket.reset();
});

test('a changed routes file reaches all workers; items come through PULL, SUB and the command socket', {
  skip: SKIP,
}, async (t) => {
  if (requirePeer(t, 'python3-zmq') === null) return;
  const [http, control, pull, sub, command] = await freePorts(5);
  const conf = `[runner]
http_port=127.0.0.1:${http}
[proxy]
workers=2
[handler]
push_in_spec=tcp://127.0.0.1:${pull}
push_in_sub_specs=tcp://127.0.0.1:${sub}
command_spec=tcp://127.0.0.1:${command}
push_in_http_port=${control}
stats_spec=
`;
  const rig = await startPushpinWorkers(t, conf, [`127.0.0.1:${http}`]);
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  const publisher = await peer.open('XPUB', { connect: `tcp://127.0.0.1:${sub}` });
  const held = await rig.spread('c=a', 2);
  const [topic] = await publisher.messages.next();
  assert.equal(topic?.toString(), '\x01a');
  const push = await peer.open('PUSH', { connect: `tcp://127.0.0.1:${pull}` });
  await push.send([encode(item('a', 'pulled') as TnetstringInput)]);
  for (const { client } of held) assert.equal(chunksOf(await client.take('pulled\n\r\n')), 'pulled\n');
  await publisher.send([Buffer.from('a'), encode(item('a', 'subscribed') as TnetstringInput)]);
  for (const { client } of held) assert.equal(chunksOf(await client.take('subscribed\n\r\n')), 'subscribed\n');
  const request = await peer.open('REQ', { connect: `tcp://127.0.0.1:${command}` });
  await request.send([
    encode({ id: '1', method: 'publish', args: { items: [item('a', 'commanded')] } } as TnetstringInput),
  ]);
  await request.messages.next();
  for (const { client } of held) assert.equal(chunksOf(await client.take('commanded\n\r\n')), 'commanded\n');
  writeFileSync(join(rig.folder, 'routes'), '');
  await rig.server.program.logged('routes loaded with 0 entries');
  const refused = new Set<number>();
  while (refused.size < 2) {
    const { client, worker } = await rig.connect();
    const { status } = await client.request('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    if (status === 502) refused.add(worker);
  }
  const { code } = await rig.server.program.stop();
  assert.equal(code, 0);
});

/** The content of the chunks of a response. */
function chunksOf(text: string): string {
  return text.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replace(/\r\n$/, '');
}
