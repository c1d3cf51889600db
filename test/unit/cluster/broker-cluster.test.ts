import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startNatsCluster } from '../../support/nats.ts';
import { StoreNode } from './support.ts';

/** Starts three servers, and a node at each, subscribed to `x`. Null where there is no broker: the test is skipped. */
async function threeNodes(t: TestContext) {
  const servers = await startNatsCluster(t);
  if (servers === null) return null;
  const nodes: StoreNode[] = [];
  for (const server of servers) nodes.push(await StoreNode.open(t, server, { settings: { replicas: 3 } }));
  await Promise.all(nodes.map((node) => node.subscribe('x')));
  return { servers, nodes };
}

test('nodes at three servers with three replicas have one order, and read everything at a server that may be behind', async (t) => {
  const cluster = await threeNodes(t);
  if (cluster === null) return;
  const { nodes } = cluster;
  const [a] = nodes as [StoreNode];
  const [first = 0] = await a.append('y', '0');
  const numbers = await Promise.all(
    nodes.map((node, index) => node.append('x', ...Array.from({ length: 50 }, (_, item) => `${index}.${item}`))),
  );
  for (const node of nodes) await node.until(() => node.items.length === 150);
  for (const node of nodes) assert.deepEqual(node.items, a.items);
  assert.equal(new Set(numbers.flat()).size, 150);
  for (let round = 0; round < 20; round++) {
    const text = `late${round}`;
    const [number = 0] = await (nodes[round % 3] as StoreNode).append('z', text);
    const reader = nodes[(round + 1) % 3] as StoreNode;
    assert.equal(await reader.after(number - 1, 'z'), text);
  }
  assert.equal(await a.after(first, 'x'), a.texts);
  assert.deepEqual(
    nodes.map(({ lost }) => lost),
    [[], [], []],
  );
});

test('of the many channels of a pattern those are found that have something new, at a server that may be behind', async (t) => {
  const cluster = await threeNodes(t);
  if (cluster === null) return;
  const [a, b] = cluster.nodes as [StoreNode, StoreNode];
  const matching = (pattern: string, after: number): Promise<readonly string[] | null> =>
    new Promise((resolve) => b.store.matching([pattern], after, 1, resolve));
  for (let index = 0; index < 5; index++) await a.append(`c.${index}`, '.');
  for (const pattern of ['c.*', '>', '*.*', 'c.>']) {
    const [number = 0] = await a.append('c.3', pattern);
    assert.deepEqual(await matching(pattern, number - 1), ['c.3'], pattern);
  }
  assert.deepEqual(b.log.of('broker has failed'), []);
});

test('when the server that leads the stream is killed no item is lost or kept twice', async (t) => {
  const cluster = await threeNodes(t);
  if (cluster === null) return;
  const { servers, nodes } = cluster;
  const [a] = nodes as [StoreNode];
  await a.append('x', 'begin');
  const { data } = await a.broker.connection.request('$JS.API.STREAM.INFO.test');
  const leader = Number((JSON.parse(Buffer.from(data).toString()) as Info).cluster.leader.slice(1));
  const others = nodes.filter((_, index) => index !== leader);
  const [b, c] = others as [StoreNode, StoreNode];
  const sent: Promise<readonly number[]>[] = [];
  for (let index = 0; index < 200; index++) {
    sent.push((index % 2 === 0 ? b : c).append('x', `item${index}`));
    if (index === 100) await servers[leader]?.kill();
  }
  const numbers = (await Promise.all(sent)).flat();
  assert.ok(numbers.every((number) => number > 0));
  assert.equal(new Set(numbers).size, 200);
  await b.cover('x');
  const kept = (await b.kept('x')).split(' ');
  assert.equal(kept.length, 201);
  assert.equal(await c.kept('x'), kept.join(' '));
});

interface Info {
  readonly cluster: { readonly leader: string };
}
