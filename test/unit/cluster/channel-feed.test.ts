import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { ChannelFeed, MAX_MARKS } from '../../../src/cluster/channel-feed.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { patternKey } from '../../../src/hub/index.ts';
import { FakeBroker } from '../../support/cluster/fake-broker.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { manualClock, turn } from '../../support/manual-clock.ts';

function rigOf(t: TestContext) {
  const advance = manualClock(t);
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const broker = new FakeBroker();
  const counters = new ClusterCounters();
  const came: string[] = [];
  const marks: ((number: number) => void)[] = [];
  let asked = 0;
  const owner = {
    onFault: (thrown: unknown): void => {
      throw thrown;
    },
  };
  const feed = new ChannelFeed(
    broker.asBroker,
    new Subjects('p'),
    {
      onItem: (channel, item) => came.push(`${channel} ${item}`),
      onKept: (channel, item) => came.push(`kept ${channel} ${item}`),
      mark: (marked) => {
        asked++;
        marks.push(marked);
      },
    },
    { wheel, counters, log: new FakeLog(), owner },
  );
  return {
    feed,
    broker,
    counters,
    came,
    advance,
    /** Marks that were asked for. */
    asked: () => asked,
    /** The marks of all that was subscribed to come back. */
    mark: async (number: number): Promise<void> => {
      await turn();
      for (const marked of marks.splice(0)) marked(number);
    },
    /** An item comes by the subscription to a channel or pattern. */
    by: (subscription: string, channel: string, text: string, kind = 'i'): void =>
      broker.deliver(`p.f.*.${subscription}`, `p.f.${kind}.${channel}`, `\x01${text}`),
  };
}

test('items of a channel come by its subscription, from a number on that is known', async (t) => {
  const { feed, broker, came, by, mark } = rigOf(t);
  feed.channelAdded('a.b');
  assert.deepEqual(broker.subscribed, ['p.f.*.a.b']);
  by('a.b', 'a.b', '1');
  by('a.b', 'a.b', '2', 'h');
  assert.deepEqual(came, ['a.b 1', 'kept a.b 2']);
  let covered = false;
  feed.cover(['a.b', 'other'], () => {
    covered = true;
  });
  assert.equal(feed.since('a.b'), null);
  assert.equal(covered, false);
  await mark(7);
  assert.equal(feed.since('a.b'), 7);
  assert.equal(covered, true);
  feed.restart();
  assert.equal(feed.since('a.b'), null);
  await mark(9);
  assert.equal(feed.since('a.b'), 9);
  assert.deepEqual([...feed.channels()], ['a.b']);
});

test('while the broker is slow no more than 64 marks are asked for, and what is subscribed to then is covered by a later one', async (t) => {
  const { feed, asked, mark, advance } = rigOf(t);
  for (let index = 0; index < 200; index++) {
    feed.channelAdded(`c${index}`);
    await turn();
  }
  assert.equal(asked(), MAX_MARKS);
  for (let index = 150; index < 200; index++) feed.channelRemoved(`c${index}`);
  advance(6);
  feed.channelAdded('last');
  await mark(7);
  assert.deepEqual([feed.since('c0'), feed.since('c100')], [7, null]);
  await mark(9);
  assert.equal(asked(), MAX_MARKS + 1);
  assert.deepEqual([feed.since('c0'), feed.since('c100'), feed.since('c199'), feed.since('last')], [7, 9, null, 9]);
  // When the broker was away marks do not come back.
  for (let index = 0; index < 100; index++) {
    feed.channelAdded(`d${index}`);
    await turn();
  }
  feed.restart();
  await mark(12);
  assert.deepEqual([feed.since('d0'), feed.since('d99')], [12, 12]);
});

