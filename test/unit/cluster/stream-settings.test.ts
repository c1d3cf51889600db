import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { jetstreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { Broker, type BrokerAccess } from '../../../src/cluster/broker.ts';
import { ItemStream } from '../../../src/cluster/store/item-stream.ts';
import type { StreamSettings } from '../../../src/cluster/stream-settings.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { KEY_LIFE } from '../../../src/hub/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';
import { settingsOf } from './support.ts';

async function brokerOf(t: TestContext, { url }: NatsServer, access: BrokerAccess = {}): Promise<Broker> {
  const broker = await Broker.connect({ servers: [url], name: 'node', access, tls: null, log: new FakeLog() });
  t.after(() => broker.close());
  return broker;
}

function open(broker: Broker, settings: Partial<StreamSettings> = {}): Promise<ItemStream> {
  return ItemStream.open(broker, new Subjects('my.app'), settingsOf(settings));
}

async function config(broker: Broker): Promise<StreamConfig> {
  return (await (await jetstreamManager(broker.connection)).streams.info('my_app')).config;
}

test('a server that says less than there is has not lost it', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const broker = await brokerOf(t, nats);
  const stream = await open(broker);
  const { epoch } = stream;
  const client = (await jetstreamManager(broker.connection)).jetstream();
  for (let number = 1; number <= 3; number++) await client.publish('my.app.h.x');
  await stream.refresh();
  assert.equal(stream.seen, 3);
  const request = broker.connection.request.bind(broker.connection);
  t.mock.method(broker.connection, 'request', async (subject: string, ...rest: [Uint8Array]) => {
    const answer = await request(subject, ...rest);
    if (!subject.includes('.STREAM.INFO.')) return answer;
    const info = answer.json<StreamInfo>();
    return Object.create(answer, { json: { value: () => ({ ...info, state: { ...info.state, last_seq: 1 } }) } });
  });
  await stream.refresh();
  assert.equal(stream.epoch, epoch);
  // One that has lost it gives the next message a number that was seen.
  stream.seen = 9;
  await stream.refresh();
  assert.notEqual(stream.epoch, epoch);
});

test('the stream is made as it must be', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const broker = await brokerOf(t, nats);
  const stream = await open(broker);
  assert.equal(stream.name, 'my_app');
  const { metadata, ...is } = await config(broker);
  assert.match(metadata?.holdfast_epoch ?? '', /^[0-9a-f]{12}$/);
  assert.deepEqual(
    {
      subjects: is.subjects,
      republish: is.republish,
      retention: is.retention,
      discard: is.discard,
      storage: is.storage,
      items: is.max_msgs_per_subject,
      age: is.max_age,
      bytes: is.max_bytes,
      replicas: is.num_replicas,
      direct: is.allow_direct,
      window: is.duplicate_window,
    },
    {
      subjects: ['my.app.h.>'],
      republish: { src: 'my.app.h.>', dest: 'my.app.f.h.>' },
      retention: 'limits',
      discard: 'old',
      storage: 'file',
      items: 1_001,
      age: 3_600e9,
      bytes: 67_108_864,
      replicas: 1,
      direct: true,
      window: KEY_LIFE * 1e6,
    },
  );
  const again = await open(broker);
  assert.equal(again.epoch, stream.epoch);
});

test('limits of the stream are raised, and never lowered', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const broker = await brokerOf(t, nats);
  await open(broker, { maxBytes: 1_000_000, largest: () => ({ items: 5, age: 10 }) });
  const first = await config(broker);
  assert.deepEqual([first.max_msgs_per_subject, first.max_age, first.duplicate_window], [6, 10e9, 10e9]);
  await open(broker, { maxBytes: 2_000_000, largest: () => ({ items: 9, age: Number.POSITIVE_INFINITY }) });
  const raised = await config(broker);
  assert.deepEqual([raised.max_msgs_per_subject, raised.max_age, raised.max_bytes], [10, 0, 2_000_000]);
  assert.equal(raised.duplicate_window, KEY_LIFE * 1e6);
  await open(broker, { maxBytes: 1_000_000, largest: () => ({ items: 5, age: 10 }) });
  assert.deepEqual(await config(broker), raised);
});

test('where more is kept of channels than before, those without their first item do not continue from before that', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const broker = await brokerOf(t, nats);
  await open(broker, { largest: () => ({ items: 5, age: 10 }) });
  const manager = await jetstreamManager(broker.connection);
  for (let number = 1; number <= 3; number++) await broker.connection.request('my.app.h.x');
  const stream = await open(broker, { largest: () => ({ items: 9, age: 10 }) });
  assert.equal(stream.floor, 3);
  assert.equal((await manager.streams.info('my_app')).config.metadata?.holdfast_floor, '3');
});

test('a stream of the same name with other settings is refused, with all that differs', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const broker = await brokerOf(t, nats);
  const manager = await jetstreamManager(broker.connection);
  await manager.streams.add({ name: 'my_app', subjects: ['orders.*'], retention: 'workqueue', discard: 'new' });
  await assert.rejects(open(broker), {
    name: 'BrokerError',
    message:
      'stream my_app is not one of Holdfast with these settings: subjects is "orders.*", not "my.app.h.>"; republish is not set, not "my.app.h.> my.app.f.h.>"; ' +
      'retention is "workqueue", not "limits"; discard is "new", not "old"; allow_direct is false, not true',
  });
  assert.equal((await config(broker)).retention, 'workqueue');
});

test('a broker without JetStream, or an account or user without the right to it, says what is missing', async (t) => {
  const without = await startNats(t, { jetstream: false });
  if (without === null) return;
  const missing = /JetStream is not available: histories of channels need nats-server with -js/;
  await assert.rejects(open(await brokerOf(t, without)), { name: 'BrokerError', message: missing });
  const user = (name: string, permissions = ''): string => `{ user: ${name}, password: p${permissions} }`;
  const denied = ', permissions: { publish: { deny: ["$JS.API.>"] } }';
  const accounts = await startNats(t, {
    config: `accounts { ONE { users: [${user('one')}] }, TWO { jetstream: enabled, users: [${user('two', denied)}] } }`,
  });
  if (accounts === null) return;
  const one = await brokerOf(t, accounts, { user: 'one', password: 'p' });
  await assert.rejects(open(one), { name: 'BrokerError', message: missing });
  const two = await brokerOf(t, accounts, { user: 'two', password: 'p' });
  await assert.rejects(open(two), { name: 'BrokerError', message: /the right to use JetStream \(\$JS\.API\.>\)/ });
});

test('two nodes that start at once make one stream', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const brokers = await Promise.all([brokerOf(t, nats), brokerOf(t, nats), brokerOf(t, nats)]);
  const streams = await Promise.all(
    brokers.map((broker, index) => open(broker, { largest: () => ({ items: 5 + index, age: 10 }) })),
  );
  assert.equal(new Set(streams.map(({ epoch }) => epoch)).size, 1);
});
