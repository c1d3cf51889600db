import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Broker } from '../../../src/cluster/broker.ts';
import { openBucket } from '../../../src/cluster/open-bucket.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { startNatsCluster } from '../../support/nats.ts';

test('a bucket gets more replicas when more are wanted, and never fewer', async (t) => {
  const servers = await startNatsCluster(t);
  if (servers === null) return;
  const urls = servers.map(({ url }) => url);
  const broker = await Broker.connect({ servers: urls, name: 'node', access: {}, tls: null, log: new FakeLog() });
  t.after(() => broker.close());
  const settings = { name: 'b', age: 60_000, maxValueBytes: 100, maxBytes: 100_000 };
  for (const [replicas, has] of [
    [1, 1],
    [3, 3],
    [1, 3],
  ] as const) {
    const { bucket } = await openBucket(broker, 'tests', { ...settings, replicas });
    const { streamInfo } = await bucket.status();
    assert.equal(streamInfo.config.num_replicas, has);
  }
});
