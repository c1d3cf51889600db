import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Channels } from '../../../src/hub/channels.ts';
import { Subscriber } from '../../../src/hub/subscriber.ts';

class FakeSubscriber extends Subscriber {
  override readonly id = 'fake';
  override readonly format = 'http-stream';

  override receive(): number {
    return 1;
  }

  override drain(): void {
    this.partAll();
  }

  override recover(): void {}

  override onTimer(): void {}

  override onFault(): void {}
}

test('memberships change while the subscriber lives', (t) => {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const channels = new Channels(wheel, { current: { subscriptionLinger: 60 } }, (thrown) =>
    assert.fail(thrown as Error),
  );
  const subscriber = new FakeSubscriber(channels);
  const other = new FakeSubscriber(channels);
  other.join('b');
  subscriber.join('a');
  subscriber.join('b');
  subscriber.join('b');
  assert.deepEqual([channels.get('a')?.size, channels.get('b')?.size], [1, 2]);
  subscriber.part('a');
  subscriber.part('a');
  assert.deepEqual([subscriber.isMember('a'), subscriber.isMember('b')], [false, true]);
  assert.equal(channels.get('a'), undefined);
  subscriber.join('a');
  subscriber.drain();
  assert.deepEqual([channels.size, channels.get('b')?.size], [1, 1]);
});
