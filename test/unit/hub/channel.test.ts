import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Group, Membership, Receiver } from '../../../src/hub/channel.ts';
import { Channels, MAX_IDLE_BYTES } from '../../../src/hub/channels.ts';
import { stoppedClock } from './support.ts';

function receiver(format: Receiver['format'] = 'http-stream'): Receiver {
  return { format, route: '', receive: () => 1, onFault: () => assert.fail('no fault') };
}

function newChannels(t: TestContext): Channels {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  return new Channels(wheel, { current: { subscriptionLinger: 60 } }, (thrown) => assert.fail(thrown as Error));
}

function join(channels: Channels, count: number): Membership[] {
  return Array.from({ length: count }, () => channels.join(receiver(), 'c'));
}

/** Members of channel c that take streams, in the order of the list. */
function members(channels: Channels): Membership[] {
  return (
    channels
      .get('c')
      ?.groupOf('http-stream')
      ?.members.filter(({ position }) => position >= 0) ?? []
  );
}

function walk(group: Group, visit: (membership: Membership) => void): void {
  const end = group.beginWalk();
  for (let i = 0; i < end; i++) {
    const member = group.members[i] as Membership;
    if (member.position >= 0) visit(member);
  }
  group.endWalk();
}

function groupOf(channels: Channels): Group {
  return channels.get('c')?.groupOf('http-stream') as Group;
}

test('a channel is there while it has members', (t) => {
  const channels = newChannels(t);
  assert.equal(channels.get('c'), undefined);
  const [one, two] = [receiver(), receiver()];
  const first = channels.join(one, 'c');
  const other = channels.join(one, 'd');
  const second = channels.join(two, 'c');
  assert.equal(channels.size, 2);
  assert.equal(channels.get('c')?.size, 2);
  channels.leave(first);
  assert.deepEqual(members(channels), [second]);
  channels.leave(second);
  assert.equal(channels.get('c'), undefined);
  channels.leave(other);
  assert.equal(channels.size, 0);
});

test('members are grouped by the format that they take', (t) => {
  const channels = newChannels(t);
  const stream = channels.join(receiver(), 'c');
  const response = channels.join(receiver('http-response'), 'c');
  const channel = channels.get('c');
  assert.deepEqual(channel?.groupOf('http-stream')?.members, [stream]);
  assert.deepEqual(channel?.groupOf('http-response')?.members, [response]);
  assert.equal(channel?.size, 2);
  assert.equal(channels.size, 1);
});

test('a membership that ends twice ends once', (t) => {
  const channels = newChannels(t);
  const [first, second] = join(channels, 2) as [Membership, Membership];
  channels.leave(first);
  channels.leave(first);
  assert.deepEqual(members(channels), [second]);
});

test('leaving in any order leaves exactly the others', (t) => {
  for (const order of ['0123', '3210', '1302', '2013']) {
    const channels = newChannels(t);
    const all = join(channels, 4);
    const left = new Set(all);
    for (const index of order) {
      const leaving = all[Number(index)] as Membership;
      channels.leave(leaving);
      left.delete(leaving);
      assert.deepEqual(new Set(members(channels)), left);
    }
    assert.equal(channels.size, 0);
  }
});

test('a walk visits each remaining member once, whichever leave during it', (t) => {
  for (let at = 0; at < 5; at++) {
    for (let leaving = 0; leaving < 5; leaving++) {
      for (let alsoLeaving = 0; alsoLeaving < 5; alsoLeaving++) {
        const channels = newChannels(t);
        const all = join(channels, 5);
        const seen: number[] = [];
        walk(groupOf(channels), (member) => {
          const index = all.indexOf(member);
          seen.push(index);
          if (index !== at) return;
          channels.leave(all[leaving] as Membership);
          channels.leave(all[alsoLeaving] as Membership);
        });
        const gone = (index: number): boolean => index === leaving || index === alsoLeaving;
        const order = [0, 1, 2, 3, 4];
        assert.deepEqual(
          seen,
          order.filter((index) => !gone(index) || index <= at),
        );
        assert.deepEqual(
          members(channels),
          all.filter((_, index) => !gone(index)),
        );
        // Those that have moved can still be found.
        for (const membership of all) channels.leave(membership);
        assert.equal(channels.size, 0);
      }
    }
  }
});

test('a member that joins during a walk is visited by the next one', (t) => {
  const channels = newChannels(t);
  const all = join(channels, 2);
  const seen: Membership[] = [];
  walk(groupOf(channels), (member) => {
    seen.push(member);
    if (member === all[0]) all.push(...join(channels, 1));
  });
  assert.deepEqual(seen, all.slice(0, 2));
  assert.deepEqual(members(channels), all);
});

test('a channel that loses all members during a walk and gets another one is new', (t) => {
  const channels = newChannels(t);
  const all = join(channels, 2);
  let visits = 0;
  walk(groupOf(channels), () => {
    visits++;
    for (const membership of all) channels.leave(membership);
    assert.equal(channels.size, 0);
    join(channels, 1);
  });
  assert.equal(visits, 1);
  assert.equal(members(channels).length, 1);
});

test('the last id of a channel outlives its last member by a minute', (t) => {
  const advance = stoppedClock(t);
  const channels = newChannels(t);
  const [first] = join(channels, 1) as [Membership];
  channels.setLastId('c', '7');
  channels.leave(first);
  assert.deepEqual([channels.size, channels.idle], [0, 1]);
  advance(30_000);
  const [second] = join(channels, 1) as [Membership];
  assert.equal(channels.get('c')?.lastId, '7');
  assert.deepEqual([channels.size, channels.idle], [1, 0]);
  advance(60_000);
  assert.equal(channels.get('c')?.lastId, '7', 'it has a member');
  channels.leave(second);
  advance(59_000);
  assert.equal(channels.get('c')?.lastId, '7');
  advance(1_500);
  assert.equal(channels.get('c'), undefined);
  assert.deepEqual([channels.size, channels.idle], [0, 0]);
});

test('channels without members are bounded in bytes, and the longest idle ones are removed first', (t) => {
  stoppedClock(t);
  const channels = newChannels(t);
  const name = (index: number): string => `${index}-${'x'.repeat(MAX_IDLE_BYTES / 20)}`;
  for (let index = 0; index < 12; index++) {
    const membership = channels.join(receiver(), name(index));
    channels.setLastId(name(index), '1');
    channels.leave(membership);
  }
  assert.equal(channels.idle, 9);
  assert.equal(channels.get(name(2)), undefined);
  assert.equal(channels.get(name(3))?.lastId, '1');
});

test('a last id that changes while its channel is idle counts towards the bound', (t) => {
  stoppedClock(t);
  const channels = newChannels(t);
  for (let index = 0; index < 12; index++) {
    const membership = channels.join(receiver(), `${index}`);
    channels.setLastId(`${index}`, '1');
    channels.leave(membership);
  }
  for (let index = 0; index < 12; index++) channels.setLastId(`${index}`, 'x'.repeat(MAX_IDLE_BYTES / 20));
  assert.equal(channels.idle, 9);
  assert.equal(channels.get('2'), undefined, 'the longest idle channel goes first');
  assert.ok(channels.get('3'));
  for (let index = 3; index < 12; index++) channels.leave(channels.join(receiver(), `${index}`));
  assert.equal(channels.idle, 9, 'what was charged is given back');
  for (let index = 3; index < 12; index++) channels.setLastId(`${index}`, null);
  assert.equal(channels.idle, 0, 'a channel without a last id is not remembered');
});
