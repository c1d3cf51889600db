import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { ClusterCheck } from '../support/cluster/cluster-check.ts';
import { ClusterPublisher } from '../support/cluster/cluster-publisher.ts';
import { FaultyCluster, type FaultyNode } from '../support/cluster/faulty-cluster.ts';
import { connectionsOf, leftOver } from '../support/cluster/left-over.ts';
import { ModelSocket } from '../support/cluster/model-socket.ts';
import { storedItems } from '../support/cluster/stored-items.ts';
import { startHoldingOrigin } from '../support/history/kept-channels.ts';
import { type ModelClient, ModelPoll, ModelStream } from '../support/history/model-client.ts';
import { requirePeer } from '../support/peers.ts';
import type { Program } from '../support/program.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { startSubscribing } from '../support/websocket/subscribing-origin.ts';

/** Seconds for which faults come. */
const SECONDS = Number(process.env.HOLDFAST_CLUSTER_SECONDS ?? 30);

const CLIENTS = 12;

/** Lines of the log of each node that a failure shows. */
const LINES = 40;

/** Channels with a history, and how many of their items are kept. */
const KEPT = new Map([
  ['kept.a', 5_000],
  ['kept.b', 5_000],
  ['few.c', 5],
]);
const CHANNELS = [...KEPT.keys(), 'live.d'];

test('whatever happens to nodes and brokers, clients get each item once and in order, or are told of a gap', async (t) => {
  const path = requirePeer(t, 'nats-server');
  if (path === null) return;
  const random = seededRandom(t);
  const config = `
[[channel]]
match = "kept.*"
history_items = 5000
[[channel]]
match = "few.*"
history_items = 5
[[route]]
host = "*"
targets = ["${await startHoldingOrigin(t)}"]
join = "lines"
[[route]]
host = "*"
proto = "ws"
cursor = "envelope"
targets = ["${await startSubscribing(t)},over_http"]
`;
  const cluster = await FaultyCluster.start(t, random.fork(), path, config);
  const publisher = new ClusterPublisher(cluster, CHANNELS);
  const around = { server: cluster, publisher };
  const clients: ModelClient[] = [];
  for (const make of [ModelStream, ModelSocket]) {
    clients.push(new make(`steady ${make.name}`, CHANNELS, around, random.fork(), { unsteady: false }));
  }
  for (let index = 0; index < CLIENTS; index++) {
    const make = [ModelStream, ModelPoll, ModelSocket][index % 3] as typeof ModelStream;
    const channels = CHANNELS.filter((_, at) => at === index % CHANNELS.length || random.below(2) === 0);
    clients.push(new make(`${make.name} ${index}`, channels, around, random.fork()));
  }
  for (const make of [ModelStream, ModelPoll]) {
    const kind = { pattern: '*.*; pattern' };
    clients.push(new make(`${make.name} by pattern`, CHANNELS, around, random.fork(), kind));
  }
  const waiting = new Set(clients.map(({ name }) => name));
  const running = Promise.all(clients.map((client) => client.run().then(() => waiting.delete(client.name))));
  // From the first item on somebody is there.
  await within(
    60_000,
    'the first clients know where they are',
    Promise.all(clients.slice(0, 2).map(({ begun }) => begun)),
  );
  const publishing = [...cluster.nodes.keys(), ...cluster.nodes.keys()].map((by) => publisher.run(by, random.fork()));
  try {
    await within(SECONDS * 1_000 + 90_000, 'faults are over', cluster.suffer(SECONDS * 1_000));
    const ending = publisher.end(Promise.all(publishing), running, random.fork());
    await Promise.race([running, setTimeout(60_000, null, { ref: false })]);
    assert.deepEqual([...waiting], [], 'all clients have the last items');
    await within(30_000, 'publishers end', ending);
    const stored = await within(60_000, 'the stream is read', storedItems(cluster.nodes[0] as FaultyNode, KEPT.keys()));
    const check = new ClusterCheck(publisher, clients, stored, KEPT, cluster.losses);
    // Nobody can say then what clients should have seen.
    if (check.takenBack.length > 0) t.diagnostic(`NATS has taken back: ${check.takenBack.join('; ')}`);
    else {
      check.checkAccepted(new Set(cluster.nodes.flatMap(({ killed }) => killed)));
      for (const client of clients) check.check(client);
    }
    // The broker forgets readers of dead nodes after 30 s. Where its servers did not agree on that, it tries again, up to a minute later.
    let left: readonly string[] = [];
    for (let tries = 0; tries < 220; tries++) {
      left = await leftOver(cluster);
      if (left.length === 0) break;
      await setTimeout(500);
    }
    if (left.length > 0) cluster.steps.push(...(await connectionsOf(cluster)));
    assert.deepEqual(left, []);
    for (const { program, records } of cluster.nodes) {
      const { code, stderr } = await within(30_000, 'a node ends', (program as Program).stop());
      const errors = [...records, ...(program as Program).log()].filter(({ level }) => level === 'error');
      assert.deepEqual([code, stderr, errors], [0, '', []]);
    }
    t.diagnostic(
      `${publisher.items.length} published, ${check.items} seen, ${check.gaps} gaps, ${check.unnoticed} unnoticed`,
    );
  } catch (error) {
    for (const step of cluster.steps) t.diagnostic(step);
    for (const { name, program } of cluster.nodes) {
      for (const record of program?.log().slice(-LINES) ?? []) t.diagnostic(`${name}: ${JSON.stringify(record)}`);
    }
    throw error;
  } finally {
    t.diagnostic(`responses: ${[...publisher.statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`);
  }
});

/** Resolves as `coming` does. Rejects when that takes longer: the test says what has happened, rather than wait for ever. */
async function within<T>(milliseconds: number, what: string, coming: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      coming,
      setTimeout(milliseconds, null, { signal: late.signal }).then(() =>
        assert.fail(`after ${milliseconds} ms it is not yet so that ${what}`),
      ),
    ]);
  } finally {
    late.abort();
  }
}
