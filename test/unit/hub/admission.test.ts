import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { type PublishItem, PublishItemsReader, parsePublishItem } from '../../../src/codec/grip/index.ts';
import { ChannelRules } from '../../../src/hub/index.ts';
import { MAX_VERSIONS_BYTES } from '../../../src/hub/last-versions.ts';
import { MAX_KEYS_BYTES, RepeatKeys } from '../../../src/hub/repeat-keys.ts';
import { rule } from './history-rig.ts';
import type { HubRig } from './support.ts';
import { rig, streamInstruct, turn } from './support.ts';

const FIVE_MINUTES = 300_000;

function itemOf(content: string, extras: object = {}, channel = 'c'): PublishItem {
  return parsePublishItem({ channel, formats: { 'http-stream': { content } }, ...extras });
}

function held(made: HubRig, channel = 'c') {
  return made.hold(made.client(), streamInstruct([channel]));
}

function receivers(made: HubRig, ...items: PublishItem[]): readonly number[] {
  let counted: readonly number[] = [];
  made.hub.countReceivers(items, (counts) => {
    counted = counts;
  });
  return counted;
}

test('a repeated key is delivered once in five minutes, on its channel', async (t) => {
  const made = rig(t);
  const [client, other] = [held(made), held(made, 'd')];
  const keyed = itemOf('1', { 'idempotency-key': 'k' });
  await made.publish(keyed, keyed);
  await made.publish(keyed, itemOf('d', { 'idempotency-key': 'k' }, 'd'));
  assert.equal(client.body, '1');
  assert.equal(other.body, 'd');
  assert.equal(made.counters.itemsRepeated, 2);
  made.advance(FIVE_MINUTES - 1_000);
  await made.publish(keyed);
  assert.equal(client.body, '1');
  made.advance(2_000);
  await made.publish(keyed);
  assert.equal(client.body, '11');
});

test('a key that was used for other content is found, and its item is dropped where nobody asks', async (t) => {
  const made = rig(t);
  const client = held(made);
  const [keyed, other] = [itemOf('1', { 'idempotency-key': 'k' }), itemOf('2', { 'idempotency-key': 'k' })];
  assert.equal(made.hub.reusedKey([keyed, other]), null);
  await made.publish(keyed);
  assert.equal(made.hub.reusedKey([itemOf('3'), keyed, other]), other);
  await made.publish(other);
  assert.equal(client.body, '1');
  assert.deepEqual(made.log.of('item dropped: its idempotency key was used for other content'), [{ channel: 'c' }]);
});

test('a repeat has as many receivers as the first time', async (t) => {
  const made = rig(t);
  held(made);
  const keyed = itemOf('1', { 'idempotency-key': 'k' });
  assert.deepEqual(receivers(made, keyed, itemOf('2')), [1, 1]);
  await made.publish(keyed);
  held(made);
  assert.deepEqual(receivers(made, keyed, itemOf('2')), [1, 2]);
  const uncounted = itemOf('1', { 'idempotency-key': 'l' });
  await made.publish(uncounted);
  assert.deepEqual(receivers(made, uncounted), [2], 'nobody had asked the first time');
});

test('a request with a key is taken once, also where only a part of it was', async (t) => {
  const made = rig(t);
  const client = held(made);
  const body = { items: ['1', '2', '3'].map((content) => ({ channel: 'c', formats: { 'http-stream': { content } } })) };
  const read = (): readonly PublishItem[] => {
    const reader = new PublishItemsReader(Buffer.from(JSON.stringify(body)), 'key');
    reader.read(10);
    return reader.items;
  };
  await made.publish(...read().slice(0, 2));
  await made.publish(...read());
  await made.publish(...read());
  assert.equal(client.body, '123');
});

