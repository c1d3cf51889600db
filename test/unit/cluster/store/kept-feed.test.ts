import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers } from '@nats-io/transport-node';
import type { BrokerMessage } from '../../../../src/cluster/broker.ts';
import { ItemTail } from '../../../../src/cluster/store/item-tail.ts';
import { KeptFeed, KNOWN_BYTES } from '../../../../src/cluster/store/kept-feed.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';

function message(number: number, before = 0): BrokerMessage {
  const fields = headers();
  fields.set('Nats-Sequence', String(number));
  fields.set('Nats-Last-Sequence', String(before));
  return { subject: '', data: Buffer.alloc(0), headers: fields };
}

function feedOf(since: number | null): {
  feed: KeptFeed;
  tail: ItemTail;
  take: (channel: string, number: number, before?: number) => void;
  flush: () => string;
} {
  const tail = new ItemTail();
  const feed = new KeptFeed(tail, new ClusterCounters(), new FakeLog());
  feed.places = { since: () => since, sinceBefore: () => since };
  return {
    feed,
    tail,
    take: (channel, number, before) => {
      feed.take(channel, Buffer.from('x'), message(number, before));
    },
    flush: () => {
      const seen: string[] = [];
      feed.flush(
        (items) => seen.push(...items.map(({ channel, number }) => `${channel}${number}`)),
        (channel, from) => seen.push(`lost ${channel} after ${from}`),
      );
      return seen.join(' ');
    },
  };
}

test('items are passed on in the order of their numbers, each once', () => {
  const { feed, take, flush } = feedOf(0);
  take('a', 2);
  take('b', 1);
  take('a', 2);
  take('a', 3, 2);
  assert.equal(flush(), 'b1 a2 a3');
  assert.equal(feed.head, 3);
  take('a', 3, 2);
  assert.equal(feed.idle, true);
});

test('an item is missed when the next one names it as the one before', () => {
  const { take, flush, tail } = feedOf(10);
  take('a', 12, 8);
  take('b', 13, 11);
  assert.equal(flush(), 'lost b after 10 a12 b13');
  assert.equal(tail.from, 13);
  take('a', 14, 12);
  take('b', 15, 13);
  assert.equal(flush(), 'a14 b15');
});

test('where it is not known what comes of a channel nothing is missed, and what comes is passed on', () => {
  const { take, flush } = feedOf(null);
  take('a', 12, 8);
  assert.equal(flush(), 'a12');
  take('b', 11, 8);
  assert.equal(flush(), '');
});

test('an item that comes behind later ones is lost for the subscribers', () => {
  const { take, flush } = feedOf(0);
  take('a', 2);
  assert.equal(flush(), 'a2');
  take('b', 1);
  assert.equal(flush(), 'lost b after 0');
});

test('the numbers of channels are forgotten beyond their bytes, and what comes after that is not taken for a loss', () => {
  const { feed, take, flush } = feedOf(0);
  const cost = 64 + 2 * 1_000;
  const many = Math.ceil(KNOWN_BYTES / cost);
  for (let number = 1; number <= many; number++) take(String(number).padStart(1_000, '0'), number);
  assert.ok(feed.knownBytes > KNOWN_BYTES);
  flush();
  assert.equal(feed.knownBytes, 0);
  take('1'.padStart(1_000, '0'), many + 1, 1);
  assert.doesNotMatch(flush(), /lost/);
  take('1'.padStart(1_000, '0'), many + 3, many + 2);
  assert.match(flush(), /lost/);
});

test('a message without a number of the stream is counted and not taken', () => {
  const counters = new ClusterCounters();
  const feed = new KeptFeed(new ItemTail(), counters, new FakeLog());
  for (const number of [Number.NaN, 0, -1, 1.5]) feed.take('a', Buffer.from('x'), message(number));
  feed.take('a', Buffer.from('x'), { subject: '', data: Buffer.alloc(0) });
  assert.equal(feed.idle, true);
  assert.equal(counters.messagesInvalid, 5);
});
