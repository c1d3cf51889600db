import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENTS, event, keeping, rule, shown } from './history-rig.ts';
import { rig, streamInstruct, streamItem } from './support.ts';

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
