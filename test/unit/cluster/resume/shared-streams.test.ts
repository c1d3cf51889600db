import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { ALL_RIGHTS } from '../../../../src/resume/index.ts';
import { turn } from '../../../support/manual-clock.ts';
import { startNats, startNatsCluster, untilWhole } from '../../../support/nats.ts';
import { positionsIn, StreamClient, StreamNode, twoNodes } from './stream-node.ts';

/** As `twoNodes`, with a stream of the first node that has sent events with this data to its first client. */
async function nodesWithStream(t: TestContext, ...data: readonly string[]) {
  const nodes = await twoNodes(t);
  if (nodes === null) return null;
  const origin = nodes.a.begin();
  const first = origin.read();
  origin.send(...data);
  return { ...nodes, origin, first, positions: positionsIn(first.body) };
}

/** Where the event with this position ends. The text may be cut off before the last byte of that. */
function endOf(text: string, position: number): number {
  const id = `.${position}\n`;
  return text.indexOf(id) + id.length + 1;
}

test('a client that comes back to another node gets the rest, what comes, and the end: the same bytes', async (t) => {
  const nodes = await nodesWithStream(t, 'one', 'two', 'three');
  if (nodes === null) return;
  const { a, b, origin, first, positions } = nodes;
  const [one = 0, two = 0] = positions;
  first.leave();
  const second = b.back(origin.id, one);
  await second.until(() => second.body.includes('three\n'));
  assert.deepEqual([second.head?.status, second.head?.headers], [200, origin.stream.head.headers]);
  origin.send('four');
  await second.until(() => second.body.includes('four\n'));
  origin.end();
  await second.completed();
  assert.equal(second.body, origin.textFrom('two'));
  const third = b.back(origin.id, two);
  await third.completed();
  assert.equal(third.body, origin.textFrom('three'));
  const late = b.back(origin.id, origin.stream.lastEvent);
  assert.equal((await late.completed()).status, 204);
  const all = b.back(origin.id, 0);
  await all.completed();
  assert.equal(all.body, origin.text);
  assert.equal(b.counters.streamsViewed, 3);
  assert.deepEqual([a.counters.faults, b.counters.faults, a.counters.streamsUnshared], [0, 0, 0]);
});

test('rights, URL and event are checked as at the node of the stream', async (t) => {
  const nodes = await nodesWithStream(t, 'one', 'two');
  if (nodes === null) return;
  const { b, origin, positions } = nodes;
  const [one = 0] = positions;
  const statusOf = async (stream: string, position: number, rights?: string) =>
    (await b.back(stream, position, rights).completed()).status;
  assert.equal(await statusOf(origin.id, one, 'of another'), 403);
  assert.equal(await statusOf(origin.id, one + 1), 404);
  assert.equal(await statusOf(`${origin.id.slice(0, -1)}_`, one), 404);
  const shared = b.back(origin.id, one, ALL_RIGHTS);
  await shared.until(() => shared.body.includes('two\n'));
  origin.end();
  await shared.completed();
  assert.equal(shared.head?.status, 200);
});

test('a client at another node keeps a stream alive, and the origin waits for it when the log is full', async (t) => {
  const nodes = await twoNodes(t);
  if (nodes === null) return;
  const { a, b } = nodes;
  const origin = a.begin({ ttl: 60, maxBytes: 65_536 });
  const first = origin.read();
  origin.send('one');
  first.leave();
  const slow = b.back(origin.id, 0, undefined, new StreamClient(0, false));
  await slow.until(() => slow.head !== null);
  let sent = 0;
  const data = 'x'.repeat(500);
  const fill = (): void => {
    for (; origin.granted > 600; sent++) {
      origin.granted -= data.length + 8;
      origin.send(data);
    }
  };
  fill();
  assert.ok(origin.stream.isRead);
  const before = sent;
  assert.ok(before > 50 && before < 140, `${before} events`);
  slow.grant(10_000_000);
  while (sent < 2_000) {
    await turn();
    fill();
  }
  origin.end();
  await slow.completed();
  assert.equal(slow.body.match(/^data: x/gm)?.length, sent);
  const positions = positionsIn(slow.body);
  assert.deepEqual(
    positions,
    positions.toSorted((one, other) => one - other),
  );
  assert.equal(a.counters.streamsUnshared, 0);
});

test('at the broker a stream has at most twice what its log holds, and nothing when it is gone', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const a = await StreamNode.open(t, nats);
  const connection = await connect({ servers: nats.url });
  t.after(() => connection.close());
  const manager = await jetstreamManager(connection);
  const stateOf = async () => (await manager.streams.info('test_resume')).state;
  const origin = a.begin({ ttl: 60, maxBytes: 65_536 });
  origin.read();
  for (let i = 0; i < 100; i++) {
    origin.send('y'.repeat(9_000));
    await a.broker.flushed();
  }
  const kept = await stateOf();
  assert.ok(kept.bytes < 4 * 65_536, `${kept.bytes} bytes`);
  origin.stream.letGo();
  for (;;) {
    const { messages } = await stateOf();
    if (messages === 0) break;
  }
});

