import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../support/running-app.ts';
import { streamInstruct } from '../hub/support.ts';
import { HubRelayRig, relayedItem } from './support.ts';

for (const count of [1, 150, 400]) {
  test(`a drain delivers two batches of ${count} items of 1 KB to a worker's client before it ends the stream`, async (t) => {
    const rig = new HubRelayRig(t);
    const worker = await rig.worker('1.');
    const client = worker.rig.hold(worker.rig.client(10_000_000), streamInstruct(['a']));
    await rig.told();
    for (let batch = 0; batch < 2; batch++) {
      rig.publish(...Array.from({ length: count }, () => relayedItem('a', 'x'.repeat(1000))));
      await new Promise((resolve) => setImmediate(resolve));
    }
    rig.relay.drain();
    await eventually(() => client.end !== null);
    assert.equal(client.body.length, 2 * count * 1000);
  });
}

test('a drain waits for a publisher that has more to do, until it leaves', async (t) => {
  const rig = new HubRelayRig(t);
  const { rig: worker } = await rig.worker('1.');
  const client = worker.hold(worker.client(10_000_000), streamInstruct(['a']));
  const busy = { bytes: 100, onTurn: () => false, onFault: (thrown: unknown) => assert.fail(thrown as Error) };
  worker.hub.requestTurn(busy);
  worker.hub.drain();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(client.end, null);
  worker.hub.cancelTurn(busy);
  await eventually(() => client.end !== null);
});

test('a drain of all workers waits for a publisher that has more to do', async (t) => {
  const rig = new HubRelayRig(t);
  const worker = await rig.worker('1.');
  const client = worker.rig.hold(worker.rig.client(10_000_000), streamInstruct(['a']));
  await rig.told();
  const busy = { bytes: 100, onTurn: () => false, onFault: (thrown: unknown) => assert.fail(thrown as Error) };
  rig.relay.requestTurn(busy);
  rig.relay.drain();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(client.end, null);
  rig.publish(relayedItem('a', 'late'));
  rig.relay.cancelTurn(busy);
  await eventually(() => client.end !== null);
  assert.equal(client.body, 'late');
});
