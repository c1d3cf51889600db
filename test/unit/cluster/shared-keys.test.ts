import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Broker } from '../../../src/cluster/broker.ts';
import { SharedKeys } from '../../../src/cluster/shared-keys.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { RepeatKeys } from '../../../src/hub/repeat-keys.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';

async function connected(t: TestContext, { url }: NatsServer): Promise<Broker> {
  const broker = await Broker.connect({ servers: [url], name: 'n', access: {}, tls: null, log: new FakeLog() });
  t.after(() => broker.close());
  return broker;
}

/** A node: what it knows of keys itself, and by way of the broker. */
class KeyNode {
  readonly counters = new ClusterCounters();
  readonly log = new FakeLog();
  readonly table: RepeatKeys;
  readonly broker: Broker;
  keys!: SharedKeys;

  private constructor(t: TestContext, broker: Broker) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    this.broker = broker;
    this.table = new RepeatKeys(wheel, (thrown) => {
      throw thrown;
    });
  }

  /** @param patience as `SharedKeysOptions` has it */
  static async start(t: TestContext, server: NatsServer, patience = 2_000): Promise<KeyNode> {
    const node = new KeyNode(t, await connected(t, server));
    const { broker, counters, log } = node;
    const subjects = new Subjects('test.a');
    node.keys = await SharedKeys.open({ broker, subjects, replicas: 1, counters, log, patience });
    return node;
  }

  /** Learns keys, takes the items of each, and settles: what becomes of them. */
  async publish(keys: ReadonlyMap<string, string>, receivers = 1): Promise<string[]> {
    await this.learn(keys);
    const outcomes = this.take(keys, receivers);
    this.keys.settle(keys, this.table);
    await this.broker.flushed();
    return outcomes;
  }

  async learn(keys: ReadonlyMap<string, string>): Promise<void> {
    await new Promise<void>((resolve) => {
      if (this.keys.learn(keys, this.table, resolve)) resolve();
    });
  }

  take(keys: ReadonlyMap<string, string>, receivers = 1): string[] {
    return [...keys].map(([key, digest]) => {
      const outcome = this.table.take({ key, digest, index: 0 });
      if (outcome === 'new') this.table.noteReceivers({ key, digest, index: 0 }, receivers);
      return outcome;
    });
  }
}

test('a key that was used at one node is known at the other, with what its publisher was told', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  const keys = new Map([['k \0.ü*', 'd']]);
  assert.deepEqual(await one.publish(keys, 7), ['new']);
  assert.deepEqual(await other.publish(new Map(keys)), ['repeat']);
  assert.equal(other.table.receiversOf({ key: 'k \0.ü*', digest: 'd', index: 0 }), 7);
  // What is known here needs no broker.
  assert.equal(other.keys.learn(keys, other.table, assert.fail), true);
});

test('a key that was used for other content at another node is found', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  await one.publish(new Map([['k', 'd']]));
  const keys = new Map([['k', 'e']]);
  await other.learn(keys);
  assert.equal(other.table.isReused({ key: 'k', digest: 'e', index: 0 }), true);
  other.keys.settle(keys, other.table);
  assert.deepEqual(await one.publish(new Map([['k', 'd']])), ['repeat']);
});

test('of requests with the same keys at the same time one is published, and the others wait for its outcome', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  // A slow machine takes longer than two seconds.
  const nodes = await Promise.all([0, 1, 2].map(() => KeyNode.start(t, server, 100_000)));
  const keys = Array.from({ length: 50 }, (_, index): [string, string] => [`k${index}`, 'd']);
  const outcomes = await Promise.all(
    nodes.flatMap((node) => [node.publish(new Map(keys)), node.publish(new Map(keys.toReversed()))]),
  );
  const news = outcomes.map((each) => each.filter((outcome) => outcome === 'new').length);
  assert.equal(
    news.reduce((sum, count) => sum + count),
    50,
    String(news),
  );
  for (const { counters } of nodes) assert.equal(counters.keysUnknown, 0);
});

test('a key whose items were refused is free, and one whose node is gone is taken over', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  const keys = new Map([['k', 'd']]);
  await one.learn(keys);
  one.keys.settle(keys, one.table);
  await one.broker.flushed();
  assert.deepEqual(await other.publish(new Map([['k', 'e']])), ['new']);
  const lost = new Map([['l', 'd']]);
  await one.learn(lost);
  await one.broker.close();
  assert.deepEqual(await other.publish(new Map(lost)), ['new']);
  assert.deepEqual(await (await KeyNode.start(t, server)).publish(lost), ['repeat']);
});

test('a key of which nobody knows whether its items are kept is free at other nodes', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  const keys = new Map([['k', 'd']]);
  await one.learn(keys);
  assert.deepEqual(one.take(keys), ['new']);
  one.keys.settle(keys, one.table, false);
  await one.broker.flushed();
  assert.deepEqual(await other.publish(new Map(keys)), ['new']);
  assert.equal(other.counters.keysUnknown, 0);
});

test('while the broker is away nobody waits, and a broker without room is counted and logged', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const node = await KeyNode.start(t, server);
  const manager = new Kvm(node.broker.connection);
  const status = await (await manager.open('test_a_keys')).status();
  const { config } = status.streamInfo;
  const { streams } = await jetstreamManager(node.broker.connection);
  await streams.update(config.name, { ...config, max_bytes: 1 });
  assert.deepEqual(await node.publish(new Map([['k', 'd']])), ['new']);
  assert.equal(node.counters.keysUnknown, 1);
  assert.equal(node.log.with('broker remembers no idempotency key: other nodes may publish a repeat').length, 1);
  const down = new Promise<void>((onDown) => node.broker.watch({ onUp: () => {}, onDown }));
  await server.kill();
  await down;
  assert.equal(node.keys.learn(new Map([['l', 'd']]), node.table, assert.fail), true);
});

test('a bucket with other settings is refused by name', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const broker = await connected(t, server);
  await new Kvm(broker.connection).create('test_keys', { ttl: 1_000, history: 2 });
  const options = { broker, subjects: new Subjects('test'), replicas: 1, counters: new ClusterCounters() };
  await assert.rejects(SharedKeys.open({ ...options, log: new FakeLog() }), {
    name: 'BrokerError',
    message:
      'bucket test_keys has other settings: max_msgs_per_subject is 2, not 1; max_age is 1000000000, not 300000000000; max_msg_size is -1, not 66560',
  });
});

test('what is no record of a key is replaced', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  await one.publish(new Map([['k', 'd']]));
  const bucket = await new Kvm(one.broker.connection).open('test_a_keys');
  for await (const name of await bucket.keys()) await bucket.put(name, '{"digest":1}');
  assert.deepEqual(await other.publish(new Map([['k', 'd']])), ['new']);
});

test('a bucket that was deleted is made again, and keys are remembered there', async (t) => {
  const server = await startNats(t);
  if (server === null) return;
  const [one, other] = [await KeyNode.start(t, server), await KeyNode.start(t, server)];
  const { streams } = await jetstreamManager(one.broker.connection);
  await streams.delete('KV_test_a_keys');
  const keys = new Map([['k', 'd']]);
  assert.deepEqual(await one.publish(keys), ['new']);
  assert.deepEqual(await other.publish(new Map(keys)), ['repeat']);
  assert.deepEqual([one.counters.keysUnknown, other.counters.keysUnknown], [0, 0]);
});
