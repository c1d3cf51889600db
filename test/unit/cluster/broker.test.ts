import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Broker, MAX_UNTAKEN } from '../../../src/cluster/broker.ts';
import { CuttingRelay } from '../../support/cutting-relay.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { type NatsServer, startNats } from '../../support/nats.ts';

const MEGABYTE = Buffer.alloc(1_000_000, 'x');

/** A node's connection, and what becomes of it. */
async function connected(t: TestContext, url: string) {
  const log = new FakeLog();
  const broker = await Broker.connect({ servers: [url], name: 'node', access: {}, tls: null, log });
  t.after(() => broker.close());
  const seen: string[] = [];
  broker.watch({ onUp: () => seen.push('up'), onDown: () => seen.push('down') });
  return { broker, log, seen };
}

/** Resolves when messages arrive again. */
async function arrives(from: Broker, to: Broker): Promise<void> {
  let come = 0;
  const subscription = to.subscribe('again', () => come++);
  while (come === 0) {
    from.publish('again', Buffer.of(1));
    await from.flushed();
    await new Promise((resolve) => setImmediate(resolve));
  }
  subscription.unsubscribe();
}

async function twoOn(t: TestContext, nats: NatsServer) {
  return [await connected(t, nats.url), await connected(t, nats.url)] as const;
}

test('what a stopped broker does not take is bounded, and then the broker is away until it goes on', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const [{ broker, log, seen }, other] = await twoOn(t, nats);
  await nats.stop();
  let taken = 0;
  let most = 0;
  for (let i = 0; i < 100; i++) {
    if (broker.publish('x', MEGABYTE)) taken++;
    most = Math.max(most, broker.pending);
  }
  assert.ok(taken * MEGABYTE.length <= MAX_UNTAKEN + MEGABYTE.length, `${taken} MB`);
  assert.ok(most > MAX_UNTAKEN - MEGABYTE.length && most <= MAX_UNTAKEN + MEGABYTE.length);
  assert.equal(broker.up, false);
  assert.equal(log.with('broker takes nothing: connecting again').length, 1);
  await log.until('broker is away: clients stay');
  assert.equal(broker.pending, 0);
  nats.resume();
  await log.until('broker is back');
  assert.deepEqual(seen, ['down', 'up']);
  await arrives(broker, other.broker);
});

test('the log says what becomes of publishers when the broker goes away', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const logs = [];
  for (const onPartition of ['refuse', 'local'] as const) {
    const log = new FakeLog();
    logs.push(log);
    const settings = { servers: [nats.url], name: 'n', access: {}, tls: null, log, onPartition };
    const broker = await Broker.connect(settings);
    t.after(() => broker.close());
  }
  await nats.kill();
  const said = await Promise.all(logs.map((log) => log.until('broker is away: clients stay')));
  assert.deepEqual(
    said.map(({ fields }) => fields.publishers),
    ['are refused', 'reach the clients of this node'],
  );
});

test('what is subscribed to at a stopped broker is bounded, too, and is subscribed to once it goes on', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const [{ broker, log }, other] = await twoOn(t, nats);
  await nats.stop();
  const come = new Set<string>();
  const name = 'x'.repeat(900);
  let subscribed = 0;
  for (; broker.up; subscribed++) broker.subscribe(`${name}${subscribed}`, ({ subject }) => come.add(subject));
  assert.ok(subscribed * 900 <= MAX_UNTAKEN);
  nats.resume();
  await log.until('broker is back');
  while (come.size < 2) {
    for (const index of [0, subscribed - 1]) other.broker.publish(`${name}${index}`, Buffer.of(1));
    await other.broker.flushed();
  }
});

test('a stopped broker is found by pings, also while messages wait for its socket', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const { broker, log } = await connected(t, nats.url);
  await nats.stop();
  for (let i = 0; i < 20; i++) broker.publish('x', MEGABYTE);
  assert.equal(broker.up, true);
  await log.until('broker is away: clients stay');
  assert.equal(log.with('broker takes nothing: connecting again').length, 0);
  nats.resume();
  await log.until('broker is back');
});

