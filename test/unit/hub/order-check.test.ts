import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Channels } from '../../../src/hub/channels.ts';
import { OrderCheck } from '../../../src/hub/order-check.ts';
import { PublishedResponse } from '../../../src/hub/published-response.ts';
import { responseFormat } from './support.ts';

function published(channel: string, id: string | null, prevId: string | null): PublishedResponse {
  return new PublishedResponse(channel, responseFormat(), id, prevId);
}

/** The origin named 7 for channel a, and nothing for channel b. */
const order = OrderCheck.of(
  [
    { name: 'a', prevId: '7', filters: [] },
    { name: 'b', prevId: null, filters: [] },
  ],
  'p-',
);

test('an item is known if the origin named its id', () => {
  assert.equal(order.isKnown(published('p-a', '7', '6')), true);
  assert.equal(order.isKnown(published('p-a', '8', '7')), false);
  assert.equal(order.isKnown(published('p-a', null, '7')), false);
  assert.equal(order.isKnown(published('a', '7', '6')), false, 'the prefix belongs to the name');
  assert.equal(order.isKnown(published('p-b', '7', '6')), false);
});

const items = [
  { channel: 'p-a', id: '8', prevId: '7', next: [true, true] },
  { channel: 'p-a', id: '9', prevId: '8', next: [false, false] },
  { channel: 'p-a', id: null, prevId: '8', next: [false, false] },
  { channel: 'p-a', id: null, prevId: null, next: [true, true] },
  { channel: 'p-a', id: '9', prevId: null, next: [true, false] },
  { channel: 'p-b', id: '9', prevId: '8', next: [true, true] },
] as const;

for (const { channel, id, prevId, next } of items) {
  test(`item ${id} of ${channel} with prev-id ${prevId} is ${next[0] ? '' : 'not '}the next one`, () => {
    const item = published(channel, id, prevId);
    assert.deepEqual([order.isNext(item, false), order.isNext(item, true)], next);
  });
}

test('a hold is outdated, once, if its channel has another last id than the origin named', (t) => {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const channels = new Channels(wheel, { current: { subscriptionLinger: 60 } }, (thrown) =>
    assert.fail(thrown as Error),
  );
  assert.equal(order.isOutdated(channels), false, 'nothing is known of the channel');
  channels.join({ format: 'http-response', route: '', receive: () => 1, onFault: () => {} }, 'p-a');
  channels.setLastId('p-a', '7');
  assert.equal(order.isOutdated(channels), false);
  channels.setLastId('p-a', '8');
  assert.equal(order.isOutdated(channels), true);
  assert.equal(order.isOutdated(channels), false, 'the last id has been forgotten');
});
