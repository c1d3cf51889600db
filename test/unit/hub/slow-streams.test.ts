import assert from 'node:assert/strict';
import { test } from 'node:test';
import { come, EVENTS, event, keeping, rule, shown } from './history-rig.ts';
import { ManualService } from './manual-service.ts';
import { rig, streamInstruct, streamItem, turn } from './support.ts';

const LIMITS = { limits: { queueItems: 2 } };

test('the stream of a slow client ends after what waits, where its route says so, and the client comes back for the rest', async (t) => {
  const { hub, store } = keeping(t, [rule('a')], LIMITS);
  const client = hub.client(30);
  hub.hold(client, streamInstruct(['a'], EVENTS), { slow: 'close' });
  for (let i = 1; i <= 6; i++) await hub.publish(event('a', `${i}`));
  client.grant(1_000);
  assert.equal(client.complete, true);
  assert.match(shown(store, client), /data: 2\nid: E-2\n\n$/);
  assert.deepEqual([hub.counters.slowClientsClosed, hub.hub.queues.backlogs], [1, 0]);
  hub.assertEmpty();
});

test('the stream of a slow client on channels without a history ends too', async (t) => {
  const hub = rig(t, LIMITS);
  const client = hub.client(0);
  hub.hold(client, streamInstruct(['a']), { slow: 'close' });
  for (let i = 1; i <= 4; i++) await hub.publish(streamItem('a', `${i}`));
  client.grant(100);
  assert.deepEqual([client.body, client.complete, hub.counters.itemsDropped], ['12', true, 1]);
});

test('a slow client of an event stream loses items, where its route says so', async (t) => {
  const { hub, store } = keeping(t, [rule('a')], LIMITS);
  const client = hub.client(30);
  hub.hold(client, streamInstruct(['a'], EVENTS), { slow: 'drop' });
  for (let i = 1; i <= 6; i++) await hub.publish(event('a', `${i}`));
  client.grant(1_000);
  await hub.publish(event('a', '7'));
  assert.match(shown(store, client), /data: 2\nid: E-2\n\ndata: 7\nid: E-7\n\n$/);
  assert.equal(hub.counters.itemsDropped, 4);
});

test('a slow client behind a filter that asks a service gets each item once and in order', async (t) => {
  const { hub, store } = keeping(t, [rule('a')], { limits: { queueItems: 3 } });
  const client = hub.client(30);
  const filterService = new ManualService();
  const { hold, ...rest } = streamInstruct(['a'], EVENTS);
  assert.ok(hold);
  const channels = hold.channels.map((channel) => ({ ...channel, filters: ['http-check'] }));
  hub.hold(client, { ...rest, hold: { ...hold, channels, meta: { url: 'http://x/' } } }, { filterService });
  // Three wait for the client, and then one is asked about and two wait for that.
  for (const wave of [
    [1, 2, 3],
    [4, 5, 6],
  ]) {
    for (const i of wave) hub.hub.publish([event('a', `${i}`)]);
    await filterService.passAll(hub);
  }
  client.grant(10_000);
  await filterService.passAll(hub);
  const numbers = [...shown(store, client).matchAll(/data: (\d)/g)].map((match) => Number(match[1]));
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6]);
});

test('what waits for a slow client is removed where it is in the log, and comes from there', async (t) => {
  const { hub, store } = keeping(t, [rule('a', { items: 1_000 }), rule('b', { retain: true })], LIMITS);
  await hub.publish(event('a', '1'), event('b', '2'), event('a', '3'));
  // The last item of the other channel does not pass as a whole.
  const client = come(hub, ['a', 'b'], null, 10);
  for (let i = 4; i <= 100; i++) await hub.publish(event('a', `${i}`));
  assert.ok(hub.hub.queues.backlogs < 200, `${hub.hub.queues.backlogs} bytes wait`);
  for (let i = 0; i < 200; i++) {
    client.grant(100);
    await turn();
  }
  const numbers = [...shown(store, client).matchAll(/data: (\d+)/g)].map((match) => Number(match[1]));
  assert.deepEqual(numbers, [2, ...Array.from({ length: 97 }, (_, at) => at + 4)]);
  assert.equal(hub.counters.itemsDropped, 0);
});
