import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../../../src/cluster/broker.ts';
import { ChannelClearing } from '../../../../src/cluster/store/channel-clearing.ts';
import type { ItemStream } from '../../../../src/cluster/store/item-stream.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';

/** Clears a channel up to item 7, where the broker answers the note for the other nodes with this. */
async function clearing(answer: string) {
  const [asked, purged]: [string[], [string, number][]] = [[], []];
  const broker = {
    connection: {
      request: async (subject: string, data: Uint8Array) => {
        asked.push(`${subject} ${Buffer.from(data)}`);
        return { data: Buffer.from(answer) };
      },
    },
    subscribe: () => ({ unsubscribe: () => {} }),
  } as unknown as Broker;
  const stream = {
    purge: async (subject: string, from: number) => purged.push([subject, from]),
  } as unknown as ItemStream;
  const subjects = new Subjects('test');
  const means = { broker, subjects, stream, clusterCounters: new ClusterCounters(), owner: { onFault: assert.fail } };
  const outcome = await new ChannelClearing(means, () => {}).clear('x', 7).then(
    () => 'cleared',
    (error: Error) => error.message,
  );
  assert.deepEqual(asked, [`${subjects.cleared('x')} 7`]);
  return { outcome, purged, subject: subjects.kept('x') };
}

test('items are deleted once the other nodes can be told', async () => {
  const { outcome, purged, subject } = await clearing('{"stream":"test","seq":9}');
  assert.deepEqual([outcome, purged], ['cleared', [[subject, 8]]]);
});

test('nothing is deleted where the broker does not keep the note for the other nodes', async () => {
  const { outcome, purged } = await clearing('{"error":{"code":503,"description":"insufficient storage"}}');
  assert.deepEqual([outcome, purged], ['other nodes cannot be told what is deleted: insufficient storage', []]);
});
