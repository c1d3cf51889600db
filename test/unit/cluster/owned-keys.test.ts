import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KV } from '@nats-io/kv';
import { OwnedKeys } from '../../../src/cluster/owned-keys.ts';
import { ClusterCounters, Counters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';

test('what is not written yet when it is for another node is not written any more', async (t) => {
  const puts: string[] = [];
  const bucket = { put: async (key: string, value: string) => puts.push(`${key} ${value}`) } as unknown as KV;
  const broker = { up: false };
  const report = { broker, counters: Object.assign(new Counters(), new ClusterCounters()), log: new FakeLog() };
  const keys = new OwnedKeys(bucket, 1_000_000, report);
  t.after(() => keys.stop());
  keys.set('kept', '1');
  keys.set('t.a', '1');
  keys.set('t.b', '1');
  keys.set('t.b', '');
  assert.deepEqual([...keys.keys].sort(), ['kept', 't.a', 't.b']);
  keys.disown('t.a');
  keys.disown('t.b');
  await turn();
  broker.up = true;
  keys.set('other', '2');
  await turn();
  assert.deepEqual(puts, ['kept 1', 'other 2']);
  assert.deepEqual([...keys.keys], ['kept', 'other']);
});