test('an item that is not newer than the last one of its channel is dropped', async (t) => {
  const made = rig(t);
  const client = held(made);
  for (const version of [3, 1, 3, 4, 10, 9]) await made.publish(itemOf(`${version},`, { version }));
  await made.publish(itemOf('none,'), itemOf('1,', { version: 1 }, 'd'));
  assert.equal(client.body, '3,4,10,none,');
  assert.equal(made.counters.itemsOutdated, 3);
  assert.deepEqual(receivers(made, itemOf('', { version: 10 }), itemOf('', { version: 11 })), [0, 1]);
});

test('versions are known while a channel has clients, and for subscription_linger after', async (t) => {
  const made = rig(t, { limits: { subscriptionLinger: 10 } });
  const client = held(made);
  await made.publish(itemOf('5,', { version: 5 }), itemOf('5,', { version: 5 }, 'empty'));
  made.advance(3_600_000);
  await made.publish(itemOf('4,', { version: 4 }));
  assert.equal(client.body, '5,');
  const late = held(made, 'empty');
  await made.publish(itemOf('4,', { version: 4 }, 'empty'));
  assert.equal(late.body, '4,', 'nobody had been there');
  client.responder?.onRequestError(new Error('left') as never);
  made.advance(60_000);
  const next = held(made);
  await made.publish(itemOf('4,', { version: 4 }));
  assert.equal(next.body, '4,');
});

test('the version of a channel that is kept is known to those who come later', async (t) => {
  const made = rig(t, { limits: { subscriptionLinger: 10 } });
  made.hub.history.rules = new ChannelRules([rule('c')]);
  await made.publish(itemOf('5,', { version: 5 }));
  made.advance(3_600_000);
  const client = held(made);
  await made.publish(itemOf('4,', { version: 4 }), itemOf('6,', { version: 6 }));
  assert.equal(client.body, '6,');
  assert.equal(made.counters.itemsOutdated, 1);
});

test('keys, versions and the answers to repeats go over to who orders the items next', async (t) => {
  const [from, to] = [rig(t), rig(t)];
  const keyed = itemOf('1', { 'idempotency-key': 'k' });
  held(from);
  const client = held(to);
  receivers(from, keyed);
  await from.publish(keyed, itemOf('7', { version: 7 }));
  to.hub.goOn(from.hub.release());
  await to.publish(keyed, itemOf('6', { version: 6 }), itemOf('8', { version: 8 }));
  assert.equal(client.body, '8');
  assert.equal(to.hub.reusedKey([itemOf('x', { 'idempotency-key': 'k' })])?.channel, 'c');
  held(to);
  assert.deepEqual(receivers(to, keyed), [1]);
});

test('a million keys and versions stay within their bounds', async (t) => {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const keys = new RepeatKeys(wheel, assert.ifError);
  let most = 0;
  for (let i = 0; i < 1_000_000; i++) {
    keys.take({ key: `1 c${i}`, digest: 'd', index: 0 });
    most = Math.max(most, keys.bytes);
  }
  assert.ok(most <= MAX_KEYS_BYTES, `${most}`);
  assert.ok(keys.size > 100_000, `${keys.size}`);
  assert.equal(keys.isRepeat({ key: '1 c999999', digest: 'd', index: 0 }), true);
  assert.equal(keys.isRepeat({ key: '1 c0', digest: 'd', index: 0 }), false);
  keys.take({ key: 'r', digest: 'd', index: 0 });
  for (let index = 0; index < 3_000_000; index++) keys.noteReceivers({ key: 'r', digest: 'd', index }, 1);
  assert.ok(keys.bytes <= MAX_KEYS_BYTES);
  const name = 'x'.repeat(100_000);
  const made = rig(t);
  for (let i = 0; i < 1_000; i++) made.hub.publish([itemOf('', { version: 1 }, `${i}${name}`)]);
  await turn();
  const kept = [...made.hub.release().versions];
  assert.ok(kept.length <= MAX_VERSIONS_BYTES / 200_000, `${kept.length}`);
});
