import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StreamSharing } from '../../../src/app/stream-sharing.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Broker } from '../../../src/cluster/index.ts';
import type { Config } from '../../../src/config/index.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

const CONFIG = {
  cluster: { prefix: 'test', replicas: 1 },
  proxy: { resumeMaxBytes: 65_536 },
  routes: [{ resume: { ttl: 60 } }],
} as unknown as Config;

/** Stops the sharing while it connects. Returns how often the connection is closed then. */
async function closedWhen(t: TestContext, ownsBroker: boolean): Promise<number> {
  let closed = 0;
  const broker = { close: async () => closed++ } as unknown as Broker;
  let connected = (_: Broker): void => {};
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const sharing = new StreamSharing({
    places: {} as never,
    wheel,
    log: new FakeLog(),
    counters: new ClusterCounters(),
    connect: () => new Promise((resolve) => (connected = resolve)),
    ownsBroker,
  });
  const used = sharing.use(CONFIG);
  // The configuration is used behind those before it.
  await new Promise(setImmediate);
  await sharing.stop();
  connected(broker);
  await used;
  assert.equal(sharing.active, false);
  return closed;
}

test('a connection of its own that comes after the end is closed', async (t) => {
  assert.equal(await closedWhen(t, true), 1);
});

test('a connection that others use stays', async (t) => {
  assert.equal(await closedWhen(t, false), 0);
});
