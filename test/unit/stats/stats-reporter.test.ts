import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decode, type TnetstringMap } from '../../../src/codec/tnetstring/index.ts';
import { Counters, RouteStatsTable } from '../../../src/exchange/index.ts';
import { Channel } from '../../../src/hub/channel.ts';
import type { Group, Hub, Subscriber } from '../../../src/hub/index.ts';
import { patternKey } from '../../../src/hub/subscription-key.ts';
import { StatsReporter } from '../../../src/stats/stats-reporter.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';

/** A reporter whose hub has these clients and groups. */
function rig(t: TestContext, { clients = [] as Subscriber[], groups = [] as Group[] } = {}) {
  const timers = fakeTimers(t, ['setInterval']);
  const packets: string[] = [];
  const socket = { idle: false, send: (packet: Buffer) => void packets.push(packet.toString()) };
  const counters = new Counters();
  const routes = new RouteStatsTable();
  const log = new FakeLog();
  const reporter = new StatsReporter({
    hub: { clients: () => clients, groups: () => groups.values() } as unknown as Hub,
    ...{ counters, routes, log, socket, from: 'me', format: 'tnetstring' },
    ...{ connectionTtl: 120, connectionSend: true, subscriptionTtl: 60, connectionsMaxTtl: 60, reportInterval: 10 },
    routeIds: () => new Set(['main']),
    blockSize: () => 0,
  });
  t.after(() => reporter.stop());
  const typesOf = () => packets.splice(0).map((packet) => packet.slice(0, packet.indexOf(' ')));
  return { timers, packets, socket, counters, routes, log, reporter, typesOf };
}

function client(id: string): Subscriber {
  return { id, route: '', format: 'http-stream', peer: { address: '', port: 0 }, encrypted: true } as Subscriber;
}

function fieldsOf(packet: string): Record<string, unknown> {
  const map = decode(Buffer.from(packet.slice(packet.indexOf(' T') + 2))) as TnetstringMap;
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key, Buffer.isBuffer(value) ? `${value}` : value]),
  );
}

test('a client on TLS and a unix socket has ssl and no address', (t) => {
  const { reporter, packets } = rig(t);
  reporter.onHeld(client('1-1'));
  assert.deepEqual(fieldsOf(packets[0] ?? ''), { from: 'me', id: '1-1', type: 'http', ssl: true, ttl: 120 });
});

test('a group that changes often is announced once in a look', (t) => {
  const { reporter, timers, packets } = rig(t);
  const channel = new Channel('c');
  for (let i = 0; i < 10; i++) reporter.onMembers(channel.add(client('x') as never).group);
  assert.deepEqual(packets, []);
  timers.tick(100);
  assert.equal(packets.length, 1);
  assert.equal(fieldsOf(packets[0] ?? '').subscribers, 10);
});

test('requests of routes without an id are one activity', (t) => {
  const { routes, counters, timers, packets } = rig(t);
  for (const name of ['main', 'a', 'b']) routes.of(name).requests += 2;
  counters.requests += 6;
  timers.tick(100);
  assert.deepEqual(packets.map(fieldsOf), [
    { from: 'me', route: 'main', count: 2 },
    { from: 'me', count: 4 },
    { from: 'me', 'requests-received': 6 },
  ]);
  timers.tick(100);
  assert.equal(packets.length, 3);
});

test('everything is announced again at three quarters of its time, 256 in a look', (t) => {
  const { timers, typesOf } = rig(t, { clients: Array.from({ length: 600 }, (_, index) => client(`${index}`)) });
  timers.tick(90_000);
  const counts = [typesOf().filter((type) => type === 'conn').length];
  for (let look = 0; look < 3; look++) {
    timers.tick(100);
    counts.push(typesOf().filter((type) => type === 'conn').length);
  }
  assert.deepEqual(
    counts.filter((count) => count > 0),
    [256, 256, 88],
  );
});

test('while nobody subscribes no packet is made, and what happened meanwhile is not reported later', (t) => {
  const { reporter, socket, routes, timers, packets, counters } = rig(t, { clients: [client('1')] });
  socket.idle = true;
  const { group } = new Channel('c').add(client('x') as never);
  reporter.onHeld(client('1'));
  reporter.onMembers(group);
  reporter.onLeft(client('1'));
  routes.of('main').requests++;
  counters.requests++;
  timers.tick(10_000);
  assert.deepEqual(packets, []);
  socket.idle = false;
  timers.tick(100);
  assert.deepEqual(packets, []);
});

test('a defect within a look is logged, and the next look comes', (t) => {
  const { socket, routes, timers, packets, log } = rig(t);
  const { send } = socket;
  socket.send = () => {
    throw new Error('defect');
  };
  routes.of('main').requests++;
  timers.tick(100);
  assert.equal(log.at('error').length, 1);
  socket.send = send;
  routes.of('main').requests++;
  timers.tick(100);
  assert.equal(packets.length, 1);
});

test('the members of a channel are counted once for many items, and again when they change', (t) => {
  const { reporter, packets } = rig(t);
  const channel = new Channel('c');
  let reads = 0;
  const member = {
    format: 'http-stream',
    get route() {
      reads++;
      return 'main';
    },
  } as never;
  reporter.onMembers(channel.add(member).group);
  const format = { content: Buffer.from('x') };
  const item = { channel: 'c', httpResponse: null, httpStream: format, wsMessage: null, id: null, size: null };
  for (let i = 0; i < 100; i++) reporter.onItem(item as never, channel, []);
  assert.deepEqual([packets.length, reads], [100, 2]);
  reporter.onMembers(channel.add(member).group);
  packets.length = 0;
  reporter.onItem(item as never, channel, []);
  assert.equal(fieldsOf(packets[0] ?? '').count, 2);
});

test('a pattern is announced as such, and a message counts each of its clients once', (t) => {
  const { reporter, packets, timers } = rig(t);
  const [channel, pattern] = [new Channel('a.b'), new Channel(patternKey('a.*'))];
  const [one, two] = [client('1'), client('2')];
  channel.add(one as never);
  pattern.add(one as never);
  reporter.onMembers(pattern.add(two as never).group);
  timers.tick(100);
  const sub = { from: 'me', mode: 'stream', channel: 'a.*', pattern: true, ttl: 60, subscribers: 2 };
  assert.deepEqual(packets.splice(0).map(fieldsOf), [sub]);
  const item = { channel: 'a.b', httpResponse: null, httpStream: { content: Buffer.from('x') }, wsMessage: null };
  const published = { ...item, id: null, size: null } as never;
  reporter.onItem(published, channel, [pattern]);
  reporter.onItem(published, null, [pattern]);
  const message = { from: 'me', channel: 'a.b', count: 2, transport: 'http-stream' };
  assert.deepEqual(packets.map(fieldsOf), [message, message]);
});
