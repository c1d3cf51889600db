import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startNats } from '../../support/nats.ts';
import { StoreNode } from './support.ts';

test('an item of a later version is a gap for those whose node cannot read it, and text of a stranger is not', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const [live, late] = [await StoreNode.open(t, nats), await StoreNode.open(t, nats)];
  await live.subscribe('x', 'y');
  const [first = 0] = await live.append('x', '1');
  const [other = 0] = await live.append('y', '1');
  const publish = (channel: string, message: Buffer): void =>
    void live.broker.publish(`test.h.${channel}`, message, { reply: 'nobody' });
  publish('x', Buffer.from('\u0002later'));
  publish('y', Buffer.from('{"hello": 1}'));
  await live.append('x', '2');
  await live.append('y', '2');
  await live.until(() => live.lost.length > 0);
  assert.deepEqual(live.lost, ['x']);
  assert.equal(live.counters.messagesInvalid, 1);
  for (const node of [live, late]) {
    await node.subscribe('x', 'y');
    assert.equal(await node.after(first, 'x'), 'gap x');
    assert.match(await node.after(other, 'y'), /2$/);
  }
  assert.equal(await live.after(live.store.head, 'x'), '');
});
