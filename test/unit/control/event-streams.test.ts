import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basic, ControlEndpoint, rulesWith } from '../../support/control/control-endpoint.ts';
import { sampleStatus } from '../../support/control/sample-status.ts';

const READERS = rulesWith({ 'ann:pw': new Set(['read']) });
const LARGE = 'x'.repeat(100_000);

/** Opens a stream of the status from an address. */
function open(endpoint: ControlEndpoint, address: string, credits = 65_536) {
  const head = { target: '/events', headers: basic('ann:pw'), peer: { address, port: 1 } };
  return endpoint.begin(head, credits).requester;
}

test('a reader gets the status at once', () => {
  const endpoint = new ControlEndpoint({}, READERS);
  const requester = open(endpoint, '192.0.2.1');
  assert.equal(requester.head?.status, 200);
  assert.equal(requester.body, `event: status\ndata: ${JSON.stringify(sampleStatus())}\n\n`);
  endpoint.api.drain();
  assert.ok(requester.complete);
});

test('one address may have 16 streams, all together 64', async (t) => {
  const endpoint = new ControlEndpoint({}, READERS);
  t.after(() => endpoint.api.drain());
  for (let host = 1; host <= 4; host++) {
    for (let i = 0; i < 16; i++) assert.equal(open(endpoint, `192.0.2.${host}`).head?.status, 200);
    assert.equal(open(endpoint, `192.0.2.${host}`).head?.status, 503);
  }
  const other = open(endpoint, '192.0.2.9');
  assert.deepEqual([other.head?.status, JSON.parse(other.body).error.code], [503, 'HF_CONTROL_STREAMS']);
  assert.equal(endpoint.counters.requestsRefused, 5);
});

test('a place is free again when its reader leaves', (t) => {
  const endpoint = new ControlEndpoint({}, READERS);
  t.after(() => endpoint.api.drain());
  const all = Array.from({ length: 16 }, () => open(endpoint, '192.0.2.1'));
  all[3]?.leave();
  assert.equal(open(endpoint, '192.0.2.1').head?.status, 200);
});

test('HEAD opens nothing', async () => {
  const endpoint = new ControlEndpoint({}, READERS);
  const { status, text } = await endpoint.tcp('HEAD', '/events', basic('ann:pw'));
  assert.deepEqual([status, text], [200, '']);
});

test('a slow reader of the status does not get what is older than the next', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let made = 0;
  const endpoint = new ControlEndpoint({ status: () => ({ ...sampleStatus(), pid: ++made, node: LARGE }) }, READERS);
  t.after(() => endpoint.api.drain());
  const requester = open(endpoint, '192.0.2.1', 10);
  for (let i = 0; i < 5; i++) t.mock.timers.tick(1_000);
  requester.grant(1_000_000);
  const pids = () => [...requester.body.matchAll(/"pid":(\d+)/g)].map(([, pid]) => Number(pid));
  assert.deepEqual(pids(), [1]);
  t.mock.timers.tick(1_000);
  assert.deepEqual(pids(), [1, made]);
});

test('a stream ends when the credentials of its reader do', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const endpoint = new ControlEndpoint({}, READERS);
  const requester = open(endpoint, '192.0.2.1');
  const overSocket = endpoint.begin({ target: '/events' }).requester;
  t.mock.timers.tick(1_000);
  assert.equal(requester.end, null);
  endpoint.rules.current = rulesWith({ 'bob:pw': new Set(['read']) }, 'other');
  t.mock.timers.tick(1_000);
  assert.ok(requester.complete);
  assert.equal(overSocket.end, null);
  endpoint.api.drain();
  assert.ok(overSocket.complete);
});
