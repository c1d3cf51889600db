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

test('pages of any size give all channels once, in order, without those that nobody is on', async () => {
  const names = Array.from({ length: 500 }, (_, i) => `c${(i * 7919) % 500}`);
  const all = [...names.map((name) => channel(name)), channel('c-idle', 0)];
  for (const limit of [1, 3, 499, 500, 1_000]) {
    const found: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page = await channelPage(all, { prefix: 'c', after, limit });
      assert.equal(page.total, 500);
      found.push(...page.channels.map(({ name }) => name));
      after = page.next;
    }
    assert.deepEqual(found, [...names].sort());
  }
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
  assert.equal((await channelPage(all, { prefix: '', after: '', limit: 10 })).total, 50_000);
  over = true;
  assert.ok(turns >= 4);
});
