import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { StreamSharing } from '../../../src/app/stream-sharing.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Broker } from '../../../src/cluster/index.ts';
import type { Config } from '../../../src/config/index.ts';
import { ClusterCounters } from '../../../src/exchange/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';

const CONFIG = {
  cluster: { prefix: 'test', replicas: 1 },
  proxy: { resumeMaxBytes: 65_536 },
  routes: [{ resume: { ttl: 60 } }],
} as unknown as Config;

function sharingBy(t: TestContext, connect: () => Promise<Broker>, ownsBroker: boolean): StreamSharing {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const means = { places: {} as never, wheel, log: new FakeLog(), counters: new ClusterCounters() };
  return new StreamSharing({ ...means, connect, ownsBroker });
}

/** Stops the sharing while it connects. Returns how often the connection is closed then. */
async function closedWhen(t: TestContext, ownsBroker: boolean): Promise<number> {
  let closed = 0;
  const broker = { close: async () => closed++ } as unknown as Broker;
  let connected = (_: Broker): void => {};
  const sharing = sharingBy(t, () => new Promise((resolve) => (connected = resolve)), ownsBroker);
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

test('a process that starts while the broker is away does not wait for it', async (t) => {
  const tick = fakeTimers(t, ['setTimeout']);
  const sharing = sharingBy(t, () => new Promise(() => {}), true);
  let hasBegun = false;
  const begun = sharing.begin(CONFIG).then(() => {
    hasBegun = true;
  });
  await new Promise(setImmediate);
  tick.tick(4_999);
  await new Promise(setImmediate);
  assert.equal(hasBegun, false);
  tick.tick(1);
  await begun;
  await sharing.stop();
});
