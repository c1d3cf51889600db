import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { channelPageSchema } from '../../src/control/channel-schema.ts';
import { nodesSchema, type ShownNode } from '../../src/control/node-schema.ts';
import { got, type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';
import { turn } from '../support/manual-clock.ts';
import { type NatsServer, startNats } from '../support/nats.ts';

/** The configuration of a node. */
function node(nats: NatsServer, name: string, more = ''): string {
  return `[cluster]\nnats = ["${nats.url}"]\nnode = "${name}"\n${more}`;
}

/** Nodes that know each other, with these names. */
async function startNodes(t: TestContext, names: readonly string[], more = '') {
  const nats = await startNats(t);
  if (nats === null) return null;
  const nodes: KeepingRig[] = [];
  for (const name of names) nodes.push(await startKeeping(t, node(nats, name, more), nodes[0]?.target));
  for (const each of nodes) await knows(each, names);
  return { nats, nodes: nodes as [KeepingRig, KeepingRig, ...KeepingRig[]] };
}

async function nodesAt({ control }: KeepingRig): Promise<readonly ShownNode[]> {
  return nodesSchema.parse((await control.send('GET', '/nodes')).json).nodes;
}

/** Resolves when a node knows exactly these nodes. */
async function knows(rig: KeepingRig, names: readonly string[]): Promise<void> {
  const wanted = [...names].sort().join();
  while ((await nodesAt(rig)).map(({ name }) => name).join() !== wanted) await setTimeout(20);
}

/** Tells that there is a node, which answers nothing. Its heartbeats end with the test. */
async function ghost(t: TestContext, { url }: NatsServer, name: string): Promise<void> {
  const connection = await connect({ servers: url });
  const facts = { state: 'ready', connections: 0, channels: 0, published: 0, delivered: 0, rules: '', presence: false };
  const hello = { protocol: 1, oldest: 1, id: name, name, version: '1.0.0', started: 1, facts, leaves: false };
  const tell = (): void => connection.publish('holdfast.n.hello', JSON.stringify(hello));
  tell();
  const timer = setInterval(tell, 500);
  t.after(async () => {
    clearInterval(timer);
    await connection.close();
  });
}

test('each node lists all nodes, with what they do', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  await got(await b.stream('news'), '');
  await b.app.held();
  let beta: ShownNode | undefined;
  while (beta?.channels !== 1) {
    [, beta] = await nodesAt(a);
    await setTimeout(20);
  }
  assert.deepEqual([beta.name, beta.self, beta.state, beta.protocol, beta.connections], ['beta', false, 'ready', 1, 1]);
  assert.ok((beta.lastHeard ?? 99) < 5);
  const [alpha, self] = await nodesAt(b);
  assert.deepEqual([alpha?.self, self?.self, self?.lastHeard, self?.id], [false, true, null, beta.id]);
  await b.app.app.stop(0);
  await knows(a, ['alpha']);
});