test('while the broker is away the stream goes on, and when it is back the rest is written', async (t) => {
  const nodes = await nodesWithStream(t, 'one');
  if (nodes === null) return;
  const { nats, a, b, origin, first, positions } = nodes;
  const [one = 0] = positions;
  const second = b.back(origin.id, 0);
  await second.until(() => second.body.includes('one\n'));
  await nats.kill();
  origin.send('two');
  assert.ok(first.body.includes('two\n'));
  await nats.start();
  await second.until(() => second.body.includes('two\n'));
  origin.send('three');
  origin.end();
  await second.completed();
  assert.equal(second.body, origin.text);
  const third = b.back(origin.id, one);
  await third.completed();
  assert.equal(third.body, origin.textFrom('two'));
  assert.deepEqual([a.counters.streamsUnshared, a.counters.faults, b.counters.faults], [0, 0, 0]);
});

test('a stream that has gone too far without the broker is not shared any more, and clients of other nodes are cut', async (t) => {
  const nodes = await nodesWithStream(t, 'one');
  if (nodes === null) return;
  const { nats, a, b, origin, first } = nodes;
  const second = b.back(origin.id, 0);
  await second.until(() => second.body.includes('one\n'));
  await nats.kill();
  for (let i = 0; i < 300; i++) origin.send('z'.repeat(1_000));
  assert.ok(first.body.length > 300_000, 'the client of this node has it all');
  await nats.start();
  assert.equal((await second.failed()).code, 'HF_STREAM_LOST');
  assert.equal(a.counters.streamsUnshared, 1);
  assert.equal(a.log.with('stream cannot be resumed at other nodes').length, 1);
});

test('where the node of a stream has gone, clients get what there is, and who has it all is sent to the origin', async (t) => {
  const nodes = await nodesWithStream(t, 'one', 'two');
  if (nodes === null) return;
  const { a, b, origin, positions } = nodes;
  const [one = 0, two = 0] = positions;
  const second = b.back(origin.id, one);
  await second.until(() => second.body.includes('two\n'));
  // As a process that is killed: it says nothing.
  await a.broker.close();
  assert.equal((await second.failed()).code, 'HF_STREAM_LOST');
  const third = b.back(origin.id, one);
  assert.equal((await third.failed()).code, 'HF_STREAM_LOST');
  assert.equal(third.body, origin.textFrom('two'));
  assert.equal((await b.back(origin.id, two).completed()).status, 404);
});

test('50 streams at once come whole to clients that move from node to node', async (t) => {
  const two = await twoNodes(t);
  if (two === null) return;
  const nodes = [two.a, two.b] as const;
  const one = async (index: number): Promise<void> => {
    const [here, there] = index % 2 === 0 ? nodes : [nodes[1], nodes[0]];
    const origin = here.begin({ ttl: 60, maxBytes: 1_048_576 });
    const first = origin.read();
    for (let i = 0; i < 20; i++) origin.send(`${index} ${i} ${'w'.repeat(index * 50)}`);
    const positions = positionsIn(first.body);
    first.leave();
    const from = positions[index % 20] as number;
    const second = there.back(origin.id, from);
    for (let i = 20; i < 60; i++) {
      origin.send(`${index} ${i} ${'w'.repeat(index * 50)}`);
      if (i % 5 === 0) await turn();
    }
    origin.end();
    await second.completed();
    assert.ok(second.body === origin.text.slice(endOf(origin.text, from)), `stream ${index}`);
  };
  await Promise.all(Array.from({ length: 50 }, (_, index) => one(index)));
  assert.deepEqual([nodes[0].counters.faults, nodes[1].counters.faults], [0, 0]);
});

test('when servers of the broker are killed, one after the other, every client has the same bytes in the end', async (t) => {
  const servers = await startNatsCluster(t);
  if (servers === null) return;
  const nodes = [
    await StreamNode.open(t, servers, { replicas: 3 }),
    await StreamNode.open(t, servers, { replicas: 3 }),
  ] as const;
  let done = false;
  const one = async (index: number): Promise<void> => {
    const [here, there] = index % 2 === 0 ? nodes : [nodes[1], nodes[0]];
    const origin = here.begin({ ttl: 60, maxBytes: 4_194_304 });
    const local = origin.read();
    origin.send('first');
    let [position = 0] = positionsIn(local.body);
    let text = '';
    let remote = there.back(origin.id, position);
    const take = (): void => {
      text += remote.body;
      position = positionsIn(text).at(-1) ?? position;
    };
    for (let i = 0; !done; i++) {
      origin.send(`${index} ${i} ${'v'.repeat(i % 200)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    origin.end();
    for (;;) {
      const end = await remote.ended();
      take();
      if (end === 'complete' && remote.head?.status === 200) break;
      assert.notEqual(remote.head?.status, 404, 'the stream is not lost');
      // What came after the last id comes again.
      text = text.slice(0, endOf(text, position));
      remote = there.back(origin.id, position);
    }
    const [first = 0] = positionsIn(local.body);
    assert.ok(text === local.body.slice(endOf(local.body, first)), `stream ${index}`);
  };
  const all = Promise.all(Array.from({ length: 10 }, (_, index) => one(index)));
  for (const server of servers) {
    await server.kill();
    await server.start();
    // With two of three away at once the broker may forget what it has acknowledged.
    await untilWhole(servers);
  }
  done = true;
  await all;
  assert.deepEqual(
    nodes.map(({ counters }) => [counters.faults, counters.streamsUnshared]),
    [
      [0, 0],
      [0, 0],
    ],
  );
});
