import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternKey } from '../../../src/hub/index.ts';
import { eventually } from '../../support/running-app.ts';
import { HubRelayRig, relayedItem } from './support.ts';

test('an item goes once to each worker with a pattern that matches it, and to no other', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two, three] = [await rig.worker('1.'), await rig.worker('2.'), await rig.worker('3.')];
  const clients = [
    one.patternStream('a.*', 'a.>'),
    one.stream('a.x'),
    two.patternStream('*.x'),
    two.patternStream('>'),
  ];
  const other = three.patternStream('b.*');
  await rig.told();
  rig.publish(relayedItem('a.x', '1'), relayedItem('a.x', '2'), relayedItem('$a.x', 'never'));
  await eventually(() => clients.every(({ body }) => body.length === 2));
  assert.deepEqual(
    clients.map(({ body }) => body),
    ['12', '12', '12', '12'],
  );
  assert.equal(other.body, '');
  assert.equal(one.rig.counters.itemsDelivered, 4);
  assert.equal(three.rig.hub.queues.undelivered, 0);
});

test('receivers of an item are counted once by the workers whose patterns match it', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  one.patternStream('a.*', '>');
  one.stream('a.x');
  two.patternStream('*.x');
  await rig.told();
  const items = ['a.x', 'a.y', 'b.y', '$a.x'].map((channel) => relayedItem(channel, ''));
  const counts = await new Promise((resolve) => rig.relay.countReceivers(items, resolve));
  assert.deepEqual(counts, [3, 1, 1, 0]);
});

test('patterns of all workers are listed and told of, until the last worker forgets them', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  const heard: string[] = [];
  rig.relay.watchChannels({
    channelAdded: (key) => heard.push(`+${key}`),
    channelRemoved: (key) => heard.push(`-${key}`),
  });
  const clients = [one.patternStream('a.*'), two.patternStream('a.*'), one.stream('a.*')];
  await rig.told();
  const { channels, total } = await rig.relay.channelPage({ prefix: 'a', after: '', limit: 10 });
  assert.equal(total, 2);
  assert.deepEqual(channels, [
    { name: 'a.*', pattern: true, subscribers: 2, lastId: null },
    { name: 'a.*', subscribers: 1, lastId: null },
  ]);
  for (const { responder } of clients) responder?.onRequestError(new Error('left') as never);
  await eventually(() => heard.length === 4);
  assert.deepEqual(heard.sort(), ['+a.*', '-a.*', `+${patternKey('a.*')}`, `-${patternKey('a.*')}`].sort());
});

test('a tap on a pattern counts the receivers of all workers', async (t) => {
  const rig = new HubRelayRig(t);
  const [one, two] = [await rig.worker('1.'), await rig.worker('2.')];
  one.patternStream('a.*');
  two.stream('a.x');
  await rig.told();
  const tapped: string[] = [];
  rig.relay.tap(patternKey('>'), async ({ channel }, receivers) => {
    tapped.push(`${channel} ${await receivers}`);
  });
  rig.publish(relayedItem('a.x', 'x'), relayedItem('b', 'x'));
  await eventually(() => tapped.length === 2);
  assert.deepEqual(tapped.sort(), ['a.x 2', 'b 0']);
});

test('a worker that had fallen behind tells of its patterns again', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.fallenBehind('1.');
  const client = worker.patternStream('a.*');
  await eventually(() => rig.relay.channels === 1);
  rig.publish(relayedItem('a.x', 'x'));
  await eventually(() => client.body === 'x');
});
