import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Instruct, PublishItem } from '../../../src/codec/grip/index.ts';
import { MAX_LINK_FAILURES } from '../../../src/hub/link-follower.ts';
import { keepAlive, ManualLink, rig, streamAction, streamInstruct, streamItem, turn } from './support.ts';

function instructAt(prevId: string | null, ...more: string[]): Instruct {
  const instruct = streamInstruct(['a', ...more]);
  const channels = instruct.hold?.channels.map((channel, i) => (i === 0 ? { ...channel, prevId } : channel)) ?? [];
  return { ...instruct, hold: instruct.hold === null ? null : { ...instruct.hold, channels } };
}

function ids(id: string | null, prevId: string | null, more: Partial<PublishItem> = {}): PublishItem {
  return { ...streamItem('a', `${id ?? '-'},`), id, prevId, ...more };
}

function streaming(t: TestContext, prevId: string | null = '1') {
  const made = rig(t);
  const link = new ManualLink();
  return { made, link, client: made.hold(made.client(), instructAt(prevId), { link }) };
}

test('Items that follow each other pass, and a gap makes the link be followed with the last position', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('2', '1'), ids('3', '2'));
  assert.equal(client.body, '2,3,');
  await made.publish(ids('x', null));
  assert.equal(client.body, '2,3,', 'an item without prev-id is a gap');
  assert.deepEqual(link.positions, [[{ name: 'a', id: '3' }]]);
});

test('Items that come while the link is followed wait, and only those that the origin did not know follow', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('3', '2'));
  await made.publish(ids('4', '3'), ids('5', '4'));
  link.last.onLinkData(Buffer.from('2-4;'));
  link.last.onLinkDone({ hold: instructAt('4').hold, next: link });
  assert.equal(client.body, '2-4;5,');
  await made.publish(ids('6', '5'));
  assert.equal(client.body, '2-4;5,6,');
  assert.equal(link.clients.length, 1);
});

test('A close that comes while the link is followed waits too', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('3', '2'), streamAction('a', 'close'));
  assert.equal(made.hub.stats.holds, 1);
  link.last.onLinkDone({ hold: instructAt('3').hold, next: link });
  assert.equal(client.body, '');
  made.assertEmpty();
});

test('The channels of the response to a link replace those before', async (t) => {
  const { made, link, client } = streaming(t, null);
  await made.publish(streamAction('a', 'hint'));
  link.last.onLinkDone({ hold: streamInstruct(['b']).hold, next: null });
  await made.publish(streamItem('a', 'a'), streamItem('b', 'b'));
  assert.equal(client.body, 'b');
});

test('An item with no-seq passes and does not move the position', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('x', null, { noSeq: true }), ids('2', '1'));
  assert.equal(client.body, 'x,2,');
});

test('A link is followed when its time has come, unless each channel had an item', async (t) => {
  const { made, link } = streaming(t);
  made.advance(60_000);
  await made.publish(ids('2', '1'));
  made.advance(61_000);
  await turn();
  assert.equal(link.clients.length, 0);
  made.advance(120_000);
  assert.equal(link.clients.length, 1);
});

test('A link that fails is tried again after 1, 2, 4, 8 and 16 s, and then the stream ends', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('3', '2'));
  for (let failures = 1; failures < MAX_LINK_FAILURES; failures++) {
    link.last.onLinkFailed('no');
    assert.equal(link.clients.length, failures);
    made.advance(1_000 * 2 ** (failures - 1) + 100);
    assert.equal(link.clients.length, failures + 1);
  }
  link.last.onLinkFailed('no');
  assert.equal(client.body, '');
  made.assertEmpty();
});

test('A response that breaks off ends the stream: what the client has got would come twice', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('3', '2'));
  link.last.onLinkData(Buffer.from('2'));
  link.last.onLinkFailed('broken');
  assert.equal(client.body, '2');
  made.assertEmpty();
});

test('A client that leaves aborts the request of its link, and nothing is left', async (t) => {
  const { made, link, client } = streaming(t);
  await made.publish(ids('3', '2'));
  client.leave();
  assert.equal(link.aborted, 1);
  made.assertEmpty();
});

test('A recovery makes every stream with a link follow it', async (t) => {
  const { made, link } = streaming(t, null);
  made.hub.recover();
  assert.equal(link.clients.length, 1);
  made.hub.recover();
  assert.equal(link.clients.length, 1, 'not twice at once');
  link.last.onLinkDone({ hold: instructAt(null).hold, next: link });
  assert.equal(link.clients.length, 2, 'but once more afterwards');
});