test('an item that comes by several subscriptions is taken once', async (t) => {
  const { feed, came, by, mark } = rigOf(t);
  for (const key of [patternKey('a.>'), patternKey('a.*'), 'a.b']) feed.channelAdded(key);
  await mark(1);
  for (const subscription of ['a.>', 'a.*', 'a.b']) by(subscription, 'a.b', '1');
  for (const subscription of ['a.>', 'a.*']) by(subscription, 'a.c', '2');
  by('a.>', 'a.b.c', '3');
  assert.deepEqual(came, ['a.b 1', 'a.c 2', 'a.b.c 3']);
});

test('nothing is lost of a pattern while the broker does not know yet that one of its channels is subscribed to', async (t) => {
  const { feed, came, by, mark } = rigOf(t);
  feed.channelAdded(patternKey('a.*'));
  await mark(1);
  feed.channelAdded('a.b');
  by('a.*', 'a.b', 'before');
  by('a.*', 'a.b', 'after');
  by('a.b', 'a.b', 'after');
  assert.equal(feed.since('a.b'), 1);
  await mark(2);
  by('a.*', 'a.b', 'later');
  by('a.b', 'a.b', 'later');
  assert.deepEqual(came, ['a.b before', 'a.b after', 'a.b later']);
});

test('a channel without clients is subscribed to for 5 s more', async (t) => {
  const { feed, broker, advance, mark } = rigOf(t);
  feed.channelAdded('a');
  feed.channelAdded('b');
  await mark(1);
  feed.channelRemoved('a');
  feed.channelRemoved('b');
  advance(4);
  feed.channelAdded('b');
  advance(2);
  assert.deepEqual(broker.subscribed, ['p.f.*.b']);
  assert.equal(feed.size, 1);
  assert.equal(feed.since('b'), 1);
});

test('what no node has sent is counted, and what stores say to each other is not', async (t) => {
  const { feed, broker, came, counters, by } = rigOf(t);
  feed.channelAdded(patternKey('>'));
  broker.deliver('p.f.*.>', 'p.f.h.=m.3', 'mark');
  broker.deliver('p.f.*.>', 'p.f.h.=c.x', '7');
  assert.equal(counters.messagesInvalid, 0);
  broker.deliver('p.f.*.>', 'p.f.k.x', '\x01text');
  broker.deliver('p.f.*.>', 'p.f.i.x', '\x7ftext');
  broker.deliver('p.f.*.>', 'p.f.i.x', '');
  broker.deliver('p.f.*.>', 'p.f.i.=zz', '\x01text');
  assert.equal(counters.messagesInvalid, 2);
  by('>', 'x', 'ok');
  // Those of an unknown version come as nothing: whoever reads items counts them.
  assert.deepEqual(came, ['x ', 'x ', 'x ok']);
});

test('a channel whose name has no subject is counted', (t) => {
  const { feed, broker, counters } = rigOf(t);
  feed.channelAdded(' '.repeat(400));
  assert.deepEqual(broker.subscribed, []);
  assert.equal(counters.channelsRefused, 1);
});

test('a channel that somebody looks at stays, whether a client has it or not', async (t) => {
  const { feed, broker, advance, came, by } = rigOf(t);
  const leave = [feed.look('a'), feed.look('a')];
  assert.deepEqual(broker.subscribed, ['p.f.*.a']);
  feed.channelAdded('a');
  feed.channelRemoved('a');
  leave[0]?.();
  advance(10);
  by('a', 'a', '1');
  assert.deepEqual(came, ['a 1']);
  leave[1]?.();
  advance(1);
  assert.deepEqual(broker.subscribed, ['p.f.*.a']);
  advance(10);
  assert.deepEqual(broker.subscribed, []);
});

test('a channel that a client has stays when nobody looks at it any longer', async (t) => {
  const { feed, broker, advance, counters } = rigOf(t);
  feed.channelAdded('a');
  feed.look('a')();
  advance(10);
  assert.deepEqual(broker.subscribed, ['p.f.*.a']);
  feed.look('x'.repeat(2_000))();
  assert.equal(counters.channelsRefused, 1);
});
