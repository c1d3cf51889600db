import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatestOrder } from '../../../src/app/latest-order.ts';

test('While an order is on its way the ones that follow take the place of each other', () => {
  const sent: string[] = [];
  let onSent = (): void => assert.fail('nothing was sent');
  const latest = new LatestOrder((order, done) => {
    sent.push(order.order === 'reconfigure' ? order.config : '');
    onSent = done;
  });
  const give = (config: string) => latest.give({ order: 'reconfigure', config });
  for (const config of ['1', '2', '3', '4']) give(config);
  assert.deepEqual(sent, ['1']);
  onSent();
  assert.deepEqual(sent, ['1', '4']);
  give('5');
  onSent();
  onSent();
  assert.deepEqual(sent, ['1', '4', '5']);
  give('6');
  assert.deepEqual(sent, ['1', '4', '5', '6']);
});
