import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encode } from '../../src/codec/tnetstring/index.ts';
import { freePorts } from '../support/free-ports.ts';
import { got, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { requirePeer } from '../support/peers.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

test('items that reach a node by PULL or SUB reach the clients of another one', async (t) => {
  const nats = await startNats(t);
  if (nats === null || requirePeer(t, 'python3-zmq') === null) return;
  const [pull, sub] = (await freePorts(2)).map((port) => `tcp://127.0.0.1:${port}`) as [string, string];
  const cluster = `[cluster]\nnats = ["${nats.url}"]\n${THREE_ITEMS}`;
  const a = await startKeeping(t, `[publish]\npull = ["${pull}"]\nsub = ["${sub}"]\n${cluster}`);
  const b = await startKeeping(t, cluster, a.target);
  const client = await b.stream('a');
  await got(client, 'id: ');
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  const push = await peer.open('PUSH', { connect: pull });
  await push.send([encode({ channel: 'a', formats: { 'http-stream': { content: 'data: pushed\n\n' } } })]);
  await got(client, 'data: pushed');
  const pub = await peer.open('PUB', { connect: sub });
  // What is published before the subscription has come is not sent.
  while (!client.text.includes('data: sent')) {
    await pub.send([Buffer.from('a'), encode({ formats: { 'http-stream': { content: 'data: sent\n\n' } } })]);
  }
  assert.match(client.text, /data: pushed[\s\S]*data: sent/);
});