test('A client that has not taken what it was sent asks for more only then', async (t) => {
  const made = rig(t);
  const link = new ManualLink();
  const client = made.client(4);
  made.hold(client, instructAt('1'), { link });
  await made.publish(ids('3', '2'));
  link.last.onLinkData(Buffer.from('2,3,'.repeat(2)));
  link.last.onLinkDone({ hold: instructAt('3').hold, next: link });
  assert.equal(client.body, '2,3,');
  await made.publish(ids('6', '5'), streamAction('a', 'hint'));
  assert.equal(link.clients.length, 1);
  client.grant(100);
  assert.equal(link.clients.length, 2);
  assert.deepEqual(link.positions[1], [{ name: 'a', id: '3' }]);
  link.last.onLinkDone({ hold: instructAt('6').hold, next: link });
  await made.publish(ids('7', '6'));
  assert.equal(client.body, '2,3,2,3,7,');
});

test('Items that wait for a link count in the total of all queues, until they pass or the client leaves', async (t) => {
  const { made, link, client } = streaming(t);
  assert.equal(made.hub.queues.backlogs, 0);
  await made.publish(ids('3', '2'), ids('4', '3'));
  assert.ok(made.hub.queues.backlogs > 0);
  link.last.onLinkDone({ hold: instructAt('2').hold, next: link });
  assert.equal(made.hub.queues.backlogs, 0);
  await made.publish(ids('9', '8'), ids('10', '9'));
  assert.ok(made.hub.queues.backlogs > 0);
  client.leave();
  assert.equal(made.hub.queues.backlogs, 0);
  made.assertEmpty();
});

test('An item that the queue of a slow client has no room for is a gap: the link fetches it once the client has taken the rest', async (t) => {
  const made = rig(t, { limits: { queueItems: 2 } });
  const link = new ManualLink();
  const noted: string[] = [];
  const client = made.client(2);
  made.hold(client, instructAt('1'), { link, session: { onItem: (_, id) => noted.push(id) } });
  for (let id = 2; id <= 9; id++) await made.publish(ids(`${id}`, `${id - 1}`));
  // 2 to 4 wait or have passed, 5 was dropped, 6 and 7 wait for the link, 8 and 9 were dropped.
  assert.deepEqual([made.counters.itemsDropped, link.clients.length, noted], [3, 0, ['2', '3', '4']]);
  client.grant(1_000);
  assert.equal(client.body, '2,3,4,');
  assert.deepEqual(link.positions, [[{ name: 'a', id: '4' }]]);
  link.last.onLinkData(Buffer.from('5-9;'));
  link.last.onLinkDone({ hold: instructAt('9').hold, next: link });
  await made.publish(ids('10', '9'));
  assert.equal(client.body, '2,3,4,5-9;10,');
  assert.deepEqual(noted, ['2', '3', '4', '10']);
});

test('An item without a place in the order that a slow client misses does not make the link be followed', async (t) => {
  const made = rig(t, { limits: { queueItems: 1 } });
  const link = new ManualLink();
  const client = made.client(0);
  made.hold(client, instructAt('1', 'b'), { link });
  await made.publish(ids('2', '1'), ids('x', null, { noSeq: true }), streamItem('b', 'y'));
  assert.equal(made.counters.itemsDropped, 2);
  client.grant(100);
  await made.publish(ids('3', '2'));
  assert.equal(client.body, '2,3,');
  assert.equal(link.clients.length, 0);
});

test('Hints do not make the next try of a link come sooner', async (t) => {
  const { made, link } = streaming(t);
  await made.publish(streamAction('a', 'hint'));
  link.last.onLinkFailed('no');
  for (let hints = 0; hints < MAX_LINK_FAILURES; hints++) await made.publish(streamAction('a', 'hint'));
  made.hub.recover();
  assert.equal(link.clients.length, 1);
  made.advance(1_100);
  assert.equal(link.clients.length, 2);
  link.last.onLinkDone({ hold: instructAt('1').hold, next: link });
  assert.equal(link.clients.length, 2, 'which told of all of them');
});

test('No keep-alive comes between two pieces of the response to a link', async (t) => {
  const made = rig(t);
  const link = new ManualLink();
  const instruct = streamInstruct(['a'], { keepAlive: keepAlive('+', 2, 'interval') });
  const client = made.hold(made.client(), instruct, { link });
  await made.publish(streamAction('a', 'hint'));
  made.advance(2_100);
  link.last.onLinkData(Buffer.from('one '));
  made.advance(10_000);
  link.last.onLinkData(Buffer.from('event'));
  link.last.onLinkDone({ hold: instruct.hold, next: link });
  assert.equal(client.body, '+one event');
  made.advance(2_100);
  assert.equal(client.body, '+one event+');
});
