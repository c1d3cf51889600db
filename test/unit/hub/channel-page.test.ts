import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Channel } from '../../../src/hub/channel.ts';
import { channelPage } from '../../../src/hub/channel-page.ts';

const RECEIVER = { format: 'http-stream', route: '', receive: () => 0, onFault: () => {} } as const;

function channel(name: string, members = 1): Channel {
  const made = new Channel(name);
  for (let i = 0; i < members; i++) made.add(RECEIVER);
  return made;
}

/** As `Channels` has them. */
function channelsOf(all: readonly Channel[]): Parameters<typeof channelPage>[0] {
  return { all: () => all.values(), get: (name) => all.find((each) => each.name === name) };
}

test('pages of any size give all channels once, in order, without those that nobody is on', async () => {
  const names = Array.from({ length: 500 }, (_, i) => `c${(i * 7919) % 500}`);
  const all = [...names.map((name) => channel(name)), channel('c-idle', 0)];
  for (const limit of [1, 3, 499, 500, 1_000]) {
    const found: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page = await channelPage(channelsOf(all), { prefix: 'c', after, limit });
      assert.equal(page.total, 500);
      found.push(...page.channels.map(({ name }) => name));
      after = page.next;
    }
    assert.deepEqual(found, [...names].sort());
  }
});

test('others are listed without subscribers, each once', async () => {
  const all = channelsOf([channel('b', 2), channel('d', 0)]);
  const page = await channelPage(all, { prefix: '', after: '', limit: 3, others: ['d', 'a', 'b', 'e'] });
  assert.deepEqual(
    page.channels.map(({ name, subscribers }) => `${name} ${subscribers}`),
    ['a 0', 'b 2', 'd 0'],
  );
  assert.deepEqual([page.total, page.next], [4, 'd']);
});

test('many channels are looked at in several turns of the event loop', async () => {
  const all = Array.from({ length: 50_000 }, (_, i) => channel(`c${i}`));
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  assert.equal((await channelPage(channelsOf(all), { prefix: '', after: '', limit: 10 })).total, 50_000);
  over = true;
  assert.ok(turns >= 4);
});
