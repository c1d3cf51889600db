import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KV } from '@nats-io/kv';
import { OwnedKeys } from '../../../../src/cluster/presence/owned-keys.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { turn } from '../../../support/manual-clock.ts';

/** A value that is being written, until the test says what becomes of it. */
interface Put {
  readonly entry: string;
  taken(revision: number): void;
  fail(): void;
}

function rigOf(t: TestContext) {
  const puts: Put[] = [];
  const values = {
    put: (key: string, value: string): Promise<number> =>
      new Promise((taken, reject) => {
        puts.push({ entry: `${key}=${value}`, taken, fail: () => reject(new Error('no room')) });
      }),
  } as unknown as KV;
  const [counters, log] = [new ClusterCounters(), new FakeLog()];
  const broker = { up: true };
  const owned = new OwnedKeys(values, 60_000, { broker, counters, log });
  t.after(() => owned.stop());
  const heard: string[] = [];
  owned.onValue = (key, value, isForeign) => heard.push(`${key}=${value}${isForeign ? ' of another' : ''}`);
  return { owned, puts, heard, counters, broker };
}

test('the last value of a turn is written, and the next one when the broker has taken that', async (t) => {
  const { owned, puts } = rigOf(t);
  let times = 0;
  owned.onWritten = () => times++;
  owned.set('a', '1');
  owned.set('a', '2');
  await turn();
  owned.set('a', '3');
  await turn();
  assert.deepEqual([puts.map(({ entry }) => entry), owned.idle], [['a=2'], false]);
  puts[0]?.taken(1);
  // It has its turn then.
  await turn();
  await turn();
  puts[1]?.taken(2);
  await turn();
  assert.deepEqual([puts.map(({ entry }) => entry), owned.idle, times], [['a=2', 'a=3'], true, 1]);
});

test('what this node has written is not foreign when it is read, and what another has written then is', async (t) => {
  const { owned, puts, heard } = rigOf(t);
  owned.set('a', '1');
  await turn();
  // It comes before the broker says that it has it.
  owned.read('a', '1', 7);
  assert.deepEqual(heard, []);
  puts[0]?.taken(7);
  await turn();
  assert.deepEqual(heard, ['a=1']);
  owned.read('a', '', 8);
  assert.deepEqual(heard, ['a=1', 'a= of another']);
});

test('a watcher that throws is not taken for a broker without room', async (t) => {
  const { owned, puts, counters } = rigOf(t);
  owned.onValue = () => {
    throw new Error('no');
  };
  owned.set('a', '1');
  await turn();
  owned.read('a', '1', 7);
  puts[0]?.taken(7);
  await turn();
  assert.deepEqual([counters.faults, counters.presenceUnwritten, owned.idle, puts.length], [1, 0, true, 1]);
});

test('a value that the broker does not take is counted, and waits', async (t) => {
  const { owned, puts, counters } = rigOf(t);
  owned.set('a', '1');
  await turn();
  puts[0]?.fail();
  await turn();
  assert.deepEqual([counters.presenceUnwritten, owned.pending('a'), owned.idle], [1, '1', false]);
});

test('what is not written yet when another node owns it is not written any more', async (t) => {
  const { owned, puts, broker } = rigOf(t);
  broker.up = false;
  for (const key of ['kept', 'a', 'b']) owned.set(key, '1');
  owned.set('b', '');
  assert.deepEqual([...owned.keys].sort(), ['a', 'b', 'kept']);
  owned.disown('a');
  owned.disown('b');
  await turn();
  broker.up = true;
  owned.set('other', '2');
  await turn();
  assert.deepEqual(
    [puts.map(({ entry }) => entry), [...owned.keys]],
    [
      ['kept=1', 'other=2'],
      ['kept', 'other'],
    ],
  );
});