test('publishers hear when a broker that goes on has taken what was published', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const { broker } = await connected(t, nats.url);
  await nats.stop();
  for (let i = 0; i < 10; i++) broker.publish('x', MEGABYTE);
  const taken = new Promise<void>((resolve) => {
    const onTaken = (): void => {
      if (broker.pending === 0) resolve();
    };
    broker.watch({ onUp: () => {}, onDown: () => {}, onTaken });
  });
  assert.equal(broker.pending, 10 * MEGABYTE.length);
  nats.resume();
  await taken;
});

test('a broker that cuts a slow node off is away for a moment', async (t) => {
  const nats = await startNats(t, { jetstream: false, config: 'max_pending: 1100000\n' });
  if (nats === null) return;
  const relay = await CuttingRelay.start(t, nats.url.slice('nats://'.length));
  const slow = await connected(t, relay.url.replace('http', 'nats'));
  const other = await connected(t, nats.url);
  slow.broker.subscribe('x', () => {});
  await slow.broker.flushed();
  relay.stall();
  const cut = nats.logged(/Slow Consumer Detected/);
  for (let isCut = false; !isCut; await other.broker.flushed()) {
    for (let i = 0; i < 20; i++) other.broker.publish('x', MEGABYTE.subarray(0, 500_000));
    isCut = await Promise.race([cut.then(() => true), other.broker.flushed().then(() => false)]);
  }
  relay.goOn();
  await slow.log.until('broker is back');
  assert.deepEqual(slow.seen, ['down', 'up']);
  await arrives(other.broker, slow.broker);
});

test('a broker that refuses every message does not fill the log', async (t) => {
  const config = 'authorization { users: [{ user: a, password: b, permissions: { publish: { deny: "x" } } }] }';
  const nats = await startNats(t, { jetstream: false, config });
  if (nats === null) return;
  const [log, access] = [new FakeLog(), { user: 'a', password: 'b' }];
  const broker = await Broker.connect({ servers: [nats.url], name: 'node', access, tls: null, log });
  t.after(() => broker.close());
  for (let i = 0; i < 300; i++) broker.publish('x', Buffer.of(1));
  await log.until('broker reports an error', 300);
  const shown = log.with('broker reports an error').filter(({ level }) => level === 'warn');
  assert.ok(shown.length > 0 && shown.length < 300, String(shown.length));
  assert.match(String(shown[0]?.fields.error), /Permissions Violation/i);
});

test('waiting for a broker that is not there can be abandoned, and otherwise ends', async () => {
  const log = new FakeLog();
  const options = { servers: ['nats://127.0.0.1:1'], name: 'node', access: {}, tls: null, log };
  const abandon = new AbortController();
  const connecting = Broker.connect({ ...options, abandon: abandon.signal }, Number.POSITIVE_INFINITY);
  await log.until('broker is not there yet: trying again');
  abandon.abort();
  await assert.rejects(connecting, /^BrokerError: broker nats:\/\/127\.0\.0\.1:1: connection refused$/);
  await assert.rejects(Broker.connect(options, 0), /connection refused/);
});

test('messages that may wait are not overtaken by others of their node, and leave before it goes', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const [{ broker }, other] = await twoOn(t, nats);
  const come: string[] = [];
  let isComplete = (): void => {};
  const complete = new Promise<void>((resolve) => {
    isComplete = resolve;
  });
  other.broker.subscribe('order.*', ({ data }) => {
    if (come.push(Buffer.from(data).toString()) === 5) isComplete();
  });
  await other.broker.flushed();
  broker.publishSoon('order.a', Buffer.from('1'));
  broker.publishSoon('order.b', Buffer.from('2'));
  broker.publish('order.a', Buffer.from('3'));
  broker.publishSoon('order.b', Buffer.from('4'));
  await broker.flushed();
  broker.publishSoon('order.b', Buffer.from('5'));
  await broker.close();
  await complete;
  assert.deepEqual(come, ['1', '2', '3', '4', '5']);
});

test('a node can stop while its broker ends the connection', async (t) => {
  const nats = await startNats(t, { jetstream: false });
  if (nats === null) return;
  const [{ broker }] = await twoOn(t, nats);
  const { socket } = (broker.connection as unknown as { protocol: { transport: { socket: Socket } } }).protocol
    .transport;
  // As when the end of the broker's side has just come.
  socket.end();
  broker.publish('x', Buffer.of(1));
  await broker.close();
  // An error without a listener would come now.
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(socket.destroyed, true);
});
