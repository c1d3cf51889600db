import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { Broker } from '../../../../src/cluster/broker.ts';
import { JetStreamStore } from '../../../../src/cluster/store/jetstream-store.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { ClusterCounters } from '../../../../src/exchange/index.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { startNats } from '../../../support/nats.ts';
import { settingsOf } from '../support.ts';

/** A broker that has the stream, and keeps nothing of this node. */
const CONFIG = 'authorization { users: [{ user: a, password: b, permissions: { publish: { deny: "test.h.>" } } }] }';

const owner = { onFault: (thrown: unknown): never => assert.fail(String(thrown)) };

async function opening(t: TestContext, abandon: AbortSignal | null, patience?: number) {
  const server = await startNats(t, { config: CONFIG });
  if (server === null) return null;
  const [log, wheel] = [new FakeLog(), new TimerWheel()];
  t.after(() => wheel.stop());
  const access = { user: 'a', password: 'b' };
  const broker = await Broker.connect({ servers: [server.url], name: 'node', access, tls: null, log, abandon });
  t.after(() => broker.close());
  const means = { broker, wheel, log, owner, clusterCounters: new ClusterCounters(), protocol: { version: 1 } };
  const store = JetStreamStore.open({ ...means, subjects: new Subjects('test'), settings: settingsOf() }, patience);
  return { store, log };
}

test('a node that starts at a broker that keeps nothing says so, and gives up', async (t) => {
  const opened = await opening(t, null, 3_500);
  if (opened === null) return;
  await assert.rejects(opened.store, /keeps nothing: most of its servers may be away/);
  assert.equal(opened.log.with('broker keeps nothing yet: trying again').length, 1);
});

test('a node that is to stop does not wait for a broker that keeps nothing', async (t) => {
  const abandon = new AbortController();
  const opened = await opening(t, abandon.signal);
  if (opened === null) return;
  abandon.abort();
  await assert.rejects(opened.store, /keeps nothing: most of its servers may be away/);
});
