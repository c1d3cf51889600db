import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
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

function newChannels(t: TestContext): Channels {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  return new Channels(wheel, { current: { subscriptionLinger: 60 } }, (thrown) => assert.fail(thrown as Error));
}

test('memberships change while the subscriber lives', (t) => {
  const channels = newChannels(t);
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

test('any number of channels are joined once each, and left', (t) => {
  const channels = newChannels(t);
  const subscriber = new FakeSubscriber(channels);
  const names = Array.from({ length: 1_000 }, (_, index) => `c${index}`);
  for (const name of [...names, ...names]) subscriber.join(name);
  assert.equal(channels.size, 1_000);
  for (const name of names.slice(0, 990)) subscriber.part(name);
  subscriber.part('c0');
  assert.deepEqual([subscriber.isMember('c0'), subscriber.isMember('c995'), channels.size], [false, true, 10]);
  subscriber.join('c0');
  subscriber.drain();
  assert.deepEqual([subscriber.isMember('c0'), channels.size], [false, 0]);
});
