import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect } from '@nats-io/transport-node';
import { channelPageSchema } from '../../src/control/channel-schema.ts';
import { connectionPageSchema } from '../../src/control/connection-schema.ts';
import { nodesSchema, type ShownNode } from '../../src/control/node-schema.ts';
import type { StreamedResponse } from '../support/client.ts';
import { got, type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { startOrigin } from '../support/origin.ts';
import { eventually } from '../support/running-app.ts';
import { openWs, type WsPeer } from '../support/websocket/ws-peers.ts';

/** A route for WebSockets. */
const WEB_SOCKETS = '\n[[route]]\nhost = "*"\npath_beg = "/test"\ntargets = ["test"]\n';

/** The configuration of a node. */
function node(nats: NatsServer, name: string, more = ''): string {
  return `[cluster]\nnats = ["${nats.url}"]\nnode = "${name}"\n${more}`;
}

/** Holds clients on the channel `c` of the query, for the user `u`, as the mode `h` says. */
function holdingOrigin(t: TestContext, requests: string[]): Promise<string> {
  return startOrigin(t, (request, response) => {
    requests.push(request.url ?? '');
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const user = query.get('u');
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Grip-Hold': query.get('h') ?? 'stream',
      'Grip-Channel': query.get('c') ?? 'a',
      ...(user !== null && { 'Grip-Set-Meta': `user=${user}` }),
    });
    response.end(': open\n\n');
  });
}

/** Nodes that know each other, with these names. */
async function startNodes(t: TestContext, names: readonly string[], more = '') {
  const nats = await startNats(t);
  if (nats === null) return null;
  const requests: string[] = [];
  const origin = await holdingOrigin(t, requests);
  const nodes: KeepingRig[] = [];
  for (const name of names) nodes.push(await startKeeping(t, node(nats, name, more), origin, WEB_SOCKETS));
  for (const each of nodes) await knows(each, names);
  return { nats, requests, nodes: nodes as [KeepingRig, KeepingRig, ...KeepingRig[]] };
}

/** A client that is held. */
async function held(rig: KeepingRig, channel: string, query = ''): Promise<StreamedResponse> {
  const client = await rig.stream(channel, null, query);
  await got(client, ': open');
  return client;
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
  const heartbeat = { protocol: 1, oldest: 1, id: name, name, version: '1.0.0', started: 1, facts, leaves: false };
  const tell = (): void => connection.publish('holdfast.n.heartbeat', JSON.stringify(heartbeat));
  tell();
  const timer = setInterval(tell, 500);
  t.after(async () => {
    clearInterval(timer);
    await connection.close();
  });
}

/** The event with which a WebSocket has ended. */
async function lastEvent(socket: WsPeer): Promise<string> {
  for (;;) {
    const event = await socket.next();
    if (event.startsWith('close')) return event;
  }
}

test('each node lists all nodes, with what they do', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  await held(b, 'news');
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

test('channels are listed and described for all nodes, or for one', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta'], '[[channel]]\nmatch = "kept.>"\nhistory_items = 5\n');
  if (rig === null) return;
  const [a, b] = rig.nodes;
  for (const [node, channel] of [
    [a, 'both'],
    [b, 'both'],
    [b, 'both'],
    [a, 'first'],
    [b, 'second'],
  ] as const) {
    await held(node, channel);
  }
  await a.publish('kept.x', '1');
  const list = async ({ control }: KeepingRig, query = '') => {
    const { json } = await control.send('GET', `/channels?${query}`);
    const { channels, total, next, missing } = channelPageSchema.parse(json);
    return { channels: channels.map(({ name, subscribers }) => `${name} ${subscribers}`), total, next, missing };
  };
  const all = { channels: ['both 3', 'first 1', 'second 1'], total: 3, next: null, missing: undefined };
  assert.deepEqual(await list(a), all);
  assert.deepEqual(await list(b), all);
  const kept = await list(a, 'kept=true');
  assert.deepEqual([kept.channels, kept.total], [['both 3', 'first 1', 'kept.x 0', 'second 1'], 4]);
  assert.deepEqual((await list(a, 'scope=node')).channels, ['both 1', 'first 1']);
  const pages: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page: Awaited<ReturnType<typeof list>> = await list(b, `limit=1&after=${after}`);
    pages.push(...page.channels);
    after = page.next;
  }
  assert.deepEqual(pages, all.channels);
  const one = async (name: string, scope = '') => (await a.control.send('GET', `/channels/${name}${scope}`)).json;
  assert.equal((await one('both')).subscribers, 3);
  assert.equal((await one('second')).subscribers, 1);
  assert.equal((await one('both', '?scope=node')).subscribers, 1);
  assert.equal((await a.control.send('GET', '/channels/second?scope=node')).status, 404);
  assert.equal((await a.control.send('GET', '/channels?scope=all')).status, 400);
});

