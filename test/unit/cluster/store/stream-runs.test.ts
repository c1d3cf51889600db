import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ItemStream } from '../../../../src/cluster/store/item-stream.ts';
import { READ_BYTES, type RunSource } from '../../../../src/cluster/store/kept-run.ts';
import { MAX_READS, RUNS_BYTES, StreamRuns } from '../../../../src/cluster/store/stream-runs.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { type NatsServer, startNats } from '../../../support/nats.ts';
import { StoreNode, settingsOf, texts } from '../support.ts';

async function sourceOf(t: TestContext, nats: NatsServer): Promise<{ node: StoreNode; source: RunSource }> {
  const node = await StoreNode.open(t, nats);
  const subjects = new Subjects('test');
  const stream = await ItemStream.open(node.broker, subjects, settingsOf());
  return { node, source: { broker: node.broker, subjects, stream, clearedFrom: 0, clearedTo: () => 0 } };
}

test('those who ask for the same in one moment get one run, and later pages come from it', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const { node, source } = await sourceOf(t, nats);
  const numbers = await node.append('x', '1', '2', '3');
  const [first = 0, second = 0, third = 0] = numbers;
  const runs = new StreamRuns(source, async () => ({ number: third, fence: null }));
  const [one, other] = await Promise.all([runs.read([['x', first]]), runs.read([['x', first]])]);
  assert.equal(one, other);
  assert.equal(texts(one.after('x', first)), '2 3');
  assert.equal(runs.find([['x', second]]), one);
  assert.equal(runs.find([['x', third]]), one);
  assert.equal(runs.find([['x', first - 1]]), null);
  assert.equal(runs.find([['x', null]]), null);
  assert.equal(runs.find([['y', second]]), null);
  runs.forgetChannel('y');
  assert.equal(runs.find([['x', second]]), one);
  runs.forgetChannel('x');
  assert.equal(runs.find([['x', second]]), null);
  await runs.read([['x', first]]);
  runs.forget();
  assert.equal(runs.find([['x', second]]), null);
  assert.equal(runs.bytes, 0);
});

test('eight reads are made at a time, and others wait', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const { source } = await sourceOf(t, nats);
  let asked = 0;
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const runs = new StreamRuns(source, async () => {
    asked++;
    await gate;
    return { number: 1, fence: null };
  });
  const all = Array.from({ length: 20 }, (_, index) => runs.read([[`x${index}`, 0]]));
  assert.deepEqual(runs.reads, [MAX_READS, 20 - MAX_READS]);
  assert.equal(asked, MAX_READS);
  release();
  await Promise.all(all);
  assert.equal(asked, 20);
  assert.deepEqual(runs.reads, [0, 0]);
});

test('a read that fails lets the next one go on', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const { source } = await sourceOf(t, nats);
  const runs = new StreamRuns(source, async () => {
    throw new Error('away');
  });
  const all = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => runs.read([[`x${index}`, 0]])));
  assert.ok(all.every(({ status }) => status === 'rejected'));
  assert.deepEqual(runs.reads, [0, 0]);
});

test('runs that are kept take no more than 16 MB: the oldest go', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const { node, source } = await sourceOf(t, nats);
  const large = 'x'.repeat(READ_BYTES / 4 - 1_024);
  const channels = Array.from({ length: 6 }, (_, index) => `c${index}`);
  let last = 0;
  for (const channel of channels) last = (await node.append(channel, large, large, large)).at(-1) ?? 0;
  const runs = new StreamRuns(source, async () => ({ number: last, fence: null }));
  for (const channel of channels) await runs.read([[channel, 0]]);
  assert.ok(runs.bytes <= RUNS_BYTES);
  assert.deepEqual(
    channels.map((channel) => runs.find([[channel, 0]]) !== null),
    [false, true, true, true, true, true],
  );
});

test('a read that is under way when a channel is cleared is not shared with those who come later', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const { node, source } = await sourceOf(t, nats);
  const [number = 0] = await node.append('x', '1');
  const runs = new StreamRuns(source, async () => ({ number, fence: null }));
  const before = runs.read([['x', null]]);
  runs.forgetChannel('x');
  const later = runs.read([['x', null]]);
  assert.notEqual(await before, await later);
  assert.equal(runs.find([['x', null]]), await later);
});
