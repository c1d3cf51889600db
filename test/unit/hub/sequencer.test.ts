import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { MAX_EARLY_BYTES, MAX_EARLY_ITEMS } from '../../../src/hub/sequencer.ts';
import { rig, streamInstruct, streamItem, turn } from './support.ts';

/** An item with ids, whose content is its id. */
function ids(id: string | null, prevId: string | null, more: Partial<PublishItem> = {}): PublishItem {
  return { ...streamItem('a', `${id ?? '-'},`), id, prevId, ...more };
}

function streaming(t: TestContext) {
  const made = rig(t);
  return { made, client: made.hold(made.client(), streamInstruct(['a'])) };
}

test('An item that is published twice with the same id is delivered once', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('1', null), ids('2', null));
  await made.publish(ids('2', null, { noSeq: true }));
  assert.equal(client.body, '1,2,');
  assert.equal(made.counters.itemsRepeated, 2);
  made.advance(61_000);
  await made.publish(ids('1', null));
  assert.equal(client.body, '1,2,1,');
});

test('An id counts as published also where nobody was subscribed', async (t) => {
  const made = rig(t);
  await made.publish(ids('1', null));
  const client = made.hold(made.client(), streamInstruct(['a']));
  await made.publish(ids('1', null));
  assert.equal(client.body, '');
});

test('Items that come too early wait for those before them, and follow in order', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('4', '3'), ids('3', '2'));
  assert.equal(client.body, '1,');
  await made.publish(ids('2', '1'), ids('5', '4'));
  assert.equal(client.body, '1,2,3,4,5,');
});

test('The first item of a channel, and one without prev-id, are taken as they are', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('8', '7'), ids('9', null));
  assert.equal(client.body, '8,9,');
});

test('An item without an id clears the last id', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids(null, null), ids('9', '8'));
  assert.equal(client.body, '1,-,9,');
});

test('An item with no-seq is delivered at once and does not become the last one', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('x', '0', { noSeq: true }), ids('2', '1'));
  assert.equal(client.body, '1,x,2,');
});

test('An item waits no longer than message_wait, and those after it follow', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('3', '2'), ids('4', '3'));
  made.advance(4_900);
  await turn();
  assert.equal(client.body, '1,');
  made.advance(1_000);
  await turn();
  assert.equal(client.body, '1,3,4,');
  await made.publish(ids('2', '1'));
  made.advance(6_000);
  await turn();
  assert.equal(client.body, '1,3,4,2,', 'the one that came too late waits for what was before it');
});

test('A second item that waits for the same one is dropped, and so is one too many', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('3', '2'), ids('3b', '2'));
  assert.equal(made.counters.itemsOutOfOrder, 1);
  for (let i = 0; i < MAX_EARLY_ITEMS; i++) await made.publish(ids(`x${i}`, `y${i}`));
  assert.equal(made.counters.itemsOutOfOrder, 2);
  await made.publish(ids('2', '1'));
  assert.equal(client.body, '1,2,3,');
});

test('Items of all channels that wait are bounded: the oldest is delivered', async (t) => {
  const { made, client } = streaming(t);
  const body = 'x'.repeat(MAX_EARLY_BYTES / 2);
  await made.publish(ids('1', null), ids('3', '2'));
  const big = streamItem('a', body);
  await made.publish({ ...big, id: '5', prevId: '4' }, { ...big, id: '7', prevId: '6' });
  await turn();
  assert.equal(client.body.slice(0, 4), '1,3,');
});

test('What waits for a channel that has had no client meanwhile is dropped', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('3', '2'));
  client.leave();
  await made.publish(ids(null, null));
  const other = made.hold(made.client(), streamInstruct(['a']));
  made.advance(6_000);
  await turn();
  assert.equal(other.body, '');
  assert.equal(made.counters.itemsOutOfOrder, 1);
});

test('What waits is delivered before the streams end', async (t) => {
  const { made, client } = streaming(t);
  await made.publish(ids('1', null), ids('3', '2'));
  made.hub.drain();
  await turn();
  await turn();
  assert.equal(client.body, '1,3,');
  made.assertEmpty();
});