test('connections are found and closed at whichever node they are', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  const clients = [
    await held(a, 'x', '&u=ann'),
    await held(b, 'x', '&u=ann'),
    await held(b, 'x', '&u=bob'),
    await held(b, 'y', '&u=eve'),
  ] as const;
  const list = async (query = '') => {
    const { json } = await a.control.send('GET', `/connections?${query}`);
    return connectionPageSchema.parse(json);
  };
  const { connections, total } = await list();
  assert.deepEqual(connections.map(({ user }) => user).sort(), ['ann', 'ann', 'bob', 'eve']);
  assert.deepEqual([total, new Set(connections.map(({ id }) => id)).size], [4, 4], 'their ids differ');
  assert.deepEqual(
    (await list('scope=node')).connections.map(({ user }) => user),
    ['ann'],
  );
  assert.equal((await list('channel=x&limit=2')).connections.length, 2);
  const { id = '', node } = connections.find(({ user }) => user === 'bob') ?? {};
  assert.equal(node, 'beta');
  assert.equal((await list('scope=node')).connections[0]?.node, 'alpha');
  const details = (await a.control.send('GET', `/connections/${id}`)).json;
  assert.deepEqual([details.user, details.node], ['bob', 'beta']);
  assert.equal((await a.control.send('GET', `/connections/${id}?scope=node`)).status, 404);
  assert.equal((await a.control.send('DELETE', `/connections/${id}?scope=node`)).status, 404);
  assert.equal((await a.control.send('DELETE', `/connections/${id}`)).status, 204);
  await clients[2].ended();
  assert.equal((await a.control.send('DELETE', `/connections/${id}`)).status, 404);
  assert.deepEqual((await b.control.send('POST', '/users/ann/disconnect')).json, { closed: 2 });
  await Promise.all([clients[0].ended(), clients[1].ended()]);
  assert.deepEqual((await a.control.send('POST', '/users/eve/disconnect?scope=node')).json, { closed: 0 });
  assert.equal((await list()).total, 1);
});

test('a publisher that asks gets the receivers of all nodes', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  for (const node of [a, b, b]) await held(node, 'x');
  const publish = async (id: string, channel = 'x') => {
    const headers = { Host: 'localhost', Prefer: 'return=representation' };
    const item = { channel, id, formats: { 'http-stream': { content: 'data: x\n\n' } } };
    const [address = ''] = a.app.app.addresses.control;
    const body = JSON.stringify({ items: [item, { ...item, id: `${id}-2`, channel: 'nobody' }] });
    const response = await fetch(`http://${address}/publish`, { method: 'POST', headers, body });
    const { items, missing } = (await response.json()) as { items: { receivers: number }[]; missing?: string[] };
    return { receivers: items.map(({ receivers }) => receivers), missing };
  };
  assert.deepEqual(await publish('1'), { receivers: [3, 0], missing: undefined });
  assert.deepEqual(await publish('1'), { receivers: [0, 0], missing: undefined }, 'a repeat is dropped');
  await ghost(t, rig.nats, 'ghost');
  await knows(a, ['alpha', 'beta', 'ghost']);
  assert.deepEqual(await publish('2'), { receivers: [3, 0], missing: ['ghost'] });
});

