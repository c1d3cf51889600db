import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientAnswers, ClientQuestion } from '../../../src/app/client-view.ts';
import { ClusterChannels } from '../../../src/app/cluster-channels.ts';
import { ClusterClients } from '../../../src/app/cluster-clients.ts';
import type { Connection } from '../../../src/control/index.ts';
import { FirstByKey } from '../../../src/hub/index.ts';
import { busNode } from '../../support/cluster/bus-node.ts';
import { NodeBus } from '../../support/cluster/node-bus.ts';
import { manualClock } from '../../support/manual-clock.ts';

/** A held client with a name of some length among its channels. */
function connection(id: string, bytes: number): Connection {
  const held = { kind: 'stream', held: true, peer: '', encrypted: false, route: null, user: null } as const;
  return { id, ...held, channels: ['x'.repeat(bytes)], patterns: [], since: null, items: null, cursor: null };
}

/** Answers for a node with these connections. */
function clientsOf(connections: readonly Connection[]) {
  return async <Question extends ClientQuestion>(question: Question) => {
    if (question.about !== 'list') assert.fail(`asked for ${question.about}`);
    const { after = '', limit } = question.query;
    const first = new FirstByKey<{ key: string; each: Connection }>(limit + 1);
    for (const each of connections) if (each.id > after) first.add({ key: each.id, each });
    const shown = first.all.slice(0, limit).map(({ each }) => each);
    const next = first.all.length > limit ? (shown.at(-1)?.id ?? null) : null;
    return [{ connections: shown, total: connections.length, next }] as unknown as ClientAnswers[Question['about']][];
  };
}

test('a list is read to its end, however little of it a node may send at a time', async (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  bus.maxPayload = 16_384;
  const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
  pass(1);
  const of = (family: string) => Array.from({ length: 40 }, (_, i) => connection(`${family}${i + 10}`, 1_000));
  const clients = new ClusterClients(clientsOf(of('m')), a.calls);
  new ClusterClients(clientsOf([...of('b'), ...of('z')]), b.calls);
  const ids: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    const query = { limit: 30, after: from, pattern: 'false', scope: 'cluster' } as const;
    const { answer, missing } = await clients.ask({ about: 'list', query }, 'cluster');
    assert.deepEqual(missing, []);
    assert.equal(answer.total, 120);
    ids.push(...answer.connections.map(({ id }) => id));
    after = answer.next ?? undefined;
  }
  const all = [...of('b'), ...of('m'), ...of('z')].map(({ id }) => id);
  assert.deepEqual(ids, all);
  assert.ok(a.counters.questions > 8, 'the other node has sent small parts');
});

test('a connection that is too large for an answer leaves its node out', async (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  bus.maxPayload = 16_384;
  const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
  pass(1);
  const clients = new ClusterClients(clientsOf([connection('a', 10)]), a.calls);
  new ClusterClients(clientsOf([connection('b', 20_000)]), b.calls);
  const query = { limit: 30, pattern: 'false', scope: 'cluster' } as const;
  const { answer, missing } = await clients.ask({ about: 'list', query }, 'cluster');
  assert.deepEqual([answer.connections.map(({ id }) => id), missing], [['a'], ['b']]);
});

for (const input of [
  null,
  {},
  { about: 'all' },
  { about: 'list', query: { limit: 5_000 } },
  { about: 'list', query: { later: 1 } },
  { about: 'close' },
]) {
  test(`a question about clients that is ${JSON.stringify(input)} is not understood`, async (t) => {
    const pass = manualClock(t);
    const bus = new NodeBus();
    const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
    pass(1);
    new ClusterClients(async () => assert.fail('asked'), b.calls);
    assert.deepEqual(await a.calls.ask('clients', input, (value) => value), { values: [], missing: ['b'] });
    assert.equal(b.counters.faults, 0);
  });
}

for (const [what, value] of [
  ['nothing', null],
  ['a page without a total', { channels: [], next: null }],
  ['a channel without a name', { channels: [{ subscribers: 1, lastId: null }], total: 1, next: null }],
] as const) {
  test(`a node that answers with ${what} is missing`, async (t) => {
    const pass = manualClock(t);
    const bus = new NodeBus();
    const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
    pass(1);
    b.calls.handle('channels', () => value);
    const own = { channels: [{ name: 'own', subscribers: 1, lastId: null }], total: 1, next: null };
    const channels = new ClusterChannels(
      { channelPage: async () => own, channelInfos: async () => own.channels },
      a.calls,
    );
    const page = await channels.page({ prefix: '', after: '', limit: 10 }, 'cluster');
    assert.deepEqual(page, { ...own, missing: ['b'] });
    assert.deepEqual(await channels.info('own', 'cluster'), { info: own.channels[0], missing: ['b'] });
    assert.deepEqual((await channels.info('own', 'node')).missing, []);
  });
}

test('what a later version adds to an answer is left out', async (t) => {
  const pass = manualClock(t);
  const bus = new NodeBus();
  const [a, b] = [busNode(bus, 'a'), busNode(bus, 'b')];
  pass(1);
  const channel = { name: 'c', subscribers: 2, lastId: '7' };
  b.calls.handle('channels', () => ({ channels: [{ ...channel, more: 1 }], total: 1, next: null, more: 1 }));
  const own = { channelPage: () => assert.fail('asked'), channelInfos: async () => [] };
  assert.deepEqual(await new ClusterChannels(own, a.calls).info('c', 'cluster'), { info: channel, missing: [] });
});
