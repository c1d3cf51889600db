import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channels, type Subscription } from '../../../src/hub/channel.ts';

function subscribe(channels: Channels<string>, name: string, ...holds: string[]): Map<string, Subscription<string>> {
  return new Map(holds.map((hold) => [hold, channels.subscribe(hold, [name])[0] as Subscription<string>]));
}

function visited(channels: Channels<string>, name: string): string[] {
  const holds: string[] = [];
  channels.get(name)?.forEach((hold) => {
    holds.push(hold);
  });
  return holds.sort();
}

test('a channel is there from its first subscription to the end of its last', () => {
  const channels = new Channels<string>();
  assert.equal(channels.get('c'), undefined);
  const [first, other] = channels.subscribe('a', ['c', 'd']) as [Subscription<string>, Subscription<string>];
  const [second] = channels.subscribe('b', ['c']) as [Subscription<string>];
  assert.equal(channels.size, 2);
  assert.equal(channels.get('c')?.size, 2);
  first.cancel();
  assert.deepEqual(visited(channels, 'c'), ['b']);
  second.cancel();
  assert.equal(channels.get('c'), undefined);
  other.cancel();
  assert.equal(channels.size, 0);
});

test('a subscription that is cancelled twice ends once', () => {
  const channels = new Channels<string>();
  const subscriptions = subscribe(channels, 'c', 'a', 'b');
  subscriptions.get('a')?.cancel();
  subscriptions.get('a')?.cancel();
  assert.deepEqual(visited(channels, 'c'), ['b']);
});

test('cancelling in any order leaves exactly the others', () => {
  for (const order of ['abcd', 'dcba', 'bdac', 'cabd']) {
    const channels = new Channels<string>();
    const subscriptions = subscribe(channels, 'c', 'a', 'b', 'c', 'd');
    const left = new Set('abcd');
    for (const hold of order) {
      subscriptions.get(hold)?.cancel();
      left.delete(hold);
      assert.deepEqual(visited(channels, 'c'), [...left].sort());
    }
    assert.equal(channels.size, 0);
  }
});

test('a walk visits each remaining hold once, whoever leaves in the middle of it', () => {
  const holds = ['a', 'b', 'c', 'd', 'e'];
  for (const at of holds) {
    for (const leaving of holds) {
      for (const alsoLeaving of holds) {
        const channels = new Channels<string>();
        const subscriptions = subscribe(channels, 'c', ...holds);
        const seen: string[] = [];
        channels.get('c')?.forEach((hold) => {
          seen.push(hold);
          if (hold !== at) return;
          subscriptions.get(leaving)?.cancel();
          subscriptions.get(alsoLeaving)?.cancel();
        });
        const gone = (hold: string) => hold === leaving || hold === alsoLeaving;
        assert.deepEqual(
          seen,
          holds.filter((hold) => !gone(hold) || hold <= at),
        );
        assert.deepEqual(
          visited(channels, 'c'),
          holds.filter((hold) => !gone(hold)),
        );
        // What has moved up can still be found.
        for (const subscription of subscriptions.values()) subscription.cancel();
        assert.equal(channels.size, 0);
      }
    }
  }
});

test('a hold that joins during a walk is not visited by it but by the next', () => {
  const channels = new Channels<string>();
  subscribe(channels, 'c', 'a', 'b');
  const seen: string[] = [];
  channels.get('c')?.forEach((hold) => {
    seen.push(hold);
    if (hold === 'a') subscribe(channels, 'c', 'x');
  });
  assert.deepEqual(seen, ['a', 'b']);
  assert.deepEqual(visited(channels, 'c'), ['a', 'b', 'x']);
});

test('a channel that all leave during a walk, and another joins, is a new one', () => {
  const channels = new Channels<string>();
  const subscriptions = subscribe(channels, 'c', 'a', 'b');
  const seen: string[] = [];
  channels.get('c')?.forEach((hold) => {
    seen.push(hold);
    for (const subscription of subscriptions.values()) subscription.cancel();
    assert.equal(channels.size, 0);
    subscribe(channels, 'c', 'x');
  });
  assert.deepEqual(seen, ['a']);
  assert.equal(channels.size, 1);
  assert.deepEqual(visited(channels, 'c'), ['x']);
});