test('an answer names the nodes that have not answered', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  await held(b, 'x', '&u=ann');
  await ghost(t, rig.nats, 'ghost');
  await knows(a, ['alpha', 'beta', 'ghost']);
  const { control } = a;
  const missing = ['ghost'];
  assert.deepEqual((await control.send('GET', '/channels')).json.missing, missing);
  assert.deepEqual((await control.send('GET', '/channels/x')).json.missing, missing);
  assert.deepEqual((await control.send('GET', '/connections')).json.missing, missing);
  assert.deepEqual((await control.send('POST', '/users/bob/disconnect')).json, { closed: 0, missing });
  const { status, json } = await control.send('DELETE', '/connections/1-1');
  assert.equal(status, 404);
  assert.match(json.error.message, /have not answered: ghost$/);
  assert.equal((await control.send('GET', '/channels?scope=node')).json.missing, undefined);
});

test('one that looks at a channel sees what is published at any node, whether a client has it or not', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta'], '[[channel]]\nmatch = "kept.>"\nhistory_items = 5\n');
  if (rig === null) return;
  const [a, b] = rig.nodes;
  for (const channel of ['kept.x', 'other']) {
    const tap = await a.control.open('GET', `/channels/${channel}/messages`);
    const publish = (node: KeepingRig, id: string): Promise<void> =>
      node.app.publish({ channel, id, formats: { 'http-stream': { content: 'data: x\n\n' } } });
    // The broker has the subscription when the first one has come.
    for (let i = 0; !tap.text.includes('"id":"warm'); i++) {
      await publish(b, `warm${i}`);
      await setTimeout(20);
    }
    await publish(a, 'from a');
    await publish(b, 'from b');
    await got(tap, '"id":"from a"');
    await got(tap, '"id":"from b"');
    assert.equal(tap.text.match(/"id":"from/g)?.length, 2);
    tap.request.destroy();
  }
});

test('a recovery reaches the held requests of all nodes', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  const client = b.app.send({ path: '/?c=x&h=response' });
  await b.app.held();
  assert.equal(rig.requests.length, 1);
  await a.app.recover();
  // It is sent to its origin again.
  await eventually(() => rig.requests.length === 2);
  await b.app.held(2);
  await a.app.publish({ channel: 'x', formats: { 'http-response': { body: 'hello' } } });
  assert.equal((await client).text, 'hello');
});

test('a node that drains tells the others, and its clients go one after the other with goodbyes', async (t) => {
  const rig = await startNodes(t, ['alpha', 'beta']);
  if (rig === null) return;
  const [a, b] = rig.nodes;
  const streams = [await held(b, 'x'), await held(b, 'x'), await held(b, 'x')];
  const socket = await openWs(t, `ws://${b.app.address}/test/ws?channel=x`);

  const stopped = b.app.app.stop(4);
  const first = await Promise.race(streams.map(async (stream) => stream.ended().then(() => stream)));
  // Those whose turn has not come still get what is published, also at other nodes.
  const published = a.publish('x', 'meanwhile');
  const beta = (await nodesAt(a)).find(({ name }) => name === 'beta');
  assert.equal(beta?.state, 'draining');
  assert.equal((await b.control.send('GET', '/readyz')).status, 503);
  await assert.rejects(fetch(`http://${b.app.address}/`), 'no new connections are accepted');
  await published;
  await Promise.all(streams.map((stream) => stream.ended()));
  for (const stream of streams) assert.match(stream.text, /\nretry: \d+\n\n$/);
  assert.ok(streams.some((stream) => stream !== first && stream.text.includes('data: meanwhile')));
  assert.equal(await lastEvent(socket), 'close 1012');
  await stopped;
  await knows(a, ['alpha']);
});
